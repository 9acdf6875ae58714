# A set-up is a plan: --dry-run prints it, and harun runs it, as it is or changed.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
STATE=$SCENE_DIR/state
setup() { on nimb hanim-setup -e rsh-nim --state-directory "$STATE" "$@"; }
file() { nim_file "$1" /etc/niminfo; }

nim_world "$SCENE_DIR/world"
check "the plan" setup --dry-run --return --redefine-all nima
check_json "is one" '.[0].schema == "ha-plan/1" and ([.[] | select(.type == "step").id] == ["initialise", "return-direction", "redefine-lpar07", "redefine-lpar08", "redefine-lpar12"])' "$OUT"
check_json "one client does not stop the others" '[.[] | select(.type == "step") | [.on_failure, .undo != null]] == [["stop", false], ["stop", false], ["go_on", true], ["go_on", true], ["go_on", true]]' "$OUT"
check_json "probes are this program's questions, by its absolute path" '[.[] | select(.type == "step") | .unless[0], .ready | .argv[0][:1], .argv[1]] | unique == ["--is", "/"]' "$OUT"
check "and nothing was done" test ! -e "$(file nimb)"
piped() { setup --dry-run --return --redefine-all nima | on nimb harun; }
check "harun runs it" piped
check_json "to its end" '.[-1] | .ok and .done == 5' "$OUT"
check "all is set up" setup --check --return --redefine-all nima
piped() { setup --dry-run --redefine lpar99 nima | on nimb harun; }
check_status "a refused one is no plan" 4 piped


# Changed on the way: without the way back, and one client fewer.
nim_world "$SCENE_DIR/changed"
fewer() { jq -c 'select(.key.step != "return-direction" and .id != "return-direction" and .id != "redefine-lpar12")' | jq -c --slurp '.[-1].records = length - 2 | .[]'; }
piped() { setup --dry-run --return --redefine-all nima | fewer | on nimb harun; }
check "harun runs what is left of it" piped
check_json "three steps" '.[-1].done == 3' "$OUT"
check_status "the way back is not there" 1 on nimb hanim-setup -e rsh-nim --is return nima
check_status "nor does the last client know both" 1 on nimb hanim-setup -e rsh-nim --is client=lpar12 nima
done_testing
