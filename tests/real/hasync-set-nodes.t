# A set on four nodes: each standby by itself, whoever is dead or slow; and a primary that lost its role changes nothing any more.
. "${0%/*}/../lib.sh"
# shellcheck disable=SC2034 # nodes.sh reads it
NODES_LIST='n1:1 n2:2 n3:3 n4:4'
. "$ROOT/scripts/nodes.sh"
at_exit() { nodes_down; }
reason=$(nodes_possible && { [ -x /usr/sbin/sshd ] || { echo "/usr/sbin/sshd is missing: scripts/setup installs it"; false; }; }) || {
    skip "a set on four nodes" "$reason"
    done_testing
}
NODES_PATH=$HATOOLS_BIN:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
nodes_new || exit
: >"$CLUSTER/keep-disks"
printf '%s\n' /root /etc/ssh /srv /var/lib/hatools >"$CLUSTER/hidden"
disk=$CLUSTER/disk
mkdir -p "$disk/root/.ssh" "$disk/etc/ssh" "$disk/srv/data" "$disk/var/lib/hatools" || exit
chmod 700 "$disk/root" "$disk/root/.ssh"
# One key for all of them: who is who is not what this is about.
ssh-keygen -q -t ed25519 -N '' -f "$disk/root/.ssh/id_ed25519" && cp "$disk/root/.ssh/id_ed25519.pub" "$disk/root/.ssh/authorized_keys" || exit
ssh-keygen -q -t ed25519 -N '' -f "$disk/etc/ssh/host" && echo "10.77.0.* $(cat "$disk/etc/ssh/host.pub")" >"$disk/root/.ssh/known_hosts" || exit
cat >"$disk/root/.ssh/config" <<'END'
Host *
    BatchMode yes
    ConnectTimeout 3
    LogLevel ERROR
END
cat >"$disk/etc/rc.d/50-sshd" <<END
#!/bin/sh
[ "\$1" = start ] || exit 0
mkdir -p -m 755 /run/sshd
exec env PATH=$NODES_PATH /usr/sbin/sshd -f /dev/null -h /etc/ssh/host -o PidFile=none -o SetEnv=PATH=$NODES_PATH -o PermitRootLogin=yes
END
chmod 755 "$disk/etc/rc.d/50-sshd"
set_of() { # NODE TARGET...: the document on a node
    _of=$1
    shift
    printf '%s\n' "$@" | jq -R '{host: "10.77.0.\(.)"}' | jq -s '{schema: "hasync-set/1", targets: .,
        groups: [{name: "data", paths: ["/srv/data"], delete: "trash", max_delete: {percent: 100},
            hooks: [{run: ["sh", "-c", "[ ! -e /srv/slow ] || sleep 8"]}]}]}' >set.json
    node "$_of" sh -c 'cat >/root/set.json && chmod 600 /root/set.json' <set.json
}
bring() { _from=$1; shift; node "$_from" hasync --set /root/set.json "$@"; }
of() { echo "map(select(.type == \"group\" and .key.target == \"10.77.0.$1\"))[0].outcome"; } # NUMBER
has() { node "$1" sh -c 'cat "$1"' - "$2" | grep -qxF -e "$3"; } # NODE FILE TEXT
says() { grep -qF -e "$1" "$ERR" "$OUT"; }
answers() { client socat -u OPEN:/dev/null "TCP:10.77.0.$1:22,connect-timeout=2"; }
nodes_up || exit
for number in 1 2 3 4; do wait_for 10 answers $number || exit; done

# Three standbys, all the same.
node n1 sh -c 'echo first >/srv/data/file; mkdir /srv/data/sub; echo sub >/srv/data/sub/file'
set_of n1 2 3 4
check "three standbys are brought up to date" bring n1 --metrics /root/metrics
check_json "each by itself" "[$(of 2), $(of 3), $(of 4)] == [\"committed\", \"committed\", \"committed\"]" "$OUT"
for node in n2 n3 n4; do check "$node has it" has $node /srv/data/sub/file sub; done
check "a monitor sees all three" test "$(node n1 grep -c '^hasync_success.* 1$' /root/metrics)" -eq 3

