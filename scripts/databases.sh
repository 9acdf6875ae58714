# shellcheck shell=sh
# Sourced by scenes and benchmarks: real database servers, as xCAT has them, on 127.0.0.1, as root or as any user.
#   postgres_up, mariadb_up     start one with an empty database xcatdb; false, and say why, where that cannot be
#   databases_down              ends both and removes all; the caller calls it at its exit
#   postgres_stop, mariadb_stop, postgres_start, mariadb_start      the power goes (kill -9), and comes back
#   $PG_CFGLOC $PG_PORT $PG_PID, $MARIADB_CFGLOC $MARIADB_PORT $MARIADB_PID     the line of /etc/xcat/cfgloc, the server
#   pg_sql [DATABASE], mariadb_sql [DATABASE]       run the SQL on stdin as xCAT's user; rows come without heads
#   postgres_database NAME ENCODING [ICU-LOCALE]    one more: SQL_ASCII, LATIN1. Its order is that of bytes without a locale
#   $DATABASES                  where all of it stands, $DATABASES/postgres/log and $DATABASES/mariadb/log too
#   $DATABASES_PASSWORD         of both; no program may show it
#   DATABASES_FAST=yes          nothing is flushed to the disk: for who does not measure
# MariaDB's user may make databases named xcat... by itself. The servers end with the shell that started them, so not in a pipe.

DATABASES='' PG_PORT='' PG_PID='' PG_CFGLOC='' MARIADB_PORT='' MARIADB_PID='' MARIADB_CFGLOC=''
DATABASES_PASSWORD=Sesame-never-show-this-7391

postgres_up() {
    _pg_bin=$(find /usr/bin/initdb /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1)
    _pg_bin=${_pg_bin%/initdb}
    [ -n "$_pg_bin" ] && [ -x "$_pg_bin/postgres" ] && command -v psql >/dev/null || { _databases_lack postgres; return 1; }
    _databases_new postgres || return 1
    _pg_data=$DATABASES/postgres/data
    (_databases_server postgres "$_pg_bin/initdb" -D "$_pg_data" -U postgres -E UTF8 --locale=C ${DATABASES_FAST:+--no-sync}) \
        >"$DATABASES/postgres/log" 2>&1 || { _databases_fail postgres; return 1; }
    cat >"$_pg_data/pg_hba.conf" <<END
local all postgres trust
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
END
    # mmap: in /dev/shm it would outlive the server.
    cat >>"$_pg_data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = '$DATABASES/postgres'
password_encryption = 'scram-sha-256'
dynamic_shared_memory_type = mmap
END
    [ -z "${DATABASES_FAST:-}" ] ||
        printf '%s\n' 'fsync = off' 'synchronous_commit = off' 'full_page_writes = off' >>"$_pg_data/postgresql.conf"
    _databases_port PG_PORT _postgres_start || { _databases_fail postgres; return 1; }
    echo "CREATE ROLE xcatadm LOGIN PASSWORD '$DATABASES_PASSWORD'" | _postgres_admin && postgres_database xcatdb UTF8 || return 1
    # shellcheck disable=SC2034 # the caller's
    PG_CFGLOC="Pg:dbname=xcatdb;host=127.0.0.1;port=$PG_PORT|xcatadm|$DATABASES_PASSWORD"
}
postgres_database() { # NAME ENCODING [ICU-LOCALE]
    _postgres_admin -c "CREATE DATABASE $1 OWNER xcatadm TEMPLATE template0 ENCODING '$2' LC_COLLATE 'C' LC_CTYPE 'C'${3:+
        LOCALE_PROVIDER icu ICU_LOCALE '$3'}"
}
postgres_start() { _postgres_start || { _databases_fail postgres; return 1; }; }
postgres_stop() {
    _databases_kill postgres "$PG_PID"
    [ -n "$PG_PID" ] || return 0
    PG_PID=''
    # A small segment of System V's outlives it, and its number stands here.
    _segment=$(sed -n '7s/.* //p' "$_pg_data/postmaster.pid" 2>/dev/null)
    [ -z "$_segment" ] || ipcrm -m "$_segment" 2>/dev/null
    return 0
}
pg_sql() { # [DATABASE]
    PGPASSWORD=$DATABASES_PASSWORD psql -X -q -A -t -v ON_ERROR_STOP=1 \
        -h "$DATABASES/postgres" -p "$PG_PORT" -U xcatadm -d "${1:-xcatdb}"
}
_postgres_admin() { psql -X -q -v ON_ERROR_STOP=1 -h "$DATABASES/postgres" -p "$PG_PORT" -U postgres -d postgres "$@"; }
_postgres_start() {
    _databases_server postgres "$_pg_bin/postgres" -D "$_pg_data" -p "$PG_PORT" >>"$DATABASES/postgres/log" 2>&1 </dev/null &
    PG_PID=$!
    _databases_answers "$PG_PID" _postgres_admin -c '' || { postgres_stop; return 1; }
}

