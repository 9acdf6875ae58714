# A synchronisation that goes wrong is told as what it is, whatever status nim has: with the state of the alternate and the way back.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
state=$SCENE_DIR/run
sync() { on nima hanim-sync --state-directory "$state" -e rsh-nim --replicate "$@"; }
says() { echo ".[-1].ok == false and (.[-1].error.message | contains(\"$1\"))"; }
failed() { echo "[.[] | select(.type == \"error\")] | length == 1 and .[0].item == \"$1\" and .[0].reason == \"$2\" and (.[0].message | contains(\"$3\"))"; }
wrong() { # NAME STATUS HOW FILTER: of the sync itself
    nim_fault nima sync - "$3"
    check_status "$1" "$2" sync nimb
    check_json "$1: it is told" "$4" "$OUT"
    nim_no_faults nima
}
nim_world world
nim_synced

# It does not come to its end.
wrong "nim is killed in the middle" 6 die "$(says 'sync of nimb: killed by signal 9')"
check_json "the state of the alternate" "$(says 'the database of nimb may be half replaced')" "$OUT"
check_json "and the way back" "$(says 'm_restore_db /export/nim/backups/nimb.')" "$OUT"
check_json "and what is there now" '[.[] | select(.type == "object")] | length > 10' "$OUT"
wrong "it ends too early, with status 0" 6 cut "$(says 'not \"nim_master_recover Complete\"')"
wrong "a message, and its status" 6 0042-372 "$(says 'status 116; 0042-372 m_sync: an error occurred (define the client again')"
wrong "a message, and status 0" 6 0042-372:0 "$(says 'of nimb: 0042-372 m_sync: an error occurred')"
nim_down nimb
check_status "an alternate that is down is never begun with" 5 sync nimb
nim_up nimb
nim_fileset nimb bos.sysmgt.nim.master 7.3.1.0
check_status "levels that differ, for who wants to see" 6 sync --despite levels nimb
check_json "as NIM says it" "$(says 'it did not say')" "$OUT"
nim_fileset nimb bos.sysmgt.nim.master 7.3.2.0

# It comes to its end, and something is not there.
rm "$(nim_file nimb /nim/im_data/lpar07.image.data)"
nim_fault nima sync lpar07_im lost
check_status "a resource that is not replicated" 3 sync nimb
check_json "is named" "$(failed lpar07_im not_replicated 'begun and not ended; it is missing there')" "$OUT"
nim_no_faults nima
nim_fault nima sync lpar07_im 0042-154
check_status "one with a message" 3 sync nimb
check_json "has it with it" "$(failed lpar07_im not_replicated '0042-154 m_sync: an error occurred')" "$OUT"
nim_no_faults nima
check "once more" sync nimb
mkdir bin
# What stands behind nim's own run: whatever happens on the alternate meanwhile.
behind() { printf '#!/bin/sh\n"%s/bin/nim" "$@"\nstatus=$?\n%s\nexit $status\n' "$NIM_FAKES" "$1" >bin/nim && chmod +x bin/nim; }
with() { on nima env PATH="$SCENE_DIR/bin:$NIM_FAKES/bin:$PATH" hanim-sync --state-directory "$state" -e rsh-nim --replicate "$@"; }
edit='NIM_HOST=nimb nim-edit nimb'
behind "$edit remove lpar08"
check_status "a client that is gone" 3 with nimb
check_json "is named, with what nim said of it" "$(failed lpar08 missing 'nim said Removing NIM client lpar08')" "$OUT"
behind "$edit attr lpar12 if1 'master_net lpar12.example.com 000000000000 ent0'"
check_status "a client that is another" 3 with nimb
check_json "with what differs" "$(failed lpar12 different 'if1 is master_net lpar12.example.com 8EB2200AA004 ent0 here and master_net lpar12.example.com 000000000000 ent0 on nimb')" "$OUT"
behind "rm -r $(nim_file nimb /nim/lpp/lpp_73)"
check_status "a resource without its content" 3 with nimb
check_json "is named with its place" "$(failed lpp_73 no_content '/nim/lpp/lpp_73 is not there')" "$OUT"
behind "status=7"
check_status "a status that is not 0, though all is said and there" 6 with nimb
check_json "is a failure" "$(says 'sync of nimb: status 7; nimb has the new database')" "$OUT"
behind "$edit remove nima"
check "an alternate that has forgotten its master" with nimb
check_json "is a warning" 'any(.[]; .type == "warning" and .item == "nima" and (.message | contains("run niminit")))' "$OUT"
nim_object nimb nima class=machines type=alternate_master connect=nimsh 'if1=master_net nima.example.com 8EB2200AA00A ent0'
behind 'echo yes >"$NIM_WORLD/nimb/set/down"'
check_status "an alternate that goes down behind it" 5 with nimb
check_json "leaves a result that cannot be seen" "$(says 'its result cannot be seen')" "$OUT"
nim_up nimb

