# hasync's statuses, each with its cause, one line on standard error, and what is left undone.
. "${0%/*}/../lib.sh"
mkdir src dst
echo one >src/one
file_record() { # BEGIN'S FIELDS, PATH
    printf '{"type":"begin","schema":"haxcat/1","tool":"t","version":"1","host":"h","time":"2026-11-21T02:00:00.000Z"%s}\n' "$1"
    printf '{"type":"file","key":{"path":"%s"},"values":{"size_bytes":4}}\n' "$2"
    printf '{"type":"end","ok":true,"status":0,"records":1,"failed":0}\n'
}
far() { # NAME: standard input is a script that is called as -e
    { echo '#!/bin/sh'; cat; } >"$1" && chmod +x "$1"
}
one_line() { [ "$(grep -c '' "$ERR")" -eq 1 ] && grep -q "$1" "$ERR"; }
empty_stdout() { [ ! -s "$OUT" ]; }
at_exit() { [ -z "${holder:-}" ] || kill "$holder" 2>/dev/null; }

# The far side is a shell here: words after the host are run.
far to <<'END'
shift
exec "$@"
END

check "0: done" hasync -a src/ dst
cp "$ERR" said
check_json "0: the stream says so" '.[0].schema == "hasync/1" and (.[-1] | .ok and .status == 0 and .created == 1 and .failed == 0)' "$OUT"
check "0: standard error is silent" test ! -s said
check "0: done, to a host" hasync -a -e ./to src/ far:"$SCENE_DIR/remote"
check "0: done, from a host" hasync -a -e ./to far:"$SCENE_DIR/remote/" back
check "0: all the same" diff -r src back

usage() { # WORDS IN THE MESSAGE, ARGUMENTS...
    words=$1; shift
    check_status "2: hasync $*" 2 hasync "$@" </dev/null
    cp "$OUT" said
    check "2: one line tells why" one_line "$words"
    check "2: nothing on standard output" test ! -s said
}
usage 'missing'
usage 'DEST is missing' src
usage '\--no-such-flag' --no-such-flag src dst
usage '\--delete' --delete src dst
usage '\--from-json' --from-json src dst
usage '\--bwlimit' --bwlimit=fast src dst
usage 'timeout' --timeout=0 src dst
usage '\--serve' --root=/ src dst
usage 'both on hosts' a:src b:dst
usage 'not all in the same place' a:src src dst
usage 'daemon' rsync://host/module dst
usage 'daemon' host::module dst
usage 'name of a host' -- -oProxyCommand=x:/src dst
usage 'no-such-list' --files-from=no-such-list src dst
echo ../up >list
usage '\.\.' --files-from=list src dst
usage 'filter rule' -f 'bogus rule' src dst
usage '[-]e: is empty' -e '' src far:dst

check_status "3: one of two sources is not there" 3 hasync -r src/ nowhere dst
cp "$OUT" stream
check "3: one line names it" one_line nowhere
check_json "3: and so does a record" '[.[] | select(.type == "error")] == [{type: "error", kind: "failed", reason: "absent", item: "nowhere", message: "no such file or directory"}] and .[-1].status == 3 and (.[-1].ok | not)' stream
for more in '' -R; do
    check_status "3: one is not there, the other is a directory that is passed over without -r $more" 3 hasync $more nowhere src dst
    cp "$OUT" stream
    check_json "3: both are told $more" '[.[] | select(.type == "error" or .type == "skipped").type] | sort == ["error", "skipped"]' stream
done
check_status "4: an empty stream" 4 hasync --from-json dst </dev/null
check "4: one line" one_line 'standard input'
file_record '' "$SCENE_DIR/src/one" >records
check "a stream of records that is to be trusted" hasync --from-json beneath <records
check "brings the path beneath the destination" cmp src/one "beneath$SCENE_DIR/src/one"
file_record ',"dry_run":true' "$SCENE_DIR/src/one" >dry
check_status "4: the stream of a dry run names what was not written" 4 hasync --from-json beneath2 <dry
check "4: nothing is made" test ! -e beneath2
file_record '' src/one >relative
check_status "4: a path that is not absolute" 4 hasync --from-json beneath2 <relative
file_record '' "$SCENE_DIR/src/../src/one" >up
check_status "4: a path that climbs" 4 hasync --from-json beneath2 <up
check "4: nothing is made of those" test ! -e beneath2
echo more >>src/one
check_status "3: a file that is another than its record says" 3 hasync --from-json beneath <records
check_json "3: is an item that failed" '[.[] | select(.type == "error") | .reason] == ["digest_mismatch"]' "$OUT"
check "3: and the old copy stays" test "$(cat "beneath$SCENE_DIR/src/one")" = one

