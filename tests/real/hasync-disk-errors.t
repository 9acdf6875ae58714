# A file of the source that cannot be read is an item that failed; a disk of the destination that fails, or a quota, ends the run.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/here.sh"
if ! strace -qq -o /dev/null true 2>/dev/null; then
    skip "errors of disks" "there is no strace, or it may not trace"
    done_testing
fi
mkdir src
head -c 3000000 /dev/urandom >src/large
head -c 3000000 /dev/urandom >src/other-large
echo small >src/small
echo other >src/other
copy() { # WAY DEST OPTION...
    way=$1 dest=$2
    shift 2
    by_way "$way" src/ "$dest/" -a "$@"
}
failing() { # ERROR PATH WAY DEST OPTION...: each of these calls on that file fails
    fault=$1 path=$SCENE_DIR/$2 way=$3 dest=$4
    shift 4
    case $way in
        local) from=src/ to=$dest/ ;;
        push) from=src/ to=host:$SCENE_DIR/$dest/ ;;
        pull) from=host:$SCENE_DIR/src/ to=$dest/ ;;
    esac
    strace -f -qq -o /dev/null -P "$path" -e "inject=$fault" hasync -a "$@" -e "$HERE" "$from" "$to"
}
reading=pread64,read,copy_file_range:error=EIO

for way in local push pull; do
    for file in small large; do
        dest=$way-$file
        mkdir "$dest"
        touch "$dest/only-here"
        check_status "$way: a $file file cannot be read" 3 failing "$reading" "src/$file" "$way" "$dest" --delete
        check_json "$way: it is the one that failed" "[.[] | select(.type == \"error\" and .reason == \"read_error\").item] == [\"$file\"]" "$OUT"
        check "$way: the others come" cmp src/other-large "$dest/other-large"
        check "$way: nothing of it is there" test ! -e "$dest/$file"
        check "$way: and nothing is deleted" test -e "$dest/only-here"
        check "$way: the next run brings it" copy "$way" "$dest"
        check "$way: whole" cmp "src/$file" "$dest/$file"
    done
    for error in EIO EDQUOT ENOSPC; do
        dest=$way-$error
        mkdir "$dest"
        echo old >"$dest/large"
        # Written where it stands, so that its name is known.
        check_status "$way: $error at the destination ends the run" 6 failing "pwrite64,write,copy_file_range:error=$error" "$dest/large" "$way" "$dest" --inplace
        check_json "$way: and says which file it was" '.[-1].error.message | test("large")' "$OUT"
    done
done
done_testing
