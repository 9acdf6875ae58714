# With --temp-dir new files are written elsewhere, also on another file system, and are in their place as they would be without it.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/here.sh"

mkdir -p src/deep/er old/deep tmp
head -c 20000000 /dev/urandom >src/large
head -c 300000 /dev/urandom >src/deep/medium
for n in 1 2 3 4 5 6 7 8 9; do echo "new $n" >src/deep/er/$n; echo "old text $n" >old/deep/$n; echo "the new $n" >src/deep/$n; done
truncate -s 8M src/hole && printf data | dd of=src/hole bs=1 seek=4000000 conv=notrunc 2>/dev/null
echo 'of old' >old/large
chmod 4711 src/deep/medium
touch -d @1500000000 src/deep/medium
ln -s large src/link
touch -h -d @1400000000 src/link
setfattr -n user.word -v said src/deep/medium 2>/dev/null && setfacl -m u:12345:r src/deep/medium 2>/dev/null && more=XA || more=
told() { (cd "$1" && find . \( -type d -printf '%p %y %m\n' \) -o -printf '%p %y %m %s %T@ %l %u %g\n' | LC_ALL=C sort; getfattr -Rdm - . 2>/dev/null; getfacl -Rn . 2>/dev/null; find . -type f -exec cksum {} + | LC_ALL=C sort -k 3); }
is_empty() { [ -z "$(ls -A "$1")" ]; }
none_left() { [ -z "$(find "$@" -name '.hasync.*')" ]; }
slowly() { # WAY: in the place of this shell, which a signal would not leave alone
    case $1 in
        local) exec hasync -a -T "$2" --bwlimit=500 src/ to/ ;;
        push) exec hasync -a -T "$2" --bwlimit=500 -e "$HERE" src/ "host:$SCENE_DIR/to/" ;;
        pull) exec hasync -a -T "$2" --bwlimit=500 -e "$HERE" "host:$SCENE_DIR/src/" to/ ;;
    esac
}
until_it_is_there() { for _ in $(seq 600); do [ -z "$(find tmp -name '.hasync.*.*' -type f)" ] || return 0; sleep 0.05; done; return 1; }

rsync_made() { rm -rf judge && cp -a old judge && rsync -a${more} "$@" src/ judge/ && told judge >judge.told; }
made() { # WAY OPTION...
    way=$1
    shift
    rm -rf to && cp -a old to && by_way "$way" src/ to/ -a${more} "$@" && told to >to.told && diff judge.told to.told && is_empty tmp && none_left to
}
where=here
all_ways() {
    for options in '' -S --delete --delay-updates -b --partial-dir=.part -H '-W -z' -c '--inplace --no-W'; do
        # shellcheck disable=SC2086 # several options
        check "$where: rsync $options" rsync_made -T "$SCENE_DIR/tmp" $options
        for way in local push pull; do
            # shellcheck disable=SC2086
            check "$where: $way $options" made "$way" -T "$SCENE_DIR/tmp" $options
        done
    done
    check "$where: a name beside DEST" made local -T ../tmp
    sparse=$(du -k to/hole | cut -f 1)
    check "$where: -S makes holes" sh -c 'rm -rf to && hasync -aS -T "$1" src/ to/ && [ "$(du -k to/hole | cut -f 1)" -lt "$2" ]' sh "$SCENE_DIR/tmp" "$sparse"

    for way in local push pull; do
        rm -rf to && cp -a old to
        slowly "$way" "$SCENE_DIR/tmp" >out 2>&1 &
        check "$where: $way: it is written there" until_it_is_there
        check "$where: $way: where nobody else may look" test -z "$(find tmp -mindepth 1 -maxdepth 1 ! -perm 700)"
        check "$where: $way: another run has its own there" sh -c 'rm -rf other && hasync -a --exclude=large -T "$PWD/tmp" src/ other/ && [ -e other/deep/medium ]'
        kill -KILL $!
        wait $! 2>/dev/null
        [ "$way" = local ] || sleep 1
        check "$where: $way: a run that is killed leaves what was there" diff -r --exclude=deep --exclude=link --exclude='.hasync.*' --exclude=hole old to
        mkdir tmp/.hasync.conf tmp/kept
        check "$where: $way: the next run" by_way "$way" src/ to/ -a -T "$SCENE_DIR/tmp" --lock-wait=20
        check "$where: $way: clears up what is a run's, and nothing else" test "$(ls -A tmp | LC_ALL=C sort | tr '\n' ' ')" = '.hasync.conf kept '
        check "$where: $way: and all is there" test -z "$(rsync -nci -a --omit-dir-times src/ to/)"
        rmdir tmp/.hasync.conf tmp/kept
    done

    rm -rf to && mkdir to
    hasync -a -T "$SCENE_DIR/tmp" --partial-dir=.part --bwlimit=3000 src/ to/ >out 2>&1 &
    check "$where: a large file comes" sh -c 'for _ in $(seq 600); do [ -z "$(find tmp -type f -size +2000k)" ] || exit 0; sleep 0.05; done; exit 1'
    kill -TERM $!
    wait $! 2>/dev/null
    check "$where: what came of it when a signal ends the run is kept" test "$(stat -c %s to/.part/large)" -gt 1000000
    check "$where: and the next run has use for it" by_way push src/ to/ -a -T "$SCENE_DIR/tmp" --partial-dir=.part
    check_json "$where: it sends the rest" '.[-1].matched_bytes > 1000000' "$OUT"
    check "$where: nothing is left" sh -c '[ -z "$(ls -A tmp)" ] && [ ! -e to/.part ] && cmp src/large to/large'
}
all_ways

