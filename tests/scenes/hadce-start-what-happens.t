# A start does the guide's steps in their order, and takes back what it did when one fails.
# shells: ksh93
. "${0%/*}/../fakes/machine.sh"; machine "$@"
. "${0%/*}/../lib.sh"
[ "$MACHINE" = yes ] || { skip "a start" "no machine of its own: $NO_MACHINE"; done_testing; }
. "$ROOT/tests/fakes/dce.sh"
silent() { [ ! -s "$ERR" ]; }
untouched() { [ ! -s "$FAKE/journal" ] && [ "$(old_files | wc -w)" -eq 4 ] && host_name node2; }
second_daemon() { grep "second daemon" "$FAKE/journal"; }

afresh "$WITH_DFS" '.ready_dce = ["/usr/bin/ready.dce"]'
check "DCE and DFS start" hadce-start
check_json "it ends well" '.[0].schema == "harun/1" and .[-1].ok and .[-1].failed_steps == [] and (.[-1].reboot_required | not)' "$OUT"
check "with nothing to say" silent
check "DCE first" acted start.dce start.dfs
check "under the name of the service, without the dead node's files" saw start.dce 'host=dcesvc .*old=$'
check "DFS, too" saw start.dfs host=dcesvc
check "with RPC_UNSUPPORTED_NETADDRS of /etc/environment" saw start.dce rpc=9.3.240.1:9.3.240.66
check "the host name is the node's own again" host_name node2
check "started again" hadce-start
check_json "there is nothing to do" 'map(select(.type == "event").values.outcome) - ["already", "passed_over"] == []' "$OUT"
check "the endpoint map of the running dced is there" grep -qx new /var/dce/dced/Ep.db
check "nobody was called" acted start.dce start.dfs
check "it runs: --status says yes" hadce-start --status
afresh
check_status "nothing runs: --status says no" 1 hadce-start --status
check "a plan is printed" hadce-start --dry-run
check "and nothing done" untouched
tailored() { hadce-start --dry-run | jq -c 'if .id == "start-dce" then .do.argv += ["-all"] else . end' | harun; }
check "a site tailors the plan: start.dce gets an argument" tailored
check "it was given" saw start.dce 'host=dcesvc'
check "as the argument" grep -q '^start.dce -all ' "$FAKE/journal"
afresh '.hostname_restore = "at-stop"'
check "where the name is restored at the stop" hadce-start
check "it stays" host_name dcesvc
check "through a second start" hadce-start
check "it stays" host_name dcesvc
afresh '.configuration = "mutual-cascading" | .dce_servers = [] | .service_hostname = null'
check "in mutual takeover the clients start" hadce-start
check "under the node's name" saw start.dce host=node2
check "and nobody deletes files" test "$(old_files | wc -w)" -eq 3

# NAME STATUS CALLS [JQ-FILTER...]: it fails so, and everything is taken back
fails() {
    _reason=$1 _status=$2 _calls=$3
    shift 3
    config "$@"
    check_status "$_reason" "$_status" hadce-start
    cp "$OUT" records && cp "$ERR" words
    check "the host name is back" host_name node2
    check "$_calls" acted "$_calls"
    check_status "nothing of it runs" 1 running.dce
    check "and nothing is left to repair" test ! -e "$STATE"
}
afresh; how start.dce "say start exit 3"
fails "start.dce fails half-way: it is stopped again" 6 "start.dce stop.dce"
check "what it said is told" grep -q "start.dce says this" records
check "its status, too" grep -q "status 3" words
afresh; how start.dce "start die"
fails "start.dce is killed" 6 "start.dce stop.dce"
afresh; how start.dce "start linger escape exit 1"
fails "start.dce leaves children behind" 6 "start.dce stop.dce"
check "they are gone: that of its group" gone start.dce.linger
check "and that of another session" gone start.dce.escape
afresh; how start.dce "deaf start escape hang"
# Its daemon is deaf, too: the stop waits for it until the deadline.
fails "start.dce hangs" 5 "start.dce stop.dce" '.timeouts_seconds.start_dce = 1' '.deadline_seconds = 15'
check "it is gone" gone start.dce.pid
check "its children, too" gone start.dce.hang
check "even those of another session" gone start.dce.escape
afresh; how start.dce "start hang"
fails "the whole start has a deadline" 5 "start.dce stop.dce" '.deadline_seconds = 2'
afresh; how ready.dce "exit 1"
fails "DCE starts, and does not serve" 5 "start.dce stop.dce" '.timeouts_seconds.start_dce = 1' '.ready_dce = ["/usr/bin/ready.dce"]'
afresh; how start.dfs "exit 1"
fails "start.dfs fails" 6 "start.dce start.dfs stop.dfs stop.dce" "$WITH_DFS"
afresh; how start.dce "linger escape"
check "children that hold its output" timeout 10 hadce-start
check "are DCE's daemons, and live" alive start.dce.linger

afresh
echo outside >/var/dce/outside
mkdir /var/dce/security/creds/directory
ln -s /var/dce/outside /var/dce/security/creds/link
echo old >/var/dce/security/creds/.hidden
check "odd credentials" hadce-start
check "the link is there" test -L /var/dce/security/creds/link
check "what it leads to, too" grep -qx outside /var/dce/outside
check "and a directory" test -d /var/dce/security/creds/directory
check "hidden files are gone" test ! -e /var/dce/security/creds/.hidden
afresh
echo outside >/var/dce/outside
ln -sf /var/dce/outside /var/dce/dced/Ep.db
fails "the endpoint map is a link" 6 ""
check "what it leads to is untouched" grep -qx outside /var/dce/outside
afresh
mkdir outside && echo ours >outside/file
rm -r /var/dce/security/creds && ln -s "$SCENE_DIR/outside" /var/dce/security/creds
fails "the credentials are a link off the shared disk" 6 ""
check "what it leads to is untouched" test -s outside/file
afresh; mount -o remount,bind,ro /var/dce
fails "the disk is read-only" 6 ""

afresh; how start.dce wait
hadce-start >one 2>&1 &
first_start=$!
until_true saw start.dce host=dcesvc
check_status "a second start at once is told that it is busy" 5 hadce-start --lock-wait 0
hadce-start --lock-wait 20 >two 2>&1 &
second_start=$!
touch "$FAKE/start.dce.go"
check "the first goes on" wait "$first_start"
check "one that waits finds all done" wait "$second_start"
check "start.dce was called once" acted start.dce
check_status "no second daemon" 1 second_daemon

afresh
bare() { env -i "$HATOOLS_BIN/hadce-start" <&- >&- 2>&-; }
check "no environment, no terminal, and standard input, output and error closed" bare
check "it is done" running.dce
afresh
lost() { mkdir gone && cd gone && rmdir ../gone && hadce-start; }
check "from a directory that is gone" lost
cd "$SCENE_DIR" || exit
given() { hadce-start --config - <"$SCENE_DIR/given"; }
afresh; mv "$CONFIG" given
check "its configuration from standard input" given
done_testing
