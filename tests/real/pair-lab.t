# The pair of nodes on which the scenes of xCAT's standby are built does what scripts/pair.sh says of it.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/pair.sh"
at_exit() {
    [ -z "${cluster:-}" ] || { kill "$cluster"; wait "$cluster"; } 2>/dev/null
    pair_down
}
reason=$(pair_possible) || {
    skip "a pair of management nodes" "$reason"
    done_testing
}
says() { [ "$(cat "$OUT")" = "$1" ] || { cat "$OUT"; return 1; }; }
tells() { grep -qF -e "$1" "$ERR" "$OUT"; }
on() { _on=$1; shift; node "$_on" sh -c "$*"; }
bend() { # NODE UNIT [HOW]
    if [ -n "${3-}" ]; then node "$1" sh -c "echo '$3' >/etc/units.broken/$2"; else node "$1" rm -f "/etc/units.broken/$2"; fi
}
runs() { [ -n "$(node "$1" pgrep -f "$2")" ]; }
runs_not() { ! runs "$@"; }

# A pair under Pacemaker, beside the others: with the same addresses, in a shell of its own.
. "$ROOT/scripts/cluster.sh"
cat >resources.xml <<'END'
<resources><primitive id="fence" class="stonith" type="fence_lab"><instance_attributes id="fence-a">
<nvpair id="fence-a1" name="pcmk_host_list" value="n1 n2"/><nvpair id="fence-a2" name="pcmk_host_check" value="static-list"/>
</instance_attributes></primitive>
<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="vip-a">
<nvpair id="vip-a1" name="ip" value="10.77.0.10"/><nvpair id="vip-a2" name="cidr_netmask" value="24"/><nvpair id="vip-a3" name="nic" value="net0"/>
</instance_attributes></primitive></resources>
<constraints><rsc_location id="home" rsc="vip" node="n1" score="50"/></constraints>
END
under_pacemaker() {
    CLUSTER=
    trap cluster_down EXIT
    trap 'exit 143' HUP INT TERM
    pair_new && cluster_disk && cluster_up "$SCENE_DIR/resources.xml" && echo 'the cluster forms' || return
    wait_for 40 runs_on vip n1 && echo "the address comes up on n1, $(node n1 hostname)" || return
    kill_node n1 && echo 'n1 dies' || return
    wait_for 90 runs_on vip n2 && echo 'n2 takes the address' || { cluster_log 60 2>"$SCENE_DIR/cluster.log"; return 1; }
    directory=$CLUSTER
    cluster_down && echo 'it ends' && echo "$directory"
}
# What other scenes mount comes and goes.
mounts() { cut -d ' ' -f 5 /proc/self/mountinfo | awk -v own="${SCENE_DIR%/*}/" '!/\/hatools\./ || index($0, own) == 1'; }
mounts | sort >mounts.before
is_gone() { [ -n "$1" ] && [ ! -e "$1" ]; }

# systemd.
began=$(date +%s%N)
check "two nodes come up" pair_up
up_in() { echo "$(($(date +%s%N) - began)) ns"; [ "$(($(date +%s%N) - began))" -lt "$1" ]; }
check "soon" up_in 10000000000
check "they have their names" on n1 'test "$(hostname)" = xcatmn1'
check "and own homes, without a key of this machine" on n2 'test ! -e /root/.ssh && test -z "$(ls -A /etc/xcat)$(ls -A /install)$(ls -A /tftpboot)"'
check_status "no login without trust" 255 node n1 ssh -o BatchMode=yes xcatmn2 true
check "trust is made" pair_trust
for pair in n1:xcatmn2 n2:xcatmn1; do
    check "${pair%:*} logs in on ${pair#*:}" node "${pair%:*}" ssh -o BatchMode=yes -o StrictHostKeyChecking=yes "${pair#*:}" hostname
    check "that is who answers" says "${pair#*:}"
done
host_keys_differ() { ! node n1 cat /etc/ssh/ssh_host_ed25519_key.pub | cmp -s - "$CLUSTER/n2/disk/etc/ssh/ssh_host_ed25519_key.pub"; }
check "their host keys are two" host_keys_differ
check "a session has the built tools" node n1 ssh -o BatchMode=yes xcatmn2 'command -v haxcat-dump hasync'
tools_start() { node n1 ssh -o BatchMode=yes xcatmn2 haxcat-dump --version; }
check "and they start" tools_start
no_other_manager() { for _word in service chkconfig lssrc startsrc; do ! node n1 sh -c "command -v $_word" || return; done; }
check "a node of systemd has no other manager" no_other_manager

