# hassh sets two nodes up, each with its own root, host keys and sshd; what it says of them is what ssh finds, and a peer is not trusted.
if [ -z "${HASSH_NODES:-}" ]; then
    if [ "$(id -u)" -eq 0 ] && unshare --mount --uts --net --pid --fork --mount-proc mount -t tmpfs none /root 2>/dev/null; then
        HASSH_NODES=yes
        export HASSH_NODES
        exec unshare --mount --uts --net --pid --fork --mount-proc --kill-child "$(readlink "/proc/$$/exe")" "$0"
    fi
    HASSH_NODES=no
fi
. "${0%/*}/../lib.sh"
if [ "$HASSH_NODES" = no ]; then
    skip "two nodes" "name spaces with a root of their own need root"
    done_testing
fi
node=$ROOT/tests/real/hassh/node.sh
at_exit() { [ -z "${far:-}" ] || kill "$far" 2>/dev/null; }
unset SSH_AUTH_SOCK SSH_CONNECTION

printf '127.0.0.1 localhost\n10.77.0.1 mn1\n10.77.0.2 mn2\n' >hosts
perl -e 'print "root:", crypt("secret", q($6$hatools$)), ":19000:0:99999:7:::\n"' >shadow
grep -v '^root:' /etc/shadow >>shadow
echo secret >password && chmod 600 password shadow
mkfifo held
unshare --mount --uts --net sh -e -c '"$1" "$2" mn2; echo up >"$2/up"; exec cat "$2/held"' sh "$node" "$SCENE_DIR" &
far=$!
exec 9>held
"$node" "$SCENE_DIR" mn1 || exit
tries=0
until [ -f up ]; do tries=$((tries + 1)); [ "$tries" -lt 200 ] || exit; sleep 0.05; done
on_mn2() { nsenter -t "$far" -m -u -n -- "$@"; }
ip link add v1 type veth peer name v2 && ip link set v2 netns "$far" && ip address add 10.77.0.1/24 dev v1 && ip link set v1 up || exit
on_mn2 ip address add 10.77.0.2/24 dev v2 && on_mn2 ip link set v2 up || exit
"$node" sshd && on_mn2 "$node" sshd || exit
# Until the adapters are up.
tries=0
until ssh-keyscan -T 1 mn2 2>/dev/null | grep -q ed25519; do tries=$((tries + 1)); [ "$tries" -lt 50 ] || exit; done

fingerprint() { on_mn2 ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d ' ' -f 2; }
# What differs in both homes: names, modes, contents.
both() { for at in env on_mn2; do $at sh -c 'cd /root && find . -type f -exec sha256sum {} + | sort; find . -printf "%p %m\n" | sort'; done; }
same() { both >now && diff before now; }
ssh_works() { timeout 20 ssh -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=yes mn2 true; }
ssh_works_back() { on_mn2 timeout 20 ssh -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=yes mn1 true; }
there='map(select(.type == "direction" and .key.to == "mn2").values)[0]'
back='map(select(.type == "direction" and .key.to == "mn1").values)[0]'

both >before
check_status "of nothing nothing works" 1 hassh mn2
check_json "the host key is unknown, and the next step is told" \
    "$there | .state == \"failed\" and .tcp == \"ok\" and .host_key == \"unknown\" and .authentication == \"not_checked\" and (.fix | contains(\"$(fingerprint)\"))" "$OUT"
check_json "the way back is not checked" "$back | .state == \"not_checked\"" "$OUT"
check_status "nobody's word is taken for a host key" 1 hassh --setup --password-file password mn2
check_status "a wrong fingerprint is refused" 1 hassh --setup --password-file password --fingerprint "SHA256:$(printf '%043d' 0)" mn2
check_json "and it is told what it is" "$there | (.reason | contains(\"$(fingerprint)\"))" "$OUT"
check "nothing was changed on either node" same
check_status "a dry run tells what would be changed" 1 hassh --setup --dry-run --password-file password --fingerprint "$(fingerprint)" mn2
check_json "on both nodes" '.[0].dry_run and ([.[] | select(.type == "change").key | "\(.host) \(.what)"] | contains(["mn1 pinned", "mn1 key_made", "mn2 pinned", "mn2 key_made"]))' "$OUT"
check "and changes nothing" same

