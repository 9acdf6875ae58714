# The very line of scripts/events/crontab-xcat: every night the standby gets the database, and one line says whether it has it.
# shells: dash ksh93
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/lab.sh"
at_exit() { lab_down; }
lab_up || exit
mkdir bin && ln -s "$ROOT/scripts/events/xcat-nightly-sync" bin/xcat-nightly-sync
PATH=$SCENE_DIR/bin:$LAB/bin:$PATH
XCATCFG=$SCENE_DIR/db
HATOOLS_RSH=$LAB/bin/ssh
# One machine is both nodes: hasync finds the dump in its place already.
HATOOLS_XCAT_DUMP=$SCENE_DIR/var/dump
HATOOLS_LOG=$SCENE_DIR/log
export PATH XCATCFG HATOOLS_RSH HATOOLS_XCAT_DUMP HATOOLS_LOG
python3 "$ROOT/scripts/sample-xcat-db" db 20 || exit
mkdir var
STANDBY=$(sed -n 's/^STANDBY=//p' "$ROOT/scripts/events/crontab-xcat")
line=$(grep '^[0-9*]' "$ROOT/scripts/events/crontab-xcat" | cut -d ' ' -f 6- | sed "s#/usr/local/bin/##; s#/var/log/#$SCENE_DIR/#")
cron() { eval "$line" </dev/null; }
silent() { [ ! -s "$ERR" ]; }
last() { tail -n 1 xcat-nightly-sync >last && grep -E "$1" last; } # REGEX
# What runs on the standby: its own database, and a copy of the dump where it is looked for.
cat >bin/haxcat-dump <<END
#!/bin/sh
[ "\$HATOOLS_NODE" != standby ] || XCATCFG=$SCENE_DIR/db-there
export XCATCFG
exec $HATOOLS_BIN/haxcat-dump "\$@"
END
sed 's/haxcat-dump/haxcat-restore/' bin/haxcat-dump >bin/haxcat-restore
chmod +x bin/haxcat-dump bin/haxcat-restore
cat >bin/rsh <<END
#!/bin/sh
host=\$1
shift
exec $LAB/bin/ssh "\$host" "PATH=$SCENE_DIR/bin:\\\$PATH \$*"
END
chmod +x bin/rsh
HATOOLS_RSH=$SCENE_DIR/bin/rsh

check 'a night' cron
check 'is silent, so cron sends no mail' silent
check 'and says that the standby has what the primary has' last "^20[0-9-]*T[0-9:]*Z $STANDBY same: [0-9]+ rows of 71 tables as of 20"
check_json 'the dump was read there' '.[-1] | .ok and .engine == "CSV" and .rows > 100' log/there.jsonl
check 'secrets do not stand in what is kept' test "$(grep -c 'not a real one' log/*.jsonl | grep -cv ':0$')" -eq 0

# hasync would bring what is right.
printf '#!/bin/sh\ncat >/dev/null\nsed -i s/compute/tampered/ %s/nodelist.csv\n' "$HATOOLS_XCAT_DUMP" >bin/hasync
chmod +x bin/hasync
check_status 'what is not whole there is found out' 4 cron
check 'mailed' grep -q "^xcat-nightly-sync: $STANDBY: reading .* failed with status 4" "$ERR"
rm bin/hasync

cp -R db db-there
HATOOLS_XCAT_STANDBY=database
export HATOOLS_XCAT_STANDBY
check 'a standby with a database of its own' cron
check 'has the same' last ' same: '
sqlite3 db/nodelist.sqlite "UPDATE nodelist SET status = 'booting', statustime = 'now'"
check 'what changes by itself is no difference' cron
sqlite3 db/nodelist.sqlite "UPDATE nodelist SET groups = 'other' WHERE node = 'cn0001'"
check_status 'what an administrator changed is one' 1 cron
check 'it is mailed in one line' sh -c 'test "$(wc -l <"$1")" -eq 1 && grep "differs from the" "$1"' - "$ERR"
check_json 'and kept' 'any(.values.fields[0].field == "values.groups")' log/difference.jsonl
HATOOLS_XCAT_STANDBY=restore
check 'where it is restored' cron
check 'the standby has it' last ' same: '
check_json 'in its database' '.[-1].ok and ([.[] | select(.values.change? == "replaced").key.table] | index("nodelist"))' log/restore.jsonl

python3 - >locked <<'END' &
import sqlite3, time
sqlite3.connect("db/policy.sqlite", isolation_level=None).execute("begin exclusive")
print("locked", flush=True)
time.sleep(60)
END
locker=$!
until [ -s locked ]; do sleep 0.1; done
check_status 'a database that is busy is not brought half' 5 cron
check 'which is said' last "$STANDBY the dump failed with status 5"
kill "$locker"
wait "$locker" 2>/dev/null
STANDBY=nowhere
check_status 'a standby that is not there is a failure' 5 cron
check 'of the sync' last '^20[0-9-]*T[0-9:]*Z nowhere the sync failed with status 5'
HATOOLS_XCAT_STANDBY=nonsense
check_status 'and what is set wrong is wrong usage' 2 cron
done_testing
