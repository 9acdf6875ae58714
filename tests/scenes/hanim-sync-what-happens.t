# A NIM master's database and resources are brought to its alternate, and both are compared afterwards.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
state=$SCENE_DIR/run
sync() { on nima hanim-sync --state-directory "$state" -e rsh-nim "$@"; }
none() { ! "$@"; }
silent() { [ ! -s "$ERR" ]; }
finding() { echo "any(.[]; .type == \"finding\" and .key.check == \"$1\" and .values.outcome == \"$2\" and (.values.found | contains(\"$3\")))"; }
nim_world world
nim_pair

# The first time.
check_status "the first synchronisation is refused without --force" 6 sync --replicate nimb
check_json "with the cause and the next step" \
    '.[-1].error.kind == "failed" and (.[-1].error.message | startswith("first-sync: nimb knows nothing of nima yet: this is the first") and contains("--force"))' "$OUT"
check "nim was not run" none grep -q '	nim ' "$NIM_WORLD/log"
check_status "--check says no" 1 sync --replicate --check nimb
check_json "every check has a finding" \
    '[.[] | select(.type == "finding").key.check] | unique | length == 18' "$OUT"
check "with --force it is done" sync --force --replicate nimb
check_json "lines of nim are records, each with its phase" \
    '[.[] | select(.type == "progress").phase] | unique == ["backup", "check", "complete", "machines", "replicate", "resources", "restore"]' "$OUT"
check_json "each object of the primary is on the alternate" \
    '[.[] | select(.type == "object" and .values.wanted)] | length == 11 and all(.[]; .values.on_alternate and .values.different == [])' "$OUT"
check_json "and each resource at its place" \
    '[.[] | select(.type == "object" and .values.at_location) .key.name] == ["lpar07_im", "lpar07_sysb", "lpp_73", "spot_73"]' "$OUT"
check_json "the end has the totals and the backup of the old database" \
    '.[-1] | .ok and .objects == 11 and .on_alternate == 11 and (.backup | startswith("/export/nim/backups/nimb."))' "$OUT"
check "standard error is silent" silent
check "nim was called as the manual has it" nim_called nima nim -Fo sync -a replicate=yes nimb
check "the contents are there" diff -r "$(nim_file nima /nim/spot)" "$(nim_file nimb /nim/spot)"

# Every other time.
nim_forget_calls
check "the next one needs no force" sync --replicate --reset-clients nimb
check "and resets the clients where that is asked" nim_called nima nim -o sync -a replicate=yes -a reset_clients=yes nimb
connections() { nim_calls nima | grep -c '^rsh-nim' | grep -qx 3; }
check "three connections are made, for hundreds of objects too" connections
check "without --replicate" sync nimb
check_json "a warning names the resources that the alternate forgets" "$(finding replicate warning 'nimb will not know the resources lpp_73, spot_73')" "$OUT"
check_json "and they are not wanted there" \
    '[.[] | select(.type == "object" and .values.class == "resources" and .values.location != null)] | length == 4 and all(.[]; .values.on_alternate == false and .values.wanted == false)' "$OUT"
check "and with it again" sync --replicate nimb
check "by c_rsh, whose status says nothing" on nima hanim-sync --state-directory "$state" -e c_rsh --replicate nimb
reader_leaves() { sync --replicate nimb | head -n 1 >first; }
nim_forget_calls
rm "$state/hanim/sync.out"
check "a reader that leaves does not end it" reader_leaves
ended() { # ksh93 waits for the last of a pipe only
    left=100
    until grep -qs 'nim_master_recover Complete' "$state/hanim/sync.out" || [ "$left" -eq 0 ]; do sleep 0.05; left=$((left - 1)); done
    [ "$left" -gt 0 ]
}
check "it comes to its end" ended
check "and it was what was asked" nim_called nima nim -o sync -a replicate=yes nimb

# As a plan.
nim_forget_calls
plan() { sync --dry-run --replicate nimb; }
check "--dry-run prints a plan" plan
check_json "with the command" '.[0].schema == "ha-plan/1" and ([.[] | select(.type == "step").do.argv] == [["nim", "-o", "sync", "-a", "replicate=yes", "nimb"]])' "$OUT"
check "and does nothing" none nim_called nima nim -o sync -a replicate=yes nimb
piped() { plan | on nima harun; }
check "harun runs it" piped
check_json "to its end" '.[0].schema == "harun/1" and .[-1].ok' "$OUT"
check "and nim was run" nim_called nima nim -o sync -a replicate=yes nimb
nim_down nimb
check_status "a plan is refused as a run is" 5 plan
check_json "and nothing is on standard output then" 'length == 0' "$OUT"
nim_up nimb

# Wrong usage.
check_status "no alternate" 2 sync
check_status "a check that there is none of" 2 sync --despite luck nimb
check_status "a master that is none cannot be gone on despite" 2 sync --despite master nimb
check_status "--refresh without --replicate" 2 sync --refresh nimb
check_status "a state directory that depends on where one is" 2 on nima hanim-sync --state-directory run -e rsh-nim nimb
check_status "a name that would be an option" 2 sync -- -F
check_json "and nothing is on standard output" 'length == 0' "$OUT"

# From cron: no terminal, next to no environment.
cron() {
    env -i NIM_HOST=nima NIM_WORLD="$NIM_WORLD" NIM_REAL_PATH=/usr/bin:/bin PATH="$NIM_FAKES/bin:/usr/bin:/bin" \
        "$HATOOLS_BIN/hanim-sync" --state-directory "$state" -e rsh-nim --replicate nimb </dev/null
}
check "cron runs it" cron
check "and has no mail to send" silent
done_testing
