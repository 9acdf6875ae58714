# What would make a synchronisation fail or do harm is seen before it begins, and told with the next step.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
state=$SCENE_DIR/run
sync() { on nima hanim-sync --state-directory "$state" -e rsh-nim "$@"; }
none() { ! "$@"; }
row() { # NAME STATUS CHECK OUTCOME FOUND FIX [OPTION...]
    _filter="any(.[]; .type == \"finding\" and .key.check == \"$3\" and .values.outcome == \"$4\" and (.values.found | contains(\"$5\")) and (.values.fix // \"\" | contains(\"$6\")))"
    _row=$1 _status=$2
    shift 6
    check_status "$_row" "$_status" sync --check --replicate "$@" nimb
    check_json "$_row: it is told" "$_filter" "$OUT"
}
nim_world world
nim_synced
nim_object nima net9 class=networks type=ent net_addr=192.0.2.128 snm=255.255.255.128 'routing1=default 192.0.2.129'
on nima nim -o sync -a replicate=yes nimb >/dev/null

row "20: no backup of the database" 0 backup warning "there is no backup of nima's database" m_backup_db
backups=$(nim_file nima /export/nim/backups)
mkdir -p "$backups" && touch -d '30 days ago' "$backups/old"
row "20: an old one" 0 backup warning "the newest backup of nima's database, old, is older than 7 days" m_backup_db
row "20: that is new enough" 0 backup holds "40 days old at most" "" --backup-days 40
echo database >"$backups/new"
row "20: a new one" 0 backup holds "is 7 days old at most" ""

cp "$(nim_file nima /etc/niminfo)" niminfo
row "all is well" 0 directions holds "nima and nimb are alternate masters of each other" ""
check_json "nothing is a warning" '.[-1].warning == 0 and .[-1].refused == 0 and .[-1].unknown == 0' "$OUT"
row "4: clients that do not know the alternate" 0 sync-required holds "no client" ""
nim_attr nima lpar07 sync_required yes
nim_attr nima lpar12 sync_required yes
row "4: they are named" 0 sync-required warning "2 clients have sync_required=yes: lpar07, lpar12" reset-clients
nim_attr nima lpar07 sync_required no
nim_attr nima lpar12 sync_required no

rm -rf "$(nim_file nimb /nim)" && nim_no_fs nimb /nim
nim_size nima /nim/mksysb/lpar07.mksysb 20971520
row "5: no file system on the alternate" 1 mounts refused "/nim is a file system on nima but on nimb it is part of / (1.2 GiB free); lpp_73, spot_73, lpar07_sysb, lpar07_im need 20.0 GiB" "make and mount /nim"
nim_fs nimb /nim 10485760 10484136
row "6: not enough room" 1 room refused "lpar07_sysb, lpar07_im need 20.0 GiB, 10.0 GiB free on nimb:/nim" chfs
nim_forget_calls
check_status "6: it is not begun" 6 sync --replicate nimb
check "6: nim was not run" none nim_called nima nim -o sync -a replicate=yes nimb
row "6: --despite goes on" 0 room refused "20.0 GiB" "" --despite room
nim_fs nimb /nim 31457280 31457280
nim_fs nimb /nim/mksysb 31457280 31457280
row "5: another mount point is a warning" 0 mounts warning "lpar07_sysb will be on the file system /nim/mksysb of nimb (30.0 GiB free), and is on /nim of nima" ""
nim_no_fs nimb /nim/mksysb
on nima nim -o sync -a replicate=yes nimb >/dev/null

nim_fileset nimb bos.sysmgt.nim.master 7.3.1.0
row "7: levels of NIM" 1 levels refused "nima 7.3.2.0, nimb 7.3.1.0" "levels must match"
nim_fileset nimb bos.sysmgt.nim.master 7.3.2.0
nim_set nimb oslevel 7300-01-02-2320
row "7: levels of AIX" 1 levels refused "oslevel -s: nima 7300-02-01-2320, nimb 7300-01-02-2320" "levels must match"
nim_set nimb oslevel 7300-02-01-2320
nim_fault nimb oslevel - fail
row "7: a level that is not told is unknown, and may be seen later" 5 levels unknown "nimb does not tell its level" ""
nim_no_faults nimb
nim_fileset nima bos.sysmgt.nim.spot ''
row "7: no bos.sysmgt.nim.spot" 0 levels warning "bos.sysmgt.nim.spot is not installed on nima" install
nim_fileset nima bos.sysmgt.nim.spot 7.3.2.0
for host in nima nimb; do nim_fileset $host bos.sysmgt.nim.master 7.1.3.15; done
row "17: a level with the known bug" 0 known-bug warning "IV63406): nima has 7.1.3.15, nimb has 7.1.3.15" 7.1.3.30
for host in nima nimb; do nim_fileset $host bos.sysmgt.nim.master 7.3.2.0; done

