# The application server scripts of the management node, the very files, as PowerHA calls them: no environment, no terminal.
# shells: ksh93 mksh
. "${0%/*}/../fakes/machine.sh"
machine "$@"
. "${0%/*}/../lib.sh"
[ "$MACHINE" = yes ] || { skip "the scripts" "no machine of its own: $NO_MACHINE"; done_testing; }
. "$ROOT/tests/fakes/xcat-node.sh"
LOG=/var/log/hatools/events.jsonl
SHELL_UNDER_TEST=$(readlink "/proc/$$/exe")
# shellcheck disable=SC2154 # xcat-node.sh sets $bin
event() { # SCRIPT: but for what the stand-ins need
    timeout 60 env -i HATOOLS_BIN="$HATOOLS_BIN:$bin" SCENE_DIR="$SCENE_DIR" XCATCFG="$XCATCFG" "$SHELL_UNDER_TEST" "$ROOT/scripts/events/$1" </dev/null
}
config() { node_pair "$1" && cp pair.json /etc/hatools/pair.json && chmod 600 /etc/hatools/pair.json; } # JQ-FILTER
silent() { [ ! -s "$OUT" ]; }
timed() { ! grep -v '^[0-9-]*T[0-9:.]*Z ' "$ERR"; }
says() { grep -qF "$1" "$ERR"; }
same() { node_state >now && diff "$1" now; }
node_state >before

check_status "without a configuration it is wrong usage" 2 event xcat-activate
config .
check_status "without a proof that the other node is down it fails" 6 event xcat-activate
check "and says so" says "FAILED (status 6): haxcat-activate"
check "nothing was touched" same before
# The address and the disks are PowerHA's: where it brought them, the other node has let them go.
cluster='.vip.manage = false | .mount = false'
config "$cluster"
check_status "nor without the address and the disks that the cluster brings" 6 event xcat-activate
ip address add 9.3.240.9/24 dev en0 && mount /opt/shared && mount /opt/install || exit
check "with them it is taken over" event xcat-activate
check "nothing is for the cluster manager to read" silent
check "each line has its time" timed
printf '%s\n' 'en0 9.3.240.9/24' /opt/shared /opt/install conserver named xcatd exported mn >active
check "all runs" same active
check_json "what the tool wrote is in the log" '.[-1].ok and .[-1].status == 0' "$LOG"
: >said
check "a second time" event xcat-activate
check "it calls nothing" test ! -s said
check "it is given up" event xcat-deactivate
printf '%s\n' 'en0 9.3.240.9/24' /opt/shared /opt/install node2 >given
check "but for what the cluster takes away" same given
check "a second time" event xcat-deactivate
node_bend makedns fails
check_status "a takeover that fails has the tool's status" 6 event xcat-activate
check "with the step" says "xcat-dns: makedns: status 1"
node_bend makedns well
check "the next one goes on" event xcat-activate
check "and ends as an undisturbed one" same active
node_bend named fails
check_status "a stop that leaves a part behind fails" 6 event xcat-deactivate
check "with what remains" says "stop-named"
node_bend named well
check "the next one takes it" event xcat-deactivate
check "nothing else is left" same given
cp "$ROOT/scripts/events/xcat-activate" alone
check_status "without event.sh beside it it fails, and not as wrong usage" 6 "$SHELL_UNDER_TEST" ./alone
done_testing
