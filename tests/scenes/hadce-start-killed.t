# A start that is interrupted takes back what it did; one that is killed leaves that to the next start or stop.
# shells: ksh93 mksh
. "${0%/*}/../fakes/machine.sh"; machine "$@"
. "${0%/*}/../lib.sh"
[ "$MACHINE" = yes ] || { skip "a start that is killed" "no machine of its own: $NO_MACHINE"; done_testing; }
. "$ROOT/tests/fakes/dce.sh"
no_second_daemon() { ! grep "second daemon" "$FAKE/journal"; }
nothing_runs() { ! running.dce && ! running.dfs; }
start() { sh -c 'hadce-start; exit $?'; } # 137 is what most shells call a process that was killed; ksh93 has 265
# A step of the site that kills hadce-start, once, or does something else at that point.
site() { jq -n --arg key "$1" --arg command "$2" '".\($key) = [{id: \"site\", what: \"the site\", timeout_seconds: 10, do: {kind: \"run\", argv: [\"/bin/sh\", \"-c\", \($command | tojson)]}}]"' | jq -r .; }
kill_once="[ -e $FAKE/killed ] || { : >$FAKE/killed; kill -9 \$PPID; sleep 900; }"

# WHERE NAME-DURING-IT FAKE WORDS [JQ-FILTER]: killed there, the next start starts, and the next stop stops
killed() {
    for next in start stop; do
        afresh "$WITH_DFS" '.ready_dce = ["/usr/bin/ready.dce"]' "${5:-.}"
        how "$3" "$4"
        check_status "killed $1" 137 start
        check "the host name is $2" host_name "$2"
        cp "$FAKE/$3.pid" "$FAKE/killed.pid" 2>/dev/null
        rm -f "$FAKE"/*.how
        check "the next $next" hadce-$next
        check "gives the host name back" host_name node2
        [ ! -e "$FAKE/killed.pid" ] || check "ends what the killed start had begun" gone killed.pid
        case $next in
            start) check "DCE runs" running.dce; check "DFS runs" running.dfs; check "once" no_second_daemon ;;
            stop) check "nothing runs" nothing_runs ;;
        esac
        check "nothing is left to repair" test ! -e "$STATE"
    done
}
killed "before the guide's steps" node2 none "" "$(site before_start "$kill_once")"
killed "in start.dce" dcesvc start.dce "kill hang"
killed "in start.dce, when its daemon runs" dcesvc start.dce "start kill deaf hang"
killed "waiting for DCE" dcesvc none "" "$(site before_start "[ -e $FAKE/killed ] || echo kill hang >$FAKE/ready.dce.how; : >$FAKE/killed")"
killed "in start.dfs" dcesvc start.dfs "kill hang"
killed "in start.dfs, when its daemon runs" dcesvc start.dfs "start escape kill hang"
killed "behind the guide's steps" dcesvc none "" "$(site after_start "$kill_once")"

afresh
how start.dce "start exit 1"
how stop.dce "kill hang"
check_status "killed while it takes back a start that failed" 137 start
rm "$FAKE"/*.how
check "the next stop" hadce-stop
check "gives the host name back" host_name node2
check "nothing runs" nothing_runs

at=5
while [ $at -le 75 ]; do
    afresh "$WITH_DFS"
    hadce-start >/dev/null 2>&1 &
    pid=$!
    sleep "0.0$(printf %02d $at)"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    check "killed after $at ms, or done: a stop" hadce-stop
    check "gives the host name back" host_name node2
    check "nothing runs" nothing_runs
    at=$((at + 14))
done

for signal in TERM INT HUP; do
    afresh
    how start.dce "start escape hang"
    # The shells start what is in the background deaf to INT.
    hadce-start >out 2>err &
    pid=$!
    until_true test -s "$FAKE/start.dce.hang"
    kill -s $signal $pid
    check_status "$signal: busy" 5 wait $pid
    check_json "it says so" '.[-1].error.kind == "busy" and .[-1].status == 5' out
    check "the host name is back" host_name node2
    check "DCE was stopped" acted start.dce stop.dce
    check "nothing runs" nothing_runs
    check "start.dce is gone" gone start.dce.pid
    check "its child, too" gone start.dce.hang
    check "and the one in a session of its own" gone start.dce.escape
    check "nothing is left to repair" test ! -e "$STATE"
done

# A machine that was booted has its own name, and processes of its own.
booted() {
    cat /proc/sys/kernel/random/uuid >boot_id
    mount --bind boot_id /proc/sys/kernel/random/boot_id
    hostname renamed
    kill -9 "$(cat "$FAKE/dce.daemon")" "$(cat "$FAKE/start.dce.pid")"
    # On a busy machine they live on for a moment: the next start would find DCE running.
    until_true gone dce.daemon && until_true gone start.dce.pid
    leave_files
}
for next in start stop; do
    afresh
    how start.dce "start kill hang"
    check_status "killed, and then the machine is booted" 137 start
    booted
    rm "$FAKE"/*.how "$FAKE/journal"
    check "the next $next" hadce-$next
    check "leaves the host name that it has now" host_name renamed
    case $next in start) check "DCE runs" running.dce ;; stop) check "nobody is called" acted "" ;; esac
    umount /proc/sys/kernel/random/boot_id
done
afresh
mkdir -p /run/hatools/hadce
echo '{"schema":"ha-plan-st' >"$STATE"
check "a state that is torn is put aside" hadce-start
check "and told" grep -q '"attempt":"repair"' "$OUT"
done_testing