nim_attr nimb nima connect shell
row "8: protocols that differ" 1 protocol refused "nima uses nimsh for nimb, nimb uses shell for nima" connect=nimsh
nim_attr nima nimb connect shell
row "8: shell where nimsh is needed" 1 protocol refused "beyond AIX 6100-04 alternate masters need nimsh" connect=nimsh
nim_attr nima nimb connect nimsh
nim_remove nimb nima
row "10: one way only" 0 directions warning "nimb does not know nima as an alternate master" "takeover back will not be possible"
nim_object nimb nima class=machines type=alternate_master connect=nimsh 'if1=master_net nima.example.com 8EB2200AA00A ent0'
grep -v ALTERNATE niminfo >"$(nim_file nima /etc/niminfo)"
row "10: or so the niminfo says" 0 directions warning "NIM_ALTERNATE_MASTER on nima does not name nimb" "takeover back"
sed 's/com"$/com”/' niminfo >"$(nim_file nima /etc/niminfo)"
row "12: a quote that is not closed" 1 niminfo refused "line 6 of /etc/niminfo on nima: " nimconfig
sed 's/=master$/=standalone/' niminfo >"$(nim_file nima /etc/niminfo)"
row "18: a client is no master" 1 master refused "not a NIM master" "run this on the master"
rm "$(nim_file nima /etc/niminfo)"
check_status "18: nor is a machine without NIM" 6 sync nimb
check_json "18: and it says so" '.[-1].error.message | startswith("master: this machine is not a NIM master")' "$OUT"
cp niminfo "$(nim_file nima /etc/niminfo)"
nim_fault nima lsnim - 0042-006
row "18: a database that cannot be listed" 1 master refused "cannot be listed: 0042-006 m_lsnim" lsnim
nim_no_faults nima
check_status "an alternate that there is none of" 6 sync nimc
check_json "and the ones that there are" '.[-1].error.message | contains("nima knows no NIM object nimc: it has nimb")' "$OUT"
check_status "a client is no alternate" 1 sync --check lpar07

nim_object nimb lpar99 class=machines type=standalone
row "9: what only the alternate has would be gone" 0 first-sync warning "lpar99 of nimb are not on nima" "saved there first"
nim_remove nimb lpar99
nim_attr nima lpar08 Cstate 'Base Operating System installation is being performed'
nim_attr nima lpar08 spot spot_73
row "15: a busy client" 0 busy warning "lpar08: Base Operating System installation is being performed, spot_73 is allocated to it; a synchronisation resets" ""
nim_attr nimb lpar12 Cstate 'Base Operating System installation is being performed'
row "15: one of the alternate is in the way" 1 busy refused "nimb is at work on lpar12" "wait until it has ended"
nim_attr nimb lpar12 Cstate 'ready for a NIM operation'
nim_attr nima lpar08 Cstate 'ready for a NIM operation'
nim_no_attr nima lpar08 spot
nim_attr nima master_net routing2 'backup_net 192.0.2.254'
row "16: static routes" 0 routes warning "master_net has static routes: backup_net 192.0.2.254" "lsnim -lc networks"
nim_no_attr nima master_net routing2
nim_unresolved nimb lpar08
row "19: a client that the alternate cannot resolve" 0 names warning "nimb cannot resolve lpar08.example.com" /etc/hosts
nim_unresolved nimb nima
row "19: a master that it cannot" 1 names refused "nimb cannot resolve nima.example.com" /etc/hosts
rm "$NIM_WORLD"/nimb/unresolved.*
nim_fault nimb host - fail
row "19: nobody at all" 1 names refused "nimb cannot resolve nimb.example.com" ""
nim_no_faults nimb

nim_down nimb
row "an alternate that does not answer" 5 answers unknown "nimb gives no answer: no connection" "-e COMMAND"
nim_up nimb
nim_set nimb carrier hang
row "one that hangs" 5 answers unknown "gave no answer within 1 s" "-e COMMAND" --ask-timeout 1
nim_set nimb carrier ''
mv "$(nim_file nimb /etc/niminfo)" saved
row "one that is no master" 1 answers refused "nimb is not a NIM master" niminit
mv saved "$(nim_file nimb /etc/niminfo)"

on nimb nim -o takeover nima >/dev/null
row "an alternate that has taken over" 1 owner refused "nimb has taken over lpar07, lpar08, lpar12; a synchronisation would make it forget" hanim-takeover
check_status "is not overwritten by the next night's run" 6 sync --replicate nimb

# Taken back while it was down: its database says what was before, and only a synchronisation mends that.
nim_down nimb
on nima nim -Fo takeover nimb >/dev/null
nim_up nimb
row "one that only believes to have the clients" 0 owner warning "nimb still says that it has lpar07, lpar08, lpar12" "puts that right"
nim_down lpar12
row "and a client that does not answer" 5 owner unknown "nima and nimb both say that lpar12 is theirs" "NIM_MASTER_HOSTNAME"
nim_up lpar12
check "is synchronised" sync --replicate nimb
owners() { on nimb lsnim -l lpar07 | grep -q 'current_master = nima.example.com'; }
check "and knows better then" owners
done_testing
