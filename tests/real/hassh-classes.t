# hassh names why a direction fails, as any user: what sshd and ssh really do is the judge.
. "${0%/*}/../lib.sh"
unset SSH_AUTH_SOCK SSH_CONNECTION
pids=
at_exit() {
    # shellcheck disable=SC2086 # a list
    [ -z "$pids" ] || kill $pids 2>/dev/null
}
sshd=$(command -v sshd || command -v /usr/sbin/sshd) && command -v ssh-keyscan >/dev/null || exit
[ "$(id -u)" -ne 0 ] || [ -d /run/sshd ] || mkdir -m 755 /run/sshd || exit
for key in host other rsa client locked ca; do
    type=ed25519 phrase=
    [ "$key" != rsa ] || type='rsa -b 2048'
    [ "$key" != locked ] || phrase=phrase
    # shellcheck disable=SC2086 # words
    ssh-keygen -q -t $type -N "$phrase" -C "$key" -f "$key" || exit
done
certificate() { # FILE OPTIONS...: host-cert.pub by the CA, as FILE
    name=$1
    shift
    ssh-keygen -q -s ca -I mn2 "$@" host.pub && mv host-cert.pub "$name"
}
certificate right-cert.pub -h -n 127.0.0.2,mn2 && certificate name-cert.pub -h -n mn3 && certificate user-cert.pub -n 127.0.0.2 &&
    certificate expired-cert.pub -h -n 127.0.0.2 -V 20200101:20210101 || exit

start() { # NAME ADDRESS LINE...: an sshd on a port that is free; its port is in NAME.port
    name=$1 address=$2 try=0
    shift 2
    : >"$name.log"
    while [ "$try" -lt 20 ]; do
        try=$((try + 1))
        port=$((20000 + ($$ * 11 + try * 991) % 12000))
        {
            printf '%s\n' "ListenAddress $address:$port" 'PidFile none' 'StrictModes no' 'PasswordAuthentication no' \
                'KbdInteractiveAuthentication no' 'UsePAM no' "AuthorizedKeysFile $SCENE_DIR/$name.keys" "$@"
        } >"$name.conf"
        "$sshd" -D -e -f "$SCENE_DIR/$name.conf" 2>"$name.log" </dev/null &
        pid=$!
        wait_for=0
        until grep -q 'Server listening' "$name.log"; do
            wait_for=$((wait_for + 1))
            if [ "$wait_for" -gt 100 ] || ! kill -0 "$pid" 2>/dev/null; then break; fi
            sleep 0.05
        done
        if grep -q 'Server listening' "$name.log"; then
            pids="$pids $pid"
            echo "$port" >"$name.port"
            return
        fi
    done
    exit 1
}
cat client.pub locked.pub >plain.keys && cp plain.keys ca.keys
start plain 127.0.0.2 "HostKey $SCENE_DIR/host" "HostKey $SCENE_DIR/rsa"
for name in right name user expired; do
    cp plain.keys "$name.keys"
    start "$name" 127.0.0.2 "HostKey $SCENE_DIR/host" "HostCertificate $SCENE_DIR/$name-cert.pub"
done
python3 - >listen <<'END' &
import socket, time
mute = socket.socket(); mute.bind(("127.0.0.2", 0)); mute.listen(8)
full = socket.socket(); full.bind(("127.0.0.2", 0)); full.listen(0)
held = []
for _ in range(4):
    s = socket.socket(); s.setblocking(False); s.connect_ex(full.getsockname()); held.append(s)
closed = socket.socket(); closed.bind(("127.0.0.2", 0))
print(mute.getsockname()[1], full.getsockname()[1], closed.getsockname()[1], flush=True)
time.sleep(120)
END
pids="$pids $!"
tries=0
until [ -s listen ]; do tries=$((tries + 1)); [ "$tries" -lt 200 ] || exit; sleep 0.05; done
read -r mute full closed <listen

