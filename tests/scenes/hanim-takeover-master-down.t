# shells: ksh93 mksh
# A takeover goes on while the other master is down, and what that will think later is told: both own a client, or neither does.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
nim_world world && nim_synced && nim_listen || exit
takeover() { on nimb hanim-takeover -e rsh-nim --settle 1 --state-directory "$SCENE_DIR/state" "$@" nima; }
finding() { check_json "$1" ".[] | select(.type == \"finding\" and .key == {check: \"$2\", item: \"$3\"}) | .values | $4" "$OUT"; }
nim_attr nimb lpar07 connect nimsh
echo 3901 >"$NIM_WORLD/lpar07/set/listens"
nim_down nima

check "a look holds, with warnings" takeover --check
finding "that a split brain is to be expected" alive nima '.outcome == "warning" and (.found | contains("a split brain is to be expected"))
    and (.fix | endswith("sync it from here: hanim-sync --replicate nima, the first time with --force"))'
check "the clients are taken over" takeover
check_json "and it is told that the other one was not seen" '([.[] | select(.type == "client")] | length == 3
    and all(.values | .state == "taken" and .split_brain == null and .current_master_on_peer == null))
    and (.[-1] | .split_brain_expected and .status == 0)' "$OUT"

nim_up nima
check "when it is up again" takeover
check_json "both have each client, and the words say who says what" '([.[] | select(.type == "client") | .values] | length == 3
    and all(.already and .state == "taken" and .split_brain and (.next_step | contains("hanim-sync --replicate nima"))
    and .cause == "nima says nima, nimb says nimb, the client'\''s file says nimb"))
    and (.[-1] | .split_brains == 3 and .split_brain_expected == false and .nim_ran == false)' "$OUT"
finding "as does the look" agreement lpar07 '.outcome == "warning" and .found == "nima says nima, nimb says nimb, the client'\''s file says nimb"'

for each in lpar07 lpar08 lpar12; do
    nim_attr nimb "$each" current_master nima.example.com
    nim_attr nima "$each" current_master nimb.example.com
    nim_fault nimb takeover "$each" 0042-175
done
check_status "nobody has the clients, and none is taken" 6 takeover
check_json "which is told" '([.[] | select(.type == "client") | .values] | all(.state == "not_taken" and .split_brain
    and (.cause | endswith("nima says nimb, nimb says nima, the client'\''s file says nimb"))))
    and (.[-1] | .split_brains == 3 and .clients_taken == 0)' "$OUT"
done_testing
