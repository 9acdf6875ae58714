# What an administrator sees of haxcat-restore.
. "${0%/*}/../lib.sh"

tool=$(command -v haxcat-restore)
# Whatever runs on this machine: here xcatd does not.
mkdir bin
PATH=$SCENE_DIR/bin:$PATH
ps_says() { printf '#!/bin/sh\necho "    1 init"\necho " 4711 %s"\n' "$1" >bin/ps; chmod +x bin/ps; }
ps_says 'vi /opt/xcat/sbin/xcatd'

python3 "$ROOT/scripts/sample-xcat-db" db 20 || exit
XCATCFG=$SCENE_DIR/db
export PATH XCATCFG
sql() { # TABLE SQL: what it gives
    python3 - "$@" <<'END'
import sqlite3, sys
with sqlite3.connect("db/%s.sqlite" % sys.argv[1]) as table:
    for row in table.execute(sys.argv[2]):
        print(*row)
END
}
same_files() { # A DUMP B: each CSV file of the first is in the second, byte for byte
    for file in "$1"/*.csv; do cmp "$file" "$2/${file##*/}" || return; done
}
state() { (cd db && for file in *; do cksum "$file"; done); }
unchanged() { state | cmp - before; }

# There and back.
sql mac "update mac set comments = 'a, \"b\"' || char(10) || char(10) || 'c ' || char(13, 10, 9) || 'd' where node = 'cn0001'"
haxcat-dump -p dump >/dev/null || exit
sql nodelist "delete from nodelist where node < 'cn0011'"
sql nodelist "update nodelist set groups = 'lost' where node = 'cn0011'"
sql nodelist "insert into nodelist (node) values ('new')"
state >before
check 'a dry run' haxcat-restore -p dump --dry-run
check_json 'counts what would change' \
    '.[] | select(.type == "change" and .key.table == "nodelist").values
    == {"change": "replaced", "rows": 20, "rows_before": 11, "same": 9, "changed": 1, "added": 10, "removed": 1}' "$OUT"
check_json 'and says that it is one' '.[0].dry_run and .[-1].dry_run and .[-1].ok' "$OUT"
check 'and changes nothing' unchanged
check 'with -i' haxcat-restore -p dump --dry-run -i --tables nodelist
check_json 'each row is told as hadiff does, the database on the left' \
    '[.[] | select(.type == "difference")] | length == 12 and .[0].key.type == "row"
    and ([.[].values.change] | group_by(.) | map([.[0], length]) == [["changed", 1], ["only_left", 1], ["only_right", 10]])
    and any(.[]; .values.fields == [{"field": "values.groups", "change": "changed", "left": "lost", "right": "compute,all"}])' "$OUT"
check 'a restore' haxcat-restore -p dump
cp "$ERR" said
check_json 'tells what became of each table' \
    '(.[] | select(.type == "change" and .key.table == "nodelist").values | .change == "replaced" and .rows == 20 and .same == null)
    and (.[] | select(.type == "change" and .key.table == "site").values.change == "none") and .[-1].tables == 71' "$OUT"
check 'and nothing on standard error' test ! -s said
haxcat-dump -p again >/dev/null || exit
check 'a dump of it has the same bytes' same_files dump again
state >before
check 'once more' haxcat-restore -p dump
check_json 'there is nothing to do' '.[-1].replaced == 0' "$OUT"
check 'and no file is written to' unchanged

# What is restored, and what is not.
{ cat dump/nodelist.csv; echo '"wrong",,,,,,,,,,,,'; } >dump/nodelist.csv.bak
echo 'what this is' >dump/README
check 'other files in the directory' haxcat-restore -p dump
check_json 'are told' '[.[] | select(.type == "warning") | [.reason, .item]]
    == [["no_part_of_a_dump", "README"], ["no_part_of_a_dump", "nodelist.csv.bak"]]' "$OUT"
check 'and are not restored' unchanged
rm dump/nodelist.csv.bak dump/README
check_status 'a table that xCAT does not know is wrong usage' 2 haxcat-restore -p dump --tables nodelists

# Faults.
refused() { # DIR FAULT: where it is in words, nothing changed
    check_status "$2" 4 haxcat-restore -p "$1"
    cp "$ERR" said
    cp "$OUT" told
    check "$2: one line on standard error" test "$(grep -c . said)" -eq 1
    check "$2: it names the file and the record" grep -q "^haxcat-restore: .*/$1: .*: $2" said
    check "$2: nothing changed" unchanged
}
sql mac "delete from mac"
state >before
cp -R dump edited
echo '"cn0099",' >>edited/mac.csv
check_status 'a file that was edited is not what the manifest says' 4 haxcat-restore -p edited
rm edited/x_teal_haxcat_manifest.jsonl
refused edited 'mac.csv, record 21 (line 25): has 2 fields, and the header 5'
cp dump/mac.csv edited/mac.csv
sed -n 2p edited/hosts.csv >>edited/hosts.csv
refused edited 'hosts.csv, record 21 (line 22), node: has the key of record 1 again'
check_json 'and it is told in fields, for programs' \
    '.[] | select(.type == "problem") | .item == "hosts.csv" and .record == 21 and .line == 22 and .column == "node"' told
