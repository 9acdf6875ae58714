# haxcat-dump -p D | hasync --from-json: where the sender does not finish, nothing changes on the standby, pipefail or not.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/lab.sh"
at_exit() { lab_down; }
lab_up || exit
PATH=$LAB/bin:$PATH
XCATCFG=$SCENE_DIR/db
export PATH XCATCFG
python3 "$ROOT/scripts/sample-xcat-db" db 20 || exit
dump=$SCENE_DIR/primary/dump
mkdir primary standby

send() { hasync --from-json "standby:$SCENE_DIR/standby/"; }
whole() { haxcat-dump -p "$dump" | send; }
failing() { XCATCFG=$SCENE_DIR/nothing haxcat-dump -p "$dump" | send; }
cut_short() { haxcat-dump -p "$dump" | head -n 3 | send; }
cut_in_a_line() { haxcat-dump -p "$dump" | head -c 700 | send; }
absent() { true | send; }
missing() { no-such-command 2>/dev/null | send; }
doubled() { (haxcat-dump -p "$dump"; haxcat-dump -p "$dump") | send; }
other() { echo '{"schema":"other/1","ok":true}' | send; }
filtered() { haxcat-dump -p "$dump" | jq . | send; }
same() { diff -r "$dump" "standby/$dump"; }
# Names, inodes, times and sizes: not even an equal file was put in place again.
state() { find standby -printf '%p %i %T@ %C@ %s\n' | sort; }

check "the pipe" whole
check_json "ends well" '.[0].type == "begin" and .[-1].ok' "$OUT"
check "and makes the dump's files true beneath the destination" same

# Something that a wrong run would bring across.
python3 "$ROOT/scripts/sample-xcat-db" db 30 || exit
state >before
for how in failing cut_short cut_in_a_line absent missing doubled other; do
    check_status "$how: the stream is not to be trusted" 4 "$how"
    check "$how: one line on standard error says why" grep -q '^hasync: .*standard input' "$ERR"
    state >after
    check "$how: nothing changed on the standby" cmp before after
done
check "pretty-printed by jq, it is read" filtered
check "and the new dump is there" same
done_testing
