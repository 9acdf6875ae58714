# Whatever is in the way of a set, or done to what it brought, by whoever is not asked: nothing is lost, and the next run is right.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/lab.sh"
at_exit() { lab_down; [ ! -d mn2/srv ] || umount mn2/srv 2>/dev/null; }
lab_up || exit
mkdir -p mn1/srv/d mn2
state=$SCENE_DIR/mn2/var/lib/hatools/hasync
group() { # JQ-ASSIGNMENTS...: the document has one group, g, of /srv/d, and these keys of it are as said
    jq -n --arg root "$SCENE_DIR" '{schema: "hasync-set/1", root: ($root + "/mn1"), targets: [{host: "standby", root: ($root + "/mn2")}],
        groups: [{name: "g", paths: ["/srv/d"], delete: "trash", max_shrink_percent: 100}]}' >set.json
    for assignment; do jq ".groups[0] |= (. | $assignment)" set.json >new.json && mv new.json set.json; done
    chmod 600 set.json
}
with() { jq --arg from "$1" --arg to "$2" '.targets[0].substitutions = {($from): $to, ($to): $from}' set.json >new.json && mv new.json set.json && chmod 600 set.json; }
# shellcheck disable=SC2120 # "check" passes them
bring() { hasync --set set.json -e "ssh -F $LAB/ssh_config" "$@"; }
here() { hasync "$@" --state "$state"; }
outcome() { check_json "$1" "map(select(.type == \"group\"))[0] | .outcome == \"$2\"" "$OUT"; }
has() { [ "$(cat "$1")" = "$2" ]; }
says() { grep -qF -e "$1" "$ERR"; }
last() { here history g | jq -s -r 'map(select(.type == "transaction" and .state == "committed"))[-1].key.transaction'; }
same() { diff -r --no-dereference mn1/srv/d mn2/srv/d; }
kept_beside() { grep -qx mine mn2/srv/d/x/a.conflict-g-*; }
kept() { grep -rqxF "$1" "$state/store/g"; }
afresh() { # FILE...: both have nothing but these
    rm -rf mn1/srv/d mn2/srv/d "$state" mn1/var && mkdir mn1/srv/d
    for file; do mkdir -p "mn1/srv/d/$(dirname "$file")" && echo "$file" >"mn1/srv/d/$file"; done
    group
    bring >/dev/null || exit
}

# Deletions that were held back make no conflict of what was brought beside them.
afresh 1 2 3 4 5 6 7 8
rm mn1/srv/d/[1-4]; echo new >mn1/srv/d/8; echo other >mn1/srv/d/9
check_status "deletions are held back" 3 bring
echo newer >mn1/srv/d/8; echo another >mn1/srv/d/9
check_status "they still are" 3 bring
check_json "and nothing else is wrong" 'map(.type) | index("conflict") | not' "$OUT"
check "what changed came" has mn2/srv/d/9 another

# What could not be read is no reason to take the standby's for the primary's.
afresh a b
group '.links = "follow"'
bring >/dev/null
echo 'of the standby' >mn2/srv/d/a
rm mn1/srv/d/a; ln -s nowhere mn1/srv/d/a; echo changed >mn1/srv/d/b
check_status "a group of which not all can be read is not brought" 3 bring
check_json "and says what" 'map(select(.type == "error"))[0].reason == "dangling"' "$OUT"
check "nothing of it" has mn2/srv/d/b b
rm mn1/srv/d/a; echo 'of the primary' >mn1/srv/d/a
check_status "what was changed on the standby meanwhile is a conflict" 3 bring
check_json "still" 'map(select(.type == "conflict"))[0].key.path == "/srv/d/a"' "$OUT"

