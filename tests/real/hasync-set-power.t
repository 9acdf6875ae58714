# A loss of power at any moment of a commit or a rollback leaves all of the old group or all of the new one to whoever comes next.
# HATOOLS_CUTS: how often the power goes on each file system, while a commit is made.
# alone: the power goes in the fractions of a second that a commit takes
# Mounts of its own: else its disk stays in use by others who unshare theirs meanwhile.
[ -n "${HATOOLS_OWN_MOUNTS:-}" ] || ! unshare -m true 2>/dev/null || HATOOLS_OWN_MOUNTS=yes exec unshare -m sh "$0"
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/lab.sh"
PATH=$PATH:/usr/sbin:/sbin
if [ "$(id -u)" != 0 ]; then
    skip "a loss of power" "mounts need root"
    done_testing
fi
for tool in mkfs.ext4 losetup; do
    command -v "$tool" >/dev/null && [ -e /dev/loop-control ] && continue
    skip "a loss of power" "there is no $tool, or there are no loop devices"
    done_testing
done
disk=$SCENE_DIR/mn2
# In memory a disk is fast, and what is in there stays when its power goes.
image=$(mktemp "$([ -w /dev/shm ] && echo /dev/shm || echo "$SCENE_DIR")/hatools-power.XXXXXX") || exit
# A file system that lost its disk does not tell what it is.
mounted() { grep -q " $disk " /proc/self/mountinfo; }
unmount() {
    for _try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        mounted || return 0
        umount "$disk" 2>/dev/null || sleep 0.1
    done
    umount -l "$disk"
    return 1
}
at_exit() {
    lab_down
    unmount
    rm -f "$image"
}
mkdir mn1 mn2
state=$disk/var/lib/hatools/hasync
attached() { [ -n "$(losetup -j "$image")" ]; }
power_on() { mount -o "loop,$options" "$image" "$disk"; }
# The loop device goes with what is mounted, and all that is in memory of it.
power_off() {
    unmount || return
    for _try in 1 2 3 4 5 6 7 8 9 10; do
        attached || return 0
        sleep 0.1
    done
    return 1
}
is_lost() { ! (echo written >"$disk/written" && sync "$disk/written") 2>/dev/null; }
power_back() { is_lost && power_off && power_on; }
lose_power() { # VICTIM SECONDS[@PATTERN] alone|neighbour COMMAND...
    python3 "$ROOT/tests/real/power.py" "$disk" "$@"
}

python3 "$ROOT/tests/real/two_trees.py" 370 || exit
jq -n --arg root "$SCENE_DIR" '{schema: "hasync-set/1", root: ($root + "/mn1"), targets: [{host: "standby", root: ($root + "/mn2")}],
    groups: [{name: "srv", paths: ["/srv"], delete: "trash", on_conflict: "keep_both"}]}' >set.json && chmod 600 set.json
