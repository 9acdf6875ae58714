# A large file is not begun where it could not end: the disk is not filled, and what was there stays.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/here.sh"
if [ "$(id -u)" != 0 ]; then
    skip "a full disk" "mounts need root"
    done_testing
fi
mkdir src small
at_exit() { umount "$SCENE_DIR/small" 2>/dev/null; }
mount -t tmpfs -o size=20m tmpfs small || exit
head -c 12000000 /dev/urandom >src/a
copy() { # WAY OPTION...
    way=$1
    shift
    by_way "$way" src/ small/ -a "$@"
}
used() { df -kP small | awk 'END { print $3 }'; }
names() { [ "$(ls -A small)" = "$1" ]; }

for way in local push pull; do
    check "$way: what fits comes" copy "$way"
    cp src/a kept
    echo changed >>src/a
    before=$(used)
    check_status "$way: the new one does not fit beside the old one" 6 copy "$way"
    check_json "$way: need and room are told" '.[-1].error.message | test("needs 12000[0-9]* bytes.* room for [0-9]+")' "$OUT"
    check "$way: the old one stays, and nothing else" names a
    check "$way: and nothing of the new one was written" cmp kept small/a
    check "$way: no room was taken" test "$(used)" = "$before"
    check "$way --inplace: it fits where it stands" copy "$way" --inplace
    check "$way --inplace: and is the new one" cmp src/a small/a
    rm small/a
    cp src/a src/b
    check_status "$way: two files that fit only one by one" 6 copy "$way"
    check_json "$way: need and room are told" '.[-1].error.message | test("room for [0-9]+")' "$OUT"
    check "$way: nothing is half done" test -z "$(find small -name '.hasync.*')"
    rm -f src/b small/*
done
done_testing
