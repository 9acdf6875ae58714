# What hasync brings where, seen by rsync's habits.
. "${0%/*}/../lib.sh"
mkdir -p src/sub
echo one >src/one
echo second >src/sub/two
ln -s one src/link
# Long ago, so that a change today is one in time, too.
touch -t 202001010000 src/one src/sub/two src/sub
names() { (cd "$1" && find . ! -name . | sort | tr '\n' ' '); }
has() { # DIRECTORY, NAMES
    [ "$(names "$1")" = "$2 " ] && return
    names "$1"
    return 1
}

check "a directory" hasync -a src dst
check "goes into the destination" has dst "./src ./src/link ./src/one ./src/sub ./src/sub/two"
check "a directory with a slash" hasync -a src/ contents
check "is its contents" has contents "./link ./one ./sub ./sub/two"
check "a directory and a dot" hasync -a src/. contents2
check "is the same" has contents2 "./link ./one ./sub ./sub/two"
check "without -r" hasync -lpt src/ flat
check_json "a directory is passed over, which is told" '[.[] | select(.type == "skipped") | .key.path] == ["src/"]' "$OUT"
check "and the files that are named come" hasync -lpt src/one src/link src/sub flat
check_json "the directory is passed over" '[.[] | select(.type == "skipped") | .key.path] == ["sub"]' "$OUT"
check "and nothing else" has flat "./link ./one"

check "a file" hasync -t src/one renamed
check "may get another name" cmp src/one renamed
check "over a file" hasync -t src/sub/two renamed
check "too" cmp src/sub/two renamed
check "a file to a name with a slash" hasync -t src/one made/
check "makes a directory" has made ./one
check "a file to a directory" hasync -t src/sub/two made
check "goes into it" has made "./one ./two"
check "several sources" hasync -a src/one src/sub several
check "lie side by side" has several "./one ./sub ./sub/two"
mkdir -p other/sub && echo 1 >other/one && echo 3 >other/sub/three
check "several directories' contents" hasync -a src/ other/ merged
check "are merged" has merged "./link ./one ./sub ./sub/three ./sub/two"
check "and of two files of one name the first is taken" cmp src/one merged/one
check "names that could be options or hosts" hasync -a ./src/one "$SCENE_DIR/a:b"
check "are paths with a slash before" cmp src/one a:b

printf 'one\n/sub/two\n\nnowhere\n' >list
check_status "a list of paths" 3 hasync -a --files-from=list src listed
cp "$OUT" stream
check "brings those, with the directories above" has listed "./one ./sub ./sub/two"
check_json "and names what is not there" '[.[] | select(.type == "error") | [.reason, .item]] == [["absent", "nowhere"]]' stream
from_stdin() { printf 'sub\0one\0' | hasync -a -0 --files-from=- src listed0; }
check "a list with null bytes, from standard input" from_stdin
check "a directory in it comes without what is in it" has listed0 "./one ./sub"
whole() { printf 'sub\n' | hasync -ar --files-from=- src listed1; }
check "but with -r" whole
check "whole" has listed1 "./sub ./sub/two"

cp -Rp src base
echo three >base/new
echo changed >base/one
rm base/sub/two
chmod 700 base/sub
(cd contents && find . -printf '%p %i %T@ %C@ %s\n' | sort) >before
check "a dry run" hasync -ain --delete base/ contents
cp "$OUT" dry
(cd contents && find . -printf '%p %i %T@ %C@ %s\n' | sort) >after
check "changes nothing" cmp before after
check_json "and tells what, and why" '
    ([.[] | select(.type == "change") | {(.key.path): [.action, .what, .why]}] | add) == {
        ".": ["attributes", "directory", ["time"]],
        "new": ["create", "file", []],
        "one": ["update", "file", ["size", "time"]],
        "sub": ["attributes", "directory", ["time", "mode"]],
        "sub/two": ["delete", "file", []]}
    and (.[-1] | .dry_run and .created == 1 and .updated == 1 and .attributes == 2 and .deleted == 1)' dry
check "the same run, not dry" hasync -ai --delete base/ contents
check_json "tells the same" '([.[] | select(.type == "change") | [.key.path, .action]] | sort) ==
    [[".", "attributes"], ["new", "create"], ["one", "update"], ["sub", "attributes"], ["sub/two", "delete"]]
    and (.[-1].dry_run | not)' "$OUT"
check "and does it" diff -r base contents
check "once more" hasync -ai --delete base/ contents
check_json "there is nothing to do" '(.[-1] | .created + .updated + .attributes + .deleted == 0 and .unchanged > 0) and length == 2' "$OUT"
check "-n into nothing" hasync -an src/ nothing
check "makes nothing" test ! -e nothing

mkdir many
i=0
while [ $i -lt 400 ]; do echo $i >many/a-name-that-is-long-enough-to-fill-a-pipe-of-64-KiB-with-records-$i; i=$((i + 1)); done
reader_leaves() { hasync -ai many/ copied | true; }
check "a reader that leaves" reader_leaves
# The pipe's status is the reader's; the work may still go on.
tries=0
until diff -r many copied >/dev/null 2>&1 || [ $tries -ge 100 ]; do tries=$((tries + 1)); sleep 0.1; done
check "does not stop the work" diff -r many copied
closed() { hasync -a many/ copied2 >&-; }
check_status "standard output that is closed" 0 closed
check "neither" diff -r many copied2
done_testing
