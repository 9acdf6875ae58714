# The keys of cfengine 2 are named by address, or by name: trees of keys and files of clients are compared with what they must become,
# names, modes and contents, and every line that is none of ours stays as it is.
# shells: dash ksh93
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/member.sh"
fixtures=$ROOT/tests/fixtures/cfengine2
# cfengine 2 has no cf-key, whatever is on this machine.
rm bin/cf-key && printf '#!/bin/sh\necho "no cf-key here" >&2\nexit 127\n' >bin/cf-key && chmod +x bin/cf-key || exit
mkdir -p csync/inputs && echo 'control: any' >csync/inputs/cfagent.conf && chmod 600 csync/inputs/* || exit
world() { # NAME [FILE-OF-CLIENTS [JQ-FILTER]]: the tree NAME, and a state of its own
    rm -rf m1 m2 m3 10.* c?.* state/* keys/*
    cp "$fixtures/more.hosts" csync/inputs/
    cp "$fixtures/${2:-cfrun.hosts}" csync/inputs/cfrun.hosts
    member_plant "$fixtures/$1" || exit
    member_config ".layout = \"cfengine2\" | del(.clients) | .cfrun_hosts = \"$SCENE_DIR/csync/inputs/cfrun.hosts\" |
        .members |= map(select([.name] | inside($(ls -d m? | jq -R . | jq -cs .)))) | ${3:-.}"
    hosts=$(sed -n 's,^[0-7]* \([^/]*\)/ppkeys/$,\1,p' "$fixtures/$1")
}
# shellcheck disable=SC2086 # a list
is() { # TREE [WITHOUT]: but for the lines that have WITHOUT
    member_tree $hosts | grep '/ppkeys/' | LC_ALL=C sort >tree
    grep -vF -e "${2:-nothing}" "$fixtures/$1" | LC_ALL=C sort | diff - tree
}

world before.tree
check "the tree before is the fixture's" is before.tree
check_status "--check tells what is wrong, and changes nothing" 1 member --check
check_json "each client once, though it stands twice" '[.[] | select(.type == "client").key.host] | unique == ["10.77.0.21", "10.77.0.22", "10.77.0.23"]' "$OUT"
check_json "a key of another member under the name of m2" 'any(.[]; .type == "client" and .key.host == "10.77.0.22" and any(.values.faults[]; .file == "root-10.77.0.12.pub" and .fault == "poisoned" and .of == "m2"))' "$OUT"
check_json "a key that others may read" 'any(.[]; .type == "client" and .key.host == "10.77.0.23" and any(.values.faults[]; .file == "root-10.77.0.11.pub" and .fault == "mode"))' "$OUT"
check "nothing was changed" is before.tree
cp csync/inputs/cfrun.hosts hosts.before
check "MEMBER_ADDED" member MEMBER_ADDED: m3
check_json "tells the names" '[.[] | select(.type == "client" and .key.member == "m3") | [.key.host] + .values.present_as] == [["10.77.0.21", "root-10.77.0.13.pub"], ["10.77.0.22", "root-10.77.0.13.pub"], ["10.77.0.23", "root-10.77.0.13.pub", "root-m3.example.com.pub"]]' "$OUT"
check_json "what was wrong besides has records, too" '[.[] | select(.type == "client" and .key.member != "m3") | .key.host + " " + .key.member] == ["10.77.0.22 m2", "10.77.0.23 m1", "10.77.0.23 m2"]' "$OUT"
check_json "and all of it is right now" '[.[] | select(.type == "client" or .type == "member").values.state] | unique == ["ok"]' "$OUT"
check "makes of the tree what it must become" is added.tree
# shellcheck disable=SC2086
member_inodes $hosts >before
check "a second time" member --all MEMBER_ADDED: m3
# shellcheck disable=SC2086
same() { member_inodes $hosts | diff before -; }
check "changes no byte" same
check "--check finds all right" member --check
check "MEMBER_DELETED" member MEMBER_DELETED: m3
check_json "tells that no file is left" '[.[] | select(.type == "client").values | .state, .present_as] == ["ok", [], "ok", [], "ok", []]' "$OUT"
check "takes its key away by whatever name, and nothing else" is deleted.tree
check "MEMBER_ADDED after that" member MEMBER_ADDED: m3
check "brings it back, by the right name alone" is added.tree root-m3.example.com.pub
check "the file of clients is as it was" cmp hosts.before csync/inputs/cfrun.hosts

# DSAU's manner: the new member gets the pair that the others have.
sed '/10.77.0.22/d' "$fixtures/cfrun.hosts" | sed '/^include/d' >alone.hosts
shared() { world shared-before.tree more.hosts '.key_pair = "shared"' && cp alone.hosts csync/inputs/cfrun.hosts; }
shared
check "MEMBER_ADDED with the pair that is shared" member MEMBER_ADDED: m3
check_json "says with whom it is shared" '[.[] | select(.type == "identity").values | .pair, (.shared_with | sort)] == ["taken", ["m1", "m2"]]' "$OUT"
check "makes what the seed's cp makes" is shared-added.tree
check_status "MEMBER_DELETED is refused, because it would take the others away" 6 member MEMBER_DELETED: m3
check "and nothing is changed" is shared-added.tree

world names-before.tree names.hosts
check "MEMBER_ADDED where keys are named by the names of hosts" member MEMBER_ADDED: m3
check "makes of the tree what it must become" is names-added.tree

# A client is added with the port that it has; every other line stays.
world before.tree
check "MEMBER_ADDED" member MEMBER_ADDED: m3
for bad in '-oProxyCommand=x' '10.77.0.21:0' '10.77.0.21:http' '../x' 'a;b'; do
    cp hosts.before csync/inputs/cfrun.hosts && echo "$bad" >>csync/inputs/cfrun.hosts
    check_status "a file of clients with $bad is refused" 2 member MEMBER_ADDED: m3
    check "with its line" grep -q "line $(wc -l <csync/inputs/cfrun.hosts)" "$ERR"
done
cp hosts.before csync/inputs/cfrun.hosts
rm csync/inputs/more.hosts
check_status "and one whose include is missing" 2 member MEMBER_ADDED: m3
check "which is named" grep -q more.hosts "$ERR"
echo 'include = more.hosts' >csync/inputs/more.hosts
check_status "files that include themselves have an end" 2 member MEMBER_ADDED: m3
check "nothing was changed" is added.tree
done_testing
