# A set-up that would fail or do harm is refused for its reason, before anything is done; what cannot be seen is busy.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
setup() { on nimb hanim-setup -e rsh-nim --state-directory "$SCENE_DIR/state" "$@"; }
untouched() { [ ! -e "$SCENE_DIR/state" ] && ! cut -f 2 "$NIM_WORLD/log" | grep -q '^niminit'; }
found() { # CHECK OUTCOME: what the refused run told
    check_json "the finding is in the stream" \
        ".[0].schema == \"hanim-setup/1\" and (.[-1] | .ok == false and .error.message != null) and ([.[] | select(.type == \"finding\" and .key.check == \"$1\").values.outcome] | index(\"$2\") != null)" "$OUT"
}
refused() { # NAME STATUS CHECK OUTCOME WORDS OPTION...
    _label=$1 _status=$2 _check=$3 _outcome=$4 _words=$5
    shift 5
    check_status "$_label" "$_status" setup "$@"
    found "$_check" "$_outcome"
    check "it says why: $_words" grep -q "$_words" "$ERR"
}

nim_world "$SCENE_DIR/world"
nim_fileset nimb bos.sysmgt.nim.master ''
refused "the master's fileset is not here" 6 filesets refused 'bos.sysmgt.nim.master is not installed on nimb' nima
nim_fileset nimb bos.sysmgt.nim.master 7.3.1.0
refused "it is at another level" 6 level refused 'nima is at 7.3.2.0, nimb at 7.3.1.0' nima
nim_fileset nimb bos.sysmgt.nim.master 7.3.2.0
nim_fileset nima bos.sysmgt.nim.spot ''
refused "the master has no fileset for SPOTs" 6 filesets refused 'bos.sysmgt.nim.spot is not installed on nima' nima
nim_fileset nima bos.sysmgt.nim.spot 7.3.2.0
nim_set nimb oslevel 7300-01-01-2246
refused "AIX is at another level" 6 level refused 'nima is at 7300-02-01-2320, nimb at 7300-01-01-2246' nima
nim_set nimb oslevel 7300-02-01-2320
refused "the protocol shell" 6 protocol refused 'not for masters beyond 6100-04' --connect shell nima
for host in nima nimb; do nim_set $host oslevel 6100-02-01-0847; done
refused "nimsh where there is none" 6 protocol refused 'not for masters before 6100-04' nima
for host in nima nimb; do nim_set $host oslevel 7300-02-01-2320; done
nim_unresolved nimb nima
refused "the master's name does not resolve here" 6 names refused 'nimb cannot resolve nima' nima
rm "$NIM_WORLD/nimb/unresolved.nima"
nim_unresolved nima nimb
refused "this machine's name does not resolve there" 6 names refused 'nima cannot resolve nimb' nima
rm "$NIM_WORLD/nima/unresolved.nimb"
refused "no such interface" 6 interface refused 'nimb has no interface en7, but en0, en1, lo0' --interface en7 nima
refused "nor there" 6 interface refused 'nima has no interface en7' --return --return-interface en7 nima
nim_fault nimb ifconfig - fail
refused "which interface is not known" 6 interface refused 'which interface of nimb is NIM.s is not plain: give it with --interface' nima
nim_no_faults nimb
refused "this machine itself" 6 master refused 'nimb is this machine' nimb
refused "a client in place of the master" 6 master refused 'lpar07 is no NIM master, but a client' lpar07
mv "$(nim_file nima /etc/niminfo)" kept
refused "a machine without NIM" 6 master refused 'nima has no /etc/niminfo' nima
sed 's/\(MASTER_HOSTNAME=\)\(.*\)/\1"\2”/' kept >"$(nim_file nima /etc/niminfo)"
check_status "a curly quote in the master's niminfo" 6 setup nima
found niminfo refused
cp kept "$(nim_file nima /etc/niminfo)"
nim_object nima nimb class=machines type=standalone 'if1=master_net nimb.example.com 0 ent0'
refused "the name is taken" 6 name refused 'nima has a machine nimb already, of type standalone' nima
nim_remove nima nimb
nim_down nima
refused "the master does not answer" 5 master unknown 'nima gives no answer' nima
check_status "--check: neither" 5 setup --check nima
check_status "that cannot be gone on despite" 2 setup --despite master nima
nim_up nima
nim_set nima carrier hang
refused "it hangs" 5 master unknown 'no answer within 1 s' --ask-timeout 1 nima
nim_set nima carrier ''
nim_fault nima lsnim - 0042-157
refused "its database cannot be listed" 5 master unknown 'the database of nima cannot be listed: 0042-157' nima
nim_no_faults nima
refused "a client that is not there" 6 clients refused 'nima has no client lpar99' --redefine lpar99 nima
check "none of all that did anything" untouched

# Wrong usage.
check_status "a state directory that depends on where one is" 2 on nimb hanim-setup --state-directory run --check nima
check_status "no master" 2 setup
check_status "no such check" 2 setup --despite whatever nima
check_status "a name that is none" 2 setup --name 'a b' nima
check_status "an option for nothing" 2 setup --return-interface en0 nima
check_status "no host" 2 setup -- -x
done_testing