# One is dead, and one is slow.
kill_node n3 || exit
node n4 touch /srv/slow
node n1 sh -c 'echo second >/srv/data/file'
began=$(date +%s)
bring n1 --metrics /root/metrics >out.live 2>err.live &
run=$!
comes_first() { wait_for 6 has n2 /srv/data/file second && [ -d /proc/$run ]; }
check "who is well has it while another is still at it" comes_first
status=0
wait $run || status=$?
echo "# with one dead and one slow it took $(($(date +%s) - began)) s"
check "that is a part of it" test "$status" -eq 3
check_json "the slow one got it" "$(of 4) == \"committed\"" out.live
check_json "and the dead one is named" 'map(select(.type == "error"))[0] | .kind == "busy" and (.item | startswith("10.77.0.3"))' out.live
check "it is on stderr" grep -qF 10.77.0.3 err.live
check "a monitor sees it" test "$(node n1 grep -c '^hasync_success{group="data",target="10.77.0.3"} 0$' /root/metrics)" -eq 1
node n4 rm /srv/slow
boot_node n3 && wait_for 10 answers 3 || exit
check "when it is back" bring n1
check_json "it gets what it missed" "$(of 3) == \"committed\" and $(of 2) == \"unchanged\"" "$OUT"
check "all of it" has n3 /srv/data/file second

# Under load, every second, until the primary dies.
cat >"$CLUSTER/write" <<'END'
#!/bin/sh
i=0
while :; do
    i=$((i + 1))
    echo "$i" >/srv/data/counter.new && mv /srv/data/counter.new /srv/data/counter
    echo "$i $(date +%s.%N)" >>"$CLUSTER/written"
    sleep 0.05
done
END
cat >"$CLUSTER/cron" <<'END'
#!/bin/sh
while :; do hasync --set /root/set.json >>/root/cron.log 2>&1; sleep 1; done
END
set_of n1 2 3
# They go with their node.
node n1 sh "$CLUSTER/write" >/dev/null 2>&1 &
node n1 sh "$CLUSTER/cron" >/dev/null 2>&1 &
sleep 6
# In the middle of a run, and nobody is told: who is killed says so to its peers, and who has no power does not.
node n1 sh -c 'head -c 900000000 /dev/urandom >/srv/large && mv /srv/large /srv/data'
waits_there() { node n2 sh -c 'find /srv /var/lib/hatools -path "*stage*" -name "*large*" -size +1000k' | grep -q .; }
check "a run is in its middle" wait_for 60 waits_there
check "the primary is cut off" client ip link del to-n1
kill_node n1 || exit
check "nothing of it is in place" node n2 test ! -e /srv/data/large
began=$(date +%s)
check "the standby takes over" node n2 hasync takeover
took=$(($(date +%s) - began))
echo "# in $took s"
check_json "in the second generation" '.[-1] | .generation == 2 and .primary == "n2" and .was == "n1"' "$OUT"
check "what waits for the dead one lets go of the group" test "$took" -lt 20
last=$(tail -n 1 "$CLUSTER/written") counter=$(node n2 cat /srv/data/counter)
lost=$(awk -v had="$counter" -v last="${last#* }" '$1 == had { printf "%.2f", last - $2 }' "$CLUSTER/written")
echo "# with a run every second, $lost s of writing were lost: number $counter of ${last%% *}"
within() { awk -v lost="$lost" 'BEGIN { exit !(lost != "" && lost >= 0) }'; }
check "the standby has what was whole when a run read it" within

# Who lost the role.
node n2 sh -c 'echo third >/srv/data/file; rm -f /srv/data/counter*'
set_of n2 3 4
check "the new primary brings it to the others" bring n2 --accept-loss
check "they have it" has n3 /srv/data/file third
boot_node n1 && wait_for 10 answers 1 || exit
node n1 sh -c 'echo stale >/srv/data/file'
set_of n1 3
check_status "the old one does not know yet, and is refused" 6 bring n1
check "by whom, it is told" says "lost the role of the primary: n2 has it, in generation 2"
check "nothing was changed" has n3 /srv/data/file third
set_of n2 1 3
check_status "what it has of its own is a conflict" 3 bring n2
check_json "which is told" 'map(select(.type == "conflict" and .key.path == "/srv/data/file"))[0] | .what == "changed_on_standby" and .key.target == "10.77.0.1"' "$OUT"
check "and is left" has n1 /srv/data/file stale
set_of n1 3
check_status "now it knows that it is none" 6 bring n1
check "and what to do" says "hasync takeover, here, makes this node the primary"
check "which is done" node n1 hasync takeover
check_json "in a third generation" '.[-1] | .generation == 3 and .was == "n2"' "$OUT"
check "then it brings again" bring n1 --accept-loss
check "what it has" has n3 /srv/data/file stale
check_status "and the other one does not" 6 bring n2
check "history tells who brought what" node n3 hasync history data
check_json "in which generation" 'map(select(.type == "transaction")) | (.[-1] | .primary == "n1" and .generation == 3) and (.[-2].primary == "n2")' "$OUT"
done_testing
