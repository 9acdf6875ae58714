# The very lines of scripts/events/crontab, paths moved into this directory: the standby becomes what the primary is.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/lab.sh"
at_exit() { lab_down; }
lab_up || exit
PATH=$LAB/bin:$PATH
XCATCFG=$SCENE_DIR/db
export PATH XCATCFG
# shellcheck disable=SC2034 # the lines use it
STANDBY=$(sed -n 's/^STANDBY=//p' "$ROOT/scripts/events/crontab")
mkdir -p primary/install/aix71 primary/etc primary/var/log primary/var/xcat standby/etc
for i in 1 2 3; do echo "package $i" >"primary/install/aix71/package-$i"; done
ln -s aix71 primary/install/current
echo 10.1.0.1 cn0001 >primary/etc/hosts
echo nameserver 10.1.255.1 >primary/etc/resolv.conf
python3 "$ROOT/scripts/sample-xcat-db" db 20 || exit

grep '^[0-9*]' "$ROOT/scripts/events/crontab" | cut -d ' ' -f 6- | reroot "$SCENE_DIR/primary" "$SCENE_DIR/standby" >commands
line() { eval "$command"; }
silent() { [ ! -s "$ERR" ]; }
while read -r command; do
    check "$command" line </dev/null
    check "it is silent, so cron sends no mail" silent
done <commands
check "the packages are there" cmp primary/install/aix71/package-3 standby/install/aix71/package-3
check "-L: a link came as what it leads to" cmp primary/install/aix71/package-1 standby/install/current/package-1
check "the name service files are there" diff -r primary/etc standby/etc
check "the database's dump is there" diff -r primary/var/xcat/dump "standby/$SCENE_DIR/primary/var/xcat/dump"
for log in install etc xcat; do
    check_json "the end of hasync-$log is kept" '.[-1].type == "end" and .[-1].ok' "primary/var/log/hasync-$log.jsonl"
done
done_testing
