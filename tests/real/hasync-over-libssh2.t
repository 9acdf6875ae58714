# hasync --transport libssh2 brings what it brings over ssh, checks the host key by itself, and ends in time whatever the host does.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/lab.sh"
unset SSH_AUTH_SOCK
helpers=
at_exit() {
    # shellcheck disable=SC2086 # a list
    [ -z "$helpers" ] || kill $helpers 2>/dev/null
    for pid in ${LAB_PIDS:-}; do kill -CONT "$pid" 2>/dev/null; done
    lab_down
}
lab_up || exit
sshd=${LAB_PIDS##* } plain_path=$PATH
PATH=$LAB/bin:$PATH
port=$(sed -n 's/^ *Port //p' "$LAB/ssh_config") at="[127.0.0.3]:$(sed -n 's/^ *Port //p' "$LAB/ssh_config")"
host_key=$(cut -d ' ' -f 1,2 "$LAB/standby.pub") fingerprint=$(ssh-keygen -lf "$LAB/standby.pub" | cut -d ' ' -f 2)
ssh-keygen -q -t ed25519 -N '' -C other -f other && ssh-keygen -q -t ed25519 -N phrase -C locked -f locked || exit
cp "$LAB/known_hosts" right_hosts && cp "$LAB/ssh_config" right_config && cp "$LAB/client.pub" right_keys || exit

over() { hasync --transport libssh2 "$@"; }
as_over_ssh() { # the same words and status, whatever carries them
    hasync "$@" >by_ssh.out 2>by_ssh
    by_ssh=$?
    over "$@" >by_libssh2.out 2>by_libssh2
    [ $? -eq "$by_ssh" ] && cmp by_ssh by_libssh2
}
same() { [ -z "$(rsync -nci -a --delete "$1/" "$2/")" ]; }
said() { grep -qF -- "$1" "$ERR"; }
within() { # SECONDS COMMAND...: its status; 99 where it takes longer
    most=$1 begun=$(date +%s)
    shift
    "$@"
    status=$?
    [ $(($(date +%s) - begun)) -le "$most" ] || return 99
    return "$status"
}
sessions() { # of the standby's sshd, and what runs in them
    for pid in $(pgrep -P "$sshd"); do echo "$pid"; pgrep -P "$pid"; done
}
to_sessions() { # SIGNAL
    for pid in $(sessions); do kill "-$1" "$pid"; done
}
restart_with() { # LINE...: the standby's sshd, with these lines of sshd_config besides
    printf '%s\n' "$@" >>"$LAB/standby.conf"
    : >"$LAB/standby.log"
    kill -HUP "$sshd"
    tries=0
    until ssh standby true 2>/dev/null; do tries=$((tries + 1)); [ "$tries" -lt 100 ] || exit; sleep 0.1; done
}
begun() { # DIR: a file in the making there has come so far
    tries=0
    until [ "$(find "$1" -name '.hasync.*' -size +1000k)" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || return 1
        sleep 0.1
    done
}

mkdir src src/large src/small
awk 'BEGIN { for (n = 0; n < 3000; n++) { file = "src/small/f" n; for (line = 0; line <= n % 40; line++) print n, line >file; close(file) } }'
head -c 30000000 /dev/urandom >src/large/random
head -c 20000000 /dev/urandom >src/large/another
ln -s small/f1 src/link

check "push" over -a src/ "standby:$SCENE_DIR/pushed/"
check_json "it is told" '.[-1] | .ok and .created > 3000 and .sent_bytes > 50000000' "$OUT"
check "and all of it is there" same src pushed
check "pull" over -a "standby:$SCENE_DIR/src/" pulled/
check "and all of it is here" same src pulled
check "again: nothing is to be done" over -a --delete src/ "standby:$SCENE_DIR/pushed/"
check_json "and hardly anything is sent" '.[-1] | .created == 0 and .updated == 0 and .sent_bytes < 200000' "$OUT"
printf changed | dd of=src/large/random bs=1 seek=10000000 conv=notrunc 2>/dev/null
rm -r src/small/f1?
check "push with changes, packed" over -az --delete src/ "standby:$SCENE_DIR/pushed/"
check_json "only the difference is sent" '.[-1] | .deleted == 10 and .literal_bytes < 100000' "$OUT"
check "pull with changes, packed" over -az --delete "standby:$SCENE_DIR/src/" pulled/
check "both are the same" same src pushed
check "both are the same, here" same src pulled
check "verify" hasync verify --transport libssh2 -a src/ "standby:$SCENE_DIR/pushed/"
check "as another user, by address and port" over -a --port "$port" src/link "$(id -un)@127.0.0.3:$SCENE_DIR/by-address"
check "memory is bounded" python3 -c '
import resource, subprocess, sys
subprocess.run(["hasync", "--transport", "libssh2", "-a", *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL)
sys.exit(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 96 << 10)' "standby:$SCENE_DIR/src/large" again/

restart_with 'RekeyLimit 1M' 'LogLevel DEBUG1'
check "push while keys are exchanged anew" over -a src/large "standby:$SCENE_DIR/rekeyed/"
check "pull while keys are exchanged anew" over -a "standby:$SCENE_DIR/src/large" rekeyed-here/
check "they were" test "$(grep -c 'SSH2_MSG_NEWKEYS received' "$LAB/standby.log")" -gt 50
check "nothing is lost" same src/large rekeyed/large
check "nothing is lost, here" same src/large rekeyed-here/large
restart_with 'RekeyLimit 1M' 'Ciphers chacha20-poly1305@openssh.com'
check "another cipher" over -a src/large "standby:$SCENE_DIR/chacha/"
check "nothing is lost by it" same src/large chacha/large
sed '/^RekeyLimit/d; /^LogLevel/d; /^Ciphers/d' "$LAB/standby.conf" >conf && cat conf >"$LAB/standby.conf"
restart_with ''

to=standby:$SCENE_DIR/refused/
: >"$LAB/known_hosts"
check_status "an unknown host key" 6 over -a src/link "$to"
check_json "is told with its file and its fingerprint" ".[-1] | .status == 6 and (.error.message | contains(\"no host key of $at is known in $LAB/known_hosts, /dev/null: it shows $fingerprint (ssh-ed25519)\"))" "$OUT"
check "and with the next step" said "hassh --setup --fingerprint $fingerprint -p $port standby"
sed 's/StrictHostKeyChecking yes/StrictHostKeyChecking no/' right_config >"$LAB/ssh_config"
check_status "is never taken, whatever the configuration says" 6 over -a src/link "$to"
check "and not written down" test ! -s "$LAB/known_hosts"
cat right_config >"$LAB/ssh_config"
echo "$at $(cut -d ' ' -f 1,2 other.pub)" >"$LAB/known_hosts"
check_status "a changed one" 6 over -a src/link "$to"
check "is told with both fingerprints, and the line" said "$LAB/known_hosts:1 has for $at: $fingerprint, not $(ssh-keygen -lf other.pub | cut -d ' ' -f 2)"
printf '%s\n' "$at $host_key" "@revoked * $host_key" >"$LAB/known_hosts"
check_status "a revoked one" 6 over -a src/link "$to"
check "is told with the line" said "its host key is revoked at $LAB/known_hosts:2 ($fingerprint)"
check "nobody tried to log in" sh -c '! tail -n 4 "$1" | grep -Eq "Accepted|Failed|authenticating user"' - "$LAB/standby.log"
check "and nothing was done" test ! -e refused
cat right_hosts >"$LAB/known_hosts" && ssh-keygen -q -H -f "$LAB/known_hosts" >/dev/null 2>&1
check "a hashed name" over -a src/link "standby:$SCENE_DIR/hashed/"
cat right_hosts >"$LAB/known_hosts"

sed "s#IdentityFile .*#IdentityFile $SCENE_DIR/other#" right_config >"$LAB/ssh_config"
check_status "a key that is not let in" 6 over -a src/link "$to"
check "is told" said "nobody gets in as $(id -un) without a password ($SCENE_DIR/other: refused by the far side)"
sed "s#IdentityFile .*#IdentityFile $SCENE_DIR/locked#" right_config >"$LAB/ssh_config"
cat locked.pub >"$LAB/client.pub"
check_status "a key with a passphrase: nobody is asked" 6 over -a src/link "$to"
check "it is told" said "needs a passphrase"
for type in ecdsa rsa; do
    ssh-keygen -q -t "$type" -N '' -f "$type" && cat "$type.pub" >"$LAB/client.pub" || exit
    sed "s#IdentityFile .*#IdentityFile $SCENE_DIR/$type#" right_config >"$LAB/ssh_config"
    check "a key of the type $type" over -a src/link "standby:$SCENE_DIR/by-$type/"
done
sed "s#IdentityFile .*#IdentityFile $SCENE_DIR/locked#" right_config >"$LAB/ssh_config"
cat locked.pub >"$LAB/client.pub"
if command -v ssh-agent >/dev/null; then
    eval "$(ssh-agent -s)" >/dev/null
    helpers="$helpers $SSH_AGENT_PID"
    printf '#!/bin/sh\necho phrase\n' >ask && chmod 755 ask
    SSH_ASKPASS=$SCENE_DIR/ask SSH_ASKPASS_REQUIRE=force ssh-add -q locked </dev/null 2>/dev/null
    check "an agent has it" over -a src/link "standby:$SCENE_DIR/by-agent/"
else
    skip "an agent has it" "there is no ssh-agent"
fi
python3 - "$SCENE_DIR/mute" <<'END' &
import socket, sys, time
mute = socket.socket(socket.AF_UNIX); mute.bind(sys.argv[1]); mute.listen(8)
time.sleep(300)
END
helpers="$helpers $!"
SSH_AUTH_SOCK=$SCENE_DIR/mute
export SSH_AUTH_SOCK
tries=0
until [ -S mute ]; do tries=$((tries + 1)); [ "$tries" -lt 100 ] || exit; sleep 0.1; done
check_status "an agent that hangs is waited for no longer than the host" 5 within 8 over -a --contimeout 2 src/link "$to"
unset SSH_AUTH_SOCK
cat right_config >"$LAB/ssh_config" && cat right_keys >"$LAB/client.pub"

check_status "nobody listens there" 5 over -a --port 1 src/link "127.0.0.3:$SCENE_DIR/refused/"
check "that is told" said '127.0.0.3: no connection to 127.0.0.3:1 (connection refused)'
check_status "a name that is none" 5 over -a src/link "no-such-host.invalid:$SCENE_DIR/refused/"
kill -STOP "$sshd"
check_status "a host that does not answer" 5 within 8 over -a --contimeout 2 src/link "$to"
check "that is told, too" said 'no ssh answers within 2 s'
kill -CONT "$sshd"
for way in push pull; do
    mkdir "stopped-$way" "cut-$way" "killed-$way"
    here=src/large/random there=standby:$SCENE_DIR
    run() { # DIR OPTION...
        dir=$1-$way
        shift
        case $way in
            push) over -a --bwlimit 3m "$@" "$here" "$there/$dir/" ;;
            pull) over -a --bwlimit 3m "$@" "$there/$here" "$dir/" ;;
        esac
    }
    hang() { run stopped --timeout 3 & begun "stopped-$way" && to_sessions STOP; wait $!; }
    check_status "$way: a host that hangs in the middle" 5 within 40 hang
    check "$way: it is told" said 'is silent'
    to_sessions KILL
    sever() { run cut & begun "cut-$way" && to_sessions KILL; wait $!; }
    check_status "$way: the connection is cut" 6 within 40 sever
    check "$way: that is told" said 'the connection is lost'
    slay() { run killed & begun "killed-$way" && pkill -KILL -P "$(pgrep -P "$sshd" | paste -s -d , -)"; wait $!; }
    check_status "$way: hasync is killed there" 6 within 40 slay
    check "$way: it went away" said 'went away in the middle'
    check "$way: what was there is as it was" test ! -e "cut-$way/random" -a ! -e "killed-$way/random"
done
interrupted() {
    # A shell lets what it starts in the background ignore SIGINT.
    python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])' \
        hasync --transport libssh2 -a --bwlimit 3m src/large/random "standby:$SCENE_DIR/interrupted/" &
    begun interrupted && kill -INT $!
    wait $!
}
mkdir interrupted
check_status "Ctrl-C ends it" 130 within 40 interrupted
gone() {
    tries=0
    while pgrep -f 'hasync-libssh2 .*standby hasync --serve' >/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || return 1
        sleep 0.1
    done
}
check "and nothing of it is left" gone

