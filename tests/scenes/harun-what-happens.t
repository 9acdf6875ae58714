# A plan runs in order, is undone where it fails, and is not begun where it cannot be trusted, in every shell.
. "${0%/*}/../lib.sh"

act() { printf '{"kind":"run","argv":["sh","-c","%s"]}' "$1"; }
step() { # ID SCRIPT UNDO-SCRIPT
    printf '{"type":"step","id":"%s","what":"%s","do":%s,"undo":%s,"timeout_seconds":20,"on_failure":"stop"}\n' \
        "$1" "$1" "$(act "$2")" "$(act "$3")"
}
plan() { # records come on standard input
    printf '{"type":"begin","schema":"ha-plan/1"}\n'
    printf '{"type":"plan","key":{"plan":"scene"},"values":{"state":"scene","state_directory":"%s/state","deadline_seconds":60}}\n' "$SCENE_DIR"
    cat
    printf '{"type":"end","ok":true}\n'
}
log=$SCENE_DIR/log
log_is() { printf '%s\n' "$@" >want && cmp want "$log"; }

{ step one "echo one >>$log" "echo undo-one >>$log"; step two "echo two >>$log" "echo undo-two >>$log"; } | plan >good
run() { harun <"$1"; }
check "a plan is run" run good
check_json "each step is an event, and the end counts them" \
    '[.[1:-1][] | .key.step + " " + .values.outcome] == ["one done", "two done"] and .[-1].done == 2 and .[-1].ok' "$OUT"
cp "$ERR" said
check "nothing is said on standard error" test ! -s said
check "the steps ran in their order" log_is one two

rm "$log"
{ step one "echo one >>$log" "echo undo-one >>$log"; step bad "echo no cell; exit 9" "echo undo-bad >>$log"; step never "echo never >>$log" true; } | plan >bad
check_status "a step that fails gives 6" 6 run bad
check "the message names the step and its last words" grep -qx 'harun: bad: sh: status 9: no cell' "$ERR"
check "what was begun is undone, the last first, and nothing runs behind it" log_is one undo-bad undo-one

rm "$log"
tailored() { jq -c 'if .id == "bad" then .do.argv[2] = "true" else . end' bad | harun; }
check "tailored with jq it runs" tailored
check "to its end" log_is one never

rm "$log"
cut_short() { head -n 3 good | harun; }
check_status "a plan that is cut is not begun" 4 cut_short
missing() { no-such-tool 2>/dev/null | harun; }
check_status "nor one whose sender is missing" 4 missing
two() { cat good good | harun; }
check_status "nor two plans in one" 4 two
check "nothing was done" test ! -e "$log"

pretty() { jq . good | harun --dry-run; }
check "laid out over several lines it is read, and rehearsed" pretty
check_json "each step would run" '[.[1:-1][].values.outcome] == ["would_run", "would_run"]' "$OUT"
check "and none did" test ! -e "$log"

step die "kill -9 \$PPID; sleep 600" "echo undo-die >>$log" | plan >deadly
# ksh93 says 265 where the others say 137.
killed() { harun <deadly >deadly.out 2>&1; [ $? -gt 128 ]; }
check "a run that is killed" killed
check "leaves its state" test -s state/scene/state.json
check "the next run of the same state" run good
check "takes it back first" log_is undo-die one two
check "and leaves none" test ! -e state/scene/state.json

check "a check that holds is answered with yes" harun --check '{"kind":"mounted","path":"/proc"}'
check_json "in one line" 'length == 1 and (.[0] | .schema == "harun-check/1" and .ok and .holds and .why == null)' "$OUT"
check_status "one that does not with no" 1 harun --check '{"kind":"executable","program":"/no/such/program"}'
check_json "and why" '.[0] | .ok and (.holds | not) and .why == "/no/such/program is not a program that can be run"' "$OUT"
check_status "a probe is asked with its own time" 1 harun --check '{"kind":"probe","probe":{"argv":["sleep","30"],"timeout_seconds":1}}'
check_status "what is no check is wrong usage" 2 harun --check '{"kind":"mounted"}'
check_status "and so is a path that is not absolute" 2 harun --check '{"kind":"mounted","path":"proc"}'
done_testing
