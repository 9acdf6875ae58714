# On two nodes with real sshd, mounts, addresses and chrony, and service managers that keep state: each thing that a takeover depends
# on is broken, found, mended, and gone.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/pair.sh"
at_exit() { pair_down; }
has_chrony() { command -v chronyd >/dev/null && command -v chronyc >/dev/null || { echo "chronyd is missing: scripts/setup installs it"; return 1; }; }
reason=$(pair_possible && has_chrony) || {
    skip "hastandby on a pair" "$reason"
    done_testing
}

on_disk() { cat >"$CLUSTER/disk$1" && chmod 644 "$CLUSTER/disk$1"; } # PATH
pair_new || exit
printf 'server 10.77.0.254 iburst minpoll 0 maxpoll 1\ndriftfile /run/chrony.drift\npidfile /run/chronyd.pid\ncmdport 0\n' |
    on_disk /etc/chrony-lab.conf
printf 'welcome to the cluster\n' | on_disk /etc/motd
pair_unit gpfs 'sleep 1000' || exit
pair_config 'services=["named","dhcpd","conserver",{"name":"gpfs","activate":false}]' 'files=["/etc/hosts","/etc/resolv.conf","/etc/motd","/etc/site"]' 'credentials=["/etc/xcat/ca","/etc/ssh/ca"]' \
    'clock_seconds=0.5' 'dump={"directory":"/var/xcat/dump"}' | on_disk /etc/hatools/pair.json
mkdir "$CLUSTER/disk/etc/site" "$CLUSTER/disk/etc/ssh/ca"
echo one | on_disk /etc/site/one
echo ca | on_disk /etc/ssh/ca/ca.pem
pair_up || exit
pair_trust || exit

# A time server beside the nodes, which follow it. None of them may set the clock of this machine.
cat >server.conf <<END
local stratum 8
allow 10.77.0.0/24
bindcmdaddress /
cmdport 0
pidfile $SCENE_DIR/chronyd.pid
driftfile $SCENE_DIR/chronyd.drift
END
client chronyd -x -u root -f "$SCENE_DIR/server.conf" >chronyd.log 2>&1
follow() { node "$1" sh -c 'mkdir -m 770 -p /run/chrony && chronyd -x -u root -f /etc/chrony-lab.conf'; } # NODE
follow n1 && follow n2 || exit

# xcatd is proven on the standby with a database of its own, before the shared one is mounted anywhere.
node n2 sh -c "cp $CLUSTER/shared/etc-xcat/*.sqlite /etc/xcat/" || exit
prove() { node n2 /usr/lib/pair/daemons start xcatd && wait_for 20 node n2 tabdump site && node n2 hastandby --prove && node n2 /usr/lib/pair/daemons stop xcatd && node n2 sh -c 'rm /etc/xcat/*'; }
check "xcatd is seen running on the standby, and that is recorded" prove
pair_active n1 || exit
dump() { node n1 haxcat-dump -p /var/xcat/dump | node n1 hasync --from-json xcatmn2:/; }
node n2 mkdir -p /var/xcat && node n1 mkdir -p /var/xcat
check "a dump is made and brought" dump

# shellcheck disable=SC2120 # check gives it its words
look() { node "${AT:-n2}" hastandby "$@"; }
faults() { # what failed, one in a line, of the look in told
    jq -r 'select(.type == "finding" and .values.state == "failed") | [.key.id, .key.node, .key.item] | map(. // "-") | join(" ")' told | sort
}
unknowns() { jq -r 'select(.values.state == "unknown") | [.key.id, .key.node, .key.item, .values.found] | map(. // "-") | join(" ")' told; }
found() { # NAME EXPECTED: exactly these failed, and all could be told
    check_status "$1" 1 look
    cp "$OUT" told
    faults >found
    printf '%s\n' "$2" | sort >wanted
    check "that and no other: $1" diff wanted found
    check "all could be told: $1" test -z "$(unknowns)"
}
in_time() { node "$1" chronyc -n tracking | grep -q 'Leap status.*Normal'; }
check "the clocks follow the server" wait_for 30 in_time n2
wait_for 30 in_time n1
ready() {
    check "$1" look
    check_json "with nothing that failed or is unknown: $1" '.[-1] | .ok and .verdict == "ready" and .states.failed == 0 and .states.unknown == 0 and .states.ok > 60' "$OUT"
}
ready "a pair with nothing missing is ready"
check_json "the standby is who has not the address" '.[0] | .standby == "xcatmn2" and .primary == "xcatmn1" and .standby_known_by == "vip"' "$OUT"
AT=n1
ready "seen from the primary, too"
AT=n2
sums() { for _node in n1 n2; do node $_node sh -c 'find /root /etc/hatools /etc/hosts /etc/site /etc/xcat /var/xcat -type f -exec sha256sum {} + | sort'; done; }
sums >before
look >/dev/null && sums >after
check "a look changes no file" diff before after

# What a tool may mend on the standby: one after the other it is made wrong, and mended at once.
node n2 systemctl start gpfs
node n2 systemctl enable dhcpd xcatd >/dev/null 2>&1
node n2 sh -c 'echo other >>/etc/motd; echo two >/etc/site/two; chmod 666 /root/.ssh/authorized_keys'
found "what a tool may mend is found" 'service-stopped xcatmn2 gpfs
service-boot xcatmn2 dhcpd
service-boot xcatmn2 xcatd
file xcatmn2 /etc/motd
file xcatmn2 /etc/site
ssh xcatmn1 to xcatmn2'
check_json "and told to be mended" '[.[] | select(.values.state == "failed").values.apply] | all' told
primary() { node n1 sh -c 'find /root /etc /var/xcat /var/lib/hatools -xdev -type f -exec sha256sum {} + | sort; grep -v -e show -e is-enabled /var/log/units/commands.log; stat -c "%a %n" /root/.ssh/*'; }
primary >before 2>/dev/null
AT=n1
check_status "the primary is not mended" 6 look --apply
AT=n2
check "the standby is" look --apply
primary >after 2>/dev/null
check "and the primary is what it was" diff before after
ready "what was mended is gone"
check "a second run has nothing to do" look --apply
check_json "nothing" '.[-1].records == 0' "$OUT"