check_status "hasync is not there" 6 over -a --hasync-path /none/hasync src/link "$to"
check "as over ssh" as_over_ssh -a --hasync-path /none/hasync src/link "$to"
check "what it says last is told as over ssh" as_over_ssh -a --hasync-path 'echo a word >&2; exit 3;' src/link "$to"
check "the word is told" grep -q 'status 3 (a word)' by_libssh2
check "and its silence" as_over_ssh -a --hasync-path 'exit 0;' src/link "$to"
check "a shell that talks is told as over ssh" as_over_ssh -a --hasync-path 'echo hello; hasync' src/link "$to"
check "one that ends by a signal is a failure" test "$(over -a --hasync-path 'kill -9 $$;' src/link "$to" 2>&1 | grep -c 'killed by signal 9')" -gt 0
check "much on stderr stops nothing" over -a --hasync-path 'head -c 5000000 /dev/zero >&2; hasync' src/large "standby:$SCENE_DIR/noisy/"
check "and nothing is lost" same src/large noisy/large

sed "s#^#restrict,command=\"hasync --serve --root $SCENE_DIR/confined\" #" right_keys >"$LAB/client.pub"
mkdir confined
check "a forced command" over -a src/small "standby:in/"
check "its root is what it says" same src/small confined/in/small
check "outside of it nothing is done" as_over_ssh -a src/link "$to"
check "outside of it nothing is there" test ! -e refused
cat right_keys >"$LAB/client.pub"