lab_up || exit
standby=${LAB_PIDS##* }
run() { "$@" hasync --set set.json --accept-loss --lock-wait 10 --timeout 20 -e "ssh -F $LAB/ssh_config"; }
bring() { run env; }
ends() { hasync takeover --state "$state"; }
# All of a tree but what is kept of conflicts, and that.
tree() {
    (cd "$1/srv" && find . ! -name '*.conflict-*' -printf '%p %y %#m %T@ %l\n' | sort &&
        find . -type f ! -name '*.conflict-*' -exec sha256sum {} + | sort -k 2)
}
kept() { # DIRECTORY PATTERN
    (cd "$1" && find . -name "$2" -type f -printf '%p %#m %T@\n' -exec sha256sum {} \; | sed 's/\.conflict-[^ ]*//' | sort)
}
# What the standby has then, and what it is to become. Each time some files are changed there, too.
ready() { # old|new
    rm -rf mn1/srv && cp -a "$1/srv" mn1 && find mn2/srv -name '*.conflict-*' -delete || return
    _n=0
    while [ "$_n" -lt 30 ]; do
        echo "the standby's own $i, $_n, $1" >"mn2/srv/edited/$_n" || return
        _n=$((_n + 1))
    done
    sync -f mn2
    tree mn2 >before && tree mn1 >after && kept mn2/srv/edited '*' >own
}
is_old() { tree mn2 | diff before - && [ -z "$(kept mn2/srv '*.conflict-*')" ]; }
is_new() { tree mn2 | diff after - && kept mn2/srv/edited '*.conflict-*' | diff own -; }
is_one() { is_old >/dev/null 2>&1 || is_new >/dev/null 2>&1; }
last() { hasync history --state "$state" | jq -s -r 'map(select(.type == "transaction" and .state == "committed"))[-1].key.transaction'; }
reckon() { awk "BEGIN { printf \"%.4f\", $1 }"; } # FORMULA

# A scene whose cuts lose nothing could not fail.
loses() {
    cp old/srv/0/file-0 synced && for name in synced unsynced lost; do cp synced "$disk/$name.new" || return; done
    sync "$disk/synced.new" || return
    for name in synced unsynced; do mv "$disk/$name.new" "$disk/$name" || return; done
    echo neighbour >"$disk/neighbour" && sync "$disk/neighbour" || return
    mv "$disk/lost.new" "$disk/lost"
    lose_power own 0 alone true
    power_back
}
on() { # LABEL SIZE MOUNT-OPTIONS MKFS...
    label=$1 options=$3
    truncate -s 0 "$image" && truncate -s "$2" "$image"
    shift 3
    check "$label: it is made" "$@" "$image" || return
    if ! power_on 2>mount.log; then
        skip "$label: a loss of power" "$(head -n 1 mount.log)"
        return
    fi
    check "$label: when the power goes, nothing can be synced any more" loses
    check "$label: and nothing of that is there" test ! -e mn2/written
    check "$label: what was synced is there" cmp synced mn2/synced
    check "$label: a name that was synced with another file has lost its content" test -e mn2/unsynced -a ! -s mn2/unsynced
    check "$label: and one that was not is lost" test ! -e mn2/lost
    rm -rf mn1/* && cp -a old/srv mn1 && i=0
    check "$label: the first one is brought" bring
    ready new && begun=$(date +%s.%N) || exit
    check "$label: a commit that keeps its power" bring
    check "$label: brings the new one" is_new
    transaction=$state/groups/srv/transactions/2
    planned=$(stat -c %.Y "$transaction/plan")
    all=$(reckon "$planned - $begun") commit=$(reckon "$(stat -c %.Y "$transaction/done") - $planned")
    echo "# $label: a run takes $all s until its commit, and that $commit s"
    now=new i=0 halves=0 olds=0 news=0
    # On a busy machine none may come in the middle: then there are more.
    while [ "$i" -lt "$cuts" ] || { [ "$halves" -eq 0 ] && [ "$i" -lt $((cuts * 3)) ]; }; do
        i=$((i + 1))
        [ "$now" = new ] && next=old || next=new
        ready "$next" || exit
        [ $((i % 3)) -eq 0 ] && company=alone || company=neighbour
        # A quarter of them before the commit, and the last when all is done; the others go through the commit, and a little on.
        if [ "$i" -eq "$cuts" ]; then
            at=60 when="when all is done"
        elif [ $((i % 4)) -eq 2 ]; then
            at=$(reckon "$all * ($i * 29 % 80 + 10) / 100") when="$at s into the run"
        else
            at=$(reckon "$commit * 1.2 * (($i - 1) % $cuts + 0.5) / $cuts") when="$at s into the commit"
            at="$at@$state/groups/srv/transactions/*/plan"
        fi
        what="$label: cut $i, $when, $company"
        run lose_power "$standby" "$at" "$company" >cut.log 2>&1
        status=$?
        [ "$i" -ne "$cuts" ] || last_status=$status
        check "$what: the power is back" power_back
        mounted || exit
        is_one || halves=$((halves + 1))
        # It goes again while that is put right.
        if [ $((i % 4)) -eq 1 ]; then
            lose_power own "$(reckon "$commit * ($i * 29 % 70) / 100")" neighbour hasync takeover --state "$state" >cut.log 2>&1
            check "$what: it is back once more" power_back
            mounted || exit
        fi
        check "$what: the standby ends it" ends
        if [ "$status" -ne 0 ] && is_old >/dev/null 2>&1; then
            olds=$((olds + 1))
            check "$what: all is the old one" is_old
        else
            news=$((news + 1))
            check "$what: all is the new one" is_new
        fi
        check "$what: the next run completes" bring
        check "$what: all is the new one then" is_new
        now=$next
    done
    echo "# $label: of $i cuts $halves left half of it done; $olds ended as the old one, $news as the new one"
    check "$label: some came in the middle of it" test "$halves" -gt 0
    check "$label: some before it" test "$olds" -gt 0
    check "$label: the last after a run that said that all is done" test "$last_status" -eq 0
    # Undone while the power goes, the last time when it is done.
    for share in 0 0.4 0.8 end; do
        i=$((i + 1))
        [ "$now" = new ] && next=old || next=new
        ready "$next" || exit
        check "$label: one is brought that is rolled back" bring
        if [ "$share" = end ]; then
            at=60 when="when all is done"
        else
            at=$(reckon "$commit * $share") when="$at s in"
            at="$at@$state/groups/srv/transactions/*/undo"
        fi
        what="$label: a cut of a rollback, $when"
        lose_power own "$at" neighbour hasync rollback "$(last)" --state "$state" >cut.log 2>&1
        status=$?
        check "$what: the power is back" power_back
        mounted || exit
        check "$what: the standby ends it" ends
        if [ "$status" -ne 0 ] && is_new >/dev/null 2>&1; then
            check "$what: all is the new one" is_new
        else
            check "$what: all is the old one" is_old
        fi
        hasync release srv --state "$state" >/dev/null
        check "$what: the next run completes" bring
        check "$what: all is the new one then" is_new
        now=$next
    done
    check "$label: only so many transactions are kept" test "$(find "$state/groups/srv/transactions" -mindepth 1 -maxdepth 1 | wc -l)" -le 5
    check "$label: and what they keep" test "$(find "$state/store/srv" -mindepth 1 -maxdepth 1 | wc -l)" -le 5
    check "$label: nothing stays attached" power_off
}
cuts=${HATOOLS_CUTS:-3}
# The system's own guess at what programs forgot to sync is off.
on ext4 96M noauto_da_alloc mkfs.ext4 -q -F -b 4096 -E lazy_itable_init=0
if command -v mkfs.xfs >/dev/null && grep -qw xfs /proc/filesystems; then
    on xfs 320M defaults mkfs.xfs -q -f
else
    on "ext4, data=writeback" 96M noauto_da_alloc,data=writeback mkfs.ext4 -q -F -b 4096 -E lazy_itable_init=0
fi
done_testing
