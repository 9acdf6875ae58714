# One set to many standbys at once: what is read of the source is shared by the runs to all of them, whatever each of them has, and
# whoever of them dies or is slow meanwhile.
. "${0%/*}/../lib.sh"
cat >shell <<'END2'
#!/bin/sh
# In the place of ssh: hosts are programs of this machine. One is slow, and of one the line breaks after some bytes.
while :; do case $1 in -*) shift ;; *) break ;; esac; done
host=$1
shift
case $host in
    slow) python3 "${0%/*}/line.py" 2e7 1e18 | sh -c "$*" ;;
    dies) python3 "${0%/*}/line.py" 1e9 3e6 | sh -c "$*" ;;
    *) exec sh -c "$*" ;;
esac
END2
chmod 755 shell
cat >line.py <<'END2'
import os, sys, time
pace, left = map(float, sys.argv[1:])
while left > 0 and (data := os.read(0, 1 << 16)):
    time.sleep(len(data) / pace)
    os.write(1, data)
    left -= len(data)
END2
python3 - <<'END2' || exit
import os, random
r = random.Random(9)
top = "source/srv"
for n in range(600):
    os.makedirs(f"{top}/{n % 7}/deep/{n % 3}", exist_ok=True)
    with open(f"{top}/{n % 7}/deep/{n % 3}/{n}", "wb") as file:
        file.write(r.randbytes(r.choice([0, 1, 700, 9000, 60_000])) if n % 5 else b"the same text\n" * 900)
with open(f"{top}/large", "wb") as file:
    file.write(r.randbytes(12_000_000))
with open(f"{top}/holes", "wb") as file:
    for at in 0, 3_000_000, 9_999_999, 20_000_000:
        file.seek(at)
        file.write(r.randbytes(70_000))
    file.truncate(26_000_000)
os.symlink("nowhere", f"{top}/link")
END2
set_is() { # COMPARE COMPRESS HOST...
    _compare=$1 _compress=$2
    shift 2
    printf '%s\n' "$@" | jq -R --arg here "$SCENE_DIR" '{host: ., root: "\($here)/\(.)"}' | jq -s --arg here "$SCENE_DIR" --arg compare "$_compare" \
        --argjson compress "$_compress" '{schema: "hasync-set/1", root: "\($here)/source", targets: .,
            groups: [{name: "srv", paths: ["/srv"], delete: "trash", compare: $compare, compress: $compress, max_delete: {percent: 100}}]}' >set.json
    chmod 600 set.json
}
bring() { # the checks that follow read what it told
    hasync --set set.json -e "$SCENE_DIR/shell" --accept-loss >told
    status=$?
    cat told
    return $status
}
same() { [ -z "$(rsync -nciaH --delete source/srv/ "$1/srv/" | tee different)" ] || { cat different; return 1; }; } # TARGET
outcome() { jq -r --arg host "$1" 'select(.type == "group" and (.key.target | startswith($host))).outcome' told; }
is_outcome() { [ "$(outcome "$1")" = "$2" ]; }
all='one two slow old'
for host in $all dies; do mkdir "$host"; done
# One has most of it already, in an older state.
mkdir old/srv && cp -a source/srv/. old/srv/ && python3 - <<'END2' || exit
with open("old/srv/large", "r+b") as file:
    for at in range(0, 12_000_000, 1_000_000):
        file.seek(at)
        file.write(b"older")
END2
touch -d @1000000000 old/srv/large old/srv/0/deep/*/*

# shellcheck disable=SC2086 # words are meant
set_is time false $all dies
check_status "five at once, and one breaks in the middle" 3 bring
for host in $all; do
    check "$host has all of it" same "$host"
    check "as was told" is_outcome "$host" committed
done
check "of the broken one nothing is in place" test ! -e dies/srv
check_json "and it is named" 'map(select(.type == "error"))[0].item | startswith("dies")' told
# shellcheck disable=SC2086
set_is time false $all
check "again" bring
for host in $all; do check "$host is as it was" is_outcome "$host" unchanged; done

# By content, packed, with what differs in all of them, and in one alone.
python3 - <<'END2' || exit
import os
for n in range(0, 600, 11):
    with open(f"source/srv/{n % 7}/deep/{n % 3}/{n}", "ab") as file:
        file.write(b"more\n")
stat = os.stat("source/srv/large")
with open("source/srv/large", "r+b") as file:
    file.seek(5_000_000)
    file.write(b"the same size and time")
os.utime("source/srv/large", ns=(stat.st_atime_ns, stat.st_mtime_ns))
os.remove("source/srv/1/deep/1/1")
END2
rm two/srv/holes
# shellcheck disable=SC2086
set_is content true $all
check "what differs, by content and packed" bring
for host in $all; do
    check "$host has it" same "$host"
    check "as was told" is_outcome "$host" committed
done
rm -rf one two slow old && mkdir one two slow old
check "all of it, packed" bring
for host in $all; do check "$host has all" same "$host"; done

# While it changes: the next run has the rest.
writes() {
    python3 - <<'END2'
import os, time
end, n = time.monotonic() + 2, 0
while time.monotonic() < end:
    n += 1
    with open("source/srv/large", "r+b") as file:
        file.seek(n * 40_000 % 11_000_000)
        file.write(b"changed %d" % n)
    with open(f"source/srv/{n % 7}/deep/new-{n % 50}", "w") as file:
        file.write(f"{n}\n" * n)
    time.sleep(0.002)
END2
}
writes &
writer=$!
# A part of it may change while it is read.
while [ -d /proc/$writer ]; do bring >during 2>&1; done
wait
check "when it is quiet" bring
for host in $all; do check "$host has what it is then" same "$host"; done

# Who loses the role in the middle of a run is not waited for.
if unshare -u true 2>/dev/null; then
    head -c 60000000 /dev/urandom >source/srv/large
    set_is time false slow
    bring >last 2>lost &
    run=$!
    waits() { find slow -path '*stage*' -type f | grep -q .; }
    for _try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do waits && break || sleep 0.1; done
    check "a run is in its middle" waits
    check "another node takes over" timeout 5 unshare -u sh -c 'hostname other; exec hasync takeover --state "$1"' - slow/var/lib/hatools/hasync
    status=0
    wait $run || status=$?
    check "the run fails" test "$status" -eq 6
    # It is told so by the run that has the line, or, between two of them, by the set.
    told_why() { grep -qE "lost (its role meanwhile \(hasync takeover\)|the role of the primary: other has it)" lost || { cat lost >&2; return 1; }; }
    check "and is told why" told_why
    check_status "as is the next" 6 bring
    check "which says by whom" grep -qF "lost the role of the primary: other has it, in generation 2" "$ERR"
else
    skip "a takeover in the middle of a run" "there are no name spaces"
fi
done_testing
