# With --delay-updates nothing is in place before all is there; what a run that was cut had is taken up by the next one.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/here.sh"

mkdir src old
for n in 1 2 3 4 5 6 7 8 9; do
    for m in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        mkdir -p src/d$n$m old/d$n$m
        echo "new $n $m" >src/d$n$m/file
        echo "old text $n $m" >old/d$n$m/file
    done
done
mkdir src/last old/last
head -c 300000 /dev/urandom >src/d10/large
head -c 20000000 /dev/urandom >src/last/large
echo 'of old' >old/last/large
waits() { [ -n "$(find "$1" -path '*/.~tmp~/*')" ]; }
is_old() { diff -r --exclude='.~tmp~' --exclude='.hasync.*' old "$1"; }
same() { [ -z "$(rsync -nci -a --delete --omit-dir-times src/ "$1/")" ]; }
same_times() { [ -z "$(rsync -nci -a --delete src/ "$1/")" ]; }
none_left() { [ -z "$(find "$1" -name '.~tmp~' -o -name '.hasync.*')" ]; }
slowly() { # WAY: in the place of this shell, which a signal would not leave alone
    case $1 in
        local) exec hasync -a --delay-updates --bwlimit=500 src/ to/ ;;
        push) exec hasync -a --delay-updates --bwlimit=500 -e "$HERE" src/ "host:$SCENE_DIR/to/" ;;
        pull) exec hasync -a --delay-updates --bwlimit=500 -e "$HERE" "host:$SCENE_DIR/src/" to/ ;;
    esac
}
until_it_waits() { for _ in $(seq 600); do ! waits "$1" || return 0; sleep 0.05; done; return 1; }

for way in local push pull; do
    rm -rf to && cp -a old to
    slowly "$way" >out 2>&1 &
    check "$way: what is whole waits" until_it_waits to
    check "$way: and nothing is in place" is_old to
    check "$way: nobody else may look at what waits" test "$(find to -name '.~tmp~' ! -perm 700)" = ''
    kill -KILL $!
    wait $! 2>/dev/null
    check "$way: after a kill all that was there is there" is_old to
    check "$way: and what is whole, too" waits to
    check "$way: the next run puts all in place" by_way "$way" src/ to/ -a --delete --delay-updates --lock-wait=20
    check "$way: all of it is there" same to
    check "$way: nothing is left over" none_left to
    check "$way: a further run finds nothing to do" by_way "$way" src/ to/ -a --delay-updates
    check_json "$way: none" '.[-1] | .created + .updated + .attributes == 0' "$OUT"
done
rm -rf to && cp -a old to && mkdir 'to/last/.~tmp~' && head -c 15000000 src/last/large >'to/last/.~tmp~/large'
check "what waits from before is not brought again" by_way push src/ to/ -a --delay-updates
check_json "only the rest is" '.[-1] | .literal_bytes < 6000000 and .matched_bytes > 14000000' "$OUT"

rm -rf to && cp -a old to
slowly local >out 2>&1 &
check "what came waits" until_it_waits to
kill -TERM $!
wait $! 2>/dev/null
check "after a signal all that was there is there" is_old to

# Killed at any moment, each file is the old one or the new one, and the next run puts it right.
killed() { # SECONDS
    rm -rf to && cp -a old to
    hasync -a --delay-updates src/ to/ >/dev/null 2>&1 &
    sleep "$1"
    kill -KILL $! 2>/dev/null
    wait $! 2>/dev/null
    for file in to/d*/file; do
        cmp -s "$file" "src/${file#to/}" || cmp -s "$file" "old/${file#to/}" || { echo "$file"; return 1; }
    done
    hasync -a --delete --delay-updates src/ to/ >/dev/null && same to && none_left to
}
for seconds in 0.02 0.04 0.06 0.08 0.12; do
    check "killed after $seconds seconds" killed $seconds
done

# Killed when the last file of a directory is in place, and the place where it waited is not gone yet.
for options in '-a --delay-updates' '-a --delay-updates --delete' '-a --partial-dir=.~tmp~ --delete'; do
    rm -rf to && cp -a src to && mkdir 'to/d10/.~tmp~' && touch -r src/d10 to/d10
    # shellcheck disable=SC2086 # words
    check "an empty place is no longer there after $options" hasync $options src/ to/
    check "none is left after $options" none_left to
    check "and nothing else is touched by $options" same_times to
done

