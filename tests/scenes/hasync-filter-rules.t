# Filter rules: where they come from, what is wrong with them, and that nothing is deleted where they cannot be read.
# shells: ksh93 mksh
. "${0%/*}/../lib.sh"
names() { (cd "$1" && find . ! -name . | sort | tr '\n' ' '); }
has() { [ "$(names "$1")" = "$2" ] || { names "$1"; return 1; }; }
says() { # FILE WORDS
    grep -q -- "$2" "$1"
}
mkdir -p src/a/b
for name in one two.o a/three a/b/four.o; do echo "$name" >"src/$name"; done

refused() { # WORDS, ARGUMENTS...
    words=$1; shift
    check_status "2: $*" 2 hasync -r "$@" src/ dst
    cp "$ERR" said
    check "it says: $words" says said "$words"
    check "and nothing was done" test ! -e dst
}
refused 'nonsense rule: is no filter rule' -f 'nonsense rule'
refused 'has something after the "!"' -f '! x'
refused 'does not belong there' -f 'H,r x'
refused 'no such file' --include-from=absent
refused 'no such file' -f '. absent'
printf 'P a\nroot:secret\n' >shadow
refused 'shadow: line 2' -f 'merge shadow'
check "a line that is no rule is not told" test ! "$(grep secret said)"

check "an include before an exclude, from a file" hasync -r --include-from=/dev/stdin --exclude='*' src/ dst <<'END'
*/
*.o
END
check "brings what it includes" has dst './a ./a/b ./a/b/four.o ./two.o '
rm -r dst
printf 'one\n\0#two.o\0' >nulls
printf 'two.o\0' >>nulls
check "-0: null bytes part the patterns of a file" hasync -r0 --exclude-from=nulls src/ dst
check "and it excludes what it names" has dst './a ./a/b ./a/b/four.o ./a/three ./one '
rm -r dst
check "-m: no directory comes in which nothing would be" hasync -rm --exclude=four.o src/ dst
check "it did not come" has dst './a ./a/three ./one ./two.o '
rm -r dst
check "-m: but one that is protected" hasync -rm --exclude=four.o -f 'P b/' src/ dst
check "it came" has dst './a ./a/b ./a/three ./one ./two.o '
rm -r dst

mkdir home && echo one >home/.cvsignore
cvs() { HOME=$SCENE_DIR/home CVSIGNORE=three hasync -rC src/ dst; }
check "-C: the list, ~/.cvsignore and CVSIGNORE" cvs
check "leave out what they name" has dst './a ./a/b '
rm -r dst

echo '- four.o' >src/a/.rsync-filter
echo '- /src/one' >.rsync-filter
check "-F: files in the directories and above them" hasync -rF src/ dst
check "leave out what they name" has dst './a ./a/.rsync-filter ./a/b ./a/three ./two.o '
echo mine >dst/a/b/four.o && echo gone >dst/a/b/gone
check "-F --delete: what they name is kept" hasync -rF --delete src/ dst
check "and all else goes" has dst './a ./a/.rsync-filter ./a/b ./a/b/four.o ./a/three ./two.o '
echo '- gone' >src/a/.rsync-filter && echo gone >dst/a/b/gone
check "-F --delete: the rules that have just come decide" hasync -rF --delete src/ dst
check "what the new file names is kept" test -e dst/a/b/gone
check "-F --delete-excluded" hasync -rF --delete-excluded src/ dst
check "deletes what they name" test ! -e dst/a/b/gone
check "-FF" hasync -rFF --delete-excluded src/ dst
check "leaves the files out" test ! -e dst/a/.rsync-filter

rm -r dst
cp -R src dst && echo extra >dst/a/extra && echo extra >dst/extra
echo 'nonsense rule' >src/a/.rsync-filter
check_status "a file of the source that is no list of rules" 3 hasync -rF --delete src/ dst
cp "$OUT" out
check_json "it is an item that failed" '[.[] | select(.type == "error") | [.reason, .item]] | .[0] == ["filter", "a/.rsync-filter"]' out
check "and nothing is deleted" test -e dst/extra -a -e dst/a/extra
rm src/a/.rsync-filter && echo 'nonsense rule' >dst/a/.rsync-filter
check_status "a file of the standby that is none" 3 hasync -r -f ': .rsync-filter' -f 'P .rsync-filter' --delete src/ dst
check "nothing is deleted there" test -e dst/a/extra
check "elsewhere it is" test ! -e dst/extra
rm dst/a/.rsync-filter && ln -s ../../shadow dst/a/.rsync-filter
check_status "a symbolic link in its place is not followed at the standby" 3 hasync -r -f ': .rsync-filter' -f 'P .rsync-filter' --delete src/ dst
check "and nothing is deleted there" test -e dst/a/extra
done_testing
