# A run that is cut leaves what came of a large file where that is asked for, and the next one goes on from there.
. "${0%/*}/../lib.sh"
mkdir carrier src
ln -s "$ROOT/tests/fakes/here" carrier/here
# The line breaks after so many bytes.
cat >carrier/breaks <<'END'
#!/bin/sh
while [ "$1" = -l ]; do shift 2; done
shift
case $CUT in
    there) python3 "${0%/*}/relay" | "$@" ;;
    back) "$@" | python3 "${0%/*}/relay" ;;
esac
END
cat >carrier/relay <<'END'
import os
left = 6000000
while left > 0 and (data := os.read(0, min(left, 65536))):
    left -= len(data)
    while data:
        data = data[os.write(1, data):]
END
chmod +x carrier/breaks
head -c 12000000 /dev/urandom >src/large
echo small >src/small

run() { # WAY CARRIER DEST OPTION...
    way=$1 carrier=$SCENE_DIR/carrier/$2 dest=$3
    shift 3
    case $way in
        push) CUT=there hasync -a --timeout 3 "$@" -e "$carrier" src/ "host:$SCENE_DIR/$dest/" ;;
        pull) CUT=back hasync -a --timeout 3 "$@" -e "$carrier" "host:$SCENE_DIR/src/" "$dest/" ;;
    esac
}
same() { [ -z "$(rsync -nci -a --delete src/ "$1/")" ]; }
none_left() { [ -z "$(find "$1" -name '.hasync.*')" ]; }

for way in push pull; do
    # Where the carrier lives on, the line is only silent.
    [ "$way" = push ] && ends=6 || ends=5
    mkdir "$way"
    check_status "$way: the line breaks" "$ends" run "$way" breaks "$way" --partial-dir=.partial
    check "$way: what came is kept" test "$(stat -c %s "$way/.partial/large")" -gt 3000000
    check "$way: nobody else may look at it" test "$(stat -c %a "$way/.partial")" = 700
    check "$way: it is no file of the destination" test ! -e "$way/large"
    check "$way: nothing else is left" none_left "$way"
    check "$way: the next run goes on" run "$way" here "$way" --partial-dir=.partial --delete
    check_json "$way: and is sent the rest only" '.[-1] | .literal_bytes < 9000000 and .matched_bytes > 3000000' "$OUT"
    check "$way: the file is whole" same "$way"
    check "$way: the directory of partial files is gone" test ! -e "$way/.partial"

    # The old file differs at its front only, and the partial one has just that.
    mkdir "$way-both" "$way-both/.partial"
    cp src/large "$way-both/large"
    head -c 2000000 /dev/urandom | dd of="$way-both/large" conv=notrunc 2>/dev/null
    head -c 3000001 src/large >"$way-both/.partial/large"
    check "$way: the partial file and the old one are taken together" run "$way" here "$way-both" --partial-dir=.partial
    check_json "$way: and hardly anything is sent" '.[-1].literal_bytes < 100000' "$OUT"
    check "$way: the file is whole" same "$way-both"

    mkdir "$way-damaged"
    run "$way" breaks "$way-damaged" --partial-dir=.partial >/dev/null 2>&1
    printf damage | dd of="$way-damaged/.partial/large" bs=1 seek=1000 conv=notrunc 2>/dev/null
    check "$way: what is kept is not believed" run "$way" here "$way-damaged" --partial-dir=.partial
    check "$way: a damaged one makes a whole file, too" same "$way-damaged"

    mkdir "$way-named" apart
    echo old >"$way-named/large"
    check_status "$way --partial: the line breaks" "$ends" run "$way" breaks "$way-named" --partial
    check "$way --partial: what came has the file's name" test "$(stat -c %s "$way-named/large")" -gt 3000000
    check "$way --partial: the next run goes on" run "$way" here "$way-named" --partial
    check_json "$way --partial: and is sent the rest only" '.[-1] | .literal_bytes < 9000000 and .matched_bytes > 3000000' "$OUT"
    check "$way --partial: the file is whole" same "$way-named"

    mkdir "$way-apart"
    check_status "$way: the line breaks, kept apart" "$ends" run "$way" breaks "$way-apart" --partial-dir="$SCENE_DIR/apart"
    check "$way: what came is kept apart" test "$(stat -c %s apart/large)" -gt 3000000 -a ! -e "$way-apart/large"
    check "$way: the next run goes on from there" run "$way" here "$way-apart" --partial-dir="$SCENE_DIR/apart"
    check_json "$way: and is sent the rest only" '.[-1] | .literal_bytes < 9000000' "$OUT"
    check "$way: it is taken away there" test ! -e apart/large -a -d apart
    rmdir apart

    mkdir "$way-plain"
    echo old >"$way-plain/large"
    check_status "$way without the option: the line breaks" "$ends" run "$way" breaks "$way-plain"
    check "$way without the option: the old file stays" grep -qx old "$way-plain/large"
    check "$way without the option: nothing is left" none_left "$way-plain"

    # Somebody else's link in place of the directory.
    mkdir "$way-link" elsewhere
    ln -s ../elsewhere "$way-link/.partial"
    check_status "$way: a link in place of the directory" "$ends" run "$way" breaks "$way-link" --partial-dir=.partial
    check "$way: is not followed" rmdir elsewhere
done

for signal in INT TERM HUP; do
    mkdir "to-$signal"
    # A shell lets what it starts in the background ignore SIGINT.
    python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])' \
        hasync -aP --partial-dir=.partial --bwlimit=2m src/ "to-$signal/" >killed.out 2>&1 &
    job=$!
    tries=0
    until [ "$(find "to-$signal" -name '.hasync.*' -size +1000k)" ] || [ "$tries" -gt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill "-$signal" "$job"
    wait "$job" 2>/dev/null
    check "SIG$signal: what came is kept" test "$(stat -c %s "to-$signal/.partial/large")" -gt 1000000
    check "SIG$signal: nothing else is left" none_left "to-$signal"
    check "SIG$signal: the next run makes it whole" hasync -a --partial-dir=.partial src/ "to-$signal/"
    check "SIG$signal: and cleans up" test ! -e "to-$signal/.partial"
done
check_status "--partial-dir that leads out is refused" 2 hasync -a --partial-dir=../out src/ out/
check_status "--partial-dir does not go with --inplace" 2 hasync -a --partial-dir=x --inplace src/ out/
confined=$SCENE_DIR/carrier/confined
printf '#!/bin/sh\nexec hasync --serve --root "%s"\n' "$SCENE_DIR" >"$confined"
chmod +x "$confined"
check_status "one that is absolute is refused beneath --root" 2 hasync -a --partial-dir=/x -e "$confined" src/ "host:$SCENE_DIR/out/"
check "and nothing is made" test ! -e out -a ! -e /x
done_testing
