# A takeover, or giving up, that fails at a step: it says at which and why, nothing is undone behind one's back, and the next run, when
# the cause is gone, ends as an undisturbed one. On nodes with real mounts, addresses and daemons, of each service manager.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/pair.sh"
at_exit() { pair_down; }
reason=$(pair_possible && { command -v arping >/dev/null || { echo "arping is missing: scripts/setup installs it"; false; }; }) || {
    skip "a takeover that fails" "$reason"
    done_testing
}

config() { # [KEY=JSON...]
    pair_config 'host_name="xcatmn"' 'timeouts_seconds={"start": 4, "stop": 3, "mount": 4, "command": 4, "probe": 5}' "$@"
}
put() { config "$@" | node n1 sh -c 'umask 077; cat >/etc/hatools/pair.json'; }
on() { _on=$1; shift; node "$_on" sh -c "$*"; }
take() { node n1 haxcat-activate --peer-down "$@"; }
gone() { node n1 haxcat-deactivate "$@"; }
# What a check says is looked at by the checks that follow.
keep() { cat "$OUT" "$ERR" >said; cp "$OUT" told; }
says() { grep -F -e "$1" said; }
failed_in() { [ "$(jq -r 'select(.type == "end").failed_steps | join(" ")' told)" = "$1" ] || { tail -n 1 told; return 1; }; }
undone_is_nothing() { jq -e -s '.[-1].undone == 0' told; }
runs() { on n1 "pgrep -c -f '^/usr/bin/python3 /opt/xcat/sbin/xcatd'"; }
here() { # what goes with the role and is on n1
    on n1 'uname -n | grep -x xcatmn; ip -o address show to 10.77.0.10 | awk "{ print \$4 }"
        for path in /etc/xcat /install /tftpboot /root/.xcat; do ! mountpoint -q $path || echo $path; done
        for unit in xcatd named dhcpd conserver; do
            # Of whichever manager.
            pid=$(cat /run/units/$unit.pid 2>/dev/null) && kill -0 $pid 2>/dev/null && echo $unit
        done; exportfs -s; true'
}
none() { here >now; [ ! -s now ] || { cat now; return 1; }; }
all() { here >now; diff active now; }
serves() {
    pair_ask nodelist | grep -q '"node02","compute,all"' && [ "$(client dig +short +time=1 +tries=2 @10.77.0.10 node01.cluster.example.com)" = 10.77.0.101 ]
}
bend() { # NODE-FILE [HOW]
    if [ -n "${2-}" ]; then on n1 "echo '$2' >/etc/$1"; else on n1 "rm -f /etc/$1"; fi
}
goes_on() { # the cause is gone
    check "when the cause is gone, the next run goes on: $1" take
    check "and ends as an undisturbed one: $1" all
    check "and serves: $1" serves
    check "it is given up: $1" gone
    check "and nothing is left: $1" none
}

pair_new || exit
# It asks for a second and not for three: the scene takes over again and again.
mkdir -p "$CLUSTER/disk/usr/local/sbin"
printf '#!/bin/sh\nexec /usr/bin/arping $(echo "$*" | sed "s/-c 2 -w 3/-c 1 -w 1/")\n' >"$CLUSTER/disk/usr/local/sbin/arping"
chmod 755 "$CLUSTER/disk/usr/local/sbin/arping"
config >"$CLUSTER/disk/etc/hatools/pair.json" && chmod 600 "$CLUSTER/disk/etc/hatools/pair.json"
pair_up || exit
check "undisturbed, it is taken over" take
here >active
check "as it is to be" test "$(wc -l <active)" -eq 11
check "and serves" serves
check "given up" gone
check "nothing is left" none

# Not proven down.
check_status "without a proof that the other node is down" 6 node n1 haxcat-activate
keep
check "it is said what proves it" says "needs-peer-down: nothing here proves it"
check "nothing was touched" none
put 'peer_down=["/usr/local/bin/peer-is-down"]'
on n1 'mkdir -p /usr/local/bin; printf "#!/bin/sh\n! ping -n -q -c 1 -w 1 10.77.0.2 >/dev/null\n" >/usr/local/bin/peer-is-down; chmod 755 /usr/local/bin/peer-is-down'
check_status "a program that sees the other node up" 6 node n1 haxcat-activate
check "nothing was touched" none
check "the other node is shut down" kill_node n2
check "then its word is enough" node n1 haxcat-activate
check "all is here" all
check "it is given up" gone
check "the other node boots" boot_node n2
put

# Another machine has the address.
check "the other node has the address" node n2 ip address add 10.77.0.10/24 dev net0
check_status "then it is not taken" 6 take
keep
check "and it is said why" says "vip-free: sh: status 1: another machine may have 10.77.0.10"
check "nothing was touched" none
check "it lets it go" node n2 ip address del 10.77.0.10/24 dev net0
goes_on "an address in use"

# A file system that cannot be mounted.
on n1 'cp /etc/fstab /etc/fstab.kept; sed -i "s, [^ ]*/tftpboot none, /nowhere none,; s,^[^ ]*/shared/tftpboot,/nowhere," /etc/fstab' || exit
check_status "a file system that cannot be mounted" 6 take
keep
check "is named" failed_in mount-3
check "with the words of mount" says "mount-3: mount: "
check "no daemon was started" test "$(runs)" = 0
check "what was done stays" undone_is_nothing
on n1 'cp /etc/fstab.kept /etc/fstab' || exit
goes_on "a mount"

