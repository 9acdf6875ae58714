# A start refuses before anything is touched, where what the guide asks for is not so.
. "${0%/*}/../fakes/machine.sh"; machine "$@"
. "${0%/*}/../lib.sh"
[ "$MACHINE" = yes ] || { skip "a start that is refused" "no machine of its own: $NO_MACHINE"; done_testing; }
. "$ROOT/tests/fakes/dce.sh"
untouched() { [ ! -s "$FAKE/journal" ] && [ "$(old_files | wc -w)" -eq 4 ] && host_name node2; }

# NAME CONDITIONS [JQ-FILTER...]: refused for these reasons, with nothing touched
refused() {
    _reason=$1 _unmet=$2
    shift 2
    [ $# -eq 0 ] || config "$@"
    check_status "refused: $_reason" 6 hadce-start
    check_json "this is why: $_unmet" '(.[-1].unmet | join(" ")) == "'"$_unmet"'"' "$OUT"
    check "nothing was touched" untouched
}
afresh
ip address del 9.3.240.2/24 dev en0
refused "the service address is not here" needs-address
ip address add 9.3.240.2/24 dev en0
sed -i 's/^9.3.240.2 /9.3.240.9 /' /etc/hosts
refused "the service's name leads elsewhere" needs-host-name
sed -i 's/^9.3.240.9 /9.3.240.2 /' /etc/hosts
refused "no start.dce" needs-start-dce '.start_dce = ["/usr/bin/no.dce"]'
refused "nobody proved that the other node is down" needs-peer-down "$WITH_DFS" '.peer_down = null'
refused "the other node is not down" needs-peer-down "$WITH_DFS" '.peer_down = ["/usr/bin/false"]'
config "$WITH_DFS" '.peer_down = null'
check "who knows says so" hadce-start --peer-down
afresh '.environment_file = "/etc/env"'
refused "no file has RPC_UNSUPPORTED_NETADDRS" needs-excluded-addresses
echo RPC_UNSUPPORTED_NETADDRS=9.3.240.2 >/etc/env
refused "the service address is one that DCE shall not use" needs-excluded-addresses
config
umount /krb5
refused "a shared file system is not mounted" needs-mount-1
mount -t tmpfs disk /krb5
rm /opt/dcelocal/var && mkdir -p /opt/dcelocal/var/dced && echo mine >/opt/dcelocal/var/dced/Ep.db
config
refused "DCE's files are on the node's own disk" needs-dce-local
check "which keeps them" grep -qx mine /opt/dcelocal/var/dced/Ep.db
rm -r /opt/dcelocal/var && ln -s /var/dce /opt/dcelocal/var
umount /etc/dce; ip address del 9.3.240.2/24 dev en0
refused "all of it is told at once" "needs-mount-3 needs-address"
mount -t tmpfs disk /etc/dce; ip address add 9.3.240.2/24 dev en0
config '.configuration = "cold-standby"'
check_status "a configuration that the guide does not have is wrong usage" 2 hadce-start
check "nothing was touched" untouched

afresh
mkdir /run/hatools && mount -t tmpfs -o size=4k,nr_inodes=2 full /run/hatools
check_status "no room for its state: nothing is begun" 6 hadce-start
check "nothing was touched" untouched
umount /run/hatools
afresh
mkdir -p /run/hatools/hadce && chmod 777 /run/hatools/hadce
check_status "a state that others can write to is refused" 6 hadce-start
check "nothing was touched" untouched
done_testing
