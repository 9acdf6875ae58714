# The very file of scripts/serviceguard, as Serviceguard calls it.
. "${0%/*}/../fakes/machine.sh"; machine "$@"
. "${0%/*}/../lib.sh"
[ "$MACHINE" = yes ] || { skip "the package" "no machine of its own: $NO_MACHINE"; done_testing; }
. "$ROOT/tests/fakes/dce.sh"
LOG=/var/log/hatools/events.jsonl
says() { grep -q "$1" "$ERR"; }
started() { afresh "$@" && hadce-start >/dev/null && : >"$FAKE/journal"; }

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
check_json "the records are kept" '.[0].schema == "harun/1" and .[-1].ok' "$LOG"
check "the package's log has a line for each step" says "Z start-dce"
check "it stops" package stop
check "it stops again" package stop
check "stop.dce was called" acted start.dce stop.dce
for how in '>&-' '2>&-' '>&- 2>&-' '<&- >&- 2>&-' '>/dev/full 2>/dev/full'; do
    afresh
    outputs() { eval "package \"\$1\" $how"; }
    check "$how: it starts" outputs start
    check "DCE runs" running.dce
    check "it stops" outputs stop
    check "stop.dce was called" acted start.dce stop.dce
    check "it is valid" outputs validate
done
installed() { # as its head has it: with event.sh beside it
    mkdir -p installed && cp "$ROOT/scripts/serviceguard/hadce" "$ROOT/scripts/serviceguard/event.sh" installed/ && test ! -L installed/event.sh &&
        env -i HATOOLS_BIN="$HATOOLS_BIN" "$SHELL_UNDER_TEST" installed/hadce start </dev/null
}
check "installed elsewhere, it starts" installed
rm installed/event.sh
check_status "without event.sh it fails" 1 env -i "$SHELL_UNDER_TEST" installed/hadce start
check "and says why" says "event.sh is not there"
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
