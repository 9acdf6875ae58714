# The fakes of NIM: they say what the public pages say, word for word, and keep the state that the seed's procedure makes.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
fixtures=$ROOT/tests/fixtures/nim
as() { "$@" >said 2>&1; diff "$fixture" said; } # the command says what stands in $fixture
say() { fixture=$fixtures/$1; shift; as "$@"; }
holds() { "$@" | grep -qxF -e "$wanted"; } # COMMAND...: the line $wanted is in what it says
lacks() { ! holds "$@"; }

# Section 1 to 4 of the seed: A is a master, B becomes its alternate, A the alternate of B, a client is defined.
nim_world "$SCENE_DIR/seed"
for name in lpar07 lpar08 lpar12 lpp_73 spot_73 lpar07_sysb lpar07_im; do nim_remove nima "$name"; done
rm "$(nim_file lpar07 /etc/niminfo)"
master() { printf 'export %s\n' NIM_NAME=master NIM_CONFIGURATION=master NIM_MASTER_PORT=1058 NIM_REGISTRATION_PORT=1059 "$@"; }
master NIM_MASTER_HOSTNAME=nima.example.com >a-alone
master NIM_MASTER_HOSTNAME=nima.example.com 'NIM_ALTERNATE_MASTER="nimb.example.com"' >a
master NIM_MASTER_HOSTNAME=nimb.example.com 'NIM_ALTERNATE_MASTER="nima.example.com"' >b
check_status "no lsnim without niminfo" 157 on nimb lsnim
check "B becomes an alternate of A, in the seed's words" say niminit/alternate \
    on nimb niminit -a is_alternate=yes -a name=nimb -a pif_name=en0 -a master=nima -a connect=nimsh
check "B's niminfo is the seed's" diff b "$(nim_file nimb /etc/niminfo)"
check "and A's is as it was" diff a-alone "$(nim_file nima /etc/niminfo)"
check "A knows the alternate" say lsnim/alternate-master on nima lsnim -l nimb
check "A becomes an alternate of B" say niminit/alternate \
    on nima niminit -a is_alternate=yes -a name=nima -a pif_name=en0 -a master=nimb -a connect=nimsh
check "A's niminfo is the seed's" diff a "$(nim_file nima /etc/niminfo)"
check "a client is defined" on lpar07 niminit -a name=lpar07 -a master=nima -a pif_name=en0
check "lsnim says of it what the seed says" say lsnim/client-shell on nima lsnim -l lpar07
nim_object nima lpar07_sysb class=resources type=mksysb location=/nim/mksysb/lpar07.mksysb server=master
nim_object nima spot_73 class=resources type=spot location=/nim/spot/spot_73/usr version=5 release=3 mod=9 server=master
nim_object nima lpp_73 class=resources type=lpp_source location=/nim/lpp/lpp_73 server=master
check "the short listing" say lsnim/short on nima lsnim

# Section 5: the synchronisation, with the seed's own resources.
nim_remove nima lpp_73
nim_remove nima spot_73
nim_object nima lpar07_spot class=resources type=spot location=/nim/spot/spot_73/usr version=5 release=3 mod=9 server=master
nim_object nima lpar07_im class=resources type=image_data location=/nim/im_data/lpar07.image.data server=master
nim_attr nima nimb netboot_kernel mp
nim_attr nima nimb if1 'master_net nimb.example.com 00145EB74C7E ent2'
nim_fileset nima bos.sysmgt.nim.master 5.3.9.0
nim_fileset nimb bos.sysmgt.nim.master 5.3.9.0
check "A's /nim is the seed's" say system/df-g-nima on nima df -g /nim
check "B's /nim is the seed's" say system/df-g-nimb on nimb df -g /nim
check_status "the first synchronisation needs force" 8 on nima nim -o sync -a replicate=yes nimb
alike() { sed -e 's/nimb\.[0-9]*\.backup/nimb.backup/' -e 's/^[0-9]* objects/N objects/' -e 's/niminfo, [0-9]* bytes/niminfo, N bytes/' "$1"; }
alike "$fixtures/sync/seed" >seed-says
sync_seed() { on nima nim -Fo sync -a replicate=yes nimb >out 2>&1 && alike out >fake-says && diff seed-says fake-says; }
check "it says what the seed says" sync_seed
check "a backup of B's database is where it says" test -s "$(nim_file nimb "$(sed -n 's/^ *"\(.*\)"$/\1/p' out)")"
check "the contents are there" diff -r "$(nim_file nima /nim/spot)" "$(nim_file nimb /nim/spot)"
fixture=$fixtures/messages/0042-378
sed 's/nimb\.example/nima.example/' "$fixture" >mine && fixture=mine
check "B controls no client yet" as on nimb nim -o lslpp lpar07

