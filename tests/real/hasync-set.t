# A set: groups of files come to a standby all at once or not at all, over a real sshd.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/lab.sh"
at_exit() { lab_down; }
lab_up || exit

mkdir -p mn1/etc/auto/maps mn1/install/x mn2/etc
echo '10.0.0.1 mn1' >mn1/etc/hosts
echo 'nameserver 10.0.0.1' >mn1/etc/resolv.conf
echo u >mn1/etc/auto/maps/auto.u
echo 'the standby came with this' >mn2/etc/hosts
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo "$i" >mn1/install/x/f$i; done
ln -s x mn1/install/link
group() { # JQ-ASSIGNMENTS...: the document has one group, names, and these keys of it are as said
    jq -n --arg root "$SCENE_DIR" '{schema: "hasync-set/1", root: ($root + "/mn1"), targets: [{host: "standby", root: ($root + "/mn2")}],
        groups: [{name: "names", paths: ["/etc/hosts", "/etc/resolv.conf", "/etc/auto"]}]}' >set.json
    for assignment; do jq ".groups[0] |= (. | $assignment)" set.json >new.json && mv new.json set.json; done
    chmod 600 set.json
}
state=$SCENE_DIR/mn2/var/lib/hatools/hasync
# shellcheck disable=SC2120 # "check" passes them
bring() { hasync --set set.json -e "ssh -F $LAB/ssh_config" "$@"; }
here() { hasync "$@" --state "$state"; }
outcome() { check_json "$1" "map(select(.type == \"group\"))[0] | .outcome == \"$2\"" "$OUT"; }
has() { [ "$(cat "$1")" = "$2" ]; }
says() { grep -qF -e "$1" "$ERR"; }

# The first time what is there gives way.
group
check "a set is brought" bring
outcome "it is committed" committed
check_json "its records are a stream of their own" '.[0].schema == "hasync-run/1" and .[-1].ok' "$OUT"
check "no word on stderr" test ! -s "$ERR"
for file in hosts resolv.conf auto/maps/auto.u; do check "$file is there" cmp mn1/etc/$file mn2/etc/$file; done
check "nothing else came" test ! -e mn2/install
check "what nobody else may read is closed" test "$(stat -c %a "$state")" = 700
check "and what leads there is not" test "$(stat -c %a mn2/var/lib)" = 755
check "again" bring
outcome "nothing changes" unchanged
check_json "and no change is told" 'all(.type != "change")' "$OUT"
check "it has one transaction" here history names
check_json "which says what it was" '.[1] | .key.transaction == "names-1" and .state == "committed" and .generation == 1 and .group_held == null' "$OUT"

# Back, held, and on again.
echo '10.0.0.9 mn9' >>mn1/etc/hosts
rm mn1/etc/resolv.conf && ln -s hosts mn1/etc/resolv.conf
echo new >mn1/etc/auto/maps/auto.new
cp -a mn2/etc mn2.before
check "with --dry-run" bring -n
outcome "it is told what would be" would_commit
check_json "each change of it" 'map(select(.type == "change") | [.action, .key.path]) | sort == [["create","/etc/auto/maps/auto.new"],["update","/etc/hosts"],["update","/etc/resolv.conf"]]' "$OUT"
same() { diff -r --no-dereference "$@"; }
check "and nothing is done" same mn2.before mn2/etc
check "then it is" bring
check "a link took the place of a file" test "$(readlink mn2/etc/resolv.conf)" = hosts
check "it is rolled back" here rollback names-2
check "all is as it was" same mn2.before mn2/etc
check "the time of a directory too" test "$(stat -c %Y mn2/etc/auto/maps)" = "$(stat -c %Y mn2.before/auto/maps)"
check_status "it is not brought again" 6 bring
check "and says why, and what lets it" grep -q 'names-2 was rolled back at .*hasync release names' "$ERR"
check_status "nor rolled back again" 6 here rollback names-2
check "released" here release names
check "it comes again" bring
outcome "as a new transaction" committed
check "the same as there" same mn1/etc mn2/etc
check_status "one that is not kept" 2 here rollback names-77
check_status "no such group" 2 here release other