# What is a person's, or on the primary.
node n1 systemctl enable conserver >/dev/null 2>&1
node n2 mount /install
node n2 sed -i '/tftpboot/s/,noauto//' /etc/fstab
node n2 sh -c 'echo 9 >/etc/ssh/ca/ca.pem; rm /var/xcat/dump/site.csv; rm /var/lib/hatools/xcatd-proven.json; sed -i "/xcatmn1/d" /etc/hosts; echo "10.77.0.1 xcatmn1" >>/etc/hosts'
node n2 ip address add 10.77.0.10/32 dev lo
node n1 sh -c 'echo "log in on xcatmn1" >>/etc/motd; sed -i "/xcatmn2/d" /etc/hosts; echo "10.77.0.3 xcatmn2" >>/etc/hosts'
node n2 sh -c 'kill $(cat /run/chronyd.pid)'
node n1 sqlite3 /etc/xcat/site.sqlite "update site set value = '10.77.0.1' where key = 'master'"
node n1 sqlite3 /etc/xcat/policy.sqlite "delete from policy where name = 'xcatmn2'"
node n2 python3 -c 'import os; os.execv("/bin/sleep", ["xcatd: SSL listener", "300"])' >/dev/null 2>&1 &
sleep 0.2
check_status "an address on both nodes, and a name that leads elsewhere" 1 look --standby xcatmn2
cp "$OUT" told
faults >found
for fault in 'vip - xcatmn' 'name xcatmn1 xcatmn2' 'ssh xcatmn1 to xcatmn2'; do check "is found: $fault" grep -qx "$fault" found; done
check_json "and what the far ssh met is told" 'any(.key.id == "ssh" and .key.node == "xcatmn1" and (.values.found | startswith("tcp unreachable")))' told
node n2 ip address del 10.77.0.10/32 dev lo
node n1 sh -c 'sed -i "/xcatmn2/d" /etc/hosts; echo "10.77.0.2 xcatmn2 xcatmn2.cluster.example.com" >>/etc/hosts'
found "what is a person's is found" 'service-boot xcatmn1 conserver
not-mounted xcatmn2 /install
not-mounted-at-boot xcatmn2 /tftpboot
credentials xcatmn2 /etc/ssh/ca
dump xcatmn2 /var/xcat/dump
xcatd-proven xcatmn2 /var/lib/hatools/xcatd-proven.json
names-itself xcatmn1 /etc/motd
file xcatmn2 /etc/motd
file xcatmn2 /etc/hosts
time-daemon xcatmn2 -
site - master
policy - xcatmn2
process xcatmn2 xcatd'
# A person mends it.
node n1 systemctl disable conserver >/dev/null 2>&1
node n2 sh -c 'umount /install; sed -i "/tftpboot/s/none bind/none bind,noauto/" /etc/fstab; echo ca >/etc/ssh/ca/ca.pem; pkill -f "SSL listener"'
follow n2
node n1 sed -i '/log in/d' /etc/motd
node n1 sqlite3 /etc/xcat/site.sqlite "update site set value = '10.77.0.10' where key = 'master'"
node n1 sqlite3 /etc/xcat/policy.sqlite "insert into policy (priority, name, rule) values ('7.7', 'xcatmn2', 'trusted')"
dump >/dev/null
node n2 sh -c "cp $CLUSTER/shared/etc-xcat/*.sqlite /etc/xcat/" && prove >/dev/null
node n2 hastandby --apply >/dev/null 2>&1
check "the clock follows the server again" wait_for 30 in_time n2
ready "what a person mended is gone"

# The other service managers: init scripts, and AIX's.
pair_down
for kind in sysv aix; do
    CLUSTER=
    pair_new systemd $kind && pair_unit gpfs 'sleep 1000' || exit
    pair_config 'services=["dhcpd",{"name":"gpfs","activate":false}]' | on_disk /etc/hatools/pair.json
    pair_up && pair_trust && node n1 ip address add 10.77.0.10/24 dev net0 || exit
    case $kind in
        sysv) node n2 sh -c 'service gpfs start; chkconfig gpfs on; chkconfig xcatd on' >/dev/null ;;
        aix) node n2 sh -c 'startsrc -s gpfs; mkitab "gpfs:2:once:startsrc -s gpfs"; mkitab "xcatd:2:once:startsrc -s xcatd"' >/dev/null ;;
    esac
    services() { jq -r 'select(.key.id == "service-stopped" or .key.id == "service-boot") | select(.key.node == "xcatmn2") | .key.id + " " + .key.item + " " + .values.state' "$OUT" | sort; }
    check_status "$kind: a look" 3 look
    services >found
    printf '%s\n' 'service-boot dhcpd ok' 'service-boot gpfs failed' 'service-boot xcatd failed' 'service-stopped dhcpd ok' 'service-stopped gpfs failed' \
        'service-stopped xcatd ok' >wanted
    check "$kind: what runs, and what is started at boot, is found" diff wanted found
    node n2 hastandby --apply >/dev/null 2>&1
    check_status "$kind: mended" 3 look
    services >found
    check_status "$kind: it is gone" 1 grep -v ' ok$' found
    pair_down
done
done_testing
