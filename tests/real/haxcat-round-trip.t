# What comes out of PostgreSQL, MariaDB and SQLite is the same, and what is put back comes out as it was, byte for byte.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/databases.sh"
at_exit() { databases_down; }
# shellcheck disable=SC2034 # databases.sh reads it
DATABASES_FAST=yes
if ! postgres_up || ! mariadb_up; then
    skip "real databases" "a server is missing"
    done_testing
fi
SQLITE=$SCENE_DIR/sqlite
load() { "$ROOT/scripts/xcat-load" "$@"; }
dump() { XCATCFG=$1 haxcat-dump -a -p "$2"; } # CFGLOC DIR
restore() { _cfgloc=$1; shift; XCATCFG=$_cfgloc haxcat-restore -a "$@"; } # CFGLOC OPTION...
rows() { XCATCFG=$1 haxcat-dump -a --show-secrets; }
# The manifests name the engine and the moment.
same() { diff -r -x '*.jsonl' "$1" "$2"; }
tables() { jq -s '.[-1].tables'; }

load postgres nasty --shuffle | pg_sql >load.out 2>&1 || { cat load.out; exit 1; }
check 'PostgreSQL is dumped, whatever its rows hold and in which order' dump "$PG_CFGLOC" from-pg
check_json 'with all tables and no table that is not there' '.[-1] | .engine == "PostgreSQL" and .tables == 73 and .database == "xcatdb"' "$OUT"
check_json 'values that restorexCATdb would lose are told with table, column and count' \
    '[.[] | select(.reason == "lost_by_restorexcatdb")] | length > 5 and all(.column != null and .values > 0 and .row > 0)' "$OUT"
check_json 'and values that look encoded twice' 'any(.reason == "encoded_twice")' "$OUT"
load sqlite oracle nasty
check 'the files hold the bytes of the same rows in SQLite' dump "$SCENE_DIR/oracle" from-oracle
check 'all of them' same from-oracle from-pg

check_status 'a database without tables is not filled by mistake' 6 restore "$MARIADB_CFGLOC" -p from-pg
check 'the dump of PostgreSQL goes into MariaDB' restore "$MARIADB_CFGLOC" -p from-pg --create
check_json 'and all tables that have rows are made and filled' '.[-1] | .engine == "MariaDB" and .replaced == 25 and .rows == 1548' "$OUT"
check 'MariaDB is dumped' dump "$MARIADB_CFGLOC" from-mariadb
check 'and gives the same bytes' same from-pg from-mariadb
mkdir sqlite
check 'that dump goes into SQLite' restore "$SQLITE" -p from-mariadb --create
check 'SQLite is dumped' dump "$SQLITE" from-sqlite
check 'and gives the same bytes' same from-pg from-sqlite

echo "DELETE FROM mac; UPDATE nodelist SET groups = 'x'; INSERT INTO vpd (node) VALUES ('more')" | pg_sql >/dev/null
check 'what changed in PostgreSQL since is told before' restore "$PG_CFGLOC" -p from-sqlite --dry-run
check_json 'by table' '[.[] | select(.type == "change" and .values.change == "replaced") | .key.table] | index("mac") and index("vpd") and index("nodelist")' "$OUT"
check 'nothing was done by that' sh -c "XCATCFG='$PG_CFGLOC' haxcat-dump -p other vpd && grep more other/vpd.csv"
check 'the dump of SQLite goes back into PostgreSQL' restore "$PG_CFGLOC" -p from-sqlite
check 'PostgreSQL is dumped again' dump "$PG_CFGLOC" again-pg
check 'and gives the same bytes as in the beginning' same from-pg again-pg
check 'and once more' restore "$PG_CFGLOC" -p again-pg
check_json 'a second run replaces nothing' '.[-1].replaced == 0' "$OUT"
recid() { echo "INSERT INTO auditlog (status) VALUES ('x') RETURNING recid" | pg_sql; }
check 'the numbers of events count on behind those that were restored' recid
check 'by one' sh -c 'test "$(sed -n 1p "$1")" -gt "$(cut -d "\"" -f 2 from-pg/auditlog.csv | sort -n | tail -n 1)"' - "$OUT"