systemctl_is() { # STATUS WORDS ARGUMENTS...
    _status=$1 _words=$2
    shift 2
    check_status "systemctl $*: status $_status" "$_status" node n1 systemctl "$@"
    check "systemctl $*: $_words" says "$_words"
}
systemctl_is 0 active is-active sshd
systemctl_is 3 inactive is-active named
systemctl_is 4 inactive is-active nothing
systemctl_is 1 disabled is-enabled named
systemctl_is 0 enabled is-enabled sshd
systemctl_is 4 not-found is-enabled nothing
on n1 'echo 230 >/etc/systemctl.version' || exit
systemctl_is 3 unknown is-active nothing
check_status "is-enabled has status 1 for what is not there" 1 node n1 systemctl is-enabled nothing
check "an old one has a message for it" tells "No such file or directory"
on n1 'rm /etc/systemctl.version' || exit
check "enable" node n1 systemctl enable named
systemctl_is 0 enabled is-enabled named
check "disable" node n1 systemctl disable named
systemctl_is 1 disabled is-enabled named
check "mask" node n1 systemctl mask conserver
systemctl_is 1 masked is-enabled conserver
check_status "what is masked does not start" 1 node n1 systemctl start conserver
check "it is said" tells "is masked"
check "unmask" node n1 systemctl unmask conserver
check_status "no such unit to start" 5 node n1 systemctl start nothing
check_status "nor to stop" 5 node n1 systemctl stop nothing
check_status "a daemon that ends at once fails its unit" 1 node n1 systemctl start named
systemctl_is 3 failed is-active named
check_status "xcatd does not start without a database" 1 node n1 systemctl start xcatd
check "it says why" on n1 'grep "the database is not there" /var/log/units/xcatd.log'
check_status "no table without xcatd" 1 node n1 tabdump site
check "in xCAT's words" tells "Verify that the xcatd daemon is running"
check_status "nor past it" 1 on n1 'XCATBYPASS=1 tabdump site'

# A shared disk.
check "a shared disk is mounted" node n1 mount /etc/xcat
check "it is a mount" node n1 mountpoint -q /etc/xcat
check "on this node only" on n2 '! mountpoint -q /etc/xcat'
check "past xcatd, a table is read now" on n1 'XCATBYPASS=1 tabdump site'
check "as xCAT prints it" grep -xF '"master","10.77.0.10",,' "$OUT"
same_as_ours() { node n1 sh -ec 'haxcat-dump -p /run/dump >/dev/null; XCATBYPASS=1 tabdump nodelist' | cmp - "$CLUSTER/nodelist.csv"; }
check "haxcat-dump reads that database" on n1 "haxcat-dump -p /run/dump && cp /run/dump/nodelist.csv $CLUSTER/"
check "and the two write the same bytes" same_as_ours
check "xcatd starts" node n1 systemctl start xcatd
check "and answers" node n1 tabdump nodelist
check "lsxcatd -d" node n1 lsxcatd -d
check "names the database" says 'cfgloc=SQLite:/etc/xcat
dbengine=SQLite'
check "lsxcatd -v" node n1 lsxcatd -v
check "names the version" grep -q '^Version 2' "$OUT"
check_status "a disk that is in use is busy" 32 node n1 umount /etc/xcat
check "it is said" tells "target is busy"
check "who has it is found" node n1 fuser -m /etc/xcat/site.sqlite

# Units that fail.
systemctl_is 0 active is-active xcatd
pid=$(node n1 systemctl show -p MainPID --value xcatd)
check "its daemon is killed" node n1 kill -KILL "$pid"
systemctl_is 3 failed is-active xcatd
check "it starts again" node n1 systemctl start xcatd
bend n1 xcatd "stop fails"
check_status "a stop that fails" 1 node n1 systemctl stop xcatd
bend n1 xcatd "stop lies"
check "a stop that lies" node n1 systemctl stop xcatd
systemctl_is 0 active is-active xcatd
bend n1 xcatd "stop hangs"
check_status "a stop that hangs" 124 node n1 timeout 0.3 systemctl stop xcatd
bend n1 xcatd "stop loses"
check "a stop that loses its daemon" node n1 systemctl stop xcatd
systemctl_is 3 inactive is-active xcatd
check "which runs on" runs n1 sbin/xcatd
check "until it is killed" node n1 pkill -f sbin/xcatd
bend n1 xcatd "start fails"
check_status "a start that fails" 1 node n1 systemctl start xcatd
bend n1 xcatd "start lies"
check "a start that lies" node n1 systemctl start xcatd
systemctl_is 3 inactive is-active xcatd
bend n1 xcatd "start hangs"
check_status "a start that hangs" 124 node n1 timeout 0.3 systemctl start xcatd
bend n1 xcatd
check "unbent, the disk can be given back" wait_for 5 node n1 umount /etc/xcat