check "from nothing, with fingerprint and password" hassh --setup --password-file password --fingerprint "$(fingerprint)" mn2
check_json "each change is told" '[.[] | select(.type == "change").key | "\(.host) \(.what)"] | sort == ["mn1 authorized", "mn1 directory_made", "mn1 key_made", "mn1 pinned", "mn2 authorized", "mn2 directory_made", "mn2 key_made", "mn2 pinned", "mn2 pinned"]' "$OUT"
check_json "both directions are ok" "[$there.state, $back.state] == [\"ok\", \"ok\"]" "$OUT"
check "nothing is said on standard error" test ! -s "$ERR"
check "ssh gets there" ssh_works
check "ssh gets back" ssh_works_back
check "only from the other's address, there" on_mn2 grep -q '^from="10.77.0.1" ssh-ed25519 ' /root/.ssh/authorized_keys
check "and here" grep -q '^from="10.77.0.2" ssh-ed25519 ' /root/.ssh/authorized_keys
check "no password is in any file" sh -c '! grep -r secret /root/.ssh'
both >before
check "a second run has nothing to do" hassh --setup --password-file password --fingerprint "$(fingerprint)" mn2
check_json "and tells no change" '[.[] | select(.type == "change")] == [] and .[-1].changes == 0' "$OUT"
check "and changed no byte" same
check "the check alone says the same" hassh mn2
check_json "who, where, and how late" "$there | .remote_user == \"root\" and .remote_uid == 0 and .address == \"10.77.0.2:22\" and .identity == \"/root/.ssh/id_ed25519\" and .host_key == \"pinned\" and .host_key_type == \"ssh-ed25519\" and .expected_fingerprint == .actual_fingerprint and (.known_hosts | startswith(\"/root/.ssh/known_hosts:\")) and .faults == [] and (.clock_difference_seconds | fabs) < 0.5 and .clock_error_seconds < 2" "$OUT"
check_json "and the way back" "$back | .by == \"hassh\" and .remote_uid == 0 and .source_address == \"10.77.0.2\" and .address == \"10.77.0.1:22\"" "$OUT"
check "one way is one record" hassh --one-way mn2
check_json "and no more" '[.[] | select(.type == "direction")] | length == 1' "$OUT"

# What sshd here ignores is seen only from here.
chmod 666 /root/.ssh/authorized_keys
check_status "keys that others may write are ignored" 1 hassh mn2
check_json "and that is the fault" "($there.state == \"ok\") and ($back | .authentication == \"denied\" and [.faults[].fault] == [\"mode\"] and .faults[0].item == \"/root/.ssh/authorized_keys\")" "$OUT"
check "--setup takes the right away" hassh --setup mn2
check_json "and tells it" '[.[] | select(.type == "change").key | "\(.host) \(.what)"] == ["mn1 mode"]' "$OUT"
chmod 777 /root
check_status "so are keys in a home that others may write" 1 hassh --setup mn2
check_json "which is a fault, and left" "$back | .faults[0].item == \"/root\"" "$OUT"
chmod 700 /root
cp -p /root/.ssh/authorized_keys kept
sed -i 's/10.77.0.2/10.77.0.9/' /root/.ssh/authorized_keys
check_status "a key from another address is denied" 1 hassh --setup mn2
check_json "and that is the fault" "$back | .authentication == \"denied\" and [.faults[].fault] == [\"from\"]" "$OUT"
check_json "and the line is left" '.[-1].changes == 0' "$OUT"
: >/root/.ssh/authorized_keys
check_status "a key that is not there is denied" 1 hassh mn2
check_json "and that is the fault" "$back | .authentication == \"denied\" and [.faults[].fault] == [\"key_missing\"] and .tried != []" "$OUT"
both >before
exec 8</root/.ssh && flock 8
check_status "a locked directory is waited for, and not for ever" 5 hassh --setup --lock-wait 0 mn2
exec 8<&-
check "and left as it is" same
check "--here mends it on this side" hassh --setup --here mn2
check_json "and nowhere else" '[.[] | select(.type == "change").key | "\(.host) \(.what)"] == ["mn1 authorized"]' "$OUT"
check "as it was" cmp kept /root/.ssh/authorized_keys
echo 'PermitRootLogin no' | cat - /etc/ssh/sshd_config >config && cat config >/etc/ssh/sshd_config && "$node" sshd
check_status "no root at all" 1 hassh mn2
check_json "is sshd's word" "$back | [.faults[].fault] == [\"permit_root_login\"]" "$OUT"
sed -i 1d /etc/ssh/sshd_config && "$node" sshd