# Section 6: the takeover, and back.
cp "$(nim_file lpar07 /etc/niminfo)" before
check "B takes over, in the seed's words" say takeover/seed on nimb nim -o takeover nima
sed -e 's/^\(export NIM_MASTER_HOSTNAME\)=.*/\1=nimb.example.com/' \
    -e 's/^\(export NIM_MASTER_HOSTNAME_LIST\)=.*/\1="nimb.example.com nima.example.com"/' before >after
check "the client's niminfo has B, and the list turned round" diff after "$(nim_file lpar07 /etc/niminfo)"
check "now A does not control it" say messages/0042-378 on nima nim -o lslpp lpar07
wanted='bos.rte' && check "and B does" holds eval 'on nimb nim -o lslpp lpar07 | tr -s " " "\n"'
check "A takes it back" on nima nim -o takeover nimb
check "and the niminfo is as before" diff before "$(nim_file lpar07 /etc/niminfo)"

# The other listings and messages.
nim_world "$SCENE_DIR/world"
check "two clients" test "$(on nima lsnim -t standalone | wc -l)" -eq 3
for each in lpp_73:1 spot_73:2; do nim_attr nima "${each%:*}" alloc_count "${each#*:}"; done
resources() { for each in lpp_73 spot_73 lpar07_sysb; do on nima lsnim -l $each; done; }
check "resources" say lsnim/resources resources
nim_attr nima master_net routing2 'backup_net 192.0.2.254'
check "a network" say lsnim/networks on nima lsnim -l master_net
nim_object nima web_grp class=groups type=mac_group member1=lpar07 member2=lpar12
nim_object nima res_73 class=groups type=res_group lpp_source=lpp_73 spot=spot_73 'comments=7.3 TL2'
check "groups" say lsnim/groups on nima lsnim -lc groups
check "-Z: an interface is four fields" say lsnim/Z-if1-split on nima lsnim -Z -a if1 lpar07
check "-Z: a network" say lsnim/Z-net on nima lsnim -Z -a net_addr -a snm master_net
check "-Z: a place" say lsnim/Z-location on nima lsnim -Z -a location lpp_73
nim_attr nima lpar07 mgmt_profile 'hmc01 7 cec-9080-01'
check "-Z: blanks in one field" say lsnim/Z-spaces on nima lsnim -Z -a mgmt_profile lpar07
nim_object nima vio1 class=management type=vios 'Cstate=ready for a NIM operation' Cstate_result=success
nim_object nima vio2 class=management type=vios 'Cstate=alt_disk_install operation is being performed' \
    'info=Creating logical volume alt_hd2.' Cstate_result=success