check_status "-e does not go with it" 2 over -a -e ssh src/link "$to"
check "--port is named" said '--port'
check_status "--port is not for ssh" 2 hasync -a --port 22 src/link "$to"
check "-e is named" said "-e 'ssh -p PORT'"
check_status "another transport" 2 hasync -a --transport rsh src/link "$to"
echo '    ProxyJump gate' >>"$LAB/ssh_config"
check_status "a way by another host is refused" 6 over -a src/link "$to"
check "and named" said 'ssh_config says proxyjump, which libssh2 does not follow: --transport ssh does'
cat right_config >"$LAB/ssh_config"

# Without an ssh client: the files of ~/.ssh.
if [ "$(id -u)" -eq 0 ]; then
    mkdir -p home/.ssh plain && cp "$(command -v hasync)" "$(command -v hasync-libssh2)" plain/ && cp "$LAB/client" home/.ssh/id_ed25519 && cp right_hosts home/.ssh/known_hosts
    alone() {
        home=$(getent passwd root | cut -d : -f 6)
        unshare -m sh -c 'mount --bind "$1" "$2" && PATH=$3 && shift 3 && exec hasync "$@"' - "$SCENE_DIR/home" "$home" "$SCENE_DIR/plain" "$@"
    }
    check "without an ssh client" alone -a --transport libssh2 --port "$port" "$SCENE_DIR/src/small" "127.0.0.3:$SCENE_DIR/alone/"
    check "all is there" same src/small alone/small
else
    skip "without an ssh client" "only root may put another home in its place"
fi
PATH=$plain_path
done_testing
