# The four sample scripts of IBM's guide and ours side by side: the same actions in the same order, and what goes wrong in
# the samples (tests/fixtures/dce) does not in ours.
. "${0%/*}/../fakes/machine.sh"; machine "$@"
. "${0%/*}/../lib.sh"
[ "$MACHINE" = yes ] || { skip "the figures" "no machine of its own: $NO_MACHINE"; done_testing; }
. "$ROOT/tests/fakes/dce.sh"

# The figures are printed with an empty line before #!/bin/ksh, and xxx for the name of the rotating address.
for number in 1 2 3 4; do sed -e 1d -e 's/xxx/dcesvc/' "$ROOT/tests/fixtures/dce/figure$number" >"figure$number"; done
figure() { env -i PATH=/usr/bin:/bin "$SHELL_UNDER_TEST" "$SCENE_DIR/figure$1" </dev/null; }
did() { cut -d ' ' -f 1-2 "$FAKE/journal"; } # who was called, and under which host name

# NUMBER SCRIPT CALLS [JQ-FILTER]
side_by_side() {
    afresh "${4:-.}"
    case $3 in stop*) start.dce; start.dfs; rm "$FAKE/journal" ;; esac
    check "figure $1" figure "$1"
    did >"did-$1"
    cp "$FAKE/journal" theirs
    uname -n >"name-$1"
    afresh "${4:-.}"
    case $3 in stop*) start.dce; start.dfs; rm "$FAKE/journal" ;; esac
    check "$2" event "$2"
    did >"did-$2"
    uname -n >"name-$2"
    check "figure $1 and $2: the same calls, in the same order, under the same names" diff "did-$1" "did-$2"
    check "and these are the guide's: $3" acted "$3"
}
side_by_side 1 dce-start start.dce
check "the figure had deleted endpoint map and credentials before start.dce" grep -q 'old=dced/Srvrexec.db$' theirs
check "ours dced's list of processes, too, as the OSF's guide wants it" saw start.dce 'old=$'
check "the figure leaves the node with the name of the service" grep -qx dcesvc name-1
check "ours gives it its own name back" grep -qx node2 name-dce-start
check "ours brings RPC_UNSUPPORTED_NETADDRS, which the cluster manager does not" saw start.dce rpc=9.3.240.1:9.3.240.66
side_by_side 2 dce-stop stop.dce
side_by_side 3 dfs-start "start.dce start.dfs" "$WITH_DFS"
check "the figure leaves the node with the name of the service" grep -qx dcesvc name-3
check "ours gives it its own name back" grep -qx node2 name-dfs-start
side_by_side 4 dfs-stop "stop.dfs stop.dce" "$WITH_DFS"

# NAME NUMBER SCRIPT STATUS [JQ-FILTER]: in the world that `world` makes, the figure ends well, and ours with STATUS
both() {
    afresh "${5:-.}" && world
    check "$1: figure $2 says nothing of it" figure "$2"
    cp "$FAKE/journal" theirs 2>/dev/null
    afresh "${5:-.}" && world
    check_status "$1: $3 does" "$4" event "$3"
}

world() { how start.dce "exit 1"; }
both "start.dce fails" 1 dce-start 6
check "and the host name is back" host_name node2
both "start.dce fails" 3 dfs-start 6 "$WITH_DFS"
check "the figure starts DFS without DCE" grep -q '^start.dfs ' theirs
check "ours does not" not_called start.dfs

world() { start.dce; start.dfs; how stop.dfs "exit 1 remain"; }
both "stop.dfs fails" 4 dfs-stop 6 "$WITH_DFS | .deadline_seconds = 2"
check "and says that this node must be rebooted" grep -q "REBOOT REQUIRED" "$ERR"

world() { mount -o remount,bind,ro /var/dce; }
both "the disk is read-only" 1 dce-start 6
check "the figure starts DCE on a dead node's endpoint map" grep -q 'old=dced/Ep.db' theirs
check "ours does not start it" not_called start.dce
check "and the host name is back" host_name node2

world() { umount /var/dce; mkdir -p /var/dce/dced /var/dce/security/creds && echo mine >/var/dce/dced/Ep.db; }
both "the disk is not mounted" 1 dce-start 6
check "ours touches no file beneath the mount point" grep -qx mine /var/dce/dced/Ep.db

world() { rm -r /var/dce/dced /var/dce/security && mkdir -p /var/dce/dced /var/dce/security/creds; }
both "nothing is there to delete" 1 dce-start 0
afresh && world
check "the figure complains" figure 1
check "of both" test "$(grep -c '^rm: cannot remove' "$ERR")" -eq 2
afresh && world
check "ours" hadce-start
check "has nothing to say" test ! -s "$ERR"

world() { mkdir -p /var/dce/security/creds/a; echo old >/var/dce/security/creds/.hidden; }
both "hidden credentials and a directory" 1 dce-start 0
check "ours has deleted the hidden ones" test ! -e /var/dce/security/creds/.hidden
check "and left the directory" test -d /var/dce/security/creds/a

world() { :; }
both "nothing rotates" 1 dce-start 0 '.configuration = "standby-cascading" | .service_hostname = null'
check "the figure starts under another name all the same" grep -q host=dcesvc theirs
check "ours under the node's own" saw start.dce host=node2
afresh
# In the shells whose echo knows no escapes, each of its two lines ends in a backslash and an n.
case $SHELL_UNDER_TEST in */bash | */ksh93 | */ksh) unread=2 ;; *) unread=0 ;; esac
check "the figure" figure 2
check "says something else in each kind of shell" test "$(grep -c '\\n' "$OUT")" -eq "$unread"
check "ours" event dce-stop
check_json "keeps JSON, the same in all of them" '.[-1].ok' /var/log/hatools/events.jsonl
done_testing
