# Which files take part, where new ones go and what is deleted is what rsync makes of it: rsync is the judge.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/here.sh"

ln -s "$ROOT/tests/fakes/here" here

make_trees() {
    rm -rf src old
    mkdir -p src/sub/deep src/new/inner src/empty old/sub/gone/deep old/sub/deep old/going old/kind
    for age in 0 1 2 3; do
        echo "source $age" >src/sub/later$age
        echo "older text $age" >old/sub/later$age
        touch -d "@$((1700000000 + age))" src/sub/later$age
        echo "source $age" >src/sub/earlier$age
        echo "other here $age" >old/sub/earlier$age
        touch -d "@$((1700000000 - age))" src/sub/earlier$age
        echo "alike $age" >src/sub/deep/alike$age
        echo "ALIKE $age" >old/sub/deep/alike$age
        touch -d "@$((1700000000 + age))" src/sub/deep/alike$age
    done
    echo 'not there' >src/new/file
    echo 'nor this' >src/new/inner/file
    head -c 300000 /dev/zero | tr '\0' x >src/large
    head -c 300000 /dev/zero | tr '\0' y >old/large
    ln -s there src/link
    ln -s elsewhere old/link
    ln -s fresh src/newlink
    echo 'a file' >src/kind
    echo inside >old/kind/inside
    echo bye >old/bye
    echo kept >old/sub/later0~
    echo deep >old/sub/gone/deep/file
    echo lost >old/going/lost
    echo 'of the pattern' >old/going/x.keep
    chmod 711 old/sub/gone
    chmod 640 old/large old/bye
    find old src -name 'later*' -path 'old*' -exec touch -h -d @1700000000 {} +
    find old -name 'earlier*' -exec touch -h -d @1700000000 {} +
    find old -name 'alike*' -exec touch -h -d @1700000000 {} +
    find old src ! -name 'later*' ! -name 'earlier*' ! -name 'alike*' -exec touch -h -d @1690000000 {} +
}

# Everything of a tree that the options keep; what beneath the tree itself was deleted has no time of its own to keep.
told() { (cd "$1" && find . \( -type d -printf '%p %y %m\n' \) -o -printf '%p %y %m %s %T@ %l %n\n' | LC_ALL=C sort && find . -type f -exec cksum {} + | LC_ALL=C sort -k 3); }

trial() { # OPTION...: what both make of it, here, pushed and pulled
    rm -rf by
    mkdir by
    cp -a old by/rsync && cp -a old by/local && cp -a old by/push && cp -a old by/pull
    [ ! -d base ] || cp -a base by/base
    (cd by && rsync "$@" ../src/ rsync/ >/dev/null 2>rsync.err)
    (cd by && hasync "$@" ../src/ local/ >local.out)
    (cd by && hasync "$@" -e ../here ../src/ "host:$PWD/push/" >push.out)
    (cd by && hasync "$@" -e ../here "host:$PWD/../src/" pull/ >pull.out)
    told by/rsync >by/rsync.told
    for way in local push pull; do
        told by/$way >by/$way.told
        diff by/rsync.told by/$way.told || { echo "$way $*"; tail -n 2 by/$way.out; cat by/rsync.err; return 1; }
    done
}

make_trees
for options in -u '-u --modify-window=0' '-u --modify-window=1' '-u --modify-window=2' --existing --ignore-existing '--existing --ignore-existing' \
    --size-only -I '-I --size-only' --modify-window=1 --modify-window=2 '--size-only -c' --max-size=11 --min-size=12 '--max-size=1K --min-size=10'; do
    case $options in -u\ *=[12]) rsync_since 3.5.0 "$options" || continue ;; esac
    # shellcheck disable=SC2086 # several options
    check "$options" trial -a --force $options
done
for options in --del --delete-during --delete-delay --delete-after '--delete --exclude=*.keep' '--del --exclude=*.keep' '--delete --existing --ignore-existing' \
    '--delete --max-delete=0 --force' '--delete --max-delete=100' --delete-before '--delete-before --exclude=*.keep' '--delete-before --delete-excluded --exclude=*.keep' \
    '--delete-before --existing --ignore-existing' '--delete-before --max-delete=0 --force' '--delete-before -c' '--delete-before -I' '--delete-before -H' '--delete-before -m' \
    '--delete-before --delay-updates' '--delete-before -n' '--delete-before -u -z'; do
    # shellcheck disable=SC2086
    check "$options" trial -a $options
done
for options in '' --suffix=.old --delete '--del --suffix=.old' '--delete-before --backup-dir=../kept' '--delete-before --suffix=.old' --inplace '--delete --max-delete=0' '--backup-dir=../kept --suffix=.old' '-O --backup-dir=kept'; do
    # shellcheck disable=SC2086
    check "-b $options" trial -ab --force $options