# The primary, and who serves its address.
check "n1 is made the primary" pair_active n1
check "beside the nodes, a table is read at the service address" pair_ask nodelist
check "it is the pair's" grep -F '"node02","compute,all"' "$OUT"
dug() { client dig +short +time=1 +tries=2 @10.77.0.10 "$@"; }
check "and a name is asked" dug node01.cluster.example.com
check "it has its address" says 10.77.0.101
check "and the address its name" dug -x 10.77.0.102
check "as makedns has it" says node02.cluster.example.com.
check "n1 exports" node n1 exportfs -s
check "what /etc/exports has" grep '^/install ' "$OUT"
cat >discover.py <<'END'
# Asks for an address as the node with the MAC of argument 1 would at its boot, and prints the one that is offered.
import os
import socket
import sys

mac = bytes.fromhex(sys.argv[1].replace(":", ""))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asks:
    asks.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    asks.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lab")
    asks.bind(("0.0.0.0", 68))
    asks.settimeout(5)
    number = os.urandom(4)
    question = b"\1\1\6\0" + number + b"\0\0\x80\0" + bytes(16) + mac.ljust(16, b"\0") + bytes(192) + b"\x63\x82\x53\x63\x35\1\1\xff"
    asks.sendto(question.ljust(300, b"\0"), ("255.255.255.255", 67))
    while True:
        answer = asks.recv(2048)
        if answer[4:8] == number:
            print(socket.inet_ntoa(answer[16:20]))
            break
END
check "a node that boots asks for its address" client /usr/bin/python3 "$SCENE_DIR/discover.py" 42:10:77:00:00:03
check "and is offered it" says 10.77.0.103
called() { node n1 cat /var/log/xcat/commands.log | tail -n 6; }
check "xCAT's commands were noted" called
check "with what they were told" says 'makedns -n
makedhcp -n
makedhcp -a
makeconservercf
exportfs -a
exportfs -s'
on n1 'echo fails >/etc/xcat.broken/makedhcp' || exit
check_status "a command that is bent fails" 1 node n1 makedhcp -a
on n1 'rm /etc/xcat.broken/makedhcp; echo mute >/etc/xcat.broken/xcatd' || exit
check_status "an xcatd that is bent does not answer" 124 node n1 timeout 0.5 tabdump site
on n1 'rm /etc/xcat.broken/xcatd' || exit
check_status "a node outside of the list is refused" 1 node n1 nimnodeset node77
check "one in it is not" node n1 nimnodeset node01,compute

# A reboot.
check "enabled before a boot" node n1 systemctl enable conserver
check "n1 loses its power" kill_node n1
check_status "nobody serves" 9 dug +tries=1 node01
check "it boots" boot_node n1
systemctl_is 0 active is-active conserver
systemctl_is 3 inactive is-active xcatd
check "the shared disks are not mounted" on n1 '! mountpoint -q /etc/xcat'
check "nor is the address there" on n1 '! ip -o addr show | grep 10.77.0.10/'
check "what was written is" on n1 'test -e /etc/named.conf && grep -q makedns /var/log/xcat/commands.log'
check "n2 logs in as before" node n2 ssh -o BatchMode=yes xcatmn1 true
check "n2 is made the primary" pair_active n2
check "and serves" dug node03.cluster.example.com
check "the same" says 10.77.0.103
check "n2 is shut down" stop_node n2
check "the pair ends" pair_down

cluster=
if reason=$(cluster_possible); then
    (under_pacemaker) >cluster.steps &
    cluster=$!
fi