# A directory with what is not the primary's does not give way.
afresh x/a x/b
group '.exclude = ["*.log"]' '.on_conflict = "primary"'
echo log >mn2/srv/d/x/y.log
rm -r mn1/srv/d/x; ln -s elsewhere mn1/srv/d/x
check_status "a link does not take the place of a directory with a log in it" 3 bring
check_json "it is held back" 'map(select(.type == "held_back"))[0] | .key.path == "/srv/d/x" and .reason == "in_the_way"' "$OUT"
check "the log is there" has mn2/srv/d/x/y.log log
rm mn2/srv/d/x/y.log; echo edited >mn2/srv/d/x/a
check_status "nor of one in which a file was edited" 3 bring
check "it is there" has mn2/srv/d/x/a edited
check "unless that is asked for" bring --accept-loss
check "then the link is there" test -L mn2/srv/d/x
check "and the file is kept" kept edited
rm mn1/srv/d/x; mkdir mn1/srv/d/x; echo log >mn1/srv/d/x/z
check "and back" bring

# A directory that keeps something stays, and is not told of again and again.
afresh x/a b c d
group '.exclude = ["*.log"]' '.hooks = [{run: ["sh", "-c", "echo >>'"$SCENE_DIR"'/told"]}]'
echo log >mn2/srv/d/x/y.log
rm -r mn1/srv/d/x
check "a directory that is deleted there" bring
check "stays with what is excluded" has mn2/srv/d/x/y.log log
: >told
echo more >mn2/srv/d/x/z.log; echo more >mn2/srv/d/own.log
for run in 1 2; do
    check "logs come: run $run" bring
    outcome "run $run: nothing is to be done" unchanged
done
check "and nobody is told" test ! -s told

# Rolled back over what was done since.
afresh a x
rm mn1/srv/d/x; mkdir mn1/srv/d/x; echo in >mn1/srv/d/x/in; echo new >mn1/srv/d/a; echo new >mn1/srv/d/b
group '.hooks = [{run: ["sh", "-c", "cat '"$SCENE_DIR/mn2/srv/d/a >>$SCENE_DIR/told"'"]}]'
check "a directory in the place of a file" bring
echo mine >mn2/srv/d/x/mine; echo mine too >mn2/srv/d/b
: >told
check "rolled back with a new file in it" here rollback "$(last)"
check "the old file is there" has mn2/srv/d/x x
check "the new one is kept" kept mine
check "and what was edited, too" kept 'mine too'
check "the hook was told that the old one is back" has told a
afresh x/a y
echo new >mn1/srv/d/x/a
check "a change" bring
rm -r mn2/srv/d/x
check "rolled back where the directory is gone" here rollback "$(last)"
check "it is there again" has mn2/srv/d/x/a x/a
afresh a b c d e
group '.on_conflict = "keep_both"'
echo mine >mn2/srv/d/a; echo theirs >mn1/srv/d/a
check "both are kept" bring
echo merged >"$(echo mn2/srv/d/a.conflict-*)"
check "rolled back" here rollback "$(last)"
check "what was edited is what is there" has mn2/srv/d/a mine
check "and what was merged is kept" kept merged
here release g >/dev/null
rm mn1/srv/d/b; echo mine >mn2/srv/d/b
check "deleted there and changed here" bring
check "stays beside" grep -qx mine mn2/srv/d/b.conflict-*
check "once" bring
check_json "and is no conflict for ever" 'all(.type != "conflict")' "$OUT"

# Rewritten once, whatever waited.
afresh a b
group '.rewrite = ["/srv/d/a"]'
echo 'mn1 is not mn2' >mn1/srv/d/a
with mn1 mnX
check "tried" bring -n
with mn1 mn2
check "tried again" bring -n
check "then done" bring
check "once" has mn2/srv/d/a 'mn2 is not mn1'

# A time alone is no change, also of what never had to be brought.
afresh a b
rm -rf "$state"
group
check "what is the same is taken as it is" bring
touch -d '2001-01-01' mn2/srv/d/a; echo new >mn1/srv/d/a
check "a new time on the standby is no conflict" bring

# Nor is it of a pipe, which has it from whoever writes into it.
afresh a
mkfifo mn1/srv/d/pipe
check "a pipe" bring
touch -d '2001-01-01' mn2/srv/d/pipe; echo new >mn1/srv/d/a
check "that was written to is no conflict" bring

