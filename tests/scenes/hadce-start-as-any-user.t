# Clients of DCE in mutual takeover, where nothing is taken over: their start and stop need no root and no machine of their own.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/dce.sh"
at_exit() { for process in "$FAKE"/*.daemon; do kill "$(cat "$process")" 2>/dev/null; done; }
FAKE=$SCENE_DIR/fake CONFIG=$SCENE_DIR/dce.json
FAKE_DCE=$FAKE DCE_LOCAL=$SCENE_DIR
export FAKE_DCE DCE_LOCAL
mkdir -p fake var/dced
fakes=$ROOT/tests/fakes
config ".configuration = \"mutual-cascading\" | .dce_servers = [] | .service_hostname = null | .service_addresses = [\"127.0.0.1\"]
    | .state_directory = \"$SCENE_DIR/state\" | .environment_file = null | .timeouts_seconds.start_dce = 2
    | .start_dce = [\"$fakes/start.dce\"] | .stop_dce = [\"$fakes/stop.dce\"] | .running_dce = [\"$fakes/running.dce\"]"
own_name=$(uname -n)
start() { hadce-start --config "$CONFIG"; }
stop() { hadce-stop --config "$CONFIG"; }
check_status "nothing runs" 1 hadce-start --config "$CONFIG" --status
check "a start" start
check "a second one" start
check "it runs" hadce-start --config "$CONFIG" --status
check "start.dce was called once, under the node's name" grep -qx "start.dce host=$own_name rpc=none old=" "$FAKE/journal"
check "a stop" stop
check "a second one" stop
check "stop.dce was called once" acted start.dce stop.dce
: >"$FAKE/journal"
how start.dce "start escape exit 1"
check_status "start.dce fails half-way" 6 start
check "it is stopped again" acted start.dce stop.dce
check "its child is gone" gone start.dce.escape
how start.dce "start hang"
check_status "start.dce hangs" 5 start
check "it is gone" gone start.dce.pid
check "its child, too" gone start.dce.hang
how start.dce "start kill hang"
check_status "hadce-start is killed" 137 sh -c 'hadce-start --config "$0"; exit $?' "$CONFIG"
cp "$FAKE/start.dce.pid" "$FAKE/killed.pid"
rm "$FAKE/start.dce.how"
check "the next start" start
check "ends what the killed one had begun" gone killed.pid
check "a stop" stop
check_status "nothing runs" 1 hadce-start --config "$CONFIG" --status
done_testing