# What is wrong there.
on_mn2 mv /root/.ssh/known_hosts /root/.ssh/aside
check_status "here may be unknown there" 1 hassh mn2
check_json "and that is told" "($there.state == \"ok\") and ($back | .host_key == \"unknown\" and .authentication == \"not_checked\" and .actual_fingerprint != null)" "$OUT"
check "--setup pins it there" hassh --setup mn2
check_json "and tells where" '[.[] | select(.type == "change").key | "\(.host) \(.what)"] | unique == ["mn2 pinned"]' "$OUT"
on_mn2 mv /root/.ssh/aside /root/.ssh/known_hosts
on_mn2 sed -i 's/10.77.0.1/10.77.0.9/' /root/.ssh/authorized_keys
check_status "a line there that does not let us in is left" 1 hassh --setup --password-file password mn2
check_json "and is a fault" "($there | .authentication == \"denied\" and [.faults[].fault] == [\"from\"]) and .[-1].changes == 0" "$OUT"
on_mn2 sed -i 's/10.77.0.9/10.77.0.1/' /root/.ssh/authorized_keys
on_mn2 sh -c 'echo Port soup >/root/.ssh/config'
check_status "a peer whose ssh is broken cannot check" 3 hassh mn2
check_json "and that is told" "$back | .state == \"not_checked\" and (.reason | contains(\"ssh -G\"))" "$OUT"
on_mn2 rm /root/.ssh/config
ip route add unreachable 10.99.0.0/16
check_status "a network without a way is unreachable" 1 hassh --one-way 10.99.0.1
check_json "and that is told" '.[1].values.tcp == "unreachable"' "$OUT"

# A peer without hassh.
check "the far ssh goes back where there is no hassh" hassh --hassh-path /no/hassh mn2
check_json "and is told to have looked" "$back | .by == \"ssh\" and .state == \"ok\"" "$OUT"
mv /root/.ssh/authorized_keys aside
check_status "and sees what is wrong" 1 hassh --hassh-path /no/hassh mn2
check_json "in its words" "$back | .by == \"ssh\" and .authentication == \"denied\"" "$OUT"
mv aside /root/.ssh/authorized_keys
check_status "nothing can be set up with it" 6 hassh --setup --hassh-path /no/hassh mn2
check "and it is said what to do" grep -q 'install hatools there' "$ERR"

