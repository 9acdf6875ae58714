# shells: ksh93 mksh
# What would fail as a whole is not begun: the cause is told with the next step, and --despite goes on.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
nim_world world && nim_synced && nim_listen || exit
takeover() { _host=$1; shift; on "$_host" hanim-takeover -e rsh-nim --state-directory "$SCENE_DIR/state" "$@"; }
refused() { # NAME WORDS: one line on standard error
    check_json "$1" ".[-1] | .ok == false and .error.kind == \"failed\" and (.error.message | contains(\"$2\"))" "$OUT"
    check "$1: one line" [ "$(wc -l <"$ERR")" -eq 1 ]
}
not_called() { ! nim_calls nimb | grep '^nim '; }

check_status "without a master it is wrong usage" 2 takeover nimb
check_status "as is a check that there is not" 2 takeover nimb --despite wind nima
check_status "and a carrier that is none" 2 takeover nimb -e '' nima

check_status "a client takes nothing over" 6 takeover lpar07 nima
refused "it is no master" "this machine is not a NIM master: NIM_CONFIGURATION of its /etc/niminfo is not master"
check_status "nor does a look there" 1 takeover lpar07 --check nima
check_status "an object that there is not" 6 takeover nimb nimc
refused "the alternate masters are named" "there is no NIM object nimc: the alternate masters here are: nima"
check_status "an object of another type" 6 takeover nimb lpar07
refused "is told with its type" "lpar07 is of type standalone, no alternate_master"

cp "$(nim_file nimb /etc/niminfo)" niminfo
printf 'export NIM_ALTERNATE_MASTER="nima.example.com\342\200\235\n' >>"$(nim_file nimb /etc/niminfo)"
check_status "a niminfo that ksh would not take" 6 takeover nimb nima
refused "is told with the line" "niminfo: /etc/niminfo, line "
grep -v NIM_MASTER_HOSTNAME niminfo >"$(nim_file nimb /etc/niminfo)"
check_status "one without the master's own name" 6 takeover nimb nima
refused "too" "NIM_MASTER_HOSTNAME"
cp niminfo "$(nim_file nimb /etc/niminfo)"

nim_fileset nima bos.sysmgt.nim.master 7.3.1.0
check_status "two levels" 6 takeover nimb nima
refused "are told with both" "bos.sysmgt.nim.master: nimb 7.3.2.0, nima 7.3.1.0: bring both masters to one level first; --despite level goes on"
check_status "a plan is not made either" 6 takeover nimb --dry-run nima
check "and nothing is printed" [ ! -s "$OUT" ]
check "nothing was done" not_called

nim_fault nimb lsnim - 0042-001:0
check_status "a database that is not listed" 6 takeover nimb nima
refused "is told, though the status was 0" "this machine is not a NIM master: lsnim -l: 0042-001 m_lsnim"
nim_no_faults nimb
nim_fault nimb lsnim - hang
check_status "one that does not come" 5 takeover nimb --ask-timeout 1 nima
check_json "may come another time" '.[-1].error.kind == "busy"' "$OUT"
nim_no_faults nimb

check_status "despite the level: begun, and refused by nim itself" 6 sh -c ". '$ROOT/tests/fakes/nim.sh'; nim_fault nimb takeover - 0042-008
    . '$ROOT/tests/fakes/nim.sh'; on nimb hanim-takeover -e rsh-nim --state-directory '$SCENE_DIR/state' --despite level nima"
check_json "with nim's words, at once" '.[-1] | .nim_status == 8 and .clients_not_taken == 3
    and (.error.message == "nima: no client was taken over: 0042-008 an error occurred")' "$OUT"
nim_no_faults nimb
check "despite the level" takeover nimb --despite level nima
check_json "all is taken" '.[-1].clients_taken == 3' "$OUT"

nim_set lpar08 carrier hang
check_status "where a client cannot be seen a look says so" 5 takeover nimb --check --despite level --despite port --ask-timeout 1 nima
for each in lpar07 lpar08 lpar12; do nim_remove nimb "$each"; done
check_status "without clients there is nothing to take" 6 takeover nimb --despite level nima
refused "and that is told" "the database here has no client: sync from nima first"
done_testing