# The one direction from here, with these lines of known_hosts and of ssh_config.
go() { # NAME PORT KNOWN-HOSTS LINE... -- STATUS FILTER
    name=$1 at_port=$2
    printf '%s\n' "$3" >known
    shift 3
    printf '%s\n' 'Host *' "Port $at_port" "UserKnownHostsFile $SCENE_DIR/known" 'GlobalKnownHostsFile /dev/null' 'IdentitiesOnly yes' >config
    while [ "$1" != -- ]; do echo "$1" >>config; shift; done
    grep -q IdentityFile config || echo "IdentityFile $SCENE_DIR/client" >>config
    check_status "$name" "$2" hassh -F config --one-way --timeout 2 "${host:-127.0.0.2}"
    check_json "$name: it is told" "map(select(.type == \"direction\").values)[0] | $3" "$OUT"
    # ssh agrees on whether one gets in.
    timeout 20 ssh -F config -o BatchMode=yes -o StrictHostKeyChecking=yes -o UpdateHostKeys=no -o ConnectTimeout=2 "${host:-127.0.0.2}" true </dev/null >said 2>&1
    [ $? -eq 0 ] && judge=0 || judge=1
    check "$name: ssh finds the same" test "$judge" -eq "$2"
}
port=$(cat plain.port) at="[127.0.0.2]:$(cat plain.port)" me=$(id -un)
host_key=$(cut -d ' ' -f 1,2 host.pub) other_key=$(cut -d ' ' -f 1,2 other.pub) rsa_key=$(cut -d ' ' -f 1,2 rsa.pub) ca_key=$(cut -d ' ' -f 1,2 ca.pub)
fingerprint=$(ssh-keygen -lf host.pub | cut -d ' ' -f 2) other_fingerprint=$(ssh-keygen -lf other.pub | cut -d ' ' -f 2)