check "-Z: an absent attribute is no field" say lsnim/Z-missing-field on nima lsnim -Z -t vios -a Cstate -a info -a Cstate_result
check "an object that is not there" say messages/0042-053 on nima lsnim -l lpar99
check_status "its status is the number of the message" 53 on nima lsnim -l lpar99
nim_attr nima lpar12 err_info 'mount: no\n0042-175 c_installp: no'
wanted='0042-175 c_installp: no' && check "a value runs on from the first column" holds on nima lsnim -l lpar12
nim_port lpar07 closed
check "a client that does not answer" say messages/0042-006 on nima nim -o lslpp lpar07
nim_port lpar07 open
check_status "no lsnim on a client" 127 on lpar07 lsnim
for each in 'df-kP:df -kP /nim/lpp' mount:mount 'lslpp-Lc:lslpp -Lc bos.sysmgt.nim.master' 'lssrc-nimsh:lssrc -s nimsh'; do
    # shellcheck disable=SC2086 # words
    check "${each#*:}" say "system/${each%%:*}" on nima rsh-nim nima ${each#*:}
done
nim_fs nima / 1572864 1275336 /dev/hd4
check "the nearest file system holds a path" say system/df-kP on nima df -kP /nim/lpp
sed "s/192\.0\.2\.57/$(nim_address lpar07)/" "$fixtures/system/host" >mine
fixture=mine && check "host" as on nima host lpar07
check_status "a name that does not resolve" 1 on nima host nowhere

# What stays as the seed warns.
check "the pair, and clients that know both" nim_pair
check "each client knows the alternate" test "$(on nima lsnim -a sync_required | grep -c '= no')" -eq 3
nim_fileset nimb bos.sysmgt.nim.master 7.3.1.0
check_status "levels that differ" 1 on nima nim -Fo sync -a replicate=yes nimb
nim_fileset nimb bos.sysmgt.nim.master 7.3.2.0
nim_fault nima sync lpar07_im lost
check "a resource is lost without notice" on nima nim -Fo sync -a replicate=yes nimb
cp "$OUT" log
wanted='Replicated resource lpar07_im' && check "but for its line" lacks cat log
nim_no_faults nima
echo more >>"$(nim_file nima /nim/lpp/lpp_73/installp/ppc/bos)"
check "once more" on nima nim -o sync -a replicate=yes nimb
cp "$OUT" log
wanted='Replicating resource lpp_73' && check "only what is not there is replicated" lacks cat log
wanted='Replicating resource lpar07_im' && check "such as what was lost" holds cat log
check_status "what has changed is not brought again" 1 cmp "$(nim_file nima /nim/lpp/lpp_73/installp/ppc/bos)" "$(nim_file nimb /nim/lpp/lpp_73/installp/ppc/bos)"
nim_size nima /nim/mksysb/lpar07.mksysb 99999999
rm "$(nim_file nimb /nim/mksysb/lpar07.mksysb)"
check "no room" on nima nim -o sync -a replicate=yes nimb
cp "$OUT" log
wanted='Replicated resource lpar07_sysb' && check "and that is not replicated" lacks cat log
check "without replicate the resources are gone" on nima nim -o sync nimb
check "all of them" test "$(on nimb lsnim -c resources | wc -l)" -eq 2
nim_fault nima sync - cut
check "a synchronisation that is cut short" on nima nim -o sync -a replicate=yes nimb
cp "$OUT" log
wanted='nim_master_recover Complete' && check "does not say Complete" lacks cat log
nim_no_faults nima
nim_no_fs nimb /nim
on nimb df -kP /nim >out
check "a file system that is not there is /" grep -q ' /$' out

# A takeover that comes to half, with A down: both think that they own a client.
nim_remove nimb lpar08
sed 's/ nimb.example.com//' "$(nim_file lpar12 /etc/niminfo)" >mine && cp mine "$(nim_file lpar12 /etc/niminfo)"
mixed() { on nimb nim -o takeover nima 2>errors >said; diff "$fixtures/takeover/mixed" said; }
check "some are taken, some not" mixed
check "and why" diff "$fixtures/messages/0042-372" errors
check "A takes all back" on nima nim -o takeover nimb
nim_down nima
check_status "A does not answer" 255 on nimb rsh-nim -l root -o BatchMode=yes nima.example.com true
owner() { wanted="   current_master = $2.example.com"; holds on "$1" lsnim -a current_master lpar07; }
nim_delay hold
check "a takeover ends" on nimb nim -o takeover nima
check "before it is done" owner nimb nima
nim_go
left=500
until owner nimb nimb || [ "$left" -eq 0 ]; do sleep 0.02; left=$((left - 1)); done
check "B owns the client" owner nimb nimb
check "and A thinks that it does" owner nima nima

# The carriers, the log, and no file of this machine.
nim_up nima
status_of() { on nima "$@" lpar07 'echo mine >/etc/niminfo.new; [ -f /etc/niminfo.new ] && test -f /etc/niminfo && exit 7'; }
check_status "a carrier gives the status" 7 status_of rsh-nim
check_status "but c_rsh" 0 status_of c_rsh
check "files are those of the fake host" cmp "$(nim_file lpar07 /etc/niminfo.new)" - <<END
mine
END
check_status "none is made here" 1 test -e /etc/niminfo.new
check "calls are kept, word for word" nim_called nimb nim -o takeover nima
nim_set lpar12 carrier hang
check_status "a carrier that hangs" 124 on nima timeout 0.3 rsh-nim lpar12 true
nim_fault nima df - hang
check_status "a command that hangs" 124 on nima timeout 0.3 df

# Real ports.
connects() { python3 -c 'import socket, sys; socket.create_connection((sys.argv[1], 3901), 2)' "$(nim_address "$1")" 2>/dev/null; }
nim_listen
check "nimsh answers" connects lpar08
nim_port lpar08 closed
check_status "until its port is closed" 1 connects lpar08
check "and started again" on nima rsh-nim lpar08 startsrc -s nimsh
check "it answers" connects lpar08
nim_unlisten
check_status "nothing is left behind" 1 connects lpar08
done_testing
