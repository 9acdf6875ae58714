# The pre- and post-events of scripts/events, with PowerHA's own arguments, do their part on the node that it is for, and no more.
# shells: ksh93 mksh
. "${0%/*}/../fakes/machine.sh"; machine "$@"
. "${0%/*}/../lib.sh"
[ "$MACHINE" = yes ] || { skip "the events" "no machine of its own: $NO_MACHINE"; done_testing; }
. "$ROOT/tests/fakes/dce.sh"
# PowerHA gives the event's name and its arguments, of which the first is a node; to a post-event, the event's status between.
# This node is node2.
says() { grep -q "$1" "$ERR"; }
said() { grep -q "$1" words; } # the script that goes called last
conf() { printf '%s\n' "$@" >/etc/hatools/events.conf; }
started() { afresh "$@" && hadce-start >/dev/null && : >"$FAKE/journal"; }
cascading='.configuration = "standby-cascading" | .service_hostname = null'
mutual='.configuration = "mutual-cascading" | .dce_servers = [] | .service_hostname = null'
goes() { # EVENT-SCRIPT CALLS ARGUMENT...: it ends well, and these were called
    _script=$1 _calls=$2
    shift 2
    check "$_script $*" event "$_script" "$@"
    cp "$ERR" words
    check "calls: $_calls" acted $_calls
}
nothing() { # EVENT-SCRIPT WHY ARGUMENT...
    _script=$1 _why=$2
    shift 2
    goes "$_script" "" "$@"
    check "it says: $_why" said "nothing to do: .*$_why"
}
refused() { # EVENT-SCRIPT WHY ARGUMENT...
    _script=$1 _why=$2
    shift 2
    check_status "$_script $* is refused" 2 event "$_script" "$@"
    check "it says: $_why" says "REFUSED.*$_why"
    check "nothing was done" acted ""
}
without_resources() {
    for _mount in krb5 var/dce etc/dce; do umount "/$_mount" || return; done
    ip address del 9.3.240.2/24 dev en0
}
with_resources() {
    for _mount in krb5 etc/dce; do mount -t tmpfs disk "/$_mount" || return; done
    ip address add 9.3.240.2/24 dev en0
}

# node_up: reintegration. The owner is node1: this is the standby.
conf HATOOLS_OWNER=node1
started "$cascading"
nothing node-up-pre "this node that comes" node_up node2
nothing node-up-pre "node3 comes" node_up node3
nothing node-up-post "node1 comes" node_up 0 node1
check "DCE runs" running.dce
goes node-up-pre stop.dce node_up node1
check_status "DCE does not run" 1 running.dce
afresh "$cascading"
nothing node-up-post "owner is node1" node_up 0 node2

# This is the owner.
conf '# of this cluster' 'HATOOLS_OWNER="node2"'
started "$cascading"
nothing node-up-pre "owner is node2" node_up node1
check "DCE runs on the owner when the standby comes" running.dce
nothing node-up-post "node1 comes" node_up 0 node1
afresh "$cascading"
goes node-up-post start.dce node_up 0 node2
goes node-up-post start.dce node_up_complete 0 node2
afresh "$cascading"; without_resources
nothing node-up-post "nothing was taken over" node_up 0 node2
with_resources

# Whose it is, is not known.
rm /etc/hatools/events.conf
for file in no empty; do
    started "$cascading"
    refused node-up-pre "HATOOLS_OWNER" node_up node1
    check "DCE runs, with $file events.conf" running.dce
    afresh "$cascading"
    refused node-up-post "HATOOLS_OWNER" node_up 0 node2
    conf HATOOLS_OWNER=
done
conf HATOOLS_OWNER=node1
started "$cascading"
for script in node-up-pre node-up-post node-down-pre node-down-post; do
    refused $script "no node is named"
    refused $script "no node is named" node_up 0
done
nameless() { env -i HATOOLS_BIN="$HATOOLS_BIN" "$SHELL_UNDER_TEST" "$ROOT/scripts/events/node-up-pre" node_up node1; }
check_status "without LOCALNODENAME" 2 nameless
check "it says so" says LOCALNODENAME
check "DCE runs" running.dce

# Where DCE does not go home.
for owner in node1 node2; do
    conf HATOOLS_OWNER=$owner
    started
    nothing node-up-pre "rotate" node_up node1
    check "DCE runs" running.dce
    nothing node-up-post "rotate" node_up 0 node2
    started "$mutual"
    nothing node-up-pre "mutual takeover" node_up node1
    check "the clients run" running.dce
    nothing node-up-post "mutual takeover" node_up 0 node2
done

