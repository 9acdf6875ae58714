# The lines of --out-format and of --log-file are those of rsync: rsync is the judge.
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/here.sh"
format='%i|%n|%L|%f|%o|%M|%B|%U|%G|%10n|%-10n|'

# rsync tells a directory's size, too, and what it does not take it tells between the lines.
judge() { rsync "$@" --out-format="$format" | grep '|' | sort; }
lines() { hasync "$@" --out-format="$format" | jq -r 'select(.type == "change").line' | sort; }
sizes() { sort | grep -v /; }

round() { # NAME OPTION...
    name=$1
    shift
    rsync -a --delete copy/ judged/
    rsync -a --delete copy/ made/
    judge "$@" src/ judged/ >judge
    lines "$@" src/ made/ >local
    check "local: $name" diff judge local
    rsync -a --delete copy/ made/
    lines "$@" -e "$HERE" src/ "host:$SCENE_DIR/made/" >push
    sed 's/^>f/<f/' judge >judge.push
    check "push: $name" diff judge.push push
    rsync -a --delete copy/ made/
    lines "$@" -e "$HERE" "host:src/" made/ >pull
    sed 's/|send|/|recv|/' judge >judge.pull
    check "pull: $name" diff judge.pull pull
    rsync -a --delete copy/ made/
    lines -n "$@" src/ made/ >dry
    check "dry: $name" diff judge dry
}

mkdir -p copy src/d/deep
echo one >src/one
head -c 300000 /dev/zero >src/large
chmod 4711 src/large
ln -s one src/link
mkfifo src/fifo
echo deep >src/d/deep/file
touch -d '2001-02-03 04:05:06' src/one
touch -d '2001-02-03 04:05:07' src copy
round "a new tree" -a
round "a new tree without anything kept" -rlD
# rsync compares whole seconds: what changes is not to change within one.
find src -exec touch -h -d '2003-03-03 03:03:03' {} +
rsync -a src/ copy/
echo changed >src/one
chmod 600 src/d/deep/file
chmod 711 src/d
ln -sfn large src/link
touch -d '2002-01-01' src/large
rm src/fifo
echo grown >>src/d/deep/file
chown 7:8 src/d/deep
round "what changed" -a --delete
round "what changed, by content" -ac --delete
round "what changed, deleted before" -a --delete-before
round "what changed, without times" -rl

mkdir first second
check "one file" eval 'rsync --out-format="$format" -a src/one first/ >judge; lines -a src/one second/ | diff judge -'
check "a source without a slash" eval 'rsync --out-format="$format" -a src none/ | grep "|" | sort >judge; lines -a src none2/ | diff judge -'
check "sizes" eval 'rsync -a --out-format="%l %'"''"'l %12l %n" src/ new1/ | sizes >judge
    hasync -a --out-format="%l %'"''"'l %12l %n" src/ new2/ | jq -r "select(.line).line" | sizes | diff judge -'
check_status "an escape that is not known is refused" 2 hasync -a --out-format='%i %q' src/ none3/
check "and nothing is done" test ! -e none3

# --- the log -------------------------------------------------------------
masked() { sed 's/^[0-9/]* [0-9:]* \[[0-9]*\] /TIME [PID] /' "$1" | grep -v -e ' building file list' -e ' sent [0-9]* bytes' | sort; }
check "a log" hasync -a --log-file=log src/ logged/
check_json "a log alone makes no records of changes" '[.[] | select(.type == "change")] == []' "$OUT"
rsync -a --log-file=judge.log src/ logged2/ >/dev/null
check "its lines are rsync's" eval 'masked judge.log >judge; masked log | diff judge -'
check "a log is written on at its end, in the form that is asked for" eval 'echo more >>src/one
    hasync -a --log-file=log --log-file-format="%o %f" src/ logged/ && tail -n 1 log | grep -q "\] send src/one$" && test "$(wc -l <log)" -gt 5'
mkdir theirs && chown 12345 theirs
check_status "a log in another's directory is refused" 6 hasync -a --log-file=theirs/log src/ logged3/
check "and nothing is done" test ! -e logged3 -a ! -e theirs/log
echo precious >precious
ln -s ../precious theirs/link && chown -h 12345 theirs/link && chown 0 theirs
check_status "a log that is another's link is refused" 6 hasync -a --log-file=theirs/link src/ logged3/
check "and what it points to is as it was" grep -qx precious precious
# As many as the limit is where a block of ulimit is the larger, of 1024 bytes.
head -c 1024000 /dev/zero >full
full_disk() { (trap '' XFSZ; ulimit -f 1000; hasync -a --log-file=full src/ logged4/); }
check_status "a log that cannot be written is told" 3 full_disk
check_json "once, by its name" '[.[] | select(.type == "error").item] == ["full"]' "$OUT"
check "and the work goes on" rsync -nci -a src/ logged4/
done_testing
