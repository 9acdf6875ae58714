# The very files of scripts/events that tell hamember of the cluster's nodes: Pacemaker's alert, what cron runs, and what PowerHA and
# Serviceguard call. A node that is merely lost is never deleted.
# shells: dash ksh93
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/member.sh"
member_host m1 m2 m3 c1 c2 || exit
for host in c1 c2; do member_knows "$host" m1 m2; done
member_knows m1 m2 c1 c2 && member_knows m2 m1 c1 c2 || exit
mkdir -p csync/inputs && echo 'control: any' >csync/inputs/update.conf && chmod 600 csync/inputs/update.conf || exit
# m3 is no member until an event says so.
change="del(.clients[2]) | del(.members[2]) | .package = $MEMBER_PACKAGE"
member_config "$change" || exit
events=$ROOT/scripts/events fixtures=$ROOT/tests/fixtures/cluster
HATOOLS_MEMBER="--config $SCENE_DIR/member.json --here m1 -e $SCENE_DIR/carrier" HATOOLS_LOG=$SCENE_DIR/log HATOOLS_NODE=m1
export HATOOLS_MEMBER HATOOLS_LOG HATOOLS_NODE
mkdir -m 700 log fakes
PATH=$SCENE_DIR/fakes:$PATH
for fake in crm_node clnodename cmviewcl; do printf '#!/bin/sh\nexec cat "%s"\n' "$SCENE_DIR/nodes.$fake" >"$fake.fake"; done
chmod +x ./*.fake
# Who is not root asks by sudo.
if [ "$(id -u)" -ne 0 ]; then printf '#!/bin/sh\n[ "$1" = -n ] && shift && exec "$@"\n' >fakes/sudo && chmod +x fakes/sudo; fi
manager() { rm -f fakes/crm_node fakes/clnodename fakes/cmviewcl; cp "$1.fake" "fakes/$1"; cp "$2" "nodes.$1"; } # COMMAND ITS-OUTPUT
keep() { cp "$ERR" "$ERR.kept"; }
says() { grep -qF -e "$1" "$ERR.kept"; }
silent() { [ ! -s "$ERR" ] && [ ! -s "$OUT" ]; }
members() { member --list | sed -n 's/^{"type":"[a-z]*","key":{"member":"\([^"]*\)".*/\1/p' | sort -u | paste -s -d ' ' -; }
are() { [ "$(members)" = "$*" ]; }
key=root-$(member_digest m3).pub
has() { [ -e "$1/cf/ppkeys/$key" ]; }
has_not() { ! has "$1"; }

# Pacemaker's alert.
alert() { # KIND DESC NODE
    env CRM_alert_version=2.1.5 CRM_alert_kind="$1" CRM_alert_desc="$2" CRM_alert_node="$3" CRM_alert_nodeid=3 CRM_alert_recipient= "$far" "$events/member-alert"
}
far=$(readlink "/proc/$$/exe")
: >visits
for kind in fencing resource attribute ''; do
    check "an alert of kind '$kind' is none for it" alert "$kind" member m3
    check "and says nothing" silent
done
check "a node that is known joins" alert node member m2
check "and nothing is said" silent
check "a node that is known by its full name joins" alert node member m2.example.com
check "and nothing is said" silent
check "a node is lost" alert node lost m2
keep
check "that it stays a member is said" says 'm2 is lost, and stays a member'
check "nobody was asked" test ! -s visits
for name in '' '-oProxyCommand=x' 'm3;id' 'm3 m4' '../m3'; do
    check_status "no name of a node: '$name'" 2 alert node member "$name"
