# While rows come in pairs, one to each of two tables, dumps, again and again, never have one without the other.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/databases.sh"
at_exit() { databases_down; }
# shellcheck disable=SC2034 # databases.sh reads it
DATABASES_FAST=yes
if ! postgres_up || ! mariadb_up; then
    skip "real databases" "a server is missing"
    done_testing
fi
pairs() { # PAUSE: a row each in the first and in the last table of a dump, in one transaction, for a minute and more
    awk -v pause="$1" 'BEGIN {
        for (i = 1; i <= 60000; i++)
            printf "BEGIN; INSERT INTO bootparams (node) VALUES (%c%07d%c); INSERT INTO zone (zonename) VALUES (%c%07d%c); COMMIT; %s;\n", 39, i, 39, 39, i, 39, pause
    }'
}
# The server ends the writer's connection: whoever started it here has no number of it.
stop_pg_writer() { echo 'SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = current_user' | pg_sql; }
stop_mariadb_writer() {
    echo "SELECT CONCAT('KILL ', ID, ';') FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND DB = 'xcatdb'" |
        mariadb_sql | mariadb_sql
}
keys() { sed 1d "$1" | cut -d , -f 1; }
torn() { keys "$1/bootparams.csv" >one && keys "$1/zone.csv" >other && ! cmp -s one other; } # DIR
thirty() { # CFGLOC
    counts='' torn=0
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        for _ in 1 2 3; do
            XCATCFG=$1 haxcat-dump -p pairs bootparams mac nodelist site zone >/dev/null || return
            if torn pairs; then torn=$((torn + 1)); fi
        done
        counts="$counts $(keys pairs/zone.csv | wc -l)"
    done
    echo "$torn torn;$counts"
    [ "$torn" -eq 0 ]
}
grew() { # each three dumps later there were more rows: the writer wrote all the while
    sed 's/.*;//' "$OUT" | tr ' ' '\n' | awk 'NF { if ($1 <= last) exit 1; last = $1; n++ } END { exit n != 10 }'
}
halves() { torn "$1" && [ -s one ]; }

"$ROOT/scripts/xcat-load" postgres nasty | pg_sql >/dev/null 2>&1
"$ROOT/scripts/xcat-load" mariadb nasty | mariadb_sql >/dev/null 2>&1
for engine in pg mariadb; do
    rm -rf pairs
    case $engine in
        pg) cfgloc=$PG_CFGLOC pause='SELECT pg_sleep(0.001)' ;;
        mariadb) cfgloc=$MARIADB_CFGLOC pause='DO SLEEP(0.001)' ;;
    esac
    echo 'DELETE FROM bootparams; DELETE FROM zone' | "${engine}_sql" >/dev/null
    pairs "$pause" >pairs.sql
    "${engine}_sql" <pairs.sql >/dev/null 2>&1 &
    writer=$!
    check "$engine: not one of thirty dumps is torn" thirty "$cfgloc"
    check "$engine: while rows were added all the time" grew
    "stop_${engine}_writer" >/dev/null
    wait "$writer"
done
# The check can fail: two dumps, of a table each, one after the other.
echo 'DELETE FROM bootparams; DELETE FROM zone; INSERT INTO bootparams (node) VALUES (1)' | pg_sql >/dev/null
XCATCFG=$PG_CFGLOC haxcat-dump -p pairs bootparams mac nodelist site zone >/dev/null
check "a torn pair would be seen" halves pairs
done_testing