# SysV and AIX.
check "a pair of SysV and AIX comes up" pair_up sysv aix
no_systemd() { ! node n1 sh -c 'command -v systemctl' && ! node n2 sh -c 'command -v systemctl' && ! node n2 sh -c 'command -v service'; }
check "neither has systemctl" no_systemd
levels() { node n1 chkconfig --list "$1" | tr '\t' ' ' | tr -s ' '; }
check "chkconfig --list" levels sshd
check "what boots is on" says 'sshd 0:off 1:off 2:on 3:on 4:on 5:on 6:off'
check "chkconfig --level 345 off" node n1 chkconfig --level 345 sshd off
check "chkconfig --list" levels sshd
check "2 is on yet" says 'sshd 0:off 1:off 2:on 3:off 4:off 5:off 6:off'
check "chkconfig off" node n1 chkconfig sshd off
check "chkconfig --list" levels sshd
check "none is" says 'sshd 0:off 1:off 2:off 3:off 4:off 5:off 6:off'
check "chkconfig on" node n1 chkconfig conserver on
check_status "what has no script" 1 node n1 chkconfig --list nothing
check "is told" tells "error reading information on service nothing"
on n1 'chkconfig --del dhcpd' || exit
check_status "what no level has" 1 node n1 chkconfig --list dhcpd
check "is told" tells "is not referenced in any runlevel"
check "service status: it runs" node n1 service sshd status
check_status "service status: it does not" 3 node n1 service xcatd status
check "it is said" says "xcatd is stopped"
check_status "service: there is none" 1 node n1 service nothing status
check "it is said" tells "nothing: unrecognized service"
check_status "a start that fails" 1 node n1 service xcatd start
check "n1 is made the primary with it" pair_active n1
check "and serves" dug node01.cluster.example.com
check "its address" says 10.77.0.101
check "xcatd is killed" on n1 'kill -KILL "$(cat /run/units/xcatd.pid)"'
check_status "service status: it is dead" 1 node n1 service xcatd status
check "service stop" node n1 service xcatd stop
check "a second one is none too many" node n1 service xcatd stop
check "n1 gives up" on n1 'ip addr del 10.77.0.10/24 dev net0; umount /root/.xcat /tftpboot /install /etc/xcat'
check "n1 boots again" kill_node n1
check "it does" boot_node n1
check_status "sshd is off" 3 node n1 service sshd status
# Its daemon has its configuration from before.
check "conserver is on" node n1 service conserver status

status_of() { node n2 lssrc -s "$1" | awk 'NR == 2 { print $NF }'; }
check "uname" node n2 uname
check "says AIX" says AIX
check "lssrc" status_of xcatd
check "says inoperative" says inoperative
check_status "lssrc: not on file" 1 node n2 lssrc -s nothing
check "it is said" tells "0513-085 The nothing Subsystem is not on file."
check "n2 is made the primary" pair_active n2
check "and serves" dug node01.cluster.example.com
check "its address" says 10.77.0.101
check "lssrc" status_of xcatd
check "says active" says active
check_status "startsrc: it runs already" 1 node n2 startsrc -s xcatd
check "it is said" tells "0513-029 The xcatd Subsystem is already active."
check "stopsrc" node n2 stopsrc -s xcatd
check "it is requested" says "0513-044 The xcatd Subsystem was requested to stop."
stopped() { [ "$(status_of xcatd)" = inoperative ]; }
check "and comes to be" wait_for 5 stopped
check_status "stopsrc: it does not run" 1 node n2 stopsrc -s xcatd
check "it is said" tells "0513-004 The Subsystem or Group, xcatd, is currently inoperative."
check "startsrc" node n2 startsrc -s xcatd
check "it is said" grep '^0513-059 The xcatd Subsystem has been started. Subsystem PID is [0-9]*\.$' "$OUT"
check_status "lsitab: not there" 1 node n2 lsitab xcatd
check "mkitab" node n2 mkitab 'xcatd:2:once:/usr/bin/startsrc -s conserver'
check "lsitab: there" node n2 lsitab xcatd
check_status "mkitab: there already" 1 node n2 mkitab 'xcatd:2:once:x'
check "rmitab" node n2 rmitab sshd
check_status "rmitab: gone" 1 node n2 rmitab sshd
check "odmget" node n2 odmget -q "subsysname = xcatd" SRCsubsys
check "has the program" tells 'path = "/opt/xcat/sbin/xcatd"'
check "mkssys" node n2 mkssys -s own -p /bin/sleep -a 1000 -u 0 -G mine
check "it starts" node n2 startsrc -s own
check "its group has it" node n2 lssrc -g mine
check "it runs" grep active "$OUT"
check "n2 boots again" kill_node n2
check "it does" boot_node n2
check "lssrc" status_of conserver
check "what the inittab has runs" says active
check "lssrc" status_of sshd
check "what it has no more does not" says inoperative
check "rmssys" node n2 rmssys -s own
check_status "it is not on file" 1 node n2 lssrc -s own
check "the pair ends" pair_down

if [ -n "$cluster" ]; then
    check "beside it, a pair under Pacemaker came up" wait "$cluster"
    cluster=
    for step in 'the cluster forms' 'the address comes up on n1, xcatmn1' 'n1 dies' 'n2 takes the address' 'it ends'; do
        check "$step" grep -xF "$step" cluster.steps
    done
    [ ! -e cluster.log ] || sed 's/^/# /' cluster.log
    check "with its directory" is_gone "$(tail -n 1 cluster.steps)"
else
    skip "a pair under Pacemaker" "$reason"
fi
nothing_is_mounted() { mounts | sort | diff mounts.before -; }
check "nothing is left mounted" nothing_is_mounted
done_testing
