# What an administrator sees of hadiff.
. "${0%/*}/../lib.sh"

cp -R "$ROOT/tests/fixtures/xcat/sqlite" db
XCATCFG=$SCENE_DIR/db
export XCATCFG
haxcat-dump >before || exit
python3 - <<'PY'
import sqlite3
table = sqlite3.connect("db/nodehm.sqlite")
table.execute("update nodehm set mgt = 'hmc' where node = 'compute'")
table.commit()
table = sqlite3.connect("db/mac.sqlite")
table.execute("create table mac (node varchar(128), interface text, mac text, comments text, disable text, primary key (node))")
table.execute("insert into mac values ('n1', 'eth0', '00:11', null, null)")
table.commit()
PY
haxcat-dump >after || exit

check 'a database is the same as itself' hadiff before before
check_json 'and nothing is told but the totals' 'length == 2 and .[0].schema == "hadiff/1" and .[1].ok and .[1].same == .[1].left_records' "$OUT"
check 'nothing is said on standard error' test ! -s "$ERR"
check_status 'a row that was changed and a new one are a difference' 1 hadiff before after
cp "$OUT" told
check_json 'the field is told with both values' \
    'map(select(.key.key.table == "nodehm"))[0].values | .change == "changed" and .fields == [{"field": "values.mgt", "change": "changed", "left": "ipmi", "right": "hmc"}]' told
check_json 'the new row is told whole' \
    'map(select(.values.change == "only_right"))[0] | .key.type == "row" and .values.right.values.mac == "00:11" and .values.left == null' told
check_json 'and the end counts' '.[-1] | .ok and .status == 1 and .changed == 1 and .only_left == 0 and .only_right == 1' told
check_status 'the other way round' 1 hadiff after before
check_json 'the sides change' '.[-1] | .only_left == 1 and .only_right == 0' "$OUT"
check_status 'ignored fields do not count' 1 hadiff --ignore mgt before after
check_json 'but are counted' '.[-1] | .ignored == 1 and .changed == 0' "$OUT"
check_status 'and only the totals, when asked' 1 hadiff --brief before after
check_json 'have no records' 'length == 2 and .[-1].only_right == 1' "$OUT"
check_json 'the differences are a stream of records with keys' 'map(select(.type == "difference") | .key | tojson) | length == 2 and (unique | length) == 2' told
check 'which can be compared itself' hadiff told told

jq . before >laid-out
check 'JSON that was laid out over lines is the same' hadiff before laid-out
jq -cS . before >sorted-fields
check 'and so are fields in another order' hadiff before sorted-fields
{ head -n 1 before; sed '1d;$d' before | sort -r; tail -n 1 before; } >reversed
check 'rows may stand in another order' hadiff before reversed
{ head -n 1 after; sed '1d;$d' after | awk 'NR % 2' ; sed '1d;$d' after | awk 'NR % 2 == 0'; tail -n 1 after; } >mixed
cp mixed mixed-too
check_status 'tables that come again' 4 hadiff mixed mixed-too
cp "$ERR" said
check 'are told with the next step' grep -q '^hadiff: mixed (left): records of type row with .* come again after others: --unsorted takes any order' said
check 'which is true' hadiff --unsorted mixed after

# Pipes, made by the shell under test.
from_pipe() { haxcat-dump | hadiff after -; }
check 'standard input is a side' from_pipe
filtered() { jq -c 'if .type == "row" then .values.comments = null else . end' after | hadiff after -; }
check 'a filter may stand between' filtered
cut_short() { head -n 3 after | hadiff after -; }
check_status 'a stream that is cut is not trusted' 4 cut_short
cp "$ERR" said
cp "$OUT" told
check 'and its side is named' grep -qx 'hadiff: standard input (right): is cut: the end record is missing, so the sender did not finish' said
check_json 'in the end record, too' '.[-1] | .ok == false and .status == 4 and .not_trusted == ["right"]' told
failed_sender() { XCATCFG=$SCENE_DIR/nowhere haxcat-dump 2>sender | hadiff after -; }
check_status 'nor is a sender that failed, without pipefail' 4 failed_sender
missing_sender() { no-such-command 2>sender | hadiff after -; }
check_status 'nor one that is missing' 4 missing_sender
twice() { cat after after | hadiff after -; }
check_status 'nor two streams in one' 4 twice
reader_leaves() { hadiff before after | head -n 1 >first; }
check 'a reader that leaves is no trouble' reader_leaves
check 'to nobody' test ! -s "$ERR"
mkfifo one other
two_pipes() { cat before >one & cat after >other & hadiff one other; _two=$?; wait; return "$_two"; }
check_status 'both sides may be pipes' 1 two_pipes
check_json 'that are read to their ends' '.[-1].left_records == (.[-1].right_records - 1)' "$OUT"
check_status 'both sides that cannot be trusted are named' 4 hadiff /dev/null sender
cp "$ERR" said
check 'in one line' grep -q '^hadiff: /dev/null (left): is empty.*; sender (right): ' said
for file in "$ROOT"/tests/contract/ha-json/not-trusted/*; do
    check_status "what nobody trusts: $(basename "$file" .jsonl)" 4 hadiff "$file" "$ROOT/tests/contract/ha-json/trusted/whole.jsonl"
done
check 'carriage returns are blanks' hadiff "$ROOT/tests/contract/ha-json/trusted/carriage-returns.jsonl" "$ROOT/tests/contract/ha-json/trusted/whole.jsonl"

printf 'LANG=C\nTZ=UTC0\n' >environment
haenv environment >one-answer && haenv environment >other-answer
check 'two answers of one tool are compared' hadiff one-answer other-answer
haenv --set TZ=CET environment >edit && haenv environment >other-answer
check_status 'field by field' 1 hadiff one-answer other-answer
check_json 'as one record' '.[1] | .key.type == "answer" and .values.fields[0].field == "variables"' "$OUT"
check_status 'answers of two tools are not compared' 4 hadiff one-answer before
cp "$ERR" said
check 'and both schemas are named' grep -qx 'hadiff: one-answer (left): is haenv/1, and before (right) is haxcat/1: they say different things' said

check_status 'a file that is not there is a failure' 6 hadiff before nowhere
check_status 'standard input cannot be both' 2 hadiff - -
check 'wrong usage says nothing on standard output' test ! -s "$OUT"
check_status 'a key is not to be ignored' 2 hadiff --ignore key.node before after
done_testing