# Streams: NULL is told from nothing.
load postgres nasty --extra | pg_sql >load.out 2>&1
load mariadb nasty --extra | mariadb_sql >load.out 2>&1
rows "$PG_CFGLOC" >pg.jsonl
echo 'DELETE FROM site; UPDATE mac SET comments = NULL, legacycol = NULL; DELETE FROM passwd' | mariadb_sql
into() { rows "$PG_CFGLOC" | restore "$MARIADB_CFGLOC"; }
check 'a stream of PostgreSQL goes into MariaDB' into
differences() { rows "$1" | hadiff pg.jsonl -; }
check 'and not a value differs, no NULL and no column of the own' differences "$MARIADB_CFGLOC"
into() { rows "$MARIADB_CFGLOC" | restore "$SQLITE"; }
check_status 'a column that SQLite does not have is refused' 6 into
check 'by its name' grep -q 'table mac: has no column legacycol' "$ERR"
load sqlite sqlite nasty --extra
check 'where it has it, a stream of MariaDB goes into SQLite' into
check 'and not a value differs' differences "$SQLITE"
volatile() { rows "$PG_CFGLOC" | hadiff --ignore values.status --brief - sqlite.jsonl; }
rows "$SQLITE" >sqlite.jsonl
echo "UPDATE nodelist SET status = 'booting'" | pg_sql >/dev/null
check 'a pair that differs in what changes by itself is the same' volatile
echo "UPDATE nodelist SET groups = 'x'" | pg_sql >/dev/null
check_status 'and one that differs in more is not' 1 volatile
without() { XCATCFG=$PG_CFGLOC haxcat-dump | restore "$SQLITE" --dry-run; }
check_status 'a stream that hides its secrets is not restored' 4 without

# Bytes that are no UTF-8, in databases that take them.
postgres_database bytes SQL_ASCII >/dev/null
BYTES=$(echo "$PG_CFGLOC" | sed 's/dbname=xcatdb/dbname=bytes/')
load postgres nasty --bytes | pg_sql bytes >load.out 2>&1
check 'a database without encoding is dumped' dump "$BYTES" from-bytes
check_json 'and bytes that are no UTF-8 are told' 'any(.reason == "not_utf8")' "$OUT"
load sqlite oracle nasty --bytes
dump "$SCENE_DIR/oracle" oracle-bytes >/dev/null
check 'they are those of SQLite' same oracle-bytes from-bytes
check_status 'a database that insists on UTF-8 does not take them' 4 restore "$PG_CFGLOC" -p from-bytes
check_json 'and each is named with file, record, line and column' \
    '[.[] | select(.type == "problem")] | length > 0 and all((.item | endswith(".csv")) and .record > 0 and .line > 1 and .column != null and (.what | startswith("is not UTF-8")))' "$OUT"
echo 'DELETE FROM site' | pg_sql bytes
check 'the one that does takes them back' restore "$BYTES" -p from-bytes
check 'it is dumped again' dump "$BYTES" again-bytes
check 'and gives the same bytes' same from-bytes again-bytes
echo 'CREATE DATABASE xcatlatin CHARACTER SET latin1' | mariadb_sql
LATIN=$(echo "$MARIADB_CFGLOC" | sed 's/dbname=xcatdb/dbname=xcatlatin/')
load mariadb nasty --charset latin1 --bytes | mariadb_sql xcatlatin >load.out 2>&1
check 'tables in latin1 are dumped as their bytes are' dump "$LATIN" from-latin
echo 'DELETE FROM site; UPDATE mac SET comments = NULL' | mariadb_sql xcatlatin
check 'and restored' restore "$LATIN" -p from-latin
check 'and dumped again' dump "$LATIN" again-latin
check 'with the same bytes' same from-latin again-latin

# A table that no transaction holds.
echo 'ALTER TABLE mac ENGINE = MyISAM' | mariadb_sql
check 'a table of MyISAM is dumped' dump "$MARIADB_CFGLOC" from-myisam
check_status 'and not restored' 6 restore "$MARIADB_CFGLOC" -p from-mariadb
check 'because nothing of it can be taken back' grep -q 'table mac: is kept by MyISAM' "$ERR"

check 'the directory of a dump is read as records' haxcat-dump --from from-pg
check_json 'with its moment and all its rows' '.[-1] | .engine == "CSV" and .rows == 1548 and .as_of != null' "$OUT"
mkdir cut && cp from-pg/* cut/ && head -c 1000 from-pg/site.csv >cut/site.csv
check_status 'one that was cut is not' 4 haxcat-dump --from cut
check_status 'no password stands in what was said' 1 grep -rqF "$DATABASES_PASSWORD" .
done_testing