# A peer that was taken over.
both >before
hello='{"ok":true,"answer":{"protocol":1,"version":"1","host":"x","user":"x","uid":0,"time_milliseconds":1,"client":null}}'
hostile() { # NAME STATUS SCRIPT
    printf '#!/bin/sh\nread -r x\n%s\n' "$3" >fake && chmod 755 fake
    check_status "a hostile peer: $1" "$2" timeout 60 hassh --setup --timeout 2 --hassh-path "$SCENE_DIR/fake" mn2
}
hostile "garbage" 4 'echo "{soup"'
hostile "endless text" 4 'yes'
hostile "an endless line" 4 'tr "\0" x </dev/zero'
hostile "silence" 5 'sleep 30'
hostile "an answer without ok" 4 'echo "{}"'
hostile "ok, and the end" 4 "echo '$hello'"
hostile "another protocol" 6 "echo '{\"ok\":true,\"answer\":{\"protocol\":2,\"version\":\"2\",\"host\":\"x\",\"user\":\"x\",\"uid\":0,\"time_milliseconds\":1,\"client\":null}}'"
pinned="echo '$hello'; read -r x; echo '{\"ok\":true,\"answer\":{\"changes\":[],\"faults\":[]}}'; read -r x"
key=$(ssh-keygen -q -t ed25519 -N '' -f evil && cut -d ' ' -f 1,2 evil.pub)
hostile "a key with a second line" 4 "$pinned; printf '%s\\n' '{\"ok\":true,\"answer\":{\"key\":\"$key\\n$key\",\"changes\":[]}}'"
hostile "a key with options" 4 "$pinned; printf '%s\\n' '{\"ok\":true,\"answer\":{\"key\":\"command=\\\\\"x\\\\\" $key\",\"changes\":[]}}'"
hostile "a key that is none" 4 "$pinned; echo '{\"ok\":true,\"answer\":{\"key\":\"ssh-ed25519 AAAA\",\"changes\":[]}}'"
check "and no byte was changed by any" same
check_status "nor is such a peer believed in a check" 4 hassh --hassh-path "$SCENE_DIR/fake" mn2
check_json "which tells the way there all the same" "($there.state == \"ok\") and .[-1].error.kind == \"input\"" "$OUT"
values=$(printf '%s' '{"state":"ok","by":"hassh","tcp":"ok","host_key":"unknown","authentication":"ok","tried":[],"faults":[]}')
changed='{"ok":true,"answer":{"changes":[],"faults":[]}}'
printf '%s\n' '#!/bin/sh' "read -r x; echo '$hello'; read -r x; echo '$hello'; read -r x; echo '$changed'; read -r x; echo '{\"ok\":true,\"answer\":{\"values\":$values}}'" >fake
check_status "nor one that got in where no host key is known" 4 hassh --hassh-path "$SCENE_DIR/fake" mn2
check "and it is told" grep -q 'what cannot be' "$ERR"

# The peer is installed anew.
on_mn2 rm /etc/ssh/ssh_host_ed25519_key /etc/ssh/ssh_host_ed25519_key.pub
on_mn2 ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key && on_mn2 "$node" sshd
check_status "a changed host key ends it" 1 hassh mn2
check_json "before anyone logs in" "$there | .host_key == \"changed\" and .authentication == \"not_checked\" and .expected_fingerprint != .actual_fingerprint and .actual_fingerprint == \"$(fingerprint)\"" "$OUT"
check_status "a pinned key is nothing against a fingerprint" 1 hassh --setup --fingerprint "SHA256:$(printf '%043d' 0)" mn2
check_status "and --setup alone does not take it" 1 hassh --setup --password-file password mn2
check "and nothing was changed" same
echo "# mine" >>/root/.ssh/known_hosts
check "with its fingerprint it does" hassh --setup --fingerprint "$(fingerprint)" mn2
# ssh, which was there before, may have learnt the other key of mn2.
check_json "and the stale lines are gone" '[.[] | select(.type == "change").key | "\(.host) \(.what)"] | unique == ["mn1 pinned", "mn1 removed_stale_line"]' "$OUT"
check "and other lines are there" grep -qx '# mine' /root/.ssh/known_hosts
check "ssh gets there again" ssh_works
on_mn2 cat /etc/ssh/ssh_host_ecdsa_key.pub /etc/ssh/ssh_host_ed25519_key.pub >brought
ssh_works() { timeout 20 ssh -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=yes -o UpdateHostKeys=no mn2 true; }
sed -i '/^mn2 /d' /root/.ssh/known_hosts
check "keys brought by a safe way do, too" hassh --setup --host-key brought mn2
check_json "and all are pinned" '[.[] | select(.type == "change").key.what] == ["pinned", "pinned"]' "$OUT"
sed -i '/^mn2 ssh-ed25519/d' /root/.ssh/known_hosts
check "the type that is known is asked for" hassh mn2
check_json "so that a host of many keys is no other one" "$there | .host_key == \"pinned\" and .host_key_type == \"ecdsa-sha2-nistp256\"" "$OUT"

