# shells: ksh93
# alone: it measures how long what hangs holds others up
# What comes later is waited for, what hangs is bounded, and a run that is ended leaves what the next one goes on from.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
fresh() { nim_cleanup; rm -rf world; nim_world world && nim_synced && nim_listen || exit; }
takeover() { on nimb hanim-takeover -e rsh-nim --state-directory "$SCENE_DIR/state" "$@" nima; }
begun() { # NIM_DELAY, in the background: its process is the tool's own, so that it can be signalled
    NIM_DELAY=$1 NIM_HOST=nimb PATH=$NIM_FAKES/bin:$PATH
    export NIM_DELAY NIM_HOST PATH
    exec hanim-takeover -e rsh-nim --state-directory "$SCENE_DIR/state" nima
}
client() { check_json "$1" ".[] | select(.type == \"client\" and .key.client == \"$2\") | .values | $3" "$OUT"; } # NAME CLIENT FILTER
export NIM_FAKES

# A nim that works on although it was told not to.
mkdir bin
# shellcheck disable=SC2016 # the script's own
printf '%s\n' '#!/bin/sh' 'exec "$NIM_FAKES/bin/nim" -o takeover -a show_progress=yes -a async=yes nima' >bin/nim
chmod +x bin/nim
later() { (NIM_DELAY=1 NIM_HOST=nimb PATH=$SCENE_DIR/bin:$NIM_FAKES/bin:$PATH && export NIM_DELAY NIM_HOST PATH && hanim-takeover -e rsh-nim --state-directory "$SCENE_DIR/state" "$@" nima); }
fresh
check_status "what comes later is not taken yet" 6 later --settle 0
client "though the table says so" lpar08 '.state == "not_taken" and .table_result == "SUCCESS"'
fresh
check "it is waited for" later --settle 20
client "and seen" lpar08 '.state == "taken" and .already == false'

fresh
nim_set lpar08 carrier hang
started=$(date +%s)
check_status "a client that hangs holds up no other one" 3 takeover --ask-timeout 1
client "the others are taken" lpar12 '.state == "taken"'
client "what it says is not known" lpar08 '.state == "unknown" and .current_master == "nimb.example.com" and .niminfo_master == null
    and (.cause | startswith("its own file was not seen: gave no answer within 1 s"))'
check_json "and that is busy" '.[] | select(.type == "error") | .kind == "busy" and .reason == "unknown" and .item == "lpar08"' "$OUT"
check "not for long" [ $(($(date +%s) - started)) -lt 8 ]

fresh
for each in oslevel lslpp; do nim_fault nimb "$each" - hang; done
check "levels that this master does not tell hold nothing up" takeover --ask-timeout 1
check_json "and are a warning" 'any(.[]; .type == "finding" and .key.check == "level" and .values.outcome == "warning") and .[-1].clients_taken == 3' "$OUT"

fresh
nim_fault nimb takeover - hang
check_status "a nim that hangs is ended" 6 takeover --deadline 4 --settle 0
check_json "which is told" '.[] | select(.type == "error" and .reason == "timed_out") | .item == "nim"' "$OUT"
check_json "and nothing is taken" '.[-1] | .clients_not_taken == 3 and .nim_status == null' "$OUT"

nim_forget_calls
begun 0 >first 2>first.err &
pid=$!
until nim_called nimb nim -o takeover -a show_progress=yes -a async=no nima; do sleep 0.05; done
check_status "two at once: the second waits, and gives up" 5 takeover --lock-wait 0
check_json "because of the first" '.[-1].error.kind == "busy"' "$OUT"
kill -TERM "$pid"
{ wait "$pid"; } 2>/dev/null
check "TERM ends nim, and the run with it" [ $? -eq 5 ]
check_json "with all that is known by then" '(.[-1] | .status == 5 and (.error.message | contains("SIGTERM came, and nim was ended")))
    and ([.[] | select(.type == "client")] | length == 3 and all(.values.state == "not_taken"))' first
nim_no_faults nimb

for each in nima lpar07 lpar08 lpar12; do nim_set "$each" carrier hang; done
nim_forget_calls
begun 0 >first 2>first.err &
pid=$!
until nim_called nimb rsh-nim nima.example.com "$(nim_calls nimb | sed -n 's/^rsh-nim nima.example.com //p')"; do sleep 0.05; done
started=$(date +%s)
kill -TERM "$pid"
{ wait "$pid"; } 2>/dev/null
check "TERM before that ends it at once" [ $? -eq 5 ]
check "whoever hangs" [ $(($(date +%s) - started)) -lt 5 ]
check_json "and nothing was done" '.[-1] | .error.message == "nima: SIGTERM came: nothing was done"' first
for each in nima lpar07 lpar08 lpar12; do nim_set "$each" carrier ''; done
check "the next run takes all" takeover
check_json "of them" '.[-1].clients_taken == 3' "$OUT"

fresh
begun 1 >first 2>&1 &
pid=$!
until nim_called nimb nim -o takeover -a show_progress=yes -a async=no nima; do sleep 0.05; done
kill -9 "$pid"
{ wait "$pid"; } 2>/dev/null
nim_forget_calls
check_status "while the nim of a killed run goes on another one is not begun" 5 takeover
check_json "which is told" '.[-1].error | .kind == "busy" and (.message | contains("what a killed run began still goes on"))' "$OUT"
not_called() { ! nim_calls nimb | grep '^nim '; }
check "and nim is not run" not_called
left=100
until [ "$(on nimb lsnim -a current_master | grep -c nimb.example.com)" -eq 3 ] || [ $((left -= 1)) -eq 0 ]; do sleep 0.05; done
check "a run that is killed leaves nim to its end, and the next one sees that" takeover
check_json "all is done" '.[-1] | .clients_already == 3 and .nim_ran == false' "$OUT"
done_testing
