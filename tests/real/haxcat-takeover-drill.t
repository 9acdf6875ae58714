# A drill under a real cluster: a client reads xCAT's tables and names at the service address all the time, while the primary is killed,
# the standby takes over, the primary comes back as the standby, and the role is moved back in order.
# Its nodes watch each other, and have no realtime priority: what runs beside it may not hold them up.
renice -n -10 -p $$ >/dev/null 2>&1
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/cluster.sh"
. "$ROOT/scripts/pair.sh"
. "$ROOT/tests/real/haxcat/group.sh"
at_exit() { group_down; }
reason=$(group_possible) || {
    skip "a takeover of the management node under Pacemaker" "$reason"
    done_testing
}

check "two nodes make a cluster" group_up
is_up n1 && is_up n2 || exit
crm() { node n1 "$@"; }
on() { _on=$1; shift; node "$_on" sh -c "$*"; }
runs() { wait_for "${2:-90}" runs_on haxcat "$1"; }
blank() { # NODE: nothing that goes with the role is here
    on "$1" '! ip -o address show to 10.77.0.10 | grep . && ! grep -E " (/etc/xcat|/install|/tftpboot|/root/.xcat) " /proc/self/mountinfo &&
        for unit in xcatd named dhcpd conserver; do ! systemctl is-active -q $unit || exit; done; [ ! -s /run/exports ] && uname -n | grep -x "xcatmn[12]"'
}
only_on() { # NODE: the one address, and each shared file system, is there and nowhere else
    for _at in n1 n2; do
        case $_at in
            "$1") on $_at 'ip -o address show to 10.77.0.10 | grep -q . && mountpoint -q /install && [ "$(uname -n)" = xcatmn ]' || return ;;
            *) ! is_up $_at || blank $_at || return ;;
        esac
    done
}
answered() { # the client's answers since it was called; none was ever wrong
    _then=$(grep -c ' right$' "$CLUSTER/reads"); wait_for 20 sh -c "[ \$(grep -c ' right\$' '$CLUSTER/reads') -gt $((_then + 3)) ]"
}
never_wrong() { ! grep wrong "$CLUSTER/reads"; }

check "the role comes up on n1" runs n1
check "nowhere else" only_on n1
group_client
check "a client is served: a table of xcatd's, and a name" answered

check "it puts a row into a table" on n1 'sqlite3 /etc/xcat/nodelist.sqlite "INSERT INTO nodelist (node, groups) VALUES ('"'node04', 'compute'"')"'
read_back() { pair_ask nodelist | grep -q '"node04","compute"'; }
check "which is read" read_back

# The primary dies.
check "n1 loses its power" kill_node n1
check "n2 takes over" runs n2
check "n1 was fenced before" grep -x n1 "$CLUSTER/fenced"
check "the client is served again" answered
check "from n2 alone" only_on n2
check "with what was written on n1" read_back
dhcp_knows() { on n2 'grep -q node01 /var/lib/dhcpd/hosts && kill -0 $(cat /run/dhcpd.pid)'; }
check "the nodes of DHCP are there" dhcp_knows
check "it is recorded that xcatd runs on n2" on n2 'grep -q haxcat-proof/1 /var/lib/hatools/xcatd-proven.json'

check "n1 boots" boot_node n1
check "and comes back to the cluster" wait_for 90 online n1 n2
check "n2 keeps the role" runs n2
check "n1 has nothing of it" blank n1

# A planned move back.
check "moved back in order" crm crm_resource --resource haxcat --move --node n1
# Pacemaker 2.1.5 was seen to miss the end of the agent's meta-data, a child of its controller, on a node that has just come back: the
# start is then never begun there, whatever the agent would have done.
began_there() { node n1 grep -q 'executing - rsc:haxcat action:start' /var/log/pacemaker/pacemaker.log; }
if ! wait_for 40 runs_on haxcat n1 && ! began_there; then
    skip "what follows the move back" "the controller of Pacemaker on n1 never began the start: it waits for the agent's meta-data"
    check "the cluster ends" group_down
    done_testing
fi
check "n1 has it" runs n1
check "the client is served again" answered
check "from n1 alone" only_on n1
check "with what was written before" read_back

# What dies on the primary is started again there.
check "xcatd is killed" node n1 pkill -KILL -f sbin/xcatd
check "the monitor sees it" wait_for 40 crm_says "//failures/failure[@node='n1']"
check "it is started again" runs n1
check "the client is served" answered

# A stop that cannot unmount has the node fenced: two never have the disks.
node n1 sh -c 'cd /install && exec setsid sleep 900' >/dev/null 2>&1 </dev/null &
wait_for 5 on n1 'fuser -m /install'
check "somebody holds a file system, and it is to be moved" crm crm_resource --resource haxcat --move --node n2
check "n1 is fenced" wait_for 90 is_down n1
check "n2 takes over" runs n2
check "the client is served" answered
check "from n2 alone" only_on n2
check "no answer was ever wrong" never_wrong
check "the cluster ends" group_down
done_testing