# It hangs, or is told to end.
nim_fault nima sync - hang
check_status "a deadline" 6 sync --deadline 1 nimb
check_json "is told" "$(says 'was ended: its deadline had come; it did not say')" "$OUT"
check_json "with the state of the alternate" "$(says 'what was done on nimb is not known')" "$OUT"
nim_no_faults nima
# shellcheck disable=SC2016 # expanded there
slow() { # SECONDS
    : >out
    on nima env NIM_DELAY="$1" /bin/sh -c 'echo $$ >pid; exec hanim-sync "$@" >out 2>err' sh --state-directory "$state" -e rsh-nim --replicate nimb 2>/dev/null &
}
replaced() {
    left=100
    until grep -q 'objects deleted' out || [ "$left" -eq 0 ]; do sleep 0.05; left=$((left - 1)); done
    [ "$left" -gt 0 ]
}
slow 30
job=$!
check "one that takes long tells its lines as they come" replaced
check_status "another waits, and goes away busy" 5 sync --lock-wait 0 nimb
check_json "and names what holds it" '.[-1].error.kind == "busy" and (.[-1].error.message | contains("another run holds it"))' "$OUT"
end() { kill -TERM "$(cat pid)"; wait "$job"; }
check_status "a TERM ends it" 6 end
check_json "and it tells" "$(says 'was ended: TERM came')" out
check_json "in what state the alternate may be, and what may still run there" "$(says 'the database of nimb may be half replaced; see there that no nim_master_recover runs on')" out
check "the next one" sync nimb
slow 0.5
job=$!
check "one that is under way" replaced
killed() { kill -9 "$(cat pid)"; wait "$job" 2>/dev/null; [ $? -gt 128 ]; }
check "is killed" killed
nim_forget_calls
check_status "while its nim goes on, another is not begun" 5 sync nimb
check_json "and the message says what to wait for" "$(says 'what a killed run began still goes on: wait until it has ended (it writes to')" "$OUT"
check_status "nim is not run beside it" 1 nim_called nima nim -o sync -a replicate=yes nimb
complete() {
    left=100
    until grep -q 'nim_master_recover Complete' "$state/hanim/sync.out" || [ "$left" -eq 0 ]; do sleep 0.05; left=$((left - 1)); done
    [ "$left" -gt 0 ]
}
check "nim goes on to its end" complete
once_more() { # its last line is not yet its end
    left=100
    until sync nimb || [ "$left" -eq 0 ]; do sleep 0.05; left=$((left - 1)); done
    [ "$left" -gt 0 ]
}
check "then the next one is begun" once_more
check_json "what was said has no end, so that no reader believes it" '.[-1].type != "end"' out

# Nobody gets what it tells: standard error has the state of the alternate all the same.
nim_fault nima sync - die
full() { sync nimb >/dev/full; }
check_status "a log without room" 6 full
check "hides no failure" grep -q 'may be half replaced' "$ERR"
nim_no_faults nima
check_status "where it ends well" 6 full
check "that is told" grep -q 'no space left on device: nim ended well' "$ERR"

# Who is told to end before anything is begun does not wait for a program that hangs.
nim_fault nimb df - hang
slow 0
job=$!
asked() {
    left=100
    until nim_calls nimb | grep -q '^df ' || [ "$left" -eq 0 ]; do sleep 0.05; left=$((left - 1)); done
    [ "$left" -gt 0 ]
}
nim_forget_calls
check "an alternate whose df hangs" asked
check_status "and a TERM" 5 end
check_json "is told as that" "$(says 'TERM: came before nimb was touched: nothing was done')" out
check_status "and who waits" 5 sync --ask-timeout 1 nimb
check_json "is told what hangs" "$(says 'nimb gives no answer: df there gave no answer within 1 s')" "$OUT"
nim_no_faults nimb

# No room for what nim says.
mount=$(command -v mount)
if unshare -rm "$mount" -t tmpfs none /mnt 2>/dev/null; then
    in_little() { # TMPFS-OPTION
        # shellcheck disable=SC2016 # expanded there
        on nima unshare -rm /bin/sh -c '"$1" -t tmpfs -o "$2" none /mnt && exec hanim-sync --state-directory /mnt -e rsh-nim --replicate nimb' sh "$mount" "$1"
    }
    nim_forget_calls
    check_status "a state directory without room" 6 in_little nr_inodes=2
    check_json "is told" "$(says 'no room')" "$OUT"
    check_status "one with room for a few lines" 6 in_little size=8192
    check_json "is told" "$(says 'no room')" "$OUT"
    check_status "and nim is not run then" 1 nim_called nima nim -o sync -a replicate=yes nimb
else
    skip "a state directory without room" "no name spaces here"
fi
done_testing
