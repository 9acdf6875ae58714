# The very lines of scripts/events/crontab-nim: the alternate is synchronised every night, and what still differs is mailed.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/nim.sh"
at_exit() { nim_cleanup; }
nim_world world
nim_synced
mkdir bin mkdir log
ln -s "$ROOT/scripts/events/nim-nightly-sync" bin/nim-nightly-sync
HATOOLS_LOG=$SCENE_DIR/log HATOOLS_RSH=rsh-nim HATOOLS_SYNC="--replicate --refresh --state-directory $SCENE_DIR/run"
export HATOOLS_LOG HATOOLS_RSH HATOOLS_SYNC
# shellcheck disable=SC2031 # that of on() is its own
PATH=$SCENE_DIR/bin:$PATH
crontab=$ROOT/scripts/events/crontab-nim
grep '^[0-9*]' "$crontab" | cut -d ' ' -f 6- >commands
check "there is one line" test "$(grep -c . commands)" -eq 1
check_status "and nothing that AIX's cron takes for none" 1 grep -qv -e '^#' -e '^$' -e '^[0-9*]' "$crontab"
# Where it is installed, that is.
sed -i "s,/usr/local/bin/,$SCENE_DIR/bin/," commands
line() { on nima sh -c "$(cat commands)" </dev/null; }
silent() { [ ! -s "$ERR" ] && [ ! -s "$OUT" ]; }
says() { grep -q "$1" "$ERR.kept"; }
keep() { cp "$ERR" "$ERR.kept"; }

echo more >>"$(nim_file nima /nim/lpp/lpp_73/installp/ppc/bos)"
check "a night" line
check "is silent, so cron sends no mail" silent
check "what changed was brought" cmp "$(nim_file nima /nim/lpp/lpp_73/installp/ppc/bos)" "$(nim_file nimb /nim/lpp/lpp_73/installp/ppc/bos)"
check_json "the run is kept" '.[0].schema == "hanim-sync/1" and .[-1].ok and .[-1].refreshed == 1' log/sync.jsonl
check_json "and the comparison" '.[-1].ok and .[-1].status == 0 and .[-1].left_records == 10' log/drift.jsonl

# The alternate's own names and state are no drift; another object is.
nim_attr nima lpar08 Cstate 'Base Operating System installation is being performed'
check "the state of a client" line
check "is no drift" silent
nim_attr nima lpar08 Cstate 'ready for a NIM operation'
nim_fault nima sync spot_73 lost
rm -r "$(nim_file nimb /nim/spot/spot_73)"
check_status "a resource that is lost" 3 line
keep
check "is mailed" says 'hanim-sync: spot_73: its replication to nimb was begun and not ended'
check "and so is the drift" says 'nim-nightly-sync: the databases of this master and nimb differ'
check_json "which is kept" '[.[] | select(.type == "difference").key.key.name] == ["spot_73"]' log/drift.jsonl
nim_no_faults nima
check "the next night" line
check "is silent again" silent
nim_down nimb
check_status "an alternate that is down" 5 line
keep
check "is mailed, once" sh -c "[ \"\$(grep -c . '$ERR.kept')\" -eq 1 ]"
check "with the cause" says 'nimb gives no answer'
nim_up nimb
# The alternate hangs when its database is to be listed at last.
# shellcheck disable=SC2016
printf '#!/bin/sh\ncase $* in *" lsnim -l") exec sleep 60 ;; esac\nexec rsh-nim "$@"\n' >bin/hangs && chmod +x bin/hangs
hangs() { (export HATOOLS_WAIT=1 HATOOLS_RSH=hangs && line); }
check_status "an alternate that hangs then" 5 hangs
keep
check "is mailed" says 'nim-nightly-sync: the databases were not compared: one of them could not be listed'
# The night before goes on.
nim_fault nima sync - hang
on nima sh -c "$(cat commands)" </dev/null >first.out 2>&1 &
job=$!
begun() {
    left=100
    until [ -e run/hanim/sync.out ] && grep -q . log/sync.jsonl.*; do [ "$left" -gt 0 ] || return; sleep 0.05; left=$((left - 1)); done
}
rm -f run/hanim/sync.out
check "a night that is not over" begun
second() { (export HATOOLS_SYNC="$HATOOLS_SYNC --lock-wait 0" && line); }
check_status "and the next" 5 second
check_json "which tells of itself" '.[-1].error.kind == "busy"' log/sync.jsonl
nim_no_faults nima
nim_cleanup
wait "$job" 2>/dev/null
check_json "the first one's record is whole in the end" '.[0].type == "begin" and .[-1].type == "end" and .[-1].error.kind == "failed"' log/sync.jsonl
check "and nothing else is left" sh -c '! ls log/*.*.* >/dev/null 2>&1'
on nimb nim -o takeover nima >/dev/null
check_status "an alternate that has taken over is left alone" 6 line
keep
check "and that is mailed" says 'has taken over'
done_testing