done
check "m1 and m2 are the members" are m1 m2
mv member.json away.json
check_status "where hamember has no configuration" 6 alert node member m3
keep
check "its words are told" says 'm3 has joined, and hamember cannot say whether it is a member: '
mv away.json member.json
# Pacemaker runs it as hacluster.
mkdir hacluster
printf '#!/bin/sh\necho 103\n' >hacluster/id
printf '#!/bin/sh\necho "sudo $*" >"%s/sudo"\nexit 5\n' "$SCENE_DIR" >hacluster/sudo
chmod +x hacluster/*
as_hacluster() { (PATH=$SCENE_DIR/hacluster:$PATH; alert node member m3); }
check "as hacluster" as_hacluster
echo "sudo -n $HATOOLS_BIN/hamember $HATOOLS_MEMBER --list" >wanted
check "it asks by sudo" diff wanted sudo
elsewhere() { member_config "$change | .package.mount = \"$SCENE_DIR/csync\" | .package.sentinel = \"$SCENE_DIR/csync/inputs/update.conf\""; }
elsewhere
check "where the package does not run" alert node member m3
check "nothing is done, and nothing said" silent
check "m3 is no member" has_not c1
member_config "$change"
# Its name is all that is known of it: the work directory is the one of all.
check "a node that is not known joins" alert node member m3
keep
check "that it is a member is said" says 'm3 is a member'
check "its key is on a client" has c1
check "it is a member" are m1 m2 m3
check_json "what was written is kept" '.[0].event == "MEMBER_ADDED" and .[-1].ok' log/member-alert.jsonl
check "it joins again" alert node member m3
check "and nothing is said" silent
check "it is lost" alert node lost m3
check "and stays a member" are m1 m2 m3
check "with its key" has c1

# The script for cron, and for cluster managers without alerts.
follow() { "$far" "$events/members-follow-cluster" "$@"; }
manager crm_node "$fixtures/crm_node-l.member"
check "where the cluster has the members as its nodes" follow
check "nothing is said" silent
check "an event of PowerHA's, with its arguments" follow node_up_complete 0 m3
check "nothing is said" silent
manager crm_node "$fixtures/crm_node-l.lost"
echo '3 m3 lost' >>nodes.crm_node
check "nodes that are lost" follow --delete
check "nothing is said" silent
manager crm_node "$fixtures/crm_node-l.not-seen"
echo '3 m3 ' >>nodes.crm_node
check "nodes that were never seen, with --delete" follow --delete
check "they stay, and nothing is said" silent
check "all are members" are m1 m2 m3
manager crm_node "$fixtures/crm_node-l.member"
sed -i '/m3/d' nodes.crm_node
check_status "a member that is no node any more" 1 follow
keep
check "is told" says 'members-follow-cluster: m3 is a member, and no node of the cluster any more: hamember MEMBER_DELETED: m3'
check "and stays" are m1 m2 m3
check_status "for cron: the first time" 1 follow --changes
check "it was told just now" silent
sed 's/ m1 / mx1 /' nodes.crm_node >other && cp other nodes.crm_node
check_status "a list without this node is believed by nobody" 5 follow --delete --changes
keep
check "which is told" says "m1, which is this machine, is none of the cluster's nodes (m2 mx1)"
check_status "once" 5 follow --delete --changes
check "and not again" silent
: >nodes.crm_node
check_status "nor an empty one" 5 follow --delete
printf '#!/bin/sh\necho "error: Could not connect to controller: Connection refused" >&2\nexit 102\n' >fakes/crm_node
check_status "nor one of a cluster that is down" 5 follow --delete
keep
check "whose words are told" says 'Could not connect to controller'
rm fakes/crm_node
check_status "nor where there is no cluster" 5 follow --delete
check "all are members" are m1 m2 m3
HATOOLS_NODE=n1
printf '1 n1 member\n2 n2 member\n' >other
manager crm_node other
check_status "a list that has none of the members is of other names" 5 follow --delete
check "all are members" are m1 m2 m3
HATOOLS_NODE=m1
manager crm_node "$fixtures/crm_node-l.lost"
check "--delete takes away who is no node any more, and not who is lost" follow --delete
keep
check "which is told" says 'members-follow-cluster: m3 is no member any more'
check "m2 is lost, and stays" are m1 m2
check "the key of m3 is gone" has_not c1
check "that of m2 is not" test -e "c1/cf/ppkeys/root-$(member_digest m2).pub"
rm fakes/crm_node
manager clnodename "$fixtures/clnodename"
member_bend c2 down
check_status "PowerHA's list has a node more, and a client is down" 3 follow node_up_complete 0 m3
keep
check "which is told" says 'members-follow-cluster: MEMBER_ADDED: m3 is done but for hosts that could not be reached'
check "it is a member" are m1 m2 m3
check_json "what was written is kept" '[.[] | select(.type == "begin").event] == ["MEMBER_DELETED", "MEMBER_ADDED"]' log/members.jsonl

# What is pending, every quarter of an hour.
watch() { "$far" "$events/member-pending-watch" --config "$SCENE_DIR/member.json" --here m1 -e "$SCENE_DIR/carrier"; }
check_status "the client is still down" 3 watch
keep
check "which is told" says 'member-pending-watch: c2: '
check_status "the next time" 3 watch
check "it is silent" silent
member_bend c2 denied
check_status "another cause is a change only where the state is another" 3 watch
elsewhere
check_status "where the package does not run" 5 watch
check "it is silent" silent
member_config "$change"
member_bend c2 well
check "when the client is back" watch
keep
check "that is told" says 'member-pending-watch: nothing is pending any more'
check "the key is there" has c2
check "the next time" watch
check "it is silent" silent

manager cmviewcl "$fixtures/cmviewcl-f-line"
check "Serviceguard's list has the same nodes" follow
check "nothing is said" silent
sed -i '/m3/d' nodes.cmviewcl
check "it goes" follow --delete
check "of Serviceguard's list a node that is down stays" are m1 m2

# The crontab names what is there, with the times that every cron reads.
lines() {
    grep '^[0-9]' "$events/crontab-member" | while read -r minute hour day month weekday command options; do
        case "$minute$hour$day$month$weekday" in *[!0-9,*]*) return 1 ;; esac
        [ -x "$events/${command##*/}" ] && echo "${command##*/} $options"
    done
}
check "the crontab" lines
printf '%s\n' 'member-pending-watch ' 'members-follow-cluster --changes' >wanted
check "calls these scripts" diff wanted "$OUT"
done_testing
