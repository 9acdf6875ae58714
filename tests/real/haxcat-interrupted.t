# Whatever comes in between - a kill, a server that dies or hangs, a lock, a full disk - a database has its old rows or all of the new.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/databases.sh"
at_exit() {
    [ -z "${stopped:-}" ] || kill -CONT "$stopped" 2>/dev/null
    databases_down
    [ -z "${small:-}" ] || { umount "$small"; rmdir "$small"; } 2>/dev/null
}
# shellcheck disable=SC2034 # databases.sh reads it
DATABASES_FAST=yes
if ! postgres_up || ! mariadb_up; then
    skip "real databases" "a server is missing"
    done_testing
fi
load() { "$ROOT/scripts/xcat-load" "$@"; }
restore() { _cfgloc=$1; shift; XCATCFG=$_cfgloc haxcat-restore "$@"; } # CFGLOC OPTION...
dump() { XCATCFG=$1 haxcat-dump -p "$2"; } # CFGLOC DIR
same() { diff -rq -x '*.jsonl' "$1" "$2"; }

load postgres scale 1500 | pg_sql >/dev/null 2>&1
load mariadb scale 1500 | mariadb_sql >/dev/null 2>&1
dump "$PG_CFGLOC" old >/dev/null
mkdir new && cp old/*.csv new/
# The same keys and others, so that every table has rows that go, that come and that change.
for file in new/[hmnv]*.csv new/ipmi.csv; do sed -i -e '2,500d' -e 's/cn0/xx0/; s/,$/,"0"/' "$file"; done

ten() { # CFGLOC: killed at ten moments of a run; each time all is old or all is new, and then it is put back
    begun=$(date +%s%N)
    restore "$1" -p new >/dev/null || return
    whole=$((($(date +%s%N) - begun) / 1000000))
    restore "$1" -p old >/dev/null || return
    olds=0 news=0
    for moment in 1 2 3 4 5 6 7 8 9 10; do
        XCATCFG=$1 haxcat-restore -p new >/dev/null 2>&1 &
        victim=$!
        sleep "$(awk -v w="$whole" -v m="$moment" 'BEGIN { printf "%.3f", w * m / 9500 }')"
        kill -9 "$victim" 2>/dev/null
        wait "$victim" 2>/dev/null
        dump "$1" found >/dev/null || return
        if same found old >/dev/null; then olds=$((olds + 1)); elif same found new >/dev/null; then news=$((news + 1)); else
            echo "at moment $moment of $whole ms neither"; same found old; return 1
        fi
        restore "$1" -p old >/dev/null || return
    done
    echo "$olds old, $news new, of $whole ms"
    [ "$olds" -gt 1 ]
}
check 'PostgreSQL: killed at ten moments of a restore' ten "$PG_CFGLOC"
check 'MariaDB: killed at ten moments of a restore' ten "$MARIADB_CFGLOC"

slow_postgres() {
    echo "CREATE FUNCTION slow() RETURNS trigger AS 'BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END' LANGUAGE plpgsql;
        CREATE TRIGGER slow BEFORE INSERT ON vpd FOR EACH ROW EXECUTE FUNCTION slow()" | pg_sql
}
slow_mariadb() { echo 'CREATE TRIGGER slow BEFORE INSERT ON vpd FOR EACH ROW SET @slept = SLEEP(0.002)' | mariadb_sql; }
half_way() { # ENGINE CFGLOC: the server is killed while a restore fills the last table
    "slow_$1" >/dev/null || return
    XCATCFG=$2 haxcat-restore -p new >half.out 2>half.err &
    runs=$!
    sleep 2
    "$1_stop"
    wait "$runs"
    half=$?
    "$1_start" || return
    return "$half"
}
lost() { [ "$half" -eq 5 ] && grep -q "connection was lost" half.err && [ "$(wc -l <half.err)" -eq 1 ]; }
for engine in postgres mariadb; do
    case $engine in postgres) cfgloc=$PG_CFGLOC ;; mariadb) cfgloc=$MARIADB_CFGLOC ;; esac
    half_way $engine "$cfgloc"
    check "$engine: a server that dies half-way is a lost connection" lost
    check "$engine: when it is back" dump "$cfgloc" found
    check "$engine: it has the old rows" same found old
    "${engine}_stop"
    check_status "$engine: a server that is stopped is busy at once" 5 timeout 5 env XCATCFG="$cfgloc" haxcat-dump -p found
    check "$engine: and it is said what can be read where a standby's is stopped" grep -q 'cannot be reached: connection refused.*--from DIR' "$ERR"
    check "$engine: the dump of before stands" same found old
    check_status "$engine: so it is for a restore" 5 restore "$cfgloc" -p new
    "${engine}_start"
    wrong=$(echo "$cfgloc" | sed 's/|[^|]*$/|wrong-Sesame/')
    check_status "$engine: a wrong password is a failure" 6 dump "$wrong" found
    check_status "$engine: and it is not shown" 1 grep -q Sesame "$ERR"
done

# Locks.
hold() { # ENGINE SQL: a session that holds it until it is told to end
    rm -f held fifo
    mkfifo fifo
    "$1" <fifo >/dev/null 2>&1 &
    holder=$!
    exec 7>fifo
    echo "$2" >&7
    sleep 1
}
release() { exec 7>&-; wait "$holder"; }
hold pg_sql 'BEGIN; LOCK TABLE mac IN ACCESS EXCLUSIVE MODE;'
check_status 'PostgreSQL: a dump waits for a lock no longer than it is told to' 5 env XCATCFG="$PG_CFGLOC" haxcat-dump -p found --lock-wait 1
check 'PostgreSQL: and says so' grep -q 'is locked by another program, for 1 s' "$ERR"
check_status 'PostgreSQL: so does a restore' 5 restore "$PG_CFGLOC" -p new --lock-wait 1
release
hold mariadb_sql 'LOCK TABLES mac WRITE;'
check_status 'MariaDB: a dump waits for a lock no longer than it is told to' 5 env XCATCFG="$MARIADB_CFGLOC" haxcat-dump -p found --lock-wait 1
check_status 'MariaDB: so does a restore' 5 restore "$MARIADB_CFGLOC" -p new --lock-wait 1
check 'MariaDB: and says so' grep -q 'is locked by another program, for 1 s' "$ERR"
release
hold pg_sql "BEGIN; UPDATE mac SET mac = 'theirs';"
check 'PostgreSQL: who writes does not hold up a dump' dump "$PG_CFGLOC" found
check 'PostgreSQL: which has what was committed' same found old
release

# A server that hangs.
stopped=$MARIADB_PID
kill -STOP "$stopped"
check_status 'MariaDB: a server that hangs is given up' 5 timeout 20 env XCATCFG="$MARIADB_CFGLOC" haxcat-dump --connect-timeout 2
kill -CONT "$stopped"
hangs() { # it hangs when it has let us in
    XCATCFG=$PG_CFGLOC haxcat-dump --answer-wait 2 --lock-wait 30 -p found >hang.out 2>hang.err &
    runs=$!
    sleep 0.5
    # Every process of it but the first, which only lets in.
    stopped=$(pgrep -P "$PG_PID" | tr '\n' ' ')
    # shellcheck disable=SC2086 # numbers
    kill -STOP $stopped
    wait "$runs"
    got=$?
    # shellcheck disable=SC2086
    kill -CONT $stopped
    [ "$got" -eq 5 ] && grep -q 'has not answered' hang.err
}
hold pg_sql 'BEGIN; LOCK TABLE mac IN ACCESS EXCLUSIVE MODE;'
check 'PostgreSQL: one that hangs later, too' hangs
release
stopped=

# What a server would not take is told before anything is changed.
cp -R old odd
{ head -n 3 old/mac.csv; printf '"cn0odd","\000",,,\n"cn1odd","\377",,,\n'; } >odd/mac.csv
rm odd/*.jsonl
check_status 'a NUL byte and bytes that are no UTF-8 are refused' 4 restore "$PG_CFGLOC" -p odd
check_json 'each with its place' \
    '[.[] | select(.type == "problem") | [.item, .record, .line, .column]] == [["mac.csv", 3, 4, "interface"], ["mac.csv", 4, 5, "interface"]]' "$OUT"
python3 -c 'print("#node,interface,mac,comments,disable\n" + "\"" + "x" * 129 + "\",,,,")' >odd/mac.csv
check_status 'a key of 129 characters, too' 4 restore "$MARIADB_CFGLOC" -p odd
check 'by its length' grep -q 'mac.csv, record 1 (line 2), node: has 129 characters, and the column takes 128' "$ERR"
check 'PostgreSQL is as it was' dump "$PG_CFGLOC" found
check 'in every byte' same found old

# A disk that is full.
databases_down
full() { # the server's disk has room for its own start, and not for a restore
    room=$(($(stat -f -c '%a * %S' "$small") / 1024 - 2048))
    dd if=/dev/zero of="$small/filler" bs=1024 count="$room" 2>/dev/null
    restore "$PG_CFGLOC" -p big
}
# The server's user gets there; and nothing is mounted beneath a scene's directory.
small=$(mktemp -d /tmp/hatools.small.XXXXXX)
chmod 755 "$small"
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=160m,mode=755 tmpfs "$small" 2>/dev/null; then
    before=$TMPDIR TMPDIR=$small
    postgres_up || exit
    TMPDIR=$before
    load postgres scale 1500 | pg_sql >/dev/null 2>&1
    mkdir small-sqlite
    load sqlite small-sqlite scale 60000
    dump "$SCENE_DIR/small-sqlite" big >/dev/null
    case $DATABASES in "$small"*) check_status 'a full disk of the server is a failure' 6 full ;; *) skip 'a full disk' "the server stands elsewhere" ;; esac
    rm -f "$small/filler"
    check 'and PostgreSQL' dump "$PG_CFGLOC" found
    check 'has its old rows' same found old
else
    skip 'a full disk of the server' 'no right to mount'
fi
done_testing
