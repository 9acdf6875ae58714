# A stop ends DFS and then DCE, is well where nothing runs, and fails where something remains: then this node must be rebooted.
# shells: ksh93 mksh
. "${0%/*}/../fakes/machine.sh"; machine "$@"
. "${0%/*}/../lib.sh"
[ "$MACHINE" = yes ] || { skip "a stop" "no machine of its own: $NO_MACHINE"; done_testing; }
. "$ROOT/tests/fakes/dce.sh"
nothing_runs() { ! running.dce && ! running.dfs; }
started() { # [JQ-FILTER...]: DCE and DFS run
    afresh "$WITH_DFS" "$@" && hadce-start >/dev/null && : >"$FAKE/journal"
}
process_of() { cat "$FAKE/$1.daemon"; }
ended() { check_json "$1" "$2" records; } # NAME JQ-FILTER: of the last stop
# NAME STATUS CALLS [ARGUMENT...]
stops() {
    _reason=$1 _status=$2 _calls=$3
    shift 3
    check_status "$_reason" "$_status" hadce-stop "$@"
    cp "$OUT" records && cp "$ERR" words
    check "calls: $_calls" acted "$_calls"
}

afresh "$WITH_DFS"
stops "where nothing runs there is nothing to stop" 0 ""
ended "and that is well" '.[-1].ok and (.[-1].reboot_required | not)'
umount /krb5; ip address del 9.3.240.2/24 dev en0
stops "even without disks and address" 0 ""
mount -t tmpfs disk /krb5; ip address add 9.3.240.2/24 dev en0
started
stops "DFS is stopped before DCE" 0 "stop.dfs stop.dce"
check "with nothing to say" test ! -s words
check "nothing runs" nothing_runs
stops "a second stop has nothing to do" 0 "stop.dfs stop.dce"
check "the files of the shared disk are left for the start" test -e /var/dce/dced/Ep.db
started; how stop.dfs "exit 1"; kill -9 "$(cat "$FAKE/dfs.daemon")"; rm "$FAKE/dfs.daemon"
stops "what has gone by itself need not be stopped" 0 "stop.dce"
started; config "$WITH_DFS" '.peer_down = null'
stops "nobody asks for the other node" 0 "stop.dfs stop.dce"

started '.timeouts_seconds.stop_dfs = 1'; how stop.dfs "remain"
stops "DFS says that it stopped, and did not" 6 "stop.dfs stop.dce"
ended "this node must be rebooted" '.[-1].reboot_required and .[-1].failed_steps == ["stop-dfs"]'
check "DFS still runs" running.dfs
check_status "DCE was stopped all the same" 1 running.dce
started; how stop.dfs "say escape hang"
before=$(date +%s)
stops "stop.dfs hangs, and leaves time for the rest" 6 "stop.dfs stop.dce" --deadline 10
check "within the deadline" test $(($(date +%s) - before)) -le 10
ended "this node must be rebooted" '.[-1].reboot_required'
check "what it said is told" grep -q "stop.dfs says this" records
check "it was ended" gone stop.dfs.pid
check "its child, too" gone stop.dfs.hang
check "even one in a session of its own" gone stop.dfs.escape
mkdir -p /run/export && mount -t tmpfs export /run/export
started '.dfs_mounts = ["/run/export"] | .timeouts_seconds.release = 1'
stops "a file system of DFS stays mounted" 6 "stop.dfs stop.dce"
ended "this node must be rebooted" '.[-1].reboot_required and .[-1].failed_steps == ["release-1"]'
stops "and still does" 6 "stop.dfs stop.dce"
ended "so it must be rebooted" '.[-1].reboot_required'
umount /run/export
stops "when it has gone, all is well" 0 "stop.dfs stop.dce"

started '.hostname_restore = "at-stop"'
check "the name of the service stays for as long as DCE runs" host_name dcesvc
stops "it goes with the stop" 0 "stop.dfs stop.dce"
check "DCE was stopped under it" saw stop.dce host=dcesvc
check "the node has its own" host_name node2
started '.hostname_restore = "at-stop"'; how stop.dce "exit 1"
stops "stop.dce fails" 6 "stop.dfs stop.dce" --deadline 2
ended "of DCE's own daemons the cluster manager sees whether they hold a disk" '.[-1].reboot_required | not'
check "the node has its own name all the same" host_name node2
started '.hostname_restore = "at-stop"'
kill -9 "$(process_of dce)" "$(process_of dfs)"
echo "9.3.240.2 dcenew" >>/etc/hosts
config "$WITH_DFS" '.hostname_restore = "at-stop" | .service_hostname = "dcenew"'
check "DCE ended, and is started under another name before a stop" hadce-start
: >"$FAKE/journal"
check "which it has" host_name dcenew
stops "the stop" 0 "stop.dfs stop.dce"
check "restores the node's own, and not the one between" host_name node2
afresh; hostname dcesvc
stops "a name that no start set" 0 ""
check "is not ours to restore" host_name dcesvc
hostname node2

for signal in TERM INT HUP; do
    started; how stop.dce "escape hang"
    hadce-stop >out 2>err &
    pid=$!
    until_true test -s "$FAKE/stop.dce.hang"
    kill -s $signal $pid
    check_status "$signal: busy" 5 wait $pid
    check "stop.dce is gone" gone stop.dce.pid
    check "and its child in a session of its own" gone stop.dce.escape
    rm "$FAKE/stop.dce.how"
    check "the next stop" hadce-stop
    check "nothing runs" nothing_runs
done
started '.hostname_restore = "at-stop"'; how stop.dce "kill escape hang"
check_status "killed" 137 sh -c 'hadce-stop; exit $?'
cp "$FAKE/stop.dce.pid" "$FAKE/killed.pid"
rm "$FAKE/stop.dce.how"
check "the next stop" hadce-stop
check "ends what the killed one had begun" gone killed.pid
check "and its child in a session of its own" gone stop.dce.escape
check "nothing runs" nothing_runs
check "the node has its own name" host_name node2

afresh; how start.dce wait
hadce-start >one 2>&1 &
pid=$!
until_true saw start.dce host=dcesvc
stops "while a start goes on, a stop is busy" 5 start.dce --lock-wait 0
hadce-stop --lock-wait 20 >two 2>&1 &
stop=$!
touch "$FAKE/start.dce.go"
check "the start ends" wait $pid
check "a stop that waits comes behind it" wait $stop
check "in this order" acted start.dce stop.dce
check "nothing runs" nothing_runs
started
bare() { env -i "$HATOOLS_BIN/hadce-stop" <&- >&- 2>&-; }
check "no environment, no terminal, and standard input, output and error closed" bare
check "nothing runs" nothing_runs
started
lost() { mkdir gone && cd gone && rmdir ../gone && hadce-stop; }
check "from a directory that is gone" lost
cd "$SCENE_DIR" || exit
started
tailored() { hadce-stop --dry-run | jq -c 'if .id == "stop-dce" then .do.argv += ["-all"] else . end' | harun; }
check "a site tailors the plan: stop.dce gets an argument" tailored
check "it was given" grep -q '^stop.dce -all ' "$FAKE/journal"
done_testing