go "in" "$port" "$at $host_key" -- 0 ".state == \"ok\" and .host_key == \"pinned\" and .authentication == \"ok\" and .identity == \"$SCENE_DIR/client\" and .remote_user == \"$me\" and .remote_uid == $(id -u) and .known_hosts == \"$SCENE_DIR/known:1\" and (.clock_difference_seconds | fabs) <= .clock_error_seconds + 0.1"
printf '%s\n' "$at $host_key" >known && ssh-keygen -q -H -f known >/dev/null 2>&1
go "in, by a hashed name" "$port" "$(cat known)" -- 0 '.host_key == "pinned"'
go "in, by a pattern" "$port" "[127.0.0.*]:* $host_key" -- 0 '.host_key == "pinned"'
go "in, by an alias" "$port" "mn2 $host_key" 'HostKeyAlias mn2' -- 0 '.host_key == "pinned"'
go "in, by the name without its port" "$port" "127.0.0.2 $host_key" -- 0 '.host_key == "pinned"'
go "in, though another type comes first" "$port" "$at $rsa_key" -- 0 '.host_key == "pinned" and .host_key_type == "ssh-rsa"'
go "refused" "$closed" "" -- 1 '.tcp == "refused" and .host_key == "not_checked"'
go "no banner" "$mute" "" -- 1 '.tcp == "timeout" and (.reason | contains("no ssh answers"))'
go "no answer" "$full" "" -- 1 '.tcp == "timeout" and (.reason | contains("no answer"))'
host=no-such-host.invalid
go "unresolved" "$port" "" -- 1 '.tcp == "unresolved" and .address == "no-such-host.invalid:'"$port"'"'
host=
go "unknown" "$port" "" -- 1 ".host_key == \"unknown\" and .expected_fingerprint == null and .actual_fingerprint == \"$fingerprint\" and .authentication == \"not_checked\" and (.fix | contains(\"$fingerprint\"))"
check "and nobody tried to log in" sh -c '! tail -n 2 plain.log | grep -Eq "Accepted|Failed|authenticating user"'
go "changed" "$port" "$at $other_key" -- 1 ".host_key == \"changed\" and .expected_fingerprint == \"$other_fingerprint\" and .actual_fingerprint == \"$fingerprint\" and .known_hosts == \"$SCENE_DIR/known:1\" and .authentication == \"not_checked\""
go "revoked" "$port" "$at $host_key
@revoked * $host_key" -- 1 ".host_key == \"revoked\" and .known_hosts == \"$SCENE_DIR/known:2\" and .authentication == \"not_checked\""
go "a broken line is never trusted" "$port" "$at ssh-ed25519 AAAA" -- 1 '.host_key == "unknown"'
go "a CA" "$(cat right.port)" "@cert-authority 127.0.0.2,[127.0.0.2]:* $ca_key" -- 0 ".host_key == \"ca\" and .known_hosts == \"$SCENE_DIR/known:1\""
go "a CA, of another name" "$(cat right.port)" "@cert-authority *.example.com $ca_key" -- 1 '.host_key == "unknown"'
go "a CA, not this one" "$(cat right.port)" "@cert-authority * $other_key" -- 1 '.host_key == "unknown" and (.reason | contains("signed by none"))'
go "a CA that is revoked" "$(cat right.port)" "@cert-authority * $ca_key
@revoked * $ca_key" -- 1 '.host_key == "unknown" and (.reason | contains("revoked"))'
go "a certificate for another name" "$(cat name.port)" "@cert-authority * $ca_key" -- 1 '.host_key == "unknown" and (.reason | contains("not for the name"))'
go "a certificate that is over" "$(cat expired.port)" "@cert-authority * $ca_key" -- 1 '.host_key == "unknown" and (.reason | contains("not valid now"))'
go "a certificate of a user" "$(cat user.port)" "@cert-authority * $ca_key" -- 1 '.host_key == "unknown"'
go "a CA, and no certificate" "$port" "@cert-authority * $ca_key" -- 1 '.host_key == "unknown" and (.reason | contains("shows none"))'
go "denied" "$port" "$at $host_key" "IdentityFile $SCENE_DIR/other" -- 1 ".host_key == \"pinned\" and .authentication == \"denied\" and .tried == [{identity: \"$SCENE_DIR/other\", why: \"refused by the far side\"}]"
go "a key with a passphrase" "$port" "$at $host_key" "IdentityFile $SCENE_DIR/locked" -- 1 '.authentication == "denied" and .tried[0].why == "needs a passphrase"'
go "an absent key" "$port" "$at $host_key" "IdentityFile $SCENE_DIR/none" -- 1 '.authentication == "denied" and .tried[0].why == "absent"'
cp client wide && chmod 644 wide
go "a key that others may read" "$port" "$at $host_key" "IdentityFile $SCENE_DIR/wide" -- 1 '.authentication == "denied" and (.tried[0].why | contains("0644"))'
go "the second key gets in" "$port" "$at $host_key" "IdentityFile $SCENE_DIR/none" "IdentityFile $SCENE_DIR/client" -- 0 ".identity == \"$SCENE_DIR/client\" and (.tried | length) == 1"
sed -i "s/^/from=\"127.0.0.9\" /" plain.keys
go "from another address" "$port" "$at $host_key" -- 1 '.authentication == "denied"'
go "by the address that is let in" "$port" "$at $host_key" 'BindAddress 127.0.0.9' -- 0 '.source_address == "127.0.0.9"'
sed "s/^[^ ]* /command=\"echo no\" /" plain.keys >forced && cat forced >plain.keys
printf '%s\n' "$at $host_key" >known
check_status "a forced command is no way to run others" 1 hassh -F config --one-way 127.0.0.2
check_json "and that is told" '.[1].values | .authentication == "ok" and .state == "failed" and (.reason | contains("forced command"))' "$OUT"
echo 'ProxyJump gate' >>config
check_status "a way by another host is not checked" 3 hassh -F config --one-way 127.0.0.2
check_json "and that is told" '.[1].values | .state == "not_checked" and (.reason | contains("proxyjump"))' "$OUT"
if command -v ssh-agent >/dev/null; then
    eval "$(ssh-agent -s)" >/dev/null
    pids="$pids $SSH_AGENT_PID"
    printf '#!/bin/sh\necho phrase\n' >ask && chmod 755 ask
    SSH_ASKPASS=$SCENE_DIR/ask SSH_ASKPASS_REQUIRE=force ssh-add -q locked </dev/null || exit
    cp locked.pub plain.keys
    go "an agent" "$port" "$at $host_key" "IdentityFile $SCENE_DIR/locked" -- 0 '.identity == "agent: locked"'
else
    skip "an agent" "there is no ssh-agent"
fi
done_testing