# As many as are not held in memory, with the links between them and what is replaced kept.
many() {
    rm -rf many to && mkdir -p many to || return
    (cd many && mkdir d1 d2 d3 && seq 1 30000 | split -l 1 -a 4 - d1/a-name-that-is-longer-than-most- && ln d1/*aaab d2/link && ln d1/*aaac d3/link) || return
    cp -a many/d1 to/d1 && find to -type f -name '*a' -exec sh -c 'for f; do echo "longer than before" >"$f"; done' sh {} + || return
    hasync -aH --delete --delay-updates --backup-dir=kept many/ to/ || return
    [ -z "$(rsync -nciaH --omit-dir-times --exclude=/kept many/ to/)" ] && [ "$(find to/kept -type f | wc -l)" = "$(find many/d1 -name '*a' | wc -l)" ] && none_left to
}
check "thirty thousand files" many

# Where it waits is nobody else's.
safe() { rm -rf to outside && cp -a old to && mkdir outside; }
safe
ln -s ../../outside 'to/d10/.~tmp~'
check_status "a link in the place where files wait is not followed" 3 hasync -a --delay-updates src/ to/
check "nothing came outside" test -z "$(ls outside)"
check "the other directories have theirs" cmp src/d11/file to/d11/file
check "and this one its old one" cmp old/d10/file to/d10/file
safe
mkdir -m 777 'to/d10/.~tmp~' && echo other >'to/d10/.~tmp~/other'
check_status "nothing waits where others may write" 3 hasync -a --delay-updates src/ to/
check "there the old one stays" cmp old/d10/file to/d10/file

# It waits for the large one.
rm -rf to && cp -a old to
hasync -a --delay-updates --bwlimit=2500 src/ to/ >out 2>&1 &
check "files wait" until_it_waits to
waiting=$(find to -path '*/.~tmp~/file' | head -n 1)
place=${waiting%/.~tmp~/file}
echo 'of somebody else' >"$waiting.other" && mv "$waiting.other" "$waiting"
wait $!
check "the run fails where somebody replaced what waited" test $? = 3
check "that is not put in place" cmp "old${place#to}/file" "$place/file"
check "and all else is" cmp src/last/large to/last/large

# What was left before goes, and what is to come waits all the same.
leftover() { # OPTION...
    rm -rf to && cp -a old to && mkdir 'to/d10/.~tmp~' && echo stale >'to/d10/.~tmp~/never' || return
    hasync -a --delay-updates "$@" src/ to/ && same to && none_left to
}
check "left over, with --delete-excluded" leftover --delete-excluded
check "left over, with --delete-excluded --delete-during" leftover --delete-excluded --delete-during
check "left over, with a rule that risks it" leftover --delete-during -f 'R .~tmp~/'
# Some of it waits there before its directory is heard to its end.
meanwhile() {
    rm -rf many to && mkdir -p many 'to/.~tmp~' && echo stale >'to/.~tmp~/never' || return
    (cd many && head -c 20000000 /dev/zero | split -b 4000 -a 4 -) || return
    hasync -a --delay-updates --delete-excluded --delete-during many/ to/ && [ "$(find to -type f | wc -l)" = 5000 ] && none_left to
}
check "left over in a large directory" meanwhile

for option in --inplace --append-verify; do
    check_status "$option does not go with it, as with rsync" 1 rsync -a --delay-updates $option src/ to/
    check_status "$option does not go with it" 2 hasync -a --delay-updates $option src/ to/
done
check_status "nor a directory that all share" 2 hasync -a --delay-updates --partial-dir="$SCENE_DIR/outside" src/ to/
check_status "nor verify" 2 hasync verify -a --delay-updates src/ to/

if [ "$(id -u)" = 0 ]; then
    mkdir small
    at_exit() { umount "$SCENE_DIR/small" 2>/dev/null; }
    mount -t tmpfs -o size=16m tmpfs small || exit
    for way in local push pull; do
        cp -a old/. small/
        check_status "$way: the disk is full" 6 by_way "$way" src/ small/ -a --delay-updates
        check "$way: all that was there is there" is_old small
        mount -o remount,size=64m small
        check "$way: with more room the next run puts all in place" by_way "$way" src/ small/ -a --delete --delay-updates
        check "$way: all of it is there" same small
        check "$way: nothing is left over" none_left small
        rm -rf small/*
        mount -o remount,size=16m small
    done
else
    skip "a full disk" "mounts need root"
fi
done_testing