# Another engine than the configuration has.
shared=$CLUSTER/shared/etc-xcat
echo 'Pg:dbname=xcatdb;host=10.77.0.10|xcatadm|secret-word' >"$shared/cfgloc"
check_status "cfgloc names another engine" 6 take
keep
check "it is named" failed_in database-engine
check "without the password" test "$(grep -c secret-word said)" = 0
check "no daemon was started" test "$(runs)" = 0
# A server of the database that does not come up.
put 'database={"engine": "postgresql", "service": "conserver"}' 'services=["named", "dhcpd"]'
bend units.broken/conserver "start fails"
check_status "a database that does not start" 6 take
keep
check "is named" failed_in start-database
bend units.broken/conserver "start lies"
check_status "nor does one whose manager says so only" 5 take
keep
check "it was waited for" failed_in start-database
bend units.broken/conserver
rm "$shared/cfgloc"
put
goes_on "a database"
# A table that cannot be read.
mv "$shared/site.sqlite" "$shared/site.kept"
check_status "a database without its site table" 5 take
keep
check "is named" failed_in site-table
mv "$shared/site.kept" "$shared/site.sqlite"
goes_on "the site table"

# xcatd.
bend xcat.broken/xcatd mute
check_status "an xcatd that does not answer" 5 take
keep
check "is named" failed_in start-xcatd
bend xcat.broken/xcatd
goes_on "a mute xcatd"
bend units.broken/xcatd "start fails"
check_status "an xcatd that does not start" 6 take
keep
check "is named, too" failed_in start-xcatd
bend units.broken/xcatd
goes_on "an xcatd that does not start"

# A command that fails, and one that hangs.
bend xcat.broken/makedhcp fails
check_status "makedhcp fails" 6 take
keep
check "it is named" failed_in xcat-dhcp
check "with its words" says "makedhcp: status 1: Error: makedhcp: bent to fail"
bend xcat.broken/makedhcp
goes_on "makedhcp"
bend xcat.broken/makedns hangs
check_status "makedns hangs" 5 take
keep
check "it is ended at its time" says "xcat-dns: makedns: ended after 4 s"
check "nothing of it runs on" on n1 '! pgrep -f "^/usr/bin/python3 /usr/bin/makedns"'
bend xcat.broken/makedns
goes_on "makedns"

# A state that cannot be kept: a host name that nobody could give back is not changed; without one it is a takeover.
fill() { on n1 'mkdir -p /run/hatools && mount -t tmpfs -o size=16k full /run/hatools && mkdir -p /run/hatools/haxcat && dd if=/dev/zero of=/run/hatools/full 2>/dev/null; true'; }
fill || exit
check_status "a full disk of the state, and a host name to be kept" 6 take
keep
check "it is named" failed_in "xcat-begin host-name"
check "with its cause" says "cannot be written: no space left on device"
on n1 'umount /run/hatools' || exit
goes_on "a host name that cannot be kept"
put 'host_name=null'
fill || exit
check_status "a full disk of the state and no host name: it is taken over, and not all could be kept" 3 take
keep
check "that is told" says "is killed, nothing takes it back"
check "and what could not be kept" failed_in "xcat-begin xcat-active proof"
check "it serves" serves
check "the status says so" node n1 haxcat-activate --status
on n1 'umount /run/hatools' || exit
put
goes_on "a full disk"

# Giving up.
check "it is taken over" take
node n1 sh -c 'cd /tftpboot && exec sleep 300' >/dev/null 2>&1 </dev/null &
holder=$!
wait_for 5 on n1 'fuser -m /tftpboot'
bend units.broken/dhcpd "stop fails"
check_status "a file system that is held, and a service that does not stop" 6 gone
keep
check "both are named" failed_in "stop-dhcpd unmount-3"
check "and who holds it" says "(sleep)"
here >now
printf '%s\n' /tftpboot dhcpd >wanted
check "nothing else is left" diff wanted now
check_status "the status is that of a part" 6 node n1 haxcat-activate --status
node n1 pkill -f '^sleep 300'
wait $holder
bend units.broken/dhcpd
check "the next run gives up the rest" gone
check "nothing is left" none
check "it is taken over" take
bend units.broken/xcatd "stop hangs"
check_status "an xcatd that does not stop" 6 gone
keep
check "and all that it holds, are named" failed_in "stop-xcatd xcatd-gone unmount-1"
check "with who holds it" says "xcatd)"
bend units.broken/xcatd
check "the next run gives up the rest" gone
check "nothing is left" none

# On a node without xCAT's commands, and without the disks.
on n1 'mkdir /run/away && mv /usr/bin/makedns /usr/bin/makedhcp /usr/bin/tabdump /usr/sbin/exportfs /run/away/' || exit
check "given up where xCAT is not installed" gone
check_status "a takeover there" 6 take
keep
check "says what is missing" says "needs-program-makedns"
check "and does nothing" none
on n1 'mv /run/away/exportfs /usr/sbin/; mv /run/away/* /usr/bin/' || exit

check "the nodes are taken down" pair_down
# The other service managers.
for kind in sysv aix; do
    unset CLUSTER
    pair_new $kind || exit
    config >"$CLUSTER/disk/etc/hatools/pair.json" && chmod 600 "$CLUSTER/disk/etc/hatools/pair.json"
    pair_up || exit
    check "$kind: it is taken over" take
    check "$kind: as with systemd" all
    check "$kind: it serves" serves
    check "$kind: the status says so" node n1 haxcat-activate --status
    check "$kind: a second run has nothing to do" take
    check_json "$kind: nothing at all" '[.[] | select(.key.attempt == "do").values.outcome] | all(. == "already" or . == "passed_over")' "$OUT"
    check "$kind: it is given up" gone
    check "$kind: nothing is left" none
    check_status "$kind: the status says so, too" 1 node n1 haxcat-activate --status
    check "$kind: the nodes are taken down" pair_down
done
done_testing
