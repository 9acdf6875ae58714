# A file that changes while it is read is read again, then reported; the standby keeps the copy that it has.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/lab.sh"
writer=
at_exit() { [ -z "$writer" ] || kill "$writer" 2>/dev/null; lab_down; }
lab_up || exit
push() { hasync -a --delete "$@" -e "ssh -F $LAB/ssh_config" src/ "standby:$SCENE_DIR/copy/"; }

start() { # PYTHON: a program that changes src/ until it is stopped; `file` is src/large
    python3 -c "
import os, time
file = os.open('src/large', os.O_RDWR)
size = os.fstat(file).st_size
print('started', flush=True)
$1" >writer.log 2>&1 &
    writer=$!
    until [ -s writer.log ]; do sleep 0.05; done
}
stop() { kill "$writer"; wait "$writer" 2>/dev/null; writer=; }
reported() { # REASON FILE
    check_json "the error record says $1" "any(.[]; .type == \"error\" and .reason == \"$1\" and (.item | endswith(\"$2\"))) and .[-1].status == 3 and (.[-1].ok | not)" "$OUT"
}

mkdir src
head -c 120000000 /dev/urandom >src/large
echo one >src/another
check "the first push" push
cp -a copy before
echo changed >>src/large

for how in \
    'written:while True: os.pwrite(file, os.urandom(8), size // 2); time.sleep(0.001)' \
    'growing:while True: os.pwrite(file, b"more", os.fstat(file).st_size); time.sleep(0.001)' \
    'shrinking:while True: os.ftruncate(file, max(1, os.fstat(file).st_size - 1000)); time.sleep(0.001)'
do
    echo "${how%%:*}" >>src/another
    start "${how#*:}"
    check_status "a file that is ${how%%:*} while it is read" 3 push
    cp "$OUT" out
    stop
    cp out "$OUT"
    reported changed_while_reading large
    check "the standby's copy of it stays as it was" cmp before/large copy/large
    check "the other file is the new one" cmp src/another copy/another
done

# At 20 MB/s the first two files, one for each reader, take the seconds in which the last one, listed with them, goes.
rm -rf src copy && mkdir src
head -c 40000000 /dev/urandom >src/a-large
head -c 40000000 /dev/urandom >src/b-large
echo old >src/z-last
check "the first push of another set" push
head -c 40000000 /dev/urandom >src/a-large
head -c 40000000 /dev/urandom >src/b-large
echo new, and longer >src/z-last
{ sleep 1; rm src/z-last; } &
remover=$!
check_status "a file vanishes between the listing and the reading" 3 push --whole-file --bwlimit=20000
wait "$remover"
reported vanished z-last
check "the standby's copy of it stays" grep -x old copy/z-last
check "and all else is done" cmp src/a-large copy/a-large
check "the next run" push
check "deletes it" test ! -e copy/z-last
done_testing