# Two changes, and back over both.
echo a >mn1/etc/hosts; check "one" bring
echo b >mn1/etc/hosts; check "two" bring
here history names >history
number=$(jq -s -r 'map(select(.type == "transaction" and .state == "committed"))[-2].number' history)
check "back over two" here rollback "names-$number" -n
check_json "tells both, the last first" "map(select(.type == \"transaction\").number) == [$((number + 1)), $number]" "$OUT"
check "and does nothing" has mn2/etc/hosts b
check "then does" here rollback "names-$number"
check "what was before both is there" grep -q mn9 mn2/etc/hosts
check "on again" here release names
check "and brought" bring
check "the last is there" has mn2/etc/hosts b

# Changed on both sides.
echo 'of the standby' >mn2/etc/hosts
echo 'the primary has this' >mn1/etc/hosts
echo 'comes along' >mn1/etc/auto/maps/auto.u
check_status "a file that was changed on both is refused" 3 bring
check_json "as a conflict" 'map(select(.type == "conflict"))[0] | .key.path == "/etc/hosts" and .what == "changed_on_standby" and .resolution == "refuse"' "$OUT"
check "the standby's is there" has mn2/etc/hosts 'of the standby'
check "and nothing else of its group came" has mn2/etc/auto/maps/auto.u u
check_status "looked at again, it is still one" 3 bring
group '.on_conflict = "keep_both"'
check "both are kept" bring
check "the primary's" has mn2/etc/hosts 'the primary has this'
kept() { cat mn2/etc/hosts.conflict-names-*; }
check "and the standby's" kept
check "is what it was" has "$OUT" 'of the standby'
rm mn2/etc/hosts.conflict-*
group
check "then there is no conflict any more" bring
echo 'of the standby' >mn2/etc/hosts
check_status "one that only the standby changed is a conflict too" 3 bring
group '.on_conflict = "primary"'
check "the primary wins" bring
check_json "and what it was is said" 'map(select(.type == "conflict"))[0].resolution == "primary"' "$OUT"
check "its file is there" has mn2/etc/hosts 'the primary has this'
lost() { grep -rlxF 'of the standby' "$state/store/names"/*/old/etc/hosts; }
check "the standby's is in the transaction" lost
group
touch mn2/etc/hosts
check "a new time alone is no conflict" bring
check "and is put right" test "$(stat -c %y mn2/etc/hosts)" = "$(stat -c %y mn1/etc/hosts)"
rm mn2/etc/hosts; rm -r mn2/etc/auto
check "what was deleted on the standby comes again, and its parents" bring
check "all of it" same mn1/etc mn2/etc
echo both >mn2/etc/auto/new; echo sides >mn1/etc/auto/new
check_status "made on both sides" 3 bring
check_json "is a conflict" 'map(select(.type == "conflict"))[0].what == "created_on_both"' "$OUT"
echo sides >mn2/etc/auto/new
check "the same on both sides is none" bring
rm mn2/etc/resolv.conf; mkdir mn2/etc/resolv.conf; echo x >mn2/etc/resolv.conf/x
check_status "a directory in the place of a file" 3 bring
check_json "with something of the standby in it, is left" 'map(select(.type == "held_back"))[0] | .reason == "in_the_way" and (.message | contains("/etc/resolv.conf/x"))' "$OUT"
rm -r mn2/etc/resolv.conf; mkdir mn2/etc/resolv.conf
check "an empty one is not" bring
check "and is gone" test -L mn2/etc/resolv.conf
rm -r mn2/etc/auto/maps; echo file >mn2/etc/auto/maps
check_status "a file in the place of a directory" 3 bring
check_json "is a conflict" 'map(select(.type == "conflict"))[0] | .what == "kind_changed" and .key.path == "/etc/auto/maps"' "$OUT"
group '.on_conflict = "keep_both"'
check "both are kept" bring
kept_maps() { cat mn2/etc/auto/maps.conflict-*; }
check "the file too" kept_maps
check "as it was" has "$OUT" file
rm mn2/etc/auto/maps.conflict-*
group

# A link on the way to a path.
mv mn2/etc mn2/elsewhere && ln -s elsewhere mn2/etc
check_status "a link that leads to a path of the group is not followed" 3 bring
check_json "and told" 'map(select(.type == "held_back"))[0] | .key.path == "/etc" and .reason == "in_the_way"' "$OUT"
check "nothing was done behind it" test -L mn2/etc
rm mn2/etc && mv mn2/elsewhere mn2/etc

# What looks like a fault of the primary.
check "all is well" bring
cp -a mn1/etc mn1.whole
: >mn1/etc/hosts
echo more >mn1/etc/auto/maps/auto.more
check_status "a file that became empty is held back" 3 bring
check_json "and told" 'map(select(.type == "held_back"))[0] | .key.path == "/etc/hosts" and .reason == "empty"' "$OUT"
check "the old one is there" has mn2/etc/hosts 'the primary has this'
check "what else changed came" has mn2/etc/auto/maps/auto.more more
group '.allow_empty = ["/etc/hosts"]'
check "where that is allowed it comes" bring
check "empty" test ! -s mn2/etc/hosts
group
cp -a mn1.whole/hosts mn1/etc/hosts; check "it is full again" bring
rm mn1/etc/hosts
check_status "a path that is missing is held back" 3 bring
check_json "as missing" 'map(select(.type == "held_back"))[0].reason == "missing"' "$OUT"
check "the standby has it" has mn2/etc/hosts 'the primary has this'
cp -a mn1.whole/hosts mn1/etc/hosts
rm -r mn1/etc/auto; mkdir mn1/etc/auto
check_status "so is a directory that became empty" 3 bring
check_json "as empty" 'map(select(.type == "held_back"))[0].reason == "empty"' "$OUT"
rm -r mn1/etc; mkdir mn1/etc
check_status "so is all" 3 bring
check "and the standby has it" has mn2/etc/auto/maps/auto.u 'comes along'
rm -r mn1/etc; cp -a mn1.whole mn1/etc

# Deletions.
install() { group '.paths = ["/install"] | .name = "install" | .delete = "trash" | .exclude = ["*.log"]' "$@"; }
install
check "install comes" bring
check "whole" same mn1/install mn2/install
rm mn1/install/x/f1 mn1/install/x/f2; echo log >mn2/install/x/y.log; echo own >mn2/install/x/own
check "what is deleted there" bring
check "is deleted here" test ! -e mn2/install/x/f1
check "with what never came" test ! -e mn2/install/x/own
check "but what is excluded" has mn2/install/x/y.log log
number=$(ls "$state/store/install" | sort -n | tail -n 1)
check "it is kept" has "$state/store/install/$number/old/install/x/f1" 1
check "and comes back" here rollback "install-$number"
check "as it was" has mn2/install/x/own own
here release install >/dev/null
check "and goes again" bring
rm mn1/install/x/f[3-9]
check_status "too many deletions are held back" 3 bring
check_json "and told" 'map(select(.type == "held_back"))[0].reason == "deletions"' "$OUT"
check "all are there" has mn2/install/x/f8 8
check "it is meant" bring --accept-loss
check "they are gone" test ! -e mn2/install/x/f6
rm mn1/install/x/f1[0-7]
check_status "a directory that shrank is held back" 3 bring
check_json "as that" 'map(select(.type == "held_back"))[0].reason == "shrank"' "$OUT"
install '.delete = "never"'
check_status "where nothing is deleted too" 3 bring
check_json "as that, too" 'map(select(.type == "held_back"))[0].reason == "shrank"' "$OUT"
check "it is meant" bring --accept-loss
check "nothing was deleted" has mn2/install/x/f12 12
check "and it is not held back for ever" bring
install '.require_mount = ["/install"]'
check_status "nothing is mounted there" 6 bring
check "it says so" says "is no mount point"

# What is put in place is good, and who depends on it is told.
group '.validate = [{path: "/etc/hosts", run: ["grep", "-q", "^[0-9]", "{}"]}] | .hooks = [{run: ["sh", "-c", "echo $HASYNC_GROUP $HASYNC_TRANSACTION >>'"$SCENE_DIR"'/told"]}]'
echo 'no address' >mn1/etc/hosts; echo with >mn1/etc/auto/maps/auto.u
check_status "a file that is not good is refused" 3 bring
check_json "by whom, and why" 'map(select(.type == "validation"))[0] | .key.path == "/etc/hosts" and (.ok | not) and .message == "status 1"' "$OUT"
check "the old one is there" has mn2/etc/hosts 'the primary has this'
check "and nothing else came" has mn2/etc/auto/maps/auto.u 'comes along'
check "nobody was told" test ! -e told
echo '10.1.1.1 good' >mn1/etc/hosts
check "one that is good comes" bring
check "and it is told, once" test "$(wc -l <told)" -eq 1
check "with its name" grep -qE '^names names-[0-9]+$' told
check "nothing new" bring
check "nobody is told" test "$(wc -l <told)" -eq 1
group '.validate = [{path: "/etc/hosts", run: ["sh", "-c", "sleep 30; : {}"], timeout_seconds: 1}]'
echo '10.1.1.2 slow' >mn1/etc/hosts
check_status "one that does not end is none" 3 bring
check_json "after its time" 'map(select(.type == "validation"))[0].message == "not done after 1 s"' "$OUT"
group '.hooks = [{run: ["sh", "-c", "cat '"$SCENE_DIR/mn2/etc/hosts >>$SCENE_DIR/seen; exit 7"'"], when: ["/etc/hosts"], on_failure: "roll_back"}]'
check_status "a hook that fails" 3 bring
outcome "has it rolled back" rolled_back
check "the old one is there" has mn2/etc/hosts '10.1.1.1 good'
check "the hook saw the new one, and then the old one" has seen '10.1.1.2 slow
10.1.1.1 good'
check_status "it is not tried again" 6 bring
check "until it is released" here release names
echo maps >mn1/etc/auto/maps/auto.u; cp -a mn2/etc/hosts mn1/etc/hosts
check "what the hook does not ask for" bring
check "does not call it" test "$(wc -l <seen)" -eq 2
group '.hooks = [{run: ["false"]}]'
echo '10.1.1.3 kept' >mn1/etc/hosts
check "a hook that may fail" bring
outcome "keeps it" committed
check_json "and is told" 'map(select(.type == "hook"))[0] | .ok == false and .message == "status 1"' "$OUT"
check "history knows" here history names
check_json "what failed" 'map(select(.type == "transaction"))[-1].hook_failed == "false: status 1"' "$OUT"

# This node's own names.
with() { jq --arg from "$1" --arg to "$2" '.targets[0].substitutions = {($from): $to}' set.json >new.json && mv new.json set.json && chmod 600 set.json; }
group '.rewrite = ["/etc/hosts"]'
with mn1 mn2
echo 'mn1 mn10 mn1.cluster' >mn1/etc/hosts
chmod 640 mn1/etc/hosts
check "a file is rewritten" bring
check_json "both digests are told" 'map(select(.key.path == "/etc/hosts"))[0] | .digest != .source_digest and (.source_digest | length) == 64' "$OUT"
check "it is as said" has mn2/etc/hosts 'mn2 mn10 mn2.cluster'
check "its mode and time are the primary's" test "$(stat -c %a%Y mn2/etc/hosts)" = "$(stat -c %a%Y mn1/etc/hosts)"
check "again" bring
outcome "nothing is to be done" unchanged
with mn1 mn3
check "other words" bring
check "make another file" has mn2/etc/hosts 'mn3 mn10 mn3.cluster'
echo 'mn3 mn10 edited' >mn2/etc/hosts
check_status "one that is edited there is a conflict" 3 bring
rm mn2/etc/hosts
node=$(hostname)
group
echo "$node is here" >mn1/etc/hosts
check "a file that names this node" bring
check_json "is told" "map(select(.type == \"warning\"))[0] | .key.path == \"/etc/hosts\" and (.message | contains(\"$node\"))" "$OUT"
group '.may_name_node = ["/etc/hosts"]'
echo "$node is there" >mn1/etc/hosts
check "where it may" bring
check_json "it is not" 'all(.type != "warning")' "$OUT"

# What is beside the content.
group '.xattrs = true | .acls = true'
attribute() { python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.who", sys.argv[2].encode())' "$@" 2>/dev/null; } # FILE VALUE
# user::rw- user:1:r-- group::r-- mask::r-- other::r--, as acl(5) has it in the attribute
listed() { python3 -c 'import os, struct, sys; os.setxattr(sys.argv[1], "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *one)
    for one in ((1, 6, 2**32 - 1), (2, 4, 1), (4, 4, 2**32 - 1), (16, 4, 2**32 - 1), (32, 4, 2**32 - 1))))' "$1" 2>/dev/null; } # FILE
beside() { python3 -c 'import os, sys; print(*sorted((name, os.getxattr(sys.argv[1], name)) for name in os.listxattr(sys.argv[1])))' "$1"; } # FILE
same_beside() { [ "$(beside mn1/etc/hosts)" = "$(beside mn2/etc/hosts)" ]; }
chmod 644 mn1/etc/hosts
if attribute mn1/etc/hosts me && listed mn1/etc/hosts; then
    check "with what is beside the content" bring
    check "a file has it" same_beside
    attribute mn1/etc/hosts you
    check "another attribute alone" bring
    check "comes" same_beside
    check "and then" bring
    outcome "nothing is to be done" unchanged
    # Of directories, too: one that is there, and a new one beneath one that hands its list down.
    default_list() { python3 -c 'import os, struct, sys; os.setxattr(sys.argv[1], "system.posix_acl_default", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *one)
    for one in ((1, 7, 2**32 - 1), (2, 5, 1), (4, 5, 2**32 - 1), (16, 5, 2**32 - 1), (32, 5, 2**32 - 1))))' "$1"; } # DIRECTORY
    same_of() { [ "$(beside "mn1/$1")" = "$(beside "mn2/$1")" ] && [ "$(stat -c '%a %Y' "mn1/$1")" = "$(stat -c '%a %Y' "mn2/$1")" ]; }
    none_of() { [ -z "$(beside "mn2/$1")" ]; }
    attribute mn1/etc/auto/maps there && default_list mn1/etc/auto/maps && mkdir mn1/etc/auto/bare && listed mn1/etc/auto/maps && chmod 750 mn1/etc/auto/maps
    default_list mn2/etc/auto
    beside mn2/etc/auto/maps >maps.before
    check "what is beside directories" bring
    check_json "is told" 'map(select(.type == "change") | [.action, .key.path]) | contains([["attributes", "/etc/auto"], ["attributes", "/etc/auto/maps"], ["create", "/etc/auto/bare"]])' "$OUT"
    for directory in etc/auto etc/auto/maps etc/auto/bare; do check "$directory has it" same_of $directory; done
    check "a new one has no list of the one above it" none_of etc/auto/bare
    check "then" bring
    outcome "there is nothing to be done" unchanged
    hasync history --state "$state" >history
    check "it is undone" here rollback "$(jq -s -r 'map(select(.type == "transaction"))[-1].key.transaction' history)"
    beside mn2/etc/auto/maps >maps.after
    check "with what was beside them" cmp maps.before maps.after
    check "on again" here release names
    check "it comes" bring
    check "once more" same_of etc/auto/maps
    rm -r mn1/etc/auto/bare && group '.delete = "trash"' && bring >/dev/null
    group
else
    skip "attributes" "the file system has none"
fi

# Who else is at it; what is kept for people and monitors.
group '.hooks = [{run: ["sleep", "5"]}]'
echo long >mn1/etc/hosts
bring >/dev/null 2>&1 & other=$!
sleep 2
check_status "another run of it at the same time" 5 bring
check "says who has it" grep -qE "process [0-9]+ of $node holds it since" "$ERR"
jq '.groups += [{name: "maps", paths: ["/etc/auto"]}] | .groups[0].paths = ["/etc/hosts"]' set.json >two.json && chmod 600 two.json
check_status "with another group beside it" 3 hasync --set two.json -e "ssh -F $LAB/ssh_config"
check_json "that one is brought" 'map(select(.type == "group"))[0] | .key.group == "maps" and .outcome == "unchanged"' "$OUT"
wait "$other"
group
echo seen >mn1/etc/hosts
check "with a log and metrics" bring --log log --metrics metrics
check "the log has the records" grep -q '"type":"change".*"/etc/hosts"' log
check "and its beginning and end" test "$(grep -cE '^[0-9/]+ [0-9:]+ \[[0-9]+\] \{"type":"(begin|end)"' log)" -eq 2
check_status "one that fails as a whole" 6 hasync --set set.json -e false --log failed.log
check "leaves its reason there" grep -qE '"type":"end".*"error":\{"kind":"failed","message":"standby:' failed.log
check "the metrics the success" grep -qE '^hasync_success\{group="names",target="standby:.*"\} 1$' metrics
check "and the conflicts" grep -qE '^hasync_conflicts\{.*\} 0$' metrics

# What would become of a path.
explain() { hasync explain --set set.json -e "ssh -F $LAB/ssh_config" "$@"; }
would() { check_json "$1" ".[0].would | length == 1 and (.[0].target | startswith(\"standby:\")) and (.[0] | $2)" "$OUT"; } # NAME FILTER
check "a path is explained" explain /etc/auto/maps/auto.u
check_json "as the group's" '.[0] | .belongs and .group == "names" and .of == "/etc/auto"' "$OUT"
would "nothing would be done with it" '.outcome == "nothing" and .beneath == {}'
echo changed >mn1/etc/auto/maps/auto.u
echo new >mn1/etc/auto/maps/explained
cp -a mn2/etc mn2.before2
check "one that changed" explain /etc/auto/maps/auto.u
would "it would be brought" '.outcome == "update"'
check "a directory" explain /etc/auto
would "with what is in it" '.outcome == "nothing" and .beneath == {create: 1, update: 1}'
echo standby >mn2/etc/auto/maps/auto.u
check "one that changed on both" explain /etc/auto/maps/auto.u
would "it is a conflict" '.outcome == "conflict" and .message == "changed_on_standby"'
cp -a mn2.before2/auto/maps/auto.u mn2/etc/auto/maps/auto.u
: >mn1/etc/auto/maps/auto.u
check "one that became empty" explain /etc/auto/maps/auto.u
would "it would be held back" '.outcome == "held_back" and (.message | contains("is empty on the primary"))'
group '.delete = "trash"' '.max_delete = {count: 9, percent: 100}' '.max_shrink_percent = 100'
rm mn1/etc/auto/maps/auto.u
check "one that is gone" explain /etc/auto/maps/auto.u
would "it would be deleted" '.outcome == "delete"'
check_json "and is not here" '.[0].is_here == false' "$OUT"
group '.rewrite = ["/etc/hosts"]'
echo '10.0.0.1 changed' >mn1/etc/hosts
check "one that is rewritten" explain /etc/hosts
would "it would be brought" '.outcome == "update"'
check "nothing was done for all that" same mn2.before2 mn2/etc
check "without asking" explain --offline /etc/hosts
check_json "nobody is asked" '.[0] | .belongs and .would == []' "$OUT"
check "of one that is not there" hasync explain --set set.json -e false /etc/hosts
would "it is not known" '.outcome == "unknown" and (.message | length > 0)'
check_status "an option that is none of it" 2 explain --accept-loss /etc/hosts
group '.exclude = ["*.u"]'
check_status "one that is left out" 1 explain /etc/auto/maps/auto.u
check_json "with the rule, and nobody is asked" '.[0] | .excluded_by == "*.u" and .would == []' "$OUT"
check_status "one of no group" 1 explain /etc/motd
group
echo u >mn1/etc/auto/maps/auto.u
rm mn1/etc/auto/maps/explained
check "and on" bring --accept-loss

# A storm of changes, and run after run.
group '.paths = ["/storm"] | .name = "storm" | .delete = "trash" | .max_delete = {count: 9999, percent: 100} | .max_shrink_percent = 100'
mkdir mn1/storm
cat >storm <<'END'
i=0
while [ ! -e quiet ]; do
    i=$((i + 1))
    mkdir -p mn1/storm/d$((i % 7))
    echo "$i" >mn1/storm/d$((i % 7))/f$((i % 61))
    mv mn1/storm/d$((i % 5))/f$((i % 59)) mn1/storm/d$((i % 3)) 2>/dev/null
    [ $((i % 50)) -ne 0 ] || rm -rf mn1/storm/d$((i % 7))
done
END
sh storm & storm=$!
whole_or_part() { bring; _status=$?; [ "$_status" -eq 0 ] || [ "$_status" -eq 3 ]; }
for run in 1 2 3 4 5 6; do
    check "run $run in the middle of it is whole, or says what is not" whole_or_part
    check_json "run $run: without a conflict" 'all(.type != "conflict")' "$OUT"
done
touch quiet
wait "$storm"
check "when it is quiet, one more" bring
check "and both are the same" same mn1/storm mn2/storm
check "and one more" bring
outcome "has nothing to do" unchanged

# What is wrong with a document.
group '.pahts = []'
check_status "a key that nobody knows" 2 bring
check "is named with its line" grep -qE 'unknown field `pahts`.* at line [0-9]+' "$ERR"
group
chmod 666 set.json
check_status "a document that others may write" 2 bring
chmod 600 set.json
check_status "a group that it has not" 2 bring --group other
check_status "an option that is none of a set" 2 bring --delete
check "is named" says "--delete"
check_status "a document that is not there" 2 hasync --set none.json
for words in "rollback" "rollback names" "release" "takeover now" "explain /etc/hosts" "history a b"; do
    # shellcheck disable=SC2086 # words
    check_status "hasync $words" 2 hasync $words
done
check_status "what goes with a set alone" 2 hasync -a --accept-loss mn1/ mn3/

# Damaged on disk.
cp "$state/groups/names/manifest" manifest.whole
echo '{"schema": "hasync-manifest/1"' >"$state/groups/names/manifest"
check_status "a manifest that is damaged is not trusted" 4 bring
check "its file is named" says "$state/groups/names/manifest"
cp manifest.whole "$state/groups/names/manifest"
check "a whole one is" bring

# A key with a forced command.
ssh-keygen -q -t ed25519 -N '' -f "$LAB/forced" || exit
echo "restrict,command=\"hasync --serve --root $SCENE_DIR/mn2\" $(cat "$LAB/forced.pub")" >>"$LAB/client.pub"
sed "s|IdentityFile .*|IdentityFile $LAB/forced|" "$LAB/ssh_config" >forced_config
check_status "a key that is confined to a directory lets no set in" 6 hasync --set set.json -e "ssh -F forced_config"
check "and says so" says "lets in no sets"

check_status "a target that nobody reaches" 5 hasync --set set.json -e "ssh -F /dev/null -o BatchMode=yes -o ConnectTimeout=1 -p 1"
done_testing
