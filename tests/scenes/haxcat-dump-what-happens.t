# What an administrator sees of haxcat-dump.
. "${0%/*}/../lib.sh"

tool=$(command -v haxcat-dump)
cp -R "$ROOT/tests/fixtures/xcat/sqlite" db
XCATCFG=$SCENE_DIR/db
export XCATCFG

as_the_real_one() { # DIR
    for file in "$ROOT"/tests/fixtures/xcat/csv/*.csv; do
        cmp "$file" "$1/${file##*/}" || return
    done
}

check 'a dump is made' haxcat-dump -p dump
cp "$ERR" said
check_json 'its files are told by their absolute paths, the manifest among them' \
    '.[0].schema == "haxcat/1" and .[-1].ok and ([.[] | select(.type == "file") | .key.path | startswith("/")] | length == 72 and all)' "$OUT"
check 'nothing is said on standard error' test ! -s said
rm said
check 'the files are byte for byte those of dumpxCATdb' as_the_real_one dump
check 'a dump over a dump' haxcat-dump -p dump
check 'nothing is left beside it' test "$(ls -A)" = "db
dump"

check 'blanks and quotes in paths' haxcat-dump -p "a b'c/d \"e"
check 'lead to the directory of that name' as_the_real_one "a b'c/d \"e"

cat >read.py <<'EOF'
import csv, sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    rows = list(csv.reader(text.splitlines(True), strict=True))
    assert text.startswith("#") and all(len(row) == len(rows[0]) for row in rows), path
    again = ",".join(rows[0]) + "\n" + "".join(
        ",".join('"' + cell.replace('"', '""') + '"' if cell else "" for cell in row) + "\n" for row in rows[1:])
    assert again == text, path
EOF
python3 - <<'EOF'
import sqlite3
table = sqlite3.connect("db/mac.sqlite")
table.execute("create table mac (node varchar(128), interface text, mac text, comments text, disable text, primary key (node))")
table.execute("insert into mac values ('n1', 'a,b', 'say \"hi\"', 'two\nlines', '')")
table.commit()
EOF
check 'odd values are dumped' haxcat-dump -p dump
check 'Python reads the files strictly, and writes the same bytes again' python3 read.py dump/*.csv

from_cron() { env -i PATH=/usr/bin:/bin XCATCFG="$XCATCFG" "$tool" -p cron >/dev/null; }
check 'a bare environment, as cron gives, will do' from_cron
cat "$OUT" "$ERR" >said
check 'and cron has nothing to mail' test ! -s said

check 'records' haxcat-dump mac policy
check_json 'tell NULL from nothing and keep what CSV can not' \
    '.[1] | .key == {"table": "mac", "node": "n1"} and .values.comments == "two\nlines" and .values.disable == ""' "$OUT"
paths() { haxcat-dump -p dump | jq -r 'select(.type == "file").key.path' >paths && test "$(wc -l <paths)" -eq 72; }
check 'a pipe gets the files' paths

python3 - >locked <<'EOF' &
import sqlite3, sys, time
sqlite3.connect("db/policy.sqlite", isolation_level=None).execute("begin exclusive")
print("locked", flush=True)
time.sleep(60)
EOF
locker=$!
at_exit() { kill "$locker" 2>/dev/null; }
until [ -s locked ]; do sleep 0.1; done
cp dump/policy.csv before
check_status 'a locked table is busy after the wait' 5 haxcat-dump -p dump --lock-wait 0
check_json 'and the last line says so' '.[-1] | .type == "end" and .status == 5 and .error.kind == "busy"' "$OUT"
check 'the dump of before stands' cmp before dump/policy.csv
kill "$locker"
wait "$locker" 2>/dev/null

echo damaged >db/policy.sqlite
check_status 'a damaged table fails the dump' 6 haxcat-dump -p dump
cp "$ERR" said
check 'and is named' grep -q "^haxcat-dump: $SCENE_DIR/db/policy.sqlite: is damaged" said
check 'the dump of before stands still' cmp before dump/policy.csv
check_status 'among records it is a failed item' 3 haxcat-dump

check 'a dump is read without its database' haxcat-dump --from dump
check_json 'as records' '.[-1] | .engine == "CSV" and .ok and .tables == 71 and .rows == 6' "$OUT"
echo >>dump/mac.csv
check_status 'one that was changed afterwards is not to be trusted' 4 haxcat-dump --from dump

# Nobody listens on port 1.
for engine in Pg mysql; do
    XCATCFG="$engine:dbname=xcatdb;host=127.0.0.1;port=1|xcatadm|S3cret"
    for to in '' '-p dump'; do
        # shellcheck disable=SC2086 # two words are meant
        check_status "$engine: a server that is down is busy $to" 5 haxcat-dump $to
        cat "$OUT" "$ERR" >said
        check 'the server is named' grep -q '^haxcat-dump: xcatdb at 127.0.0.1:1: cannot be reached' said
        check_status 'and no password is shown' 1 grep -q S3cret said
    done
done
for cfgloc in 'Sybase:dbname=xcatdb|xcatadm|S3cret' 'Pg:host=127.0.0.1|xcatadm|S3cret'; do
    XCATCFG=$cfgloc
    check_status 'what names no database of an engine that is known is wrong usage' 2 haxcat-dump -p dump
    cp "$ERR" said
    check_status 'told without the password' 1 grep -q S3cret said
done
XCATCFG=$SCENE_DIR/nowhere
check_status 'no database is a failure' 6 haxcat-dump -p dump


where() { XCATCFG=$1 haxcat-dump --where; }
check "--where tells which database it is" where 'Pg:dbname=xcatdb;host=mn;port=5433|xcatadm|cluster'
check_json "and does not go there" 'length == 2 and (.[-1] | .ok and .engine == "PostgreSQL" and .server == "mn:5433" and .database == "xcatdb" and .tables == 0)' "$OUT"
check_status "nor does it say a password" 1 grep -q cluster "$OUT"
engine() { XCATCFG=SQLite:/no/such/directory haxcat-dump --engine "$@"; }
check "an engine that is as wanted is taken" engine sqlite --where
check_status "another one is refused" 6 engine postgresql --where
check "with what is there" grep -q 'XCATCFG: names SQLite, and another engine is wanted' "$ERR"
check_status "before it is looked for" 6 engine mysql site
check_status "an engine that xCAT has not is wrong usage" 2 engine oracle
done_testing