# A group shrank where the primary's files did, not where names are shorter there.
afresh a
group '.rewrite = ["/srv/d/a"]'
with mn1 a-much-longer-name-of-a-node
yes mn1 | head -n 2000 >mn1/srv/d/a
check "short names become long ones" bring
group '.rewrite = ["/srv/d/a"]' '.max_shrink_percent = 10'
with mn1 a-much-longer-name-of-a-node
check "and nothing is smaller then" bring
outcome "nor changed" unchanged

# What waits of an earlier run is not the primary's.
afresh a b
group '.paths = ["/srv/d/a", "/srv/d/b"]'
rm -rf "$state"
check "two paths" bring
echo new >mn1/srv/d/a; echo other >mn1/srv/d/b; echo mine >mn2/srv/d/b
check_status "are refused for a conflict" 3 bring
echo b >mn2/srv/d/b; rm mn1/srv/d/a
check "the one that is gone since" bring --accept-loss
check_status "goes" 1 test -e mn2/srv/d/a
group '.rewrite = ["/srv/d/b"]' '.paths = ["/srv/d/b"]'
with mn1 mn2
echo mn1 >mn1/srv/d/b; echo mine >mn2/srv/d/b
check_status "what is rewritten is refused" 3 bring
group '.paths = ["/srv/d/b"]' '.on_conflict = "primary"'
check "and not rewritten any more" bring
check "it is as on the primary" same

# A link of the standby's own is taken for what it leads to by nobody.
afresh a
group '.links = "follow"' '.max_delete = {count: 1, percent: 100}'
mkdir -p beside/d; touch beside/d/1 beside/d/2
ln -s "$SCENE_DIR/beside/d" mn2/srv/d/link; echo new >mn1/srv/d/a
check "a link to a directory is one thing to delete" bring
check "it is gone" same
check "and what it led to is there" test -e beside/d/2

# With keep_both a directory stays with what is kept in it.
afresh x/a b
group '.on_conflict = "keep_both"' '.max_delete.percent = 100'
rm -r mn1/srv/d/x; echo mine >mn2/srv/d/x/a
check "a file that was changed here, and is gone there" bring
check_json "stays beside, and its directory is not said to go" 'map(select(.type == "change") | .key.path) == ["/srv/d/x/a"]' "$OUT"
check "in it" kept_beside

# A rollback is not stopped by what came to stand in its way, and loses nothing of it.
afresh x/y/a b
group '.max_delete.percent = 100'
rm -r mn1/srv/d/x
check "a directory goes" bring
echo mine >mn2/srv/d/x
check "and comes back by a rollback, where a file is now" here rollback "$(last)"
check "as it was" has mn2/srv/d/x/y/a x/y/a
check "the file is kept" kept mine
here release g >/dev/null

# What was changed here without a trace is seen once it is back.
afresh a
group '.compare = "content"' '.on_conflict = "primary"'
echo new >mn1/srv/d/a; printf A >mn2/srv/d/a.new; tail -c +2 mn2/srv/d/a >>mn2/srv/d/a.new
touch -r mn2/srv/d/a time; cat mn2/srv/d/a.new >mn2/srv/d/a; touch -r time mn2/srv/d/a; rm mn2/srv/d/a.new
check "a file that was changed on both" bring
check "is as it was here" here rollback "$(last)"
check "changed" has mn2/srv/d/a A
here release g >/dev/null
group '.compare = "content"'
check_status "and a conflict" 3 bring

# What is changed on the primary while a run is at it is not taken for what its targets have.
afresh a b
group '.validate = [{path: "/srv/d/a", run: ["sh", "-c", "sleep 2", "{}"]}]'
echo new >mn1/srv/d/a
bring >/dev/null 2>&1 &
sleep 1
echo edited >mn1/srv/d/b
status=0
wait $! || status=$?
check "a run that takes its time" test "$status" -eq 0
known() { jq -s 'map(select(.path == "srv/d/b"))[0].mark.size' mn1/var/lib/hatools/hasync/groups/g/manifest; }
check "the old one is known" test "$(known)" = 2

# Many directories, few files at a time.
afresh a
(cd mn1/srv/d && seq 1000 | xargs mkdir && for name in $(seq 1000); do echo "$name" >"$name/file"; done)
jq '.targets += [.targets[0] | .root += "/other"]' set.json >new.json && mkdir -p mn2/other && mv new.json set.json && chmod 600 set.json
few() { prlimit --nofile=400:400 hasync --set set.json -e "ssh -F $LAB/ssh_config"; }
check "more directories than files may be open, to two targets" few
check "all come" same
check "to both" diff -r mn1/srv/d mn2/other/srv/d

