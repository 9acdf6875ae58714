# However hasync ends, a file on the standby is the old one or the new one, whole; the next run sets all right.
# HATOOLS_KILLS: how many times it is killed.
# alone: its kills are spread over the seconds that one run takes, and it mounts
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/lab.sh"
at_exit() { lab_down; [ ! -d small ] || umount small 2>/dev/null; }
lab_up || exit
ssh="ssh -F $LAB/ssh_config" standby=${LAB_PIDS##* }

python3 "$ROOT/tests/real/tree.py" old 1000 --plain-links 2>tree.log || exit
cp -a old new
python3 "$ROOT/tests/real/tree.py" new --change 60 --seed 2 --plain-links 2>>tree.log || exit
# Edited in place, grown in front, replaced, and new: each takes another way through the delta.
python3 - <<'END' || exit
import os
def write(name, content):
    with open(name, "xb") as file:
        file.write(content)
for i in 1, 2, 3:
    content = bytearray(os.urandom(12_000_000))
    write(f"old/large-{i}", content)
    os.utime(f"old/large-{i}", (0, 0))
    if i == 1:
        for at in range(0, len(content), 100_000):
            content[at:at + 5000] = os.urandom(5000)
        write("new/large-1", content)
    elif i == 2:
        write("new/large-2", b"in front of it" + content)
for i in 3, 4, 5:
    write(f"new/large-{i}", os.urandom(9_000_000))
END

whole() { python3 "$ROOT/tests/real/whole.py" old new "$@"; }
push() { hasync -a --delete -e "$ssh" new/ "standby:$SCENE_DIR/$1/"; }
fresh() { chmod -R u+rwx copy 2>/dev/null; rm -rf copy; cp -a old copy; }
killed() { # VICTIM SECONDS
    python3 "$ROOT/tests/real/killer.py" "$standby" "$1" "$2" hasync -a --delete -e "$ssh" new/ "standby:$SCENE_DIR/copy/"
}
equal() {
    rsync -nci -a --delete new/ copy/ >difference && head -n 10 difference && [ ! -s difference ] && whole copy --new-only
}

fresh
check "a run that nobody kills" killed nobody 0
read -r seconds <"$OUT" || exit
check "it makes the new set" equal
i=0 kills=${HATOOLS_KILLS:-8}
while [ "$i" -lt "$kills" ]; do
    i=$((i + 1)) victim=sender
    [ $((i % 2)) -eq 0 ] || victim=receiver
    # Spread over the run, with chance within each part: the same for the same number.
    after=$(awk -v all="$seconds" -v i="$i" -v n="$kills" 'BEGIN { srand(i); printf "%.3f", all * (i - 1 + rand()) / n }')
    fresh
    check "the $victim is killed after $after of $seconds seconds, and the other end goes too" killed "$victim" "$after"
    check "kill $i: every file is the old one or the new one, and none is lost" whole copy
    sed 's/^/# /' "$OUT"
    check "kill $i: the next run completes" push copy
    check "kill $i: it is the new set, and no temporary file is left" equal
done

mkdir small
if mount -t tmpfs -o "size=$(($(du -sk old | cut -f 1) + 8000))k" hatools small 2>mount.log; then
    cp -a old/. small/
    check_status "the standby's disk runs full" 6 push small
    check_json "and the end says so" '.[-1] | .type == "end" and .ok == false and .status == 6' "$OUT"
    check "disk full: every file is the old one or the new one, and none is lost" whole small
    sed 's/^/# /' "$OUT"
    mount -o remount,size=500m small || exit
    check "with room, the next run completes" push small
    check "with room, it is the new set, and no temporary file is left" whole small --new-only
else
    skip "the standby's disk runs full" "no file system can be mounted here: $(tail -n 1 mount.log)"
fi
done_testing
