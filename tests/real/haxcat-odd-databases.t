# What an administrator, another program or a policy put into a database makes no dump that lacks something, and no restore that lies.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/databases.sh"
at_exit() { databases_down; }
# shellcheck disable=SC2034 # databases.sh reads it
DATABASES_FAST=yes
if ! postgres_up || ! mariadb_up; then
    skip "real databases" "a server is missing"
    done_testing
fi
load() { "$ROOT/scripts/xcat-load" "$@"; }
restore() { _cfgloc=$1; shift; XCATCFG=$_cfgloc haxcat-restore "$@"; } # CFGLOC OPTION...
dump() { XCATCFG=$1 haxcat-dump "$2" "$3"; } # CFGLOC OPTION DIR
said() { grep -q "$1" "$ERR"; }
pg_count() { echo "SELECT count(*) FROM $1" | pg_sql; }
load postgres nasty | pg_sql >/dev/null 2>&1
load mariadb nasty | mariadb_sql >/dev/null 2>&1
dump "$PG_CFGLOC" -ap whole >/dev/null

# Foreign keys: emptying a table would take rows of another with it.
for engine in pg mariadb; do
    case $engine in pg) cfgloc=$PG_CFGLOC ;; mariadb) cfgloc=$MARIADB_CFGLOC ;; esac
    "${engine}_sql" >/dev/null <<'END'
DELETE FROM mac; DELETE FROM nodelist;
INSERT INTO nodelist (node) VALUES ('fk1'), ('fk2'); INSERT INTO mac (node, mac) VALUES ('fk1', 'aa'), ('fk2', 'bb');
ALTER TABLE mac ADD CONSTRAINT fkx FOREIGN KEY (node) REFERENCES nodelist (node) ON DELETE CASCADE;
END
    check_status "$engine: a table to which a foreign key leads is not emptied" 6 restore "$cfgloc" -p whole --tables nodelist
    check "$engine: it is said why" said 'foreign key'
    check "$engine: the rows that refer to it are there" sh -c "XCATCFG='$cfgloc' haxcat-dump mac | grep -c '\"type\":\"row\"' | grep -x 2"
    echo 'ALTER TABLE mac DROP CONSTRAINT fkx' | "${engine}_sql"
done

# A trigger that reaches a table which was found to be the same.
restore "$PG_CFGLOC" -ap whole >/dev/null
pg_sql >/dev/null <<'END'
CREATE FUNCTION reach() RETURNS trigger AS 'BEGIN DELETE FROM hosts; RETURN NEW; END' LANGUAGE plpgsql;
CREATE TRIGGER reach AFTER INSERT ON vpd FOR EACH ROW EXECUTE FUNCTION reach();
INSERT INTO hosts (node) VALUES ('h1');
END
dump "$PG_CFGLOC" -p reached >/dev/null
echo "UPDATE vpd SET side = 'x'" | pg_sql
check_status 'a trigger that empties another table is found out' 6 restore "$PG_CFGLOC" -p reached
check 'by the table that it reached' said 'table hosts: does not hold what the dump has'
check 'which has its row' sh -c "XCATCFG='$PG_CFGLOC' haxcat-dump hosts | grep -q h1"
echo 'DROP TRIGGER reach ON vpd' | pg_sql

# Numbers that are counted: a restore that fails leaves the counter where it is.
pg_sql >/dev/null <<'END'
INSERT INTO auditlog (userid) SELECT 'u' FROM generate_series(1, 50);
CREATE FUNCTION refuse() RETURNS trigger AS 'BEGIN RAISE ''no''; END' LANGUAGE plpgsql;
CREATE TRIGGER refuse BEFORE INSERT ON site FOR EACH ROW EXECUTE FUNCTION refuse();
UPDATE site SET comments = 'x';
END
check_status 'a restore that a trigger refuses fails' 6 restore "$PG_CFGLOC" -ap whole
echo 'DROP TRIGGER refuse ON site' | pg_sql
next() { echo "INSERT INTO auditlog (userid) VALUES ('next')" | pg_sql; }
check 'and events go on to be counted' next

# Who may not see all gets no dump that lacks it.
mariadb_sql >/dev/null 2>&1 <<'END'
CREATE USER IF NOT EXISTS ro@'127.0.0.1' IDENTIFIED BY 'ro-Sesame';
END
if mysql_root() { setpriv --reuid=nobody --clear-groups mariadb --no-defaults -u nobody -S "$DATABASES/mariadb/socket" 2>/dev/null || mariadb --no-defaults -u root -S "$DATABASES/mariadb/socket"; } &&
    echo "CREATE USER ro@'%' IDENTIFIED BY 'ro-Sesame'; GRANT SELECT ON xcatdb.site TO ro@'%'; GRANT SELECT (node, mac) ON xcatdb.mac TO ro@'%'" | mysql_root >root.out 2>&1; then
    RO=$(echo "$MARIADB_CFGLOC" | sed 's/|.*/|ro|ro-Sesame/')
    check_status 'MariaDB: tables that a user may not see are not taken for missing' 6 dump "$RO" -p ro
    check 'MariaDB: it is said what is denied' said 'denied'
    check_status 'MariaDB: and no columns' 6 env XCATCFG="$RO" haxcat-dump -p ro mac
    check 'MariaDB: what it may see is dumped' env XCATCFG="$RO" haxcat-dump -p ro site
else
    skip 'MariaDB: a user with few privileges' 'no way to make one'
fi
pg_sql >/dev/null <<'END'
ALTER TABLE nodelist ENABLE ROW LEVEL SECURITY; ALTER TABLE nodelist FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON nodelist USING (node < 'c');
END
check_status 'PostgreSQL: rows that a policy hides are no reason to dump the others' 6 dump "$PG_CFGLOC" -p policy
check 'PostgreSQL: it is said that there is one' said 'row-level security'
echo 'ALTER TABLE nodelist DISABLE ROW LEVEL SECURITY' | pg_sql >/dev/null

# Servers that keep silent, and rows that are too long.
slow() { echo 'CREATE TRIGGER slow BEFORE INSERT ON site FOR EACH ROW SET @slept = SLEEP(30)' | mariadb_sql; }
silent() {
    begun=$(date +%s)
    restore "$MARIADB_CFGLOC" -p whole --tables site --answer-wait 2 --lock-wait 1
    got=$?
    [ $(($(date +%s) - begun)) -le 8 ] || return 99
    return "$got"
}
echo 'DELETE FROM site' | mariadb_sql
slow
check_status 'MariaDB: a server that keeps silent is given up in time' 5 silent
check 'MariaDB: and it is said' said 'has not answered in time'
check_status 'no password stands in what was said' 1 grep -rqF Sesame "$OUT" "$ERR"
done_testing
