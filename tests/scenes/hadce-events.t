# The very files of scripts/events and scripts/serviceguard, as cluster managers call them: no environment, no terminal.
. "${0%/*}/../fakes/machine.sh"; machine "$@"
. "${0%/*}/../lib.sh"
[ "$MACHINE" = yes ] || { skip "the scripts" "no machine of its own: $NO_MACHINE"; done_testing; }
. "$ROOT/tests/fakes/dce.sh"
LOG=/var/log/hatools/events.jsonl
timed() { ! grep -v '[0-9-]*T[0-9:.]*Z ' "$ERR"; }
silent() { [ ! -s "$OUT" ]; }
says() { grep -q "$1" "$ERR"; }
started() { afresh "$@" && hadce-start >/dev/null && : >"$FAKE/journal"; }
cascading='.configuration = "standby-cascading" | .service_hostname = null'

for script in dce-start dce-stop dfs-start dfs-stop node-down-post node-up-pre; do
    check "$script can be run, and its first line names a shell" test -x "$ROOT/scripts/events/$script" -a "$(sed 1q "$ROOT/scripts/events/$script")" = "#!/bin/sh"
done
afresh
own_shell() { env -i HATOOLS_BIN="$HATOOLS_BIN" "$ROOT/scripts/events/dce-start" <&-; }
check "dce-start by its own shell" own_shell
check "writes nothing for the cluster manager to read" silent
check_json "what the tool wrote is in the log" '.[0].schema == "harun/1" and .[-1].ok' "$LOG"
check "a second dce-start" event dce-start
check "has a line with its time for each step" timed
check_json "the log goes on" 'map(select(.type == "end")) | length == 2' "$LOG"
check "dce-stop" event dce-stop
check "a second dce-stop" event dce-stop
check "each was called once" acted start.dce stop.dce

dd if=/dev/zero bs=1024 count=1100 2>/dev/null | tr '\0' '\n' >>"$LOG"
check "with a log of a megabyte" event dce-stop
check "a new one is begun" test "$(wc -c <"$LOG")" -lt 100000
check "the last one is kept" test "$(wc -c <"$LOG.old")" -gt 1000000
rm "$LOG" "$LOG.old"
mount -t tmpfs -o size=64k full /var/log/hatools
dd if=/dev/zero of=/var/log/hatools/full 2>/dev/null
afresh
check "with the log's disk full, the takeover is done" event dce-start
check "it is" running.dce
umount /var/log/hatools
rm -r /var/log/hatools && : >/var/log/hatools
check "with no directory for the log" event dce-stop
check_status "it is done" 1 running.dce
rm /var/log/hatools

afresh; how start.dce "linger escape"
check "daemons that keep their output open" event dce-start
check "live on" alive start.dce.linger

afresh; how start.dce "say exit 3"
check_status "a start that fails has the tool's status" 6 event dce-start
check "and says so" says "FAILED (status 6)"
check_status "with the reason" 6 event dce-start
check "of start.dce" says "start.dce says this"
started "$WITH_DFS" '.timeouts_seconds.stop_dfs = 1'; how stop.dfs remain
check_status "a stop that leaves DFS behind fails" 6 event dfs-stop
check "and says what to do" says "REBOOT REQUIRED"
check_status "a second one" 6 event dce-stop
check "says it again" says "REBOOT REQUIRED"
started
check "a stop that leaves nothing" event dce-stop
check_status "asks for no reboot" 1 says REBOOT
afresh
check_status "dfs-start where DFS is not configured" 2 event dfs-start
check "does nothing" acted ""
afresh "$WITH_DFS" '.peer_down = null'
check_status "dfs-start while nothing proves that the other node is down" 6 event dfs-start
check "does nothing" acted ""
afresh "$WITH_DFS"
check "dfs-start" event dfs-start
check "starts both" acted start.dce start.dfs
missing() { env -i HATOOLS_BIN=/nowhere "$SHELL_UNDER_TEST" "$ROOT/scripts/events/dce-start"; }
check_status "without the tools" 127 missing

printf '%s\n' SITE=ours 'ODD=`touch /run/odd`$(touch /run/odd); touch /run/odd' >>/etc/environment
afresh "$cascading"
check "node-down-post takes over" event node-down-post
check "start.dce" acted start.dce
check "has what /etc/environment says, which PowerHA keeps from it" grep -qx SITE=ours "$FAKE/start.dce.environment"
check "but runs nothing of it" test ! -e /run/odd
check "node-up-pre gives back" event node-up-pre
check "stop.dce" acted start.dce stop.dce
afresh "$cascading"
check "node-down-post on the node that goes down itself" event node-down-post node2 graceful
check "does nothing" acted ""
started
check "node-up-pre where resources rotate" event node-up-pre
check "does nothing" acted ""
check "DCE runs" running.dce
config '.configuration = "cold-standby"'
check_status "node-up-pre with a configuration that cannot be used fails" 2 event node-up-pre
afresh "$cascading" '.environment_file = null'
mv /etc/environment environment
check "node-down-post without /etc/environment takes over" event node-down-post
check "and says what it misses" says "/etc/environment"
mv environment /etc/environment

afresh; how start.dce "start hang"
HATOOLS_BIN=$HATOOLS_BIN setsid "$SHELL_UNDER_TEST" "$ROOT/scripts/events/dce-start" >out 2>err </dev/null &
script=$!
until_true test -s "$FAKE/start.dce.hang"
# Not every shell's own kill knows groups.
env kill -s TERM -- "-$script"
check_status "a signal to the whole group: the start is taken back" 5 wait $script
check "before the script ends" acted start.dce stop.dce
check "the host name is back" host_name node2
check "and it says that trying again may help" grep -q "trying again may help" err

# 0: done. 1: halted, and not started elsewhere. 2: started elsewhere.
package() { env -i HATOOLS_BIN="$HATOOLS_BIN" SG_PACKAGE=dce SG_NODE=node2 "$SHELL_UNDER_TEST" "$ROOT/scripts/serviceguard/hadce" "$@" </dev/null; }
full_log() { package "$@" >/dev/full; }
afresh
umount /krb5
check "Serviceguard validates without disks" package validate
check_status "without disks another node may start" 2 package start
check "the package is named" says "dce on node2: FAILED"
mount -t tmpfs disk /krb5
check "it starts, its log full" full_log start
check "start.dce" acted start.dce
check "it starts again" package start
check_json "the package's log has the records" '.[0].schema == "harun/1" and .[-1].ok' "$OUT"
check "it stops" package stop
check "it stops again" package stop
check "stop.dce was called" acted start.dce stop.dce
afresh '.after_start = [{id: "site", what: "the site", timeout_seconds: 5, on_failure: "go_on", do: {kind: "run", argv: ["/usr/bin/false"]}}]'
check "a step of the site that may fail halts no package" package start
check "and is told" says "status 3"
started '.timeouts_seconds.stop_dce = 1'; how stop.dce remain
check_status "what remains keeps other nodes from starting" 1 package stop
config '.configuration = "cold-standby"'
check_status "with a wrong configuration another node may start" 2 package start
check_status "it is not valid" 1 package validate
check_status "no word" 1 package
check_status "a word that it does not know" 1 package restart
done_testing
