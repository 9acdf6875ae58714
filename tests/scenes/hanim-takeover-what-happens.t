# The clients of the other master are taken over, each with its evidence; what is ours already is left; and all is taken back.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
nim_world world && nim_synced || exit
nim_attr nimb lpar07 connect nimsh && nim_attr nima lpar07 connect nimsh
sed -i 's/NIM_SHELL=.*/NIM_SHELL="nimsh"/' "$(nim_file lpar07 /etc/niminfo)"
echo 3901 >"$NIM_WORLD/lpar07/set/listens"
nim_listen
echo 3901 >"$NIM_WORLD/lpar07/set/listens"
nim_port lpar07 open
takeover() { _host=$1; shift; on "$_host" hanim-takeover -e rsh-nim --state-directory "$SCENE_DIR/state" "$@"; }
silent() { [ ! -s "$ERR" ]; }
not_called() { ! nim_calls nimb | grep '^nim '; }

check "before it all clients are fit" takeover nimb --check nima
check_json "each check has a finding, and all hold" '.[0].schema == "hanim-takeover/1" and .[0].check == true
    and ([.[] | select(.type == "finding")] | length == 7 + 3 * 8 and all(.values.outcome == "holds"))
    and (.[-1] | .ok and .holds == 31 and .refused == 0)' "$OUT"
check "a look calls no nim" not_called

check "a plan for harun is printed" takeover nimb --dry-run nima
check_json "it has the one step" '.[0].schema == "ha-plan/1" and ([.[] | select(.type == "step")] | length == 1
    and .[0].do.argv == ["nim", "-o", "takeover", "-a", "show_progress=yes", "-a", "async=no", "nima"])' "$OUT"
check "and nothing was done" not_called

check "the clients are taken over" takeover nimb nima
check_json "each is taken, and three say so" '[.[] | select(.type == "client")] | length == 3 and all(.values
    | .state == "taken" and .already == false and .table_result == "SUCCESS" and .split_brain == false and .cause == null
    and ([.current_master, .current_master_on_peer, .niminfo_master] | all(. == "nimb.example.com")))' "$OUT"
check_json "what nim said is told in its order" '[.[] | select(.type == "progress") | .text]
    | .[0] == "Updating the NIM database on the \"alternate_master\" \"nima\"..." and length == 9' "$OUT"
check_json "and the end counts" '.[-1] | .ok and .status == 0 and .failed == 0 and .clients_taken == 3 and .clients_already == 0
    and .nim_ran and .nim_status == 0 and .split_brains == 0 and .split_brain_expected == false' "$OUT"
check "silently" silent
check "nim was told to end its work first" nim_called nimb nim -o takeover -a show_progress=yes -a async=no nima

nim_forget_calls
check "another run has nothing to do" takeover nimb --verbose nima
check_json "all is ours already" '([.[] | select(.type == "client")] | length == 3 and all(.values | .already and .state == "taken"))
    and (.[-1] | .clients_already == 3 and .nim_ran == false and .nim_status == null)' "$OUT"
check "--verbose tells what is done" grep -q '^hanim-takeover: 3 of 3 clients are this master.s$' "$ERR"
check "and nim is not run" not_called
check "a plan has no step then" takeover nimb --dry-run nima
check_json "none" 'map(select(.type == "step")) == []' "$OUT"

check "the other master takes them back, by force" takeover nima --force nimb
check_json "all three" '([.[] | select(.type == "client")] | length == 3
    and all(.values | .state == "taken" and .niminfo_master == "nima.example.com"))' "$OUT"
check "with -F" nim_called nima nim -F -o takeover -a show_progress=yes -a async=no nimb

through_harun() { on nimb hanim-takeover -e rsh-nim --state-directory "$SCENE_DIR/state" --dry-run nima | on nimb harun; }
check "harun runs the plan" through_harun
check "and then all is taken" takeover nimb nima
check_json "by harun" '.[-1] | .clients_already == 3 and .nim_ran == false' "$OUT"
NIM_CARRIER=c_rsh
export NIM_CARRIER
by_c_rsh() { on nima hanim-takeover -e c_rsh --state-directory "$SCENE_DIR/state" nimb; }
check "c_rsh, whose status says nothing, is a carrier too" by_c_rsh
check_json "for all evidence" '.[-1] | .clients_taken == 3 and .clients_already == 0' "$OUT"
done_testing