mariadb_up() {
    # Fedora keeps it in libexec.
    _mariadbd=$(command -v mariadbd || command -v /usr/sbin/mariadbd || command -v /usr/libexec/mariadbd)
    [ -n "$_mariadbd" ] && command -v mariadb >/dev/null && command -v mariadb-install-db >/dev/null || { _databases_lack mariadb; return 1; }
    _databases_new mariadb || return 1
    (_databases_server mariadb mariadb-install-db --no-defaults --datadir="$DATABASES/mariadb/data" --tmpdir="$DATABASES/mariadb" \
        --skip-test-db --skip-name-resolve --auth-root-authentication-method=socket \
        --auth-root-socket-user="$_databases_user" ${DATABASES_FAST:+--innodb-flush-method=nosync --innodb-log-file-size=16M}) \
        >"$DATABASES/mariadb/log" 2>&1 || { _databases_fail mariadb; return 1; }
    {
        echo 'CREATE DATABASE IF NOT EXISTS xcatdb;'
        for _host in localhost 127.0.0.1; do
            echo "CREATE USER IF NOT EXISTS xcatadmin@'$_host' IDENTIFIED BY '$DATABASES_PASSWORD';"
            echo "GRANT ALL ON \`xcat%\`.* TO xcatadmin@'$_host';"
        done
    } >"$DATABASES/mariadb/init.sql"
    _databases_port MARIADB_PORT _mariadb_start || { _databases_fail mariadb; return 1; }
    # shellcheck disable=SC2034 # the caller's
    MARIADB_CFGLOC="mysql:dbname=xcatdb;host=127.0.0.1;port=$MARIADB_PORT|xcatadmin|$DATABASES_PASSWORD"
}
mariadb_start() { _mariadb_start || { _databases_fail mariadb; return 1; }; }
mariadb_stop() {
    _databases_kill mariadb "$MARIADB_PID"
    MARIADB_PID=''
}
# shellcheck disable=SC2120 # the caller's
mariadb_sql() { # [DATABASE]
    MYSQL_PWD=$DATABASES_PASSWORD mariadb --no-defaults --batch --skip-column-names --default-character-set=utf8mb4 \
        --loose-skip-print-query-on-error --socket="$DATABASES/mariadb/socket" --user=xcatadmin "${1:-xcatdb}"
}
_mariadb_start() {
    # init-file: done before it takes a connection, at each start.
    _databases_server mariadb "$_mariadbd" --no-defaults --datadir="$DATABASES/mariadb/data" --tmpdir="$DATABASES/mariadb" \
        --bind-address=127.0.0.1 --port="$MARIADB_PORT" --socket="$DATABASES/mariadb/socket" \
        --pid-file="$DATABASES/mariadb/pid" --init-file="$DATABASES/mariadb/init.sql" --skip-name-resolve \
        ${DATABASES_FAST:+--innodb-flush-method=nosync --innodb-log-file-size=16M --innodb-flush-log-at-trx-commit=0 --skip-innodb-doublewrite} \
        >>"$DATABASES/mariadb/log" 2>&1 </dev/null &
    MARIADB_PID=$!
    _databases_answers "$MARIADB_PID" _mariadb_answers || { mariadb_stop; return 1; }
}
_mariadb_answers() { echo 'SELECT 1' | mariadb_sql; }