# What a directory gives to all that is made in it.
given() { # OPTION...
    rm -rf one two && mkdir one two && chmod 2775 one two && chgrp 12345 one two || return
    [ -z "$more" ] || setfacl -d -m u:12346:rw one two
    hasync -rlt src/ one/ && hasync -rlt -T "$SCENE_DIR/tmp" src/ two/ && told one | sed 's/one//' >one.told && told two | sed 's/two//' >two.told && diff one.told two.told &&
        { [ "$(id -u)" != 0 ] || [ "$(stat -c %g two/large)" = 12345 ]; }
}
given_there() { # the same, of --temp-dir: a file does not get it
    rm -rf one two && mkdir one two && chmod 2775 tmp && chgrp 12345 tmp || return
    [ -z "$more" ] || setfacl -d -m u:12346:rw tmp || return
    hasync -rlpt src/ one/ && hasync -rlpt -T "$SCENE_DIR/tmp" src/ two/ && told one | sed 's/one//' >one.told && told two | sed 's/two//' >two.told && diff one.told two.told &&
        is_empty tmp && rmdir tmp && mkdir tmp
}
if [ "$(id -u)" = 0 ]; then check "group and list come from the directory" given && check "and not from --temp-dir" given_there; else skip "group and list" "needs root"; fi

# In the tree itself.
rm -rf to && mkdir -p to/tmp && echo mine >to/tmp/mine
check "it is not deleted where it lies in DEST" hasync -a --delete -T tmp src/ to/
check "with what is in it" test -e to/tmp/mine
check "nor meanwhile" hasync -a --delete-during -T tmp -I src/ to/
check "and nothing is left there" test "$(ls -A to/tmp)" = mine

check_status "one that is not there is refused" 6 hasync -a -T never src/ to/
check_status "in a dry run, too" 6 hasync -an -T "$SCENE_DIR/never" src/ to/
check_status "as with rsync" 1 rsync -a -T "$SCENE_DIR/never" src/ to/
check_status "verify writes nothing" 2 hasync verify -a -T tmp src/ to/

# What a key that is confined to a directory may say.
cat >jailed <<'END'
#!/bin/sh
while [ "$1" = -l ]; do shift 2; done
exec hasync --serve --root "$PWD/jail"
END
chmod +x jailed
mkdir -p jail/new jail/tmp
ln -s ../tmp jail/out
for dir in "$SCENE_DIR/tmp" ../../tmp /../tmp ../out /out "$SCENE_DIR/jail/out"; do
    check_status "beneath --root: $dir" 6 hasync -a -T "$dir" -e ./jailed src/ host:new/
done
check "nothing came outside" is_empty tmp
check "nor was anything brought" is_empty jail/new
check "beneath --root: one in it" hasync -a -T "$SCENE_DIR/jail/tmp" -e ./jailed src/ host:new/
check "all of it is there" diff -r --no-dereference src jail/new

# What others lay there is not touched.
own=$(cut -c 1-8 /proc/sys/kernel/random/boot_id)
mkdir outside && echo precious >outside/file
ln -s ../outside "tmp/.hasync.$own.1.1.1"
ln -s ../outside "tmp/.hasync.00000000.1.1.1"
mkdir tmp/.hasync.00000000.1.1.2 && echo theirs >tmp/.hasync.00000000.1.1.2/file
[ "$(id -u)" != 0 ] || chown 12345 tmp/.hasync.00000000.1.1.2
check "a directory with traps" hasync -a -T "$SCENE_DIR/tmp" -I src/ to/
check "no link is followed" grep -qx precious outside/file
[ "$(id -u)" != 0 ] || check "and what is another's stays" test -e tmp/.hasync.00000000.1.1.2/file
rm -rf tmp/.hasync.*

if [ "$(id -u)" = 0 ]; then
    at_exit() { umount "$SCENE_DIR/tmp" 2>/dev/null; umount "$SCENE_DIR/to" 2>/dev/null; }
    mount -t tmpfs -o size=60m tmpfs tmp || exit
    where='another file system'
    all_ways
    mount -o remount,size=10m tmp
    for way in local push pull; do
        rm -rf to && cp -a old to
        check_status "$way: too little room there" 6 by_way "$way" src/ to/ -a -T "$SCENE_DIR/tmp"
        check_json "$way: that is told" '.[-1].error.message | test("needs 20000000 bytes.*--temp-dir has room for")' "$OUT"
        check "$way: the old one stays" cmp old/large to/large
        check "$way: nothing is left there" is_empty tmp
        check_status "$way: a disk that becomes full" 6 by_way "$way" src/ to/ -aS -T "$SCENE_DIR/tmp"
        check_json "$way: that is told, too" '.[-1].error.message | test("--temp-dir")' "$OUT"
        check "$way: the old one stays" cmp old/large to/large
        check "$way: nothing is left there" is_empty tmp
    done
    mount -o remount,size=60m tmp
    rm -rf to && mkdir to && mount -t tmpfs -o size=10m tmpfs to && cp -a old/. to/
    check_status "too little room at the place" 6 hasync -a -T "$SCENE_DIR/tmp" src/ to/
    check_json "that is told" '.[-1].error.message | test("its file system has room for")' "$OUT"
    check "the old one stays" cmp old/large to/large
    check "nothing is left" sh -c '[ -z "$(ls -A tmp)" ] && [ -z "$(find to -name ".hasync.*")" ]'
else
    skip "another file system" "mounts need root"
fi
done_testing
