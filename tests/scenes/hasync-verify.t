# hasync verify: are two trees the same now? It tells how they differ, and writes nothing anywhere.
# shells: dash mksh
. "${0%/*}/../lib.sh"
at_exit() { [ -z "${holder:-}" ] || kill "$holder" 2>/dev/null; }
ln -s "$ROOT/tests/fakes/here" shell
cat >confined <<END
#!/bin/sh
exec hasync --serve --root "$SCENE_DIR" --read-only
END
printf '#!/bin/sh\nexec sleep 30\n' >silent
chmod +x confined silent
mkdir -p a/sub a/same && echo one >a/one && echo two >a/sub/two && echo three >a/same/three && ln -s one a/link || exit
head -c 3000000 /dev/urandom >a/large
cp -a a b && cp -a a aside || exit

verify() { # WAY OPTION...: a/ and b/
    _way=$1; shift
    case $_way in
        local) hasync verify "$@" a/ b/ ;;
        push) hasync verify "$@" -e ./shell a/ host:"$SCENE_DIR/b/" ;;
        pull) hasync verify "$@" -e ./shell host:"$SCENE_DIR/a/" b/ ;;
    esac
}
for way in local push pull; do
    check "0: $way: they are the same" verify "$way" -a
    check_json "0: $way: all of it was read on both sides" \
        'length == 2 and .[0].schema == "hasync-verify/1" and (.[-1] | .ok and .differing == 0 and .same == .files and .read_bytes == 6000028)' "$OUT"
done

echo ONE >b/one && touch -r a/one b/one
printf none | dd of=b/large bs=1 seek=2999996 conv=notrunc 2>/dev/null && touch -r a/large b/large
rm b/sub/two && echo more >b/sub/more && chmod 700 b/same && ln -sfn two b/link && touch -h -r a/link b/link && mkdir b/only
touch -r a b && touch -r a/sub b/sub || exit
stamps() { find a b -printf '%p %m %U %G %T@ %C@\n' | sort; }
stamps >before
for way in local push pull; do
    check_status "1: $way: they differ" 1 verify "$way" -a
    check_json "1: $way: each difference is a record, and says how" '
        [.[] | select(.type == "drift") | [.key.path, .only_in, .what, (.why | join(" "))]] | sort ==
        [["large", null, "file", "content"], ["link", null, "symlink", "target"], ["one", null, "file", "content"],
         ["only", "destination", "directory", ""], ["same", null, "directory", "mode"],
         ["sub/more", "destination", "file", ""], ["sub/two", "source", "file", ""]]' "$OUT"
    check_json "1: $way: the totals tell, too" \
        '.[-1] | .ok and .status == 1 and .differing == 7 and .only_in_source == 1 and .only_in_destination == 2' "$OUT"
done
stamps >after
check "nothing was written or touched" cmp before after

check_status "what the options do not keep is no difference" 1 hasync verify -r a/same/ b/only
check "without -p modes do not count" hasync verify -rt a/same b/
check_json "and the content was compared" '.[-1].same == 2 and .[-1].read_bytes == 12' "$OUT"
check_status "a pattern leaves out on both sides" 1 hasync verify -a --exclude=/large --exclude=one --exclude=link --exclude=sub a/ b/
check_json "of what is left, that differs" '[.[] | select(.type == "drift") | .key.path] | sort == ["only", "same"]' "$OUT"
check "what verify does anyway may be said" hasync verify -acni --delete a/same/ a/same/

printf 'one\nlink\n' >list
check_status "1: only what a list names" 1 hasync verify -a --files-from=list a b
check_json "and nothing else" '[.[] | select(.type == "drift") | .key.path] | sort == ["link", "one"]' "$OUT"

# Another run's lock is nothing to verify.
flock b sleep 60 & holder=$!
sleep 0.3
check_status "a run that writes is not waited for" 1 hasync verify -a --timeout=5 a/ b/
kill "$holder" && holder=

check_status "1: a key that may only read" 1 hasync verify -a -e ./confined a/ host:"$SCENE_DIR/b/"
check_json "finds the same" '.[-1].differing == 7' "$OUT"

mkdir unread && echo secret >unread/file && cp -a unread copy && chmod 000 unread/file
if [ "$(id -u)" -eq 0 ]; then
    skip "3: a file that cannot be read" "root reads everything"
else
    check_status "3: a file that cannot be read" 3 hasync verify -a unread/ copy/
fi
ln -s nowhere unread/dangling && chmod 644 unread/file
check_status "3: a link that leads nowhere, with -L" 3 hasync verify -aL unread/ copy/
check_json "3: and which" '.[] | select(.type == "error") | .item == "dangling" and .reason == "dangling"' "$OUT"

check_status "6: a source that is not there" 6 hasync verify -a nowhere/ b/
check_status "5: a host that does not answer" 5 hasync verify -a --contimeout=1 -e ./silent a/ host:b/
check_status "2: DEST is missing" 2 hasync verify -a
check_status "2: an option that brings something" 2 hasync verify -a --backup a/ b/
grep -q -- '--backup: does not go with verify' "$ERR"
check "2: it is named" test $? -eq 0
mkdir verify && echo x >verify/x
check "a source of this name is ./verify" hasync -a ./verify/ brought/
check "and was brought" cmp verify/x brought/x

# Lines of the first version are kept: what they have, today's have.
same_fields() {
    jq -se --slurpfile old "$ROOT/tests/contract/hasync-verify-1/differ.jsonl" '
        . as $new | all($old[]; . as $line | any($new[]; .type == $line.type and ($line | keys) - keys == []))' "$1"
}
verify push -a >lines
check "a published line's fields are all there" same_fields lines
done_testing