# Long paths, many of them.
afresh a
long=$(printf '%0240d' 0)
mkdir -p "mn1/srv/d/$long/$long/$long/$long" && (cd "mn1/srv/d/$long/$long/$long/$long" && seq 4200 | xargs touch)
check "thousands of paths of a thousand bytes" bring
check "came" same

# Who holds a target for longer than the standby is patient.
afresh a
held() { # while another has it
    for directory in mn1/var/lib/hatools/hasync/groups/g/targets/*; do break; done
    flock "$directory" sleep 14 &
    sleep 0.5
    echo new >mn1/srv/d/a
    bring --timeout 1 --lock-wait 60
}
check "is waited for as long as is said" held
check "then it comes" has mn2/srv/d/a new

# What it calls has the umask of whoever logs in.
afresh a
group '.hooks = [{run: ["sh", "-c", "umask >'"$SCENE_DIR"'/umask"]}]'
echo new >mn1/srv/d/a
check "a hook" bring
check "has no umask of 0" grep -qE '^0?0[0-7][2-7]$' umask
outside() { find mn2/var -type d -perm /022 | grep . ; }
check_status "no directory of the state is open to others" 1 outside

# The group's own file system.
afresh a
if mount -t tmpfs tmpfs mn2/srv 2>/dev/null; then
    rm -rf "$state"
    group '.paths = ["/srv"]'
    check "a mount point is brought" bring
    check "its store is on it" test -d mn2/srv/.hasync/g
    chmod 700 mn1/srv; echo new >mn1/srv/d/a
    check "its own mode too" bring
    check "it has it" test "$(stat -c %a mn2/srv)" = 700
    umount mn2/srv
    group '.paths = ["/srv"]' '.require_mount = ["/srv"]'
    check_status "one that is not mounted" 6 bring
    check "here or there, is named" says 'is no mount point'
    chmod 755 mn1/srv
    # A disk that is full of what was.
    afresh a
    rm -rf "$state" mn2/srv/d && mount -t tmpfs -o size=1m tmpfs mn2/srv || exit
    check "a group on a small disk" bring
    fill() { head -c 300000 /dev/urandom >mn1/srv/d/a; }
    fill
    check "it has room" bring
    cp mn1/srv/d/a whole
    until fill && ! bring; do cp mn1/srv/d/a whole; done >/dev/null 2>full
    check "until it is full, which is said" grep -q 'its file system has room for' full
    check "then it has the old one" cmp whole mn2/srv/d/a
    check_status "and has it the next time" 6 bring
    group '.generations = 1'
    check_status "a dry run forgets nothing" 6 bring -n
    check "with fewer to keep there is room" bring
    check "for the new one" same
    umount mn2/srv
else
    skip "a file system of its own" "no right to mount"
fi

# Where it keeps what waits, nobody else has a say.
afresh a
group '.store = "/keep"'
mkdir -m 777 mn2/keep
check_status "a store that others write to" 6 bring
check "is not taken" says 'is not taken for a store'
rm -r mn2/keep
group '.paths = ["/var/lib"]'
mkdir -p mn1/var/lib
check_status "a group with the state in it" 2 bring
check "is refused" says 'are in each other'
rm -rf mn1/var

# Who took over too.
afresh a
elsewhere() { unshare --uts sh -c 'hostname elsewhere && exec "$@"' - "$@"; }
elsewhere true 2>/dev/null || {
    skip "a takeover" "no right to have another name"
    done_testing
}
check "a takeover on the standby" elsewhere hasync takeover --state "$state"
check_status "who lost the role" 6 bring
check "is told how it is taken back" says 'hasync takeover, there, takes it back'
check "which is" hasync takeover --state "$SCENE_DIR/mn1/var/lib/hatools/hasync"
check_json "above what was heard" '.[-1].generation == 3' "$OUT"
check "and then it brings again" bring
done_testing