done

for options in '' --partial-dir=.part --del '--delete-after -b' '--delete-delay --backup-dir=../kept' '-b --suffix=.old' -u --ignore-existing '--existing -c' -n \
    '-I --del' '--max-size=20 --delete' '--exclude=deep --delete-excluded' -z -H; do
    # shellcheck disable=SC2086
    check "--delay-updates $options" trial -a --force --delay-updates $options
done

# A directory beside that has some of it: all, content alone, the name alone, or nothing.
rm -rf old base
mkdir old
cp -a src base
chmod 600 base/sub/later0
echo 'another content' >base/sub/later1
touch -d @1500000000 base/sub/later2 base/new/file
mkfifo src/fifo && cp -a src/fifo base/fifo
touch -d @1690000000 src/fifo base/fifo
cp -a src/large src/larger && cp -a src/large base/larger && printf changed | dd of=base/larger bs=1 seek=150000 conv=notrunc 2>/dev/null
ln -sfn away base/link
touch -h -d @1690000000 base/link base/larger
rm -rf base/new/inner
cp -a base other
chmod 644 other/sub/later0
for way in link copy compare; do
    for options in --$way-dest=../base "--$way-dest=../base --$way-dest=../../other" "--$way-dest=$PWD/base -c" "--$way-dest=../base -I" "--$way-dest=../base --size-only" \
        "--$way-dest=../base --no-p" "--$way-dest=../base -n" "--$way-dest=../base --delay-updates"; do
        # shellcheck disable=SC2086
        check "$options" trial -a $options
    done
done
# A file that is at the destination gives way to one beside it that is all it should be, and to no other.
rm -rf old
cp -a src old
for name in later0 later1 later2 earlier0; do
    printf 'OLDER! %s' "${name#???????}" | dd of=old/sub/$name bs=1 conv=notrunc 2>/dev/null
    touch -r src/sub/$name old/sub/$name
done
for way in link copy compare; do
    for options in --$way-dest=../base "--$way-dest=../base -c" "--$way-dest=../base -I" "--$way-dest=../base -n"; do
        # shellcheck disable=SC2086
        check "$options, over old files" trial -a $options
    done
done
check_status "what gives way is kept with -b" 0 sh -c 'rm -rf by && mkdir by && cp -a old by/old && cp -a base by/base && cd by && hasync -ab --compare-dest=../base ../src/ old/'
check "under the backup's name alone" sh -c '[ ! -e by/old/sub/earlier0 ] && cmp by/old/sub/earlier0~ old/sub/earlier0'
# Of a file with two names the directory beside has both, of this content or of another, as one file or two; or the first alone.
mkdir names && printf one >names/a && touch -d @1690000000 names/a && ln names/a names/b
names_beside() { # CONTENT HOW OPTIONS...
    printf '%s' "$1" >base/a && touch -r names/a base/a && case $2 in
        linked) ln base/a base/b ;;
        two) cp -p base/a base/b ;;
    esac
    shift 2
    for tool in rsync hasync; do
        rm -rf made/$tool && mkdir -p made && cp -a names made/$tool || return
    done
    rsync -aH --modify-window=-1 "$@" --compare-dest="$PWD/base" names/ made/rsync/ && hasync -aH "$@" --compare-dest="$PWD/base" names/ made/hasync/ &&
        diff -r made/rsync made/hasync
}
for how in linked two; do
    for content in one two; do
        for options in -I -c; do
            rm -rf base && mkdir base
            check "beside are $how names of content $content: $options" names_beside "$content" "$how" "$options"
        done
    done
done
rm -rf base made/new && mkdir -p base made/new && cp -p names/a base/a && echo old >made/new/b
check_status "the first name alone is beside" 3 hasync -aH --compare-dest="$PWD/base" names/ made/new/
check_json "that the other does not come is told" '[.[] | select(.type == "error" and .item == "b" and (.message | contains("has a, another name")))] | length == 1' "$OUT"
check "and nothing is lost" grep -x old made/new/b
check "without -H it comes" hasync -a --compare-dest="$PWD/base" names/ made/new/
check "as it is" cmp names/b made/new/b
rm -rf base names made
brought() { # what comes over a connection where all of it stands beside
    rm -rf copy && cp -a src copy && rm -rf new && hasync -a --link-dest="$PWD/copy" -e ./here src/ "host:$PWD/new/" &&
        diff -r --no-dereference -x fifo src new && [ "$(find new -type f -links 1 | wc -l)" = 0 ]
}
check "a new destination is linked to what stands beside it" brought
check_json "and no content comes over the connection" '.[-1] | .literal_bytes == 0 and .created > 20' "$OUT"
check "a directory beside that is not there has nothing" sh -c 'rm -rf new && hasync -a --link-dest=../never src/ new/ && diff -r --no-dereference -x fifo src new'
check_json "and that is told" '[.[] | select(.type == "skipped" and .key.path == "../never")] | length == 1' "$OUT"
check_status "no directory outside of --root is looked into" 6 sh -c '
    printf "#!/bin/sh\nwhile [ \"\$1\" = -l ]; do shift 2; done\nexec hasync --serve --root \"\$PWD/jail\"\n" >jailed && chmod +x jailed &&
    rm -rf jail && mkdir jail && hasync -a --link-dest=../src -e ./jailed src/ host:new/'
