# The application server scripts of scripts/events, the very files, as PowerHA calls them: no environment, no terminal.
. "${0%/*}/../fakes/machine.sh"; machine "$@"
. "${0%/*}/../lib.sh"
[ "$MACHINE" = yes ] || { skip "the scripts" "no machine of its own: $NO_MACHINE"; done_testing; }
. "$ROOT/tests/fakes/dce.sh"
LOG=/var/log/hatools/events.jsonl
timed() { ! grep -v '[0-9-]*T[0-9:.]*Z ' "$ERR"; }
silent() { [ ! -s "$OUT" ]; }
says() { grep -q "$1" "$ERR"; }
started() { afresh "$@" && hadce-start >/dev/null && : >"$FAKE/journal"; }

found() { sed -n '/^self=/,/^\. /p' "$1"; }
for script in "$ROOT"/scripts/events/*; do
    # Cron's own, and those of membership, are no event scripts of HACMP.
    case $script in */event.sh | */crontab* | */*-nightly-* | */member*) continue ;; esac
    check "${script##*/} can be run, and its first line names the shell that AIX has" test -x "$script" -a "$(sed 1q "$script")" = "#!/bin/ksh"
    check "it finds event.sh as the others do" test "$(found "$script")" = "$(found "$ROOT/scripts/events/dce-start")"
done
afresh
own_shell() { env -i HATOOLS_BIN="$HATOOLS_BIN" "$ROOT/scripts/events/dce-start" <&-; }
# Not every Linux has a ksh by that name.
[ -x /bin/ksh ] || own_shell() { event dce-start; }
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

mkdir -p "$LOG"
check "with a directory in the log's place" event dce-start
check "it is told, and no more" says "cannot be written: the records are not kept"
check_status "nothing of wc or tee" 1 grep -v '^[0-9-]*T[0-9:.]*Z ' "$ERR"
rm -r "$LOG"
by() { env -i HATOOLS_BIN="$HATOOLS_BIN" "$@" </dev/null; } # [NAME=VALUE...] COMMAND...
check "a log without a path" by HATOOLS_LOG=rel.jsonl "$SHELL_UNDER_TEST" "$ROOT/scripts/events/dce-stop"
check_json "is a file in this directory" '.[-1].ok' rel.jsonl
mkdir conf && printf "HATOOLS_LOG='/run/other.jsonl'\n" >/etc/hatools/events.conf
check "a log that events.conf names" by "$SHELL_UNDER_TEST" "$ROOT/scripts/events/dce-stop"
check_json "has the records" '.[-1].ok' /run/other.jsonl
rm /etc/hatools/events.conf

# However it is called.
mkdir links && ln -s "$ROOT/scripts/events/dce-start" links/absolute && ln -s absolute links/twice && ln -s links/twice relative
for link in links/absolute links/twice relative ./relative "$PWD/relative"; do
    afresh
    check "by a symbolic link, $link" by "$SHELL_UNDER_TEST" "$link"
    check "DCE runs" running.dce
done
without_path() { cd "$ROOT/scripts/events" && by "$SHELL_UNDER_TEST" dce-stop; }
check "without a path" without_path
check "it is done" acted start.dce stop.dce
cd "$SCENE_DIR" || exit
cp "$ROOT/scripts/events/dce-start" alone
check_status "without event.sh beside it it fails, and not as wrong usage" 6 by "$SHELL_UNDER_TEST" ./alone
check "it says why" says "event.sh is not there"

# Standard output and standard error closed, full, or both.
for how in '>&-' '2>&-' '>&- 2>&-' '<&- >&- 2>&-' '>/dev/full' '2>/dev/full' '>/dev/full 2>/dev/full'; do
    afresh
    outputs() { eval "by \"\$SHELL_UNDER_TEST\" \"\$ROOT/scripts/events/dce-start\" $how"; }
    check "$how" outputs
    check "DCE runs" running.dce
    how start.dce "exit 3"; kill -9 "$(cat "$FAKE/dce.daemon")"
    # Whoever buries it may take a while.
    tries=0
    while running.dce >/dev/null 2>&1 && [ "$((tries += 1))" -lt 100 ]; do sleep 0.05; done
    check_status "$how: a failure is one" 6 outputs
done

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

done_testing