databases_down() {
    [ -n "$DATABASES" ] || return 0
    postgres_stop
    mariadb_stop
    rm -rf "$DATABASES"
    DATABASES=''
}

_databases_lack() { echo "databases: $1 is missing: scripts/setup installs it" >&2; }
_databases_fail() { # SERVER
    echo "databases: $1 does not start:" >&2
    tail -n 4 "$DATABASES/$1/log" >&2
}
_databases_new() { # SERVER: its directory, the server's own
    if [ -z "$DATABASES" ]; then
        command -v setpriv >/dev/null || { _databases_lack setpriv; return 1; }
        # Both refuse to run as root.
        _databases_user=$(id -un) _databases_as=''
        if [ "$(id -u)" -eq 0 ]; then
            _databases_user=nobody
            _databases_as="--reuid nobody --regid $(id -g nobody) --clear-groups" || return 1
        fi
        # Not each directory can be reached by that user, and a socket's path has 107 bytes at most: SERVER/.s.PGSQL.12345 is added.
        for _base in "${TMPDIR:-/tmp}" /tmp /var/tmp; do
            DATABASES=$(mktemp -d "$_base/databases.XXXXXX") && DATABASES=$(cd "$DATABASES" && pwd -P) || return 1
            [ -z "$_databases_as" ] || chown "$_databases_user" "$DATABASES" || return 1
            [ ${#DATABASES} -lt 80 ] && (_databases_server . test -w "$DATABASES") 2>/dev/null && break
            rm -rf "$DATABASES"
            DATABASES=''
        done
        [ -n "$DATABASES" ] || { echo "databases: no directory that $_databases_user can reach" >&2; return 1; }
    fi
    (_databases_server . mkdir "$1")
}
# Each process of a server stands in its directory: so they are found again.
_databases_server() { # DIRECTORY COMMAND...: becomes it, as the servers' user, with an environment of its own
    cd "$DATABASES/$1" || exit 1
    shift
    # QUIT: both end at once by it, and PostgreSQL takes its shared memory away.
    # shellcheck disable=SC2086 # words are meant
    exec setpriv $_databases_as --pdeathsig QUIT env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "$@"
}
_databases_port() { # VARIABLE START: no port is known to be free, another is tried where a server ends at once
    for _try in 1 2 3 4 5; do
        eval "$1=$((12000 + ($$ * 7 + _try * 997 + ${#1}) % 7000))"
        "$2" && return
    done
    return 1
}
_databases_answers() { # PID COMMAND...
    _pid=$1 _tries=0
    shift
    until "$@" >/dev/null 2>&1; do
        _tries=$((_tries + 1))
        [ "$_tries" -lt 600 ] && kill -0 "$_pid" 2>/dev/null || return 1
        sleep 0.1
    done
}
_databases_kill() { # SERVER PID: all its processes, whoever's children they are by now
    [ -n "$DATABASES" ] || return 0
    _tries=0
    while [ "$_tries" -lt 100 ]; do
        _pids=$(find /proc/[0-9]*/cwd -maxdepth 0 -lname "$DATABASES/$1*" | cut -d / -f 3)
        [ -n "$_pids" ] || break
        # shellcheck disable=SC2086 # words are meant
        kill -KILL $_pids
        _tries=$((_tries + 1))
        sleep 0.05
    done
    [ -z "$2" ] || wait "$2"
    return 0
} 2>/dev/null