rm -rf old base other
make_trees

check_status "no more than --max-delete are deleted, and that is a failure" 3 sh -c '
    rm -rf few && cp -a old few && hasync -a --delete --max-delete=2 src/ few/'
check_json "what --max-delete leaves is counted" \
    '[.[] | select(.reason? == "deletions_held_back" and (.message | contains("--max-delete")))] | length == 1' "$OUT"
check_json "so many were deleted, and a directory that made way for a file" '.[-1].deleted == 3' "$OUT"
check "as many as with rsync" sh -c '
    rm -rf judged && cp -a old judged && rsync -a --delete --max-delete=2 src/ judged/ 2>/dev/null
    [ "$(find few | wc -l)" -eq "$(find judged | wc -l)" ]'
long=$(printf '%0255d' 1)
check_status "of a directory goes what can, whatever of it cannot" 3 sh -c '
    rm -rf few && cp -a src few && mkdir few/gone && touch few/gone/after "few/gone/$1" few/gone/zero &&
    hasync -a --delete --backup-dir="$PWD/kept" --suffix=.old src/ few/' - "$long"
check_json "what cannot is told by its name, for which a backup has no room" '
    map(select(.type == "error")) | map([.reason, .item]) == [["write_error", "gone/'"$long"'"]]' "$OUT"
check "all else went, and is kept" sh -c '[ "$(ls few/gone)" = "$1" ] && [ -e kept/gone/after.old ] && [ -e kept/gone/zero.old ]' - "$long"
check_status "a directory that is not empty stays in the way without --force" 3 sh -c 'rm -rf few && cp -a old few && hasync -a src/ few/'
# Of the source what is left is compared, too.
removes() { # OPTION...
    rm -rf by
    for who in rsync local push pull; do mkdir -p by/$who && cp -a src by/$who/src && cp -a old by/$who/to || return; done
    (cd by/rsync && rsync "$@" src/ to/ >/dev/null 2>&1)
    (cd by/local && hasync "$@" src/ to/ >out)
    (cd by/push && hasync "$@" -e ../../here src/ "host:$PWD/to/" >out)
    (cd by/pull && hasync "$@" -e ../../here "host:$PWD/src/" to/ >out)
    for who in rsync local push pull; do (cd by/$who && find src to -printf '%p %y %s\n' | LC_ALL=C sort >told); done
    for who in local push pull; do diff by/rsync/told by/$who/told || { echo "$who $*"; tail -n 3 by/$who/out; return 1; }; done
}
for options in --force '--force -n' '--force --exclude=deep' '--force --max-size=11' '--force -u' '--force -c' '--force --inplace' '--force --existing' '--force -z' '--force --no-l' '--force --delay-updates'; do
    # shellcheck disable=SC2086
    check "--remove-source-files $options" removes -a --remove-source-files $options
done
check "a single file that gets another name goes" sh -c 'rm -rf one && mkdir one && cp -a src/large one/from &&
    hasync -a --remove-source-files -e ./here one/from "host:$PWD/one/to" && [ ! -e one/from ] && cmp src/large one/to'
check "with -H all names of a file go" sh -c 'rm -rf one two && mkdir -p one/sub && echo text >one/a && ln one/a one/b && ln one/a one/sub/c &&
    hasync -aH --remove-source-files -e ./here one/ "host:$PWD/two/" && [ -z "$(find one -type f)" ] && [ "$(find two -type f -links 3 | wc -l)" = 3 ]'
check "of a list only what it names goes" sh -c 'rm -rf one two && cp -a src one && printf "sub/later1\nnew\n" >list &&
    hasync -a -r --files-from=list --remove-source-files one two && [ ! -e one/sub/later1 ] && [ -e one/sub/later2 ] && [ ! -e one/new/file ] && [ -e two/new/file ]'