cp dump/hosts.csv edited/hosts.csv
echo ',,,,,,' >>edited/nodehm.csv
check_status 'each fault is told, not the first alone' 4 eval 'echo >>edited/site.csv; haxcat-restore -p edited'
check_json 'by file' '[.[] | select(.type == "problem").item] == ["nodehm.csv", "site.csv"] and .[-1].faults == 2' "$OUT"
rm -r edited
check_status 'a directory without a dump' 4 eval 'mkdir none; haxcat-restore -p none'
check_status 'no directory' 6 haxcat-restore -p nowhere
check 'nothing changed by all of them' unchanged
haxcat-restore -p dump >/dev/null || exit

# A stream, from one database to another.
mkdir db2
from_to() { haxcat-dump --show-secrets "$@" | XCATCFG=$SCENE_DIR/db2 haxcat-restore; }
check_status 'into a directory without tables' 6 from_to
cp "$ERR" said
check 'only with --create' grep -q -- '--create makes one' said
created() { haxcat-dump --show-secrets | XCATCFG=$SCENE_DIR/db2 haxcat-restore --create; }
check 'a stream in a pipe' created
haxcat-dump --show-secrets | sed '1d;$d' >one
XCATCFG=$SCENE_DIR/db2 haxcat-dump --show-secrets | sed '1d;$d' >other
check 'brings every row, NULL and nothing told apart' cmp one other
rm one other
state >before
into() { "$@" | haxcat-restore; }
stream() { haxcat-dump --show-secrets; }
sql mac "delete from mac"
stream >whole.jsonl
sql mac "insert into mac (node) values ('stays')"
state >before
cut_short() { head -n 30 whole.jsonl; }
cut_in_a_line() { head -c 3000 whole.jsonl; }
failing() { XCATCFG=$SCENE_DIR/nowhere haxcat-dump 2>/dev/null; }
dumped() { haxcat-dump -p dump3; }
for sender in cut_short cut_in_a_line failing true dumped; do
    check_status "$sender: the stream is not to be trusted" 4 into "$sender"
    check "$sender: nothing changed" unchanged
done
check_status 'a stream that hides secrets is refused' 4 into haxcat-dump
cp "$ERR" said
check 'with the option that is missing' grep -q -- '--show-secrets' said
check 'and nothing changed' unchanged
check 'without secrets in it, it is none' into haxcat-dump mac nodelist
rm -r whole.jsonl dump3

# Who else is there.
sql mac "delete from mac"
state >before
for process in 'xcatd: SSL listener' '/usr/bin/perl -T /opt/xcat/sbin/xcatd -p /var/run/xcat/mainservice.pid'; do
    ps_says "$process"
    check_status "${process%%:*} runs" 5 haxcat-restore -p dump
    cp "$ERR" said
    check 'and is named by its process' grep -q '^haxcat-restore: xcatd: runs (process 4711)' said
    check 'nothing changed' unchanged
done
check 'a dry run does not mind' haxcat-restore -p dump --dry-run
check 'nor does one that was told' haxcat-restore -p dump --while-xcatd-runs
ps_says 'grep xcatd'

sql mac "delete from mac"
state >before
python3 - >locked <<'END' &
import sqlite3, time
sqlite3.connect("db/policy.sqlite", isolation_level=None).execute("begin exclusive")
print("locked", flush=True)
time.sleep(60)
END
locker=$!
at_exit() { [ -z "$locker" ] || kill "$locker" 2>/dev/null; }
until [ -s locked ]; do sleep 0.1; done
check_status 'a locked table is busy after the wait' 5 haxcat-restore -p dump --lock-wait 0
check_json 'and the last line says so' '.[-1] | .type == "end" and .status == 5 and .error.kind == "busy"' "$OUT"
check 'the other tables are not changed either' unchanged
kill "$locker"
wait "$locker" 2>/dev/null
locker=''

from_cron() { env -i PATH="$SCENE_DIR/bin:/usr/bin:/bin" XCATCFG="$XCATCFG" "$tool" -p "$SCENE_DIR/dump" >/dev/null; }
ps_says init
check 'a bare environment, as cron gives, will do' from_cron
cat "$OUT" "$ERR" >said
check 'and cron has nothing to mail' test ! -s said
haxcat-dump -p again >/dev/null || exit
check 'the table is back' same_files dump again

# What the real dumpxCATdb wrote.
mkdir db3
XCATCFG=$SCENE_DIR/db3
real=$ROOT/tests/fixtures/xcat/csv
check 'a dump of the real dumpxCATdb' haxcat-restore --create -p "$real"
check_json 'has no manifest, and needs none' '.[-1] | .source.as_of == null and .tables == 5' "$OUT"
haxcat-dump -p again >/dev/null || exit
check 'and gives the same bytes again' same_files "$real" again

XCATCFG='Pg:dbname=xcatdb;host=127.0.0.1;port=1|xcatadm|S3cret'
check_status 'a server that is down is busy' 5 haxcat-restore -p dump
cat "$OUT" "$ERR" >said
check_status 'and no password is shown' 1 grep -q S3cret said
XCATCFG=$SCENE_DIR/nowhere
check_status 'no database is a failure' 6 haxcat-restore -p dump

done_testing