# node_down: fallover. Whose DCE is, is no matter.
rm /etc/hatools/events.conf
for kind in "$cascading" '.'; do
    started "$kind"
    nothing node-down-pre "node1 goes down" node_down node1 graceful
    nothing node-down-pre "by force" node_down node2 forced
    check "DCE runs" running.dce
    goes node-down-pre stop.dce node_down node2 graceful
    goes node-down-pre stop.dce node_down node2 graceful
    afresh "$kind"
    nothing node-down-post "this node that goes down" node_down 0 node2 graceful
    nothing node-down-post "by force" node_down 0 node1 forced
    goes node-down-post start.dce node_down 0 node1 graceful
    afresh "$kind"
    goes node-down-post start.dce node_down_complete 0 node1
    goes node-down-post start.dce node_down 0 node3
    # What runs here need not be there while the shared disks are elsewhere.
    for change in . '.running_dce = ["/var/dce/bin/running.dce"]'; do
        afresh "$kind" "$change"; without_resources
        nothing node-down-post "nothing was taken over" node_down 0 node1 graceful
        nothing node-down-post "nothing was taken over" node_down 0 node3
        nothing node-down-post "nothing was taken over" node_down 1 node1
        with_resources
    done
    afresh "$kind"; umount /krb5
    check_status "a part was taken over: that fails" 6 event node-down-post node_down 0 node1
    check "and is told" says "/krb5 is not a mounted file system"
    mount -t tmpfs disk /krb5
    how start.dce "exit 3"
    check_status "what was taken over and does not start fails" 6 event node-down-post node_down 0 node1
done
started "$mutual"
nothing node-down-pre "mutual takeover" node_down node2 graceful
nothing node-down-post "mutual takeover" node_down 0 node1
config '.configuration = "cold-standby"'
conf HATOOLS_OWNER=node1
for arguments in "node-up-pre node_up node1" "node-up-post node_up 0 node2" "node-down-pre node_down node2" "node-down-post node_down 0 node1"; do
    check_status "$arguments with a configuration that cannot be used" 2 event $arguments
done
check "DCE runs" running.dce

# Mutual takeover: node1, with 9.3.240.3, is the other one.
conf HATOOLS_PEER=node1 HATOOLS_SERVICE=9.3.240.2 HATOOLS_PEER_SERVICE=9.3.240.3
excluded() { grep -qx "RPC_UNSUPPORTED_NETADDRS=$1" /etc/environment; }
own=9.3.240.1:9.3.240.66 taken=9.3.240.1:9.3.240.2:9.3.240.66
started "$mutual"
for arguments in node2 "node1 forced" node3; do
    nothing mutual-take . node_down $arguments
    check "the clients have their own address" excluded $own
done
goes mutual-take "" node_down node1 graceful
check "what is started from now on has the other one's" excluded $taken
nothing mutual-give-back node1 node_up 0 node3
check "it still has" excluded $taken
goes mutual-give-back "" node_up 0 node1
check "it has been given back" excluded $own
for arguments in "" "node_up 0 node2"; do
    goes mutual-take ""
    check "taken" excluded $taken
    goes mutual-give-back "" $arguments
    check "and given back: $arguments" excluded $own
done
ip address del 9.3.240.2/24 dev en0
check_status "without this node's address nothing is given back" 6 event mutual-give-back node_up 0 node1
ip address add 9.3.240.2/24 dev en0
conf HATOOLS_SERVICE=9.3.240.2 HATOOLS_PEER_SERVICE=9.3.240.3
refused mutual-take HATOOLS_PEER node_down node1
conf HATOOLS_PEER=node1
refused mutual-take HATOOLS_PEER_SERVICE node_down node1
refused mutual-give-back HATOOLS_SERVICE node_up 0 node1
conf HATOOLS_PEER=node1 HATOOLS_SERVICE=9.3.240.2 HATOOLS_PEER_SERVICE=9.3.240.3
afresh
refused mutual-take "not that of mutual takeover" node_down node1
refused mutual-give-back "not that of mutual takeover" node_up 0 node1
check "nothing was changed" excluded $own

# What /etc/environment says, PowerHA keeps from them.
printf '%s\n' SITE=ours 'ODD=`touch /run/odd`$(touch /run/odd); touch /run/odd' 'NO NAME=1' PATH=/nowhere log=/nowhere status=9 IFS=e >>/etc/environment
afresh "$cascading"
goes node-down-post start.dce node_down 0 node1
check "start.dce has it" grep -qx SITE=ours "$FAKE/start.dce.environment"
check "a line without a name keeps nothing from it" said "some lines of /etc/environment are left out"
check "nothing of it runs" test ! -e /run/odd
afresh "$cascading" '.environment_file = null'
mv /etc/environment environment
goes node-down-post start.dce node_down 0 node1
check "without the file it says what it misses" said "/etc/environment cannot be used: going on without it"
mv environment /etc/environment
# Each shell has its own of these.
for variable in PPID UID BASHPID EUID RANDOM SECONDS OPTIND; do echo $variable=7; done >>/etc/environment
afresh "$cascading"
goes node-down-post start.dce node_down 0 node1
done_testing