# A disk that is full.
sed -i '/^mn2 /d' /root/.ssh/known_hosts && both >before
mount -o remount,size=64k /root && { head -c 100000 /dev/zero >/root/full 2>/dev/null || :; }
check_status "a full disk ends it" 6 hassh --setup --host-key brought mn2
rm /root/full && mount -o remount,size=16m /root
check "with the files as they were" same

# By a key that gets in already, by a password that is typed, and without an ssh client.
rm -rf /root/.ssh && on_mn2 sh -c 'rm -rf /root/.ssh; mkdir -m 700 /root/.ssh' && ssh-keygen -q -t ed25519 -N '' -f first &&
    on_mn2 sh -c 'cat >/root/.ssh/authorized_keys; chmod 600 /root/.ssh/authorized_keys' <first.pub || exit
check "from nothing, by a key that gets in already" hassh --setup --identity first --fingerprint "$(fingerprint)" mn2
check_json "both directions are ok" "[$there.state, $back.state] == [\"ok\", \"ok\"]" "$OUT"
check_json "by a key of its own" "$there.identity == \"/root/.ssh/id_ed25519\"" "$OUT"
mkdir bare && ln -s "$(command -v hassh)" bare/hassh
check "without an ssh client" env PATH="$SCENE_DIR/bare" hassh --one-way mn2
check_json "it is the same" "$there | .state == \"ok\" and .host_key == \"pinned\"" "$OUT"
if command -v script >/dev/null; then
    typed() {
        rm -rf /root/.ssh && on_mn2 rm -rf /root/.ssh
        { sleep 1; echo secret; sleep 2; } | script -qec "hassh --setup --password-file - --fingerprint $(fingerprint) mn2" shown
    }
    check "by a password that is typed" typed
    check "which is not shown" sh -c 'grep -q "password of root@mn2" shown && ! grep -q secret shown'
else
    skip "by a password that is typed" "there is no script(1)"
fi

# Killed, and twice at once.
killed() {
    for delay in 0.1 0.3 0.45 0.6 0.8; do
        rm -rf /root/.ssh && on_mn2 rm -rf /root/.ssh
        timeout -s KILL "$delay" hassh --setup --password-file password --fingerprint "$(fingerprint)" mn2 >/dev/null 2>&1
        for file in known_hosts authorized_keys; do
            for at in env on_mn2; do
                $at sh -c "test ! -e /root/.ssh/$file || { test -s /root/.ssh/$file && ! tail -c 1 /root/.ssh/$file | grep -q .; }" || return
            done
        done
        hassh --setup --password-file password --fingerprint "$(fingerprint)" mn2 || return
    done
}
check "a run that is killed leaves whole files, and the next one ends well" killed
at_once() {
    rm -rf /root/.ssh && on_mn2 rm -rf /root/.ssh
    hassh --setup --password-file password --fingerprint "$(fingerprint)" mn2 >one 2>&1 &
    hassh --setup --password-file password --fingerprint "$(fingerprint)" mn2 >two 2>&1 && wait $!
}
check "two at once end well" at_once
check "and nothing is there twice" sh -c 'test "$(sort /root/.ssh/authorized_keys | uniq -d | wc -l)" -eq 0 && test "$(grep -c "^mn2 " /root/.ssh/known_hosts)" -eq 1 && test "$(wc -l </root/.ssh/authorized_keys)" -eq 1'
check "and ssh gets there and back" eval 'ssh_works && ssh_works_back'
done_testing
