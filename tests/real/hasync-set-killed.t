# A commit of 500 files that is killed, at any moment, leaves all of the old ones or all of the new ones to whoever comes next.
# HATOOLS_KILLS: how many times it is killed.
# alone: its kills are spread over the fractions of a second that a commit takes
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/lab.sh"
at_exit() { lab_down; }
lab_up || exit
standby=${LAB_PIDS##* }
state=$SCENE_DIR/mn2/var/lib/hatools/hasync

python3 "$ROOT/tests/real/two_trees.py" 470 || exit
jq -n --arg root "$SCENE_DIR" '{schema: "hasync-set/1", root: ($root + "/mn1"), targets: [{host: "standby", root: ($root + "/mn2")}],
    groups: [{name: "srv", paths: ["/srv"], delete: "trash"}]}' >set.json && chmod 600 set.json
bring() { hasync --set set.json --accept-loss --lock-wait 10 -e "ssh -F $LAB/ssh_config"; }
killed() { # VICTIM SECONDS[@PATTERN]
    python3 "$ROOT/tests/real/killer.py" "$standby" "$1" "$2" hasync --set set.json --accept-loss -e "ssh -F $LAB/ssh_config"
}
sum() { (cd "$1/srv" && { find . -printf '%p %y %m %l\n' | sort; find . -type f -exec sha256sum {} + | sort -k 2; }) | sha256sum; }
sum old >old.sum; sum new >new.sum
source_is() { rm -rf mn1 && cp -a "$1" mn1; }
mkdir mn2
source_is old
check "the old one is brought" bring
is() { sum mn2 | cmp - "$1.sum"; }
check "it is there" is old
source_is new
check "a commit that nobody kills" killed nobody 0
read -r seconds <"$OUT" || exit
check "brings the new one" is new
check "the journal has it" test -e "$state/groups/srv/transactions/2/plan"
begun=$(stat -c %.Y "$state/groups/srv/transactions/2/plan") done=$(stat -c %.Y "$state/groups/srv/transactions/2/done")
commit=$(awk -v from="$begun" -v to="$done" 'BEGIN { printf "%.4f", to - from }')
echo "# a run takes $seconds s, and of it the commit $commit s"
now=new i=0 kills=${HATOOLS_KILLS:-50} olds=0 news=0 halves=0
ends() { hasync takeover --state "$state"; }
one_of_both() { is old >/dev/null 2>&1 || is new >/dev/null 2>&1; }
while [ "$i" -lt "$kills" ]; do
    i=$((i + 1))
    [ "$now" = new ] && next=old || next=new
    source_is "$next"
    # A fifth of them early in the run, the others while all is put in place; at first the receiver is not there.
    [ $((i % 7)) -eq 0 ] && victim=sender || victim=receiver
    if [ $((i % 5)) -eq 0 ]; then
        victim=sender
        at=$(awk -v all="$seconds" -v i="$i" 'BEGIN { srand(i); printf "%.4f", all * 0.3 * rand() }')
    else
        at=$(awk -v all="$commit" -v i="$i" 'BEGIN { srand(i); printf "%.4f", all * rand() }')"@$state/groups/srv/transactions/*/plan"
    fi
    killed "$victim" "$at" >killed.log 2>&1
    one_of_both || halves=$((halves + 1))
    # The standby alone ends what was begun, without the primary.
    check "kill $i, of the $victim, ${at%@*} s in: the standby ends it" ends
    if is "$now" >/dev/null 2>&1; then
        olds=$((olds + 1))
        check "kill $i: all is the old one" is "$now"
    else
        news=$((news + 1))
        check "kill $i: all is the new one" is "$next"
    fi
    check "kill $i: the next run completes" bring
    check "kill $i: all is the new one then" is "$next"
    now=$next
done
echo "# of $kills kills $halves left half of it done; $olds ended as the old one, $news as the new one"
check "some came in the middle of it" test "$halves" -gt 0
check "some before it" test "$olds" -gt 0
check "only so many transactions are kept" test "$(find "$state/groups/srv/transactions" -mindepth 1 -maxdepth 1 | wc -l)" -le 5
check "and what they keep" test "$(find "$state/store/srv" -mindepth 1 -maxdepth 1 | wc -l)" -le 5
# Undone while it is killed.
undo() { # SECONDS TRANSACTION
    hasync rollback "$2" --state "$state" &
    _undo=$!
    sleep "$1"
    kill -KILL "$_undo" 2>/dev/null
    wait "$_undo" 2>/dev/null
}
for after in 0.01 0.02 0.04 0.08; do
    check "all is as it was" bring
    hasync history --state "$state" >history
    last=$(jq -s -r 'map(select(.type == "transaction" and .state == "committed"))[-1].key.transaction' history)
    undo "$after" "$last" >killed.log 2>&1
    check "a rollback that is killed after $after s: what is begun is ended" ends
    check "with all of one or of the other" one_of_both
    hasync release srv --state "$state" >/dev/null
done
done_testing