check_status "where the standby cannot put it in place the source stays" 3 sh -c 'rm -rf one two && cp -a src one && mkdir -p two/large/full &&
    hasync -a --remove-source-files one/ two/; status=$?; [ -e one/large ] && [ ! -e one/new/file ] && exit $status'
for way in local push pull; do
    rm -rf few && cp -a old few
    check "$way: --delete-before deletes first" by_way $way src/ few/ -ai --delete-before
    check_json "$way: and brings then" '[.[] | select(.type == "change" and (.key.path | startswith("kind") | not)) | .action == "delete"] | .[:index(false)] as $first | ($first | length) > 4 and (.[($first | length):] | any | not)' "$OUT"
    check "$way: a further run finds nothing to do" by_way $way src/ few/ -a --delete-before
    check_json "$way: nothing" '.[-1] | .created + .updated + .attributes + .deleted == 0 and .unchanged == .files' "$OUT"
    rm -rf few && cp -a old few
    check "$way: no more than --max-delete go first" sh -c '[ $1 = 3 ]' sh "$(by_way $way src/ few/ -a --delete-before --max-delete=2 >out; echo $?)"
    check_json "$way: and that is told once" '[.[] | select(.reason? == "deletions_held_back")] | length == 1' out
done
check_status "only one moment to delete" 2 hasync -a --delete-before --del src/ few/
check_status "as with rsync" 1 rsync -a --delete-before --del src/ few/
# Who is not root cannot read it.
if [ "$(id -u)" = 0 ]; then
    rm -rf unread few && cp -a src unread && cp -a old few && chmod 0 unread/new && chown -R 12345 unread few . && chmod 755 .
    as_other() { setpriv --reuid 12345 --clear-groups -- "$@"; }
    check_status "nothing is deleted before what could not be read" 3 as_other hasync -rlpt --delete-before unread/ few/
    check_json "what could not be read is told once, and that deletions are held back" \
        '[.[] | select(.type == "error").reason] | map(select(. != "in_the_way")) | sort == ["deletions_held_back", "read_error"]' "$OUT"
    check "all of it stays" test -e few/bye -a -e few/going/lost -a -e few/sub/gone/deep/file
    check "the rest is brought" cmp src/sub/later1 few/sub/later1
    chmod 755 unread/new && chmod 0 few/sub
    check "who is not root is let into a directory to delete" as_other hasync -rlpt --delete-before --force unread/ few/
    check "and all is as it should be" sh -c '[ ! -e few/sub/gone ] && [ ! -e few/bye ] && [ "$(cd unread && find . | sort)" = "$(cd few && find . | sort)" ]'
    chown -R 0 unread few .
else
    skip "a source that cannot be read" "root is another user"
fi
check "backups in the destination are not deleted" sh -c '
    rm -rf few && cp -a old few && hasync -a --delete -b --backup-dir=kept src/ few/ && hasync -a --delete -b --backup-dir=kept src/ few/ &&
    [ "$(cat few/kept/bye)" = bye ] && [ "$(cat few/kept/sub/later1)" = "older text 1" ] && [ ! -e few/kept/kept ]'
check "no backup is made where a link leads out of the destination" sh -c '
    rm -rf few outside && mkdir outside && cp -a old few && ln -s ../outside few/kept && ! hasync -a -b --backup-dir=kept src/ few/ && [ -z "$(ls outside)" ]'
# Killed anywhere, the old content of each file has one of its names.
killed_while_keeping() { # SECONDS
    rm -rf one two && mkdir one two || return
    for n in 1 2 3 4 5 6 7 8 9; do
        for m in 1 2 3 4 5 6 7 8 9; do echo "new $n $m" >one/$n$m; echo "old text $n $m" >two/$n$m; done
    done
    hasync -ab one/ two/ >/dev/null 2>&1 &
    sleep "$1"
    kill -KILL $! 2>/dev/null
    wait $! 2>/dev/null
    for n in 1 2 3 4 5 6 7 8 9; do
        for m in 1 2 3 4 5 6 7 8 9; do
            [ -s two/$n$m ] || { echo "$n$m is gone"; return 1; }
            [ "$(cat two/$n$m)" = "old text $n $m" ] || [ "$(cat two/$n$m~)" = "old text $n $m" ] || { echo "the old $n$m is gone"; return 1; }
        done
    done
    hasync -ab one/ two/ >/dev/null || return
    [ "$(cat two/55)" = 'new 5 5' ] && [ "$(cat two/55~)" = 'old text 5 5' ] && [ "$(find two -type f | wc -l)" = 162 ]
}
for seconds in 0.005 0.01 0.015 0.02 0.03; do
    check "a run with backups that is killed after $seconds seconds has lost nothing" killed_while_keeping $seconds
done
done_testing
