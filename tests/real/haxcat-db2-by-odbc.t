# What cfgloc calls DB2 is read through an ODBC data source, to the byte. PostgreSQL stands behind it: no DB2 can be had here.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/databases.sh"
none() { skip "the way through ODBC" "$1"; done_testing; }
[ -e /usr/include/sql.h ] || none "there is no sql.h: scripts/setup installs it"
for driver in /usr/lib/*/odbc/psqlodbcw.so /usr/lib64/psqlodbcw.so; do [ ! -e "$driver" ] || break; done
[ -e "$driver" ] || none "there is no psqlodbcw.so: scripts/setup installs it"
command -v cargo >/dev/null || none "there is no cargo"
locker=''
at_exit() { [ -z "$locker" ] || kill "$locker" 2>/dev/null; databases_down; }
# shellcheck disable=SC2034 # that of databases.sh
DATABASES_FAST=yes
postgres_up || none "PostgreSQL does not start"

# HATOOLS_ODBC: where they are, from scripts/check; else they are built. The programs that scenes run are not replaced by ones that are linked to ODBC.
target=${CARGO_TARGET_DIR:-$ROOT/target}
build() {
    mkdir odbc
    if [ -n "${HATOOLS_ODBC:-}" ]; then
        cp "$HATOOLS_ODBC"/* odbc/
    else
        (cd "$ROOT" && cargo build -q --locked -p haxcat-dump -p haxcat-restore --features haxcat-dump/odbc,haxcat-restore/odbc \
            --target-dir "$target/odbc" && cp "$target/odbc/debug/haxcat-dump" "$target/odbc/debug/haxcat-restore" "$SCENE_DIR/odbc/")
    fi
}
linked() { ldd odbc/haxcat-dump | grep libodbc && ldd odbc/haxcat-restore | grep libodbc; }
check "haxcat-dump and haxcat-restore are built with ODBC" build
check "and linked to it" linked

cat >odbcinst.ini <<END
[anything]
Driver = $driver
END
cat >odbc.ini <<END
[xcatdb]
Driver = anything
Servername = 127.0.0.1
Port = $PG_PORT
Database = xcatdb
UseDeclareFetch = 1
Fetch = 100
END
export ODBCSYSINI="$SCENE_DIR" ODBCINI="$SCENE_DIR/odbc.ini"
db2() { XCATCFG="DB2:xcatdb|xcatadm|$DATABASES_PASSWORD" "$@"; }
pg() { XCATCFG=$PG_CFGLOC "$@"; }
silent() { ! grep -rF "$DATABASES_PASSWORD" "$OUT" "$ERR"; }
reason() { check_json "it says so" ".[-1].error.message | test(\"$1\")" "$OUT"; check "and not the password" silent; }

"$ROOT/scripts/xcat-load" postgres nasty --extra | pg_sql || exit
check "a dump by PostgreSQL's own protocol" pg haxcat-dump -a -p native
check "one through ODBC" db2 odbc/haxcat-dump -a -p dump
check_json "it says by what way" '.[-1] | .engine == "PostgreSQL" and .server == "odbc:xcatdb"' "$OUT"
# What differs is who made it, and when.
check "has the same files" diff -r -x 'x_teal_haxcat_manifest.jsonl' native dump
set -- dump/*.csv
check "of all tables" test $# -ge 73
check "records are the same, too" pg haxcat-dump
grep -v '"type":"\(begin\|end\)"' "$OUT" >native.jsonl
check "through ODBC" db2 odbc/haxcat-dump
grep -v '"type":"\(begin\|end\)"' "$OUT" >dump.jsonl
check "to the byte" cmp native.jsonl dump.jsonl

check "a dump puts NULL where it has nothing" db2 odbc/haxcat-restore -a -p native
check "once more it changes nothing" db2 odbc/haxcat-restore -a -p native
check_json "because the rows are the same" '.[-1].replaced == 0 and .[-1].rows > 1500' "$OUT"
echo "DELETE FROM site; UPDATE mac SET comments = 'x'; INSERT INTO vpd (node) VALUES ('more')" | pg_sql
check "what changed is put back" db2 odbc/haxcat-restore -p native
check_json "in those tables" '[.[] | select(.values.change? == "replaced").key.table] == ["mac", "site", "vpd"]' "$OUT"
check "and dumped by PostgreSQL's own protocol" pg haxcat-dump -a -p again
without_own() { diff -r -x '*.jsonl' native again; }
check "it is what it was" without_own
"$ROOT/scripts/xcat-load" postgres nasty --extra | pg_sql
pg haxcat-dump -a --show-secrets >whole.jsonl
echo "UPDATE site SET value = 'x'; DELETE FROM mac" | pg_sql
into() { db2 odbc/haxcat-restore -a <whole.jsonl; }
check "a stream is put back" into
pg haxcat-dump -a --show-secrets >again.jsonl
check "and no value differs, no NULL and no column of the own" hadiff whole.jsonl again.jsonl
echo 'DROP TABLE vpd' | pg_sql
check_status "a table is not made there" 6 db2 odbc/haxcat-restore -p native
check "which is left to xCAT" grep -q 'let xCAT' "$ERR"

echo 'BEGIN; LOCK TABLE mac IN ACCESS EXCLUSIVE MODE; SELECT 1; SELECT pg_sleep(60)' | pg_sql >locked 2>&1 &
locker=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s locked ] || sleep 0.5; done
check_status "a table that is locked is busy" 5 db2 odbc/haxcat-dump --lock-wait 1 mac
reason "table mac: is locked by another program, for 1 s or more"
echo "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'xcatadm'" | pg_sql >/dev/null
wait "$locker"
locker=''
check "and read when it is free" db2 odbc/haxcat-dump --lock-wait 1 mac

XCATCFG='DB2:xcatdb|xcatadm|Wrong-never-show-this-4711' check_status "a wrong password fails" 6 odbc/haxcat-dump
reason "password authentication failed"
check "nor the wrong one" sh -c '! grep -F 4711 "$OUT" "$ERR"'
XCATCFG="DB2:nowhere|xcatadm|$DATABASES_PASSWORD" check_status "a data source that is not there fails" 6 odbc/haxcat-dump
reason "[Dd]ata source name not found"

kill -STOP "$PG_PID"
begun=$(date +%s)
check_status "a server that hangs is busy" 5 db2 odbc/haxcat-dump --connect-timeout 2
seconds=$(($(date +%s) - begun))
reason "does not answer within 2 s|cannot be reached"
check "in time" test "$seconds" -le 10
kill -CONT "$PG_PID"
postgres_stop
check_status "one that is stopped, too" 5 db2 odbc/haxcat-dump
reason "cannot be reached"

if ldd "$HATOOLS_BIN/haxcat-dump" | grep -q libodbc; then
    skip "a program without ODBC refuses" "the one here has it"
else
    check_status "a program without ODBC refuses" 2 db2 haxcat-dump
    check "and says why" grep -q 'built without --features odbc' "$ERR"
    check "and not the password" silent
fi
done_testing