if command -v flock >/dev/null; then
    # The lock goes with the last process that has it: that one is to be ended.
    flock dst sh -c 'echo $$ >holder; exec sleep 60' &
    until [ -s holder ]; do sleep 0.05; done
    holder=$(cat holder)
    check_status "5: another run holds the destination" 5 hasync -r --lock-wait 0 src/ dst
    cp "$OUT" stream
    check "5: one line" one_line 'another run holds it'
    check_json "5: the last line says busy" '.[-1] | .status == 5 and .error.kind == "busy"' stream
    check_status "5: on a host, too" 5 hasync -r --lock-wait 0 -e ./to src/ far:"$SCENE_DIR/dst"
    check "a dry run needs no lock" hasync -rn --lock-wait 0 src/ dst
    kill "$holder"
    wait
    holder=
else
    skip "5: another run holds the destination" "there is no flock"
fi
if command -v ssh >/dev/null; then
    # Port 1 of this machine: nothing listens there.
    check_status "5: no connection" 5 hasync -r -e 'ssh -F none -o BatchMode=yes -p 1' src/ 127.0.0.1:dst
    check "5: one line says what ssh said" one_line 'no connection'
else
    skip "5: no connection" "there is no ssh"
fi
echo 'exec sleep 60' | far silent
check_status "5: a far side that is silent" 5 hasync -r --timeout 1 -e ./silent src/ far:dst
check "5: one line" one_line 'no answer'

failed() { # WHAT, WORDS, ARGUMENTS...
    what=$1 words=$2; shift 2
    check_status "6: $what" 6 hasync "$@"
    check "6: one line says $words" one_line "$words"
}
failed "no source is there" 'no such file' -r nowhere dst
failed "the destination's parent is not there" 'no such file' -r src no/such/parent
echo file >plain
failed "a directory to a file" 'not a directory' -r src/ plain
echo 'exit 127' | far lacking
failed "the far side has no hasync" 'has no hasync there' -r -e ./lacking src/ far:dst
far elsewhere <<'END'
shift
shift
exec sh -c 'echo "sh: 1: $0: not found" >&2; exit 127' other
END
failed "the far side has none of that path" 'has no /opt/hasync there' -r -e ./elsewhere --hasync-path /opt/hasync src/ far:dst
far newer <<'END'
echo 'hasync-protocol 9 9 hasync/9.0'
exec cat >/dev/null
END
failed "the far side speaks another version" 'hasync/9.0 and speaks protocol 9 to 9' -r -e ./to --hasync-path "$SCENE_DIR/newer" src/ far:dst
far talking <<'END'
echo 'Welcome to the standby!'
exec cat >/dev/null
END
failed "the far side's shell talks" 'Welcome to the standby!' -r -e ./talking src/ far:dst
failed "no such shell" 'cannot be run' -r -e ./no-such-shell src/ far:dst
failed "no such destination on the host" 'no such file' -r -e ./to src/ far:"$SCENE_DIR/no/such/parent"
printf '#!/bin/sh\nexec hasync --serve --root "%s"\n' "$SCENE_DIR/remote" >forced && chmod +x forced
failed "a forced command lets nothing out of its root" 'leads out of the directory that --root lets in' -r -e ./forced src/ far:"$SCENE_DIR/dst"
check "and lets in beneath it" hasync -r -e ./forced src/ far:"$SCENE_DIR/remote/in"
check "and by a path relative to it" hasync -r -e ./forced src/ far:in
check "the files are there" diff -r src remote/in
check_status "1 is no answer of hasync" 0 hasync -a src/ dst
done_testing
