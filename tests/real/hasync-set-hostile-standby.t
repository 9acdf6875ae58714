# A standby that says what none of ours would: its target fails, by name, and all others are brought up to date.
. "${0%/*}/../lib.sh"
cat >shell <<'END2'
#!/bin/sh
# In the place of ssh.
while :; do case $1 in -*) shift ;; *) break ;; esac; done
host=$1
shift
case $host in
    good) exec sh -c "$*" ;;
    *) exec python3 "${0%/*}/standby.py" "$host" ;;
esac
END2
chmod 755 shell
cat >standby.py <<'END2'
import json, os, struct, sys, time

def read(length):
    data = b""
    while len(data) < length:
        more = os.read(0, length - len(data))
        if not more:
            sys.exit(1)
        data += more
    return data

def raw(data):
    os.write(1, data)

def say(value):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    raw(struct.pack("<I", len(text)) + text)

def hear():
    while True:
        said = read(struct.unpack("<I", read(4))[0])
        if b"still_here" not in said:
            return said

def until(word):
    while word not in hear():
        pass

raw(b"hasync-protocol 2 2 hasync/9.9.9\n")
while read(1) != b"\n":
    pass
until(b'"begin"')
failed = {"kind": "failed", "what": "w", "why": "y", "generation": None}
begun = {"begun": {"stage": "/tmp/stage"}}
done = {"outcome": "committed", "transaction": "srv-1", "changed": 0, "conflicts": 0, "held_back": 0, "files": 0, "size_bytes": 0}
what = sys.argv[1]
if what == "idle":
    while True:
        say({"still_here": 7})
        time.sleep(0.2)
elif what == "works":
    for did in range(80):
        say({"still_here": did})
        time.sleep(0.2)
    say({"failed": failed})
elif what == "silent":
    time.sleep(60)
elif what == "long":
    raw(b"\xff\xff\xff\xff")
elif what == "empty":
    raw(b"\0\0\0\0")
elif what == "soup":
    say(b"\x80\x81\x82")
elif what == "turn":
    say("staged")
elif what == "early":
    say({"done": done})
elif what == "type":
    say({"record": ["group", {"key": {}, "outcome": "committed"}]})
elif what == "speaks":
    say({"record": ["warning", {"key": {"target": "good", "group": "other", "path": "/x\nhasync: y"}, "reason": "r", "message": "m\n\x1b[31mred"}]})
    say({"failed": dict(failed, what="bad\nhasync: good: is dead", why="because\x1b[2J")})
elif what == "kind":
    say({"failed": dict(failed, kind="no-such-kind")})
elif what == "later":
    say({"failed": dict(failed, generation=2**64 - 1)})
elif what == "cut":
    raw(struct.pack("<I", 100) + b"{")
elif what == "stage":
    say(begun)
    until(b'"stage"')
    say("ready")
    raw(b"\x05\0\0\0\xfe\xfe\xfe\xfe\xfe")
time.sleep(0.3)
END2
mkdir -p source/srv good && echo text >source/srv/file
set_is() { # HOST...
    printf '%s\n' "$@" | jq -R --arg here "$SCENE_DIR" '{host: ., root: "\($here)/\(.)"}' | jq -s --arg here "$SCENE_DIR" \
        '{schema: "hasync-set/1", root: "\($here)/source", targets: ., groups: [{name: "srv", paths: ["/srv"]}]}' >set.json
    chmod 600 set.json
}
bring() { hasync --set set.json -e "$SCENE_DIR/shell" --timeout 1; }
of() { echo "map(select(.type == \"error\" and (.item | startswith(\"$1:\"))))[0]"; } # HOST

bad='idle works silent long empty soup turn early type speaks kind later cut stage'
# shellcheck disable=SC2086 # words are meant
set_is good $bad
check_status "fourteen bad ones, and a good one" 3 bring
cp "$OUT" told && cp "$ERR" errors
check_json "the good one has it" 'map(select(.type == "group")) | length == 1 and .[0].key.target[:5] == "good:" and .[0].outcome == "committed"' told
check "all of it" cmp source/srv/file good/srv/file
for host in $bad; do
    check_json "$host is named" "$(of "$host") != null" told
done
for host in idle silent; do check_json "$host may be there again" "$(of $host).kind == \"busy\"" told; done
check_json "who lives and does nothing is not waited for" "$(of idle).message | contains(\"has done nothing for 10 s\")" told
check_json "who does something is" "$(of works).message | contains(\"w: y\")" told
check_json "nobody speaks for another" 'map(select(.type == "warning")) | length == 1 and .[0].key.target[:7] == "speaks:" and .[0].key.group == "srv"' told
check "what is said is one line each" test "$(grep -vc '^hasync: ' errors)" -eq 0
check "and moves no cursor" test "$(LC_ALL=C tr -cd '\033' <errors | wc -c)" -eq 0
check "a generation without end is not kept" test ! -e source/var/lib/hatools/hasync/heard
set_is good
check "the next run is as any other" bring
check_json "with nothing to do" 'map(select(.type == "group"))[0].outcome == "unchanged"' "$OUT"
done_testing
