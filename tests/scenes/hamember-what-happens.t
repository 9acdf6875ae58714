# What an administrator sees of hamember: the calls, each status, and hosts that are down, wrong, full, endless or hostile. The hosts are
# directories, and each has another shell that the orders are given to.
# shells: dash ksh93
. "${0%/*}/../lib.sh"
. "$ROOT/tests/fakes/member.sh"
at_exit() { : >go; [ -z "${started:-}" ] || kill "$started" 2>/dev/null; }
all='m1 m3 c1 c2 c3'
# shellcheck disable=SC2086 # a list
member_host $all || exit
for host in c1 c2 c3; do member_knows "$host" m1; done
member_knows m1 m1 c1 c2 c3 || exit
mkdir -p csync/inputs && echo 'control: any' >csync/inputs/cfagent.conf && echo 'control: update' >csync/inputs/update.conf && chmod 600 csync/inputs/* || exit
package=".package = $MEMBER_PACKAGE | del(.members[1])"
member_config "$package" || exit
key=root-$(member_digest m3).pub
keep() { cp "$ERR" "$ERR.kept"; cp "$OUT" "$OUT.kept"; }
says() { grep -qF -e "$1" "$ERR.kept"; }
of() { echo "[.[] | select(.type == \"$1\" and .key.host == \"$2\").values.state] == [\"$3\"]"; } # TYPE HOST STATE, for check_json
# shellcheck disable=SC2086
before() { member_inodes $all >before; : >visits; }
# shellcheck disable=SC2086
untouched() { member_inodes $all | diff before -; }
not_visited() { [ ! -s visits ]; }
nothing() { untouched && not_visited; }
has() { [ "$(cksum <"$1/cf/ppkeys/$key")" = "$(cksum <keys/m3.pub)" ] && [ "$(stat -c %a "$1/cf/ppkeys/$key")" = 600 ]; } # HOST
has_not() { [ ! -e "$1/cf/ppkeys/$key" ]; }
no_leftovers() { ! find . -name '*.hatools-*' | grep .; }

before
check_status "without a configuration it says which file is missing" 2 hamember --config nowhere.json MEMBER_ADDED: m3
keep
check "by its name" says nowhere.json
for call in "MEMBER_LOST: m3" "MEMBER_ADDED:" "MEMBER_ADDED: -oProxyCommand=x" "MEMBER_ADDED: ../m3" "MEMBER_ADDED: m3 m4" "--verify --list" \
    "--lock-wait soon MEMBER_ADDED: m3"; do
    # shellcheck disable=SC2086 # words
    check_status "wrong usage: $call" 2 member $call
done
member_config "$package | .clinets = .clients"
check_status "a key that the configuration does not have" 2 member MEMBER_ADDED: m3
keep
check "is named" says clinets
member_config "$package" && chmod 666 member.json
check_status "a configuration that others may write is refused" 2 member MEMBER_ADDED: m3
chmod 600 member.json
event() { printf '%s' "$1" | member; }
good='{"schema":"hamember-event/1","event":"MEMBER_ADDED","member":"m3"}'
for bad in '' '{"schema":"hamember-event/1","event":"MEMB' '[]' '{"schema":"hamember-event/1","event":"MEMBER_LOST","member":"m3"}' \
    '{"schema":"hamember-event/2","event":"MEMBER_ADDED","member":"m3"}' '{"schema":"hamember-event/1","event":"MEMBER_ADDED"}' \
    '{"schema":"hamember-event/1","event":"MEMBER_ADDED","member":"-oProxyCommand=x"}' "$good$good"; do
    check_status "an event that is not to be trusted: $bad" 4 event "$bad"
done
endless() { yes "$good" | tr -d '\n' | member -; }
check_status "nor one that has no end" 4 endless
check "of all that nothing came" nothing

member_config "$package | .package.sentinel += \".not\""
check_status "a package whose sentinel is missing" 5 member MEMBER_ADDED: m3
keep
check "is told, with where to run it" says uevent_seqnum.not
member_config "$package | .package.mount = \"$SCENE_DIR/csync\" | .package.sentinel = \"$SCENE_DIR/csync/inputs/update.conf\""
check_status "a package that is not mounted" 5 member MEMBER_ADDED: m3
keep
check "is told" says "$SCENE_DIR/csync"
check_json "as something that may pass" '.[-1] | .ok == false and .error.kind == "busy"' "$OUT.kept"
check "nobody was touched, nor asked" nothing
member_config "$package"

member_config "$package | del(.members[1])"
check "--check before there is a new member" member --check
member_config "$package"
check_status "--dry-run says what would be done" 0 member --dry-run MEMBER_ADDED: m3
check_json "as what it is" '.[0] | .schema == "hamember/1" and .event == "MEMBER_ADDED" and .member == "m3" and .dry_run' "$OUT"
check_json "of each client" '[.[] | select(.type == "client" and .values.found == "missing").key.host] == ["c1", "c2", "c3"]' "$OUT"
check "and touches nothing" untouched
check_status "not even a state" 1 test -e state/hamember.json
check_status "a digest that is none of the member's is not passed over" 2 member --dry-run MEMBER_ADDED: m3 --digest MD5=00000000000000000000000000000000

check "MEMBER_ADDED, exactly as the dispatcher was called" member MEMBER_ADDED: m3
check_json "each client is told" "[.[] | select(.type == \"client\").values | [.state, .found, .present_as]] == [range(3) | [\"ok\", \"missing\", [\"$key\"]]]" "$OUT"
check_json "with its digest" "[.[] | select(.type == \"identity\")] | length == 1 and .[0].key.member == \"m3\" and .[0].values.digest == \"$(member_digest m3)\" and .[0].values.pair == \"kept\"" "$OUT"
check_json "and how it ended" '.[-1] | .ok and .pending == 0 and .changed >= 4' "$OUT"
check "standard error is silent" test ! -s "$ERR"
for host in c1 c2 c3 m1; do check "the key of m3 is on $host" has "$host"; done
got() { [ "$(find m3/cf/ppkeys -name 'root-*' | wc -l)" -ge 4 ] && diff -r csync/inputs m3/cf/inputs; }
check "the new member has the configuration and all keys" got
# shellcheck disable=SC2086
member_inodes $all >before
cp state/hamember.json state.then
check "again, as an event on standard input" event "$good"
check_json "nothing changes" '.[-1] | .ok and .changed == 0' "$OUT"
check "no byte changed" untouched
check "nor what is remembered" cmp state.then state/hamember.json
check "--check finds all right" member --check
check "what is known can be listed" member --list
check_json "with digests" "[.[] | tostring] | map(select(contains(\"$(member_digest m3)\"))) | length > 0" "$OUT"

# Each client is wrong in a way of its own.
remove() { rm -f c1/cf/ppkeys/"$key" c2/cf/ppkeys/"$key" c3/cf/ppkeys/"$key"; }
again() { remove; member --all MEMBER_ADDED: m3; }
chmod 755 c2/cf/ppkeys
mv c3/cf/ppkeys c3/cf/elsewhere
member_bend c1 down
check_status "clients that are down or wrong" 3 again
check_json "one is unreachable, and says why" "$(of client c1 unreachable) and ([.[] | select(.key.host == \"c1\").values.cause // empty] | .[0] | test(\"No route to host\"))" "$OUT"
check_json "others may look into the keys of the second" "$(of client c2 refused)" "$OUT"
check_json "the third has none" "$(of client c3 refused)" "$OUT"
check_json "each is an error, too" '[.[] | select(.type == "error")] | length >= 3' "$OUT"
written() { for host in c1 c2 c3; do has_not $host || return; done && [ "$(stat -c %a c2/cf/ppkeys)" = 755 ] && [ ! -e c3/cf/ppkeys ]; }
check "nothing was written there" written
check "--list knows what is pending" member --list
check_json "by name" '[.[] | tostring] | join(" ") | contains("c1") and contains("c2") and contains("c3")' "$OUT"
check_status "--check says that some could not be looked at" 3 member --check
check_status "--pending" 3 member --pending
visited() { cut -d ' ' -f 1 visits | sort -u; }
chmod 700 c2/cf/ppkeys
mv c3/cf/elsewhere c3/cf/ppkeys
member_bend c1 well
: >visits
check "--pending finishes it when they are back" member --pending
check "the key is there" has c1
: >visits
check "and then has nothing to do" member --pending
check "so nobody is asked" not_visited

# A carrier that brings what it should not.
member_config "$package | .visit_seconds = 1"
member_bend c1 hangs; member_bend c2 noise; member_bend c3 endless
# It is bounded in memory, too.
# shellcheck disable=SC3045 # each of the shells has it
bounded() { (ulimit -v 1000000; again); }
check_status "one hangs, one has a login script that talks, one never ends" 3 bounded
check_json "the first is unreachable" "$(of client c1 unreachable)" "$OUT"
check_json "the second is done" "$(of client c2 ok)" "$OUT"
check_json "the third is not" "[.[] | select(.type == \"client\" and .key.host == \"c3\").values.state] | . == [\"unreachable\"] or . == [\"refused\"]" "$OUT"
check "the noise hurt nothing" has c2
# Who waits for nobody may still have it in the table.
gone() { for pid in $(cat hung); do case $(ps -o stat= -p "$pid") in '' | Z*) ;; *) return 1 ;; esac; done; }
check "what hung is gone, with its children" gone
member_config "$package"
member_bend c1 silent; member_bend c2 binary; member_bend c3 cut
check_status "one says nothing, one anything, one is cut off" 3 again
check_json "none of them is right" '[.[] | select(.type == "client").values.state | select(. == "ok")] == []' "$OUT"
for host in c1 c2 c3; do member_bend $host well; done
check "they are well again" member --pending

# A disk that is full: on the client, with and without an error to tell, and here.
member_bend c1 full; member_bend c2 killed
for host in c1 c2; do cksum $host/cf/ppkeys/* >$host.sums; done
remove
full() { for host in c1 c2; do (sed -n "\, $host/cf/ppkeys/$key,!p" $host.sums; ) >wanted; cksum $host/cf/ppkeys/* | diff wanted - || return; done; }
check_status "clients whose disks are full" 3 member --all MEMBER_ADDED:m3
check_json "are not called right" '[.[] | select(.type == "client" and (.key.host == "c1" or .key.host == "c2")).values.state | select(. == "ok")] == []' "$OUT"
check "all other files are as they were, and no part of the new one is left" full
member_bend c1 well; member_bend c2 well
check "with room it is finished" member --pending
check "the key is there" has c1
here_full() { { (trap '' XFSZ; ulimit -f 0; member "$@"; echo "status=$?") | cat; } >said 2>&1; grep -qx "status=6" said; }
remove
before
check "a state that cannot be written: it does not begin" here_full --all MEMBER_ADDED: m3
check "nobody was touched" untouched

# The new member itself.
member_bend m3 down
check_status "a new member that is down" 5 member --all MEMBER_ADDED: m3
member_bend m3 denied
check_status "one that does not let us in" 6 member --all MEMBER_ADDED: m3
keep
check "says so" says 'Permission denied'
member_bend m3 well
mv m3/cf/ppkeys/localhost.pub m3.pub
check_status "half a pair of keys is not used" 6 member --all MEMBER_ADDED: m3
keep
check "is told" says localhost
mv m3.pub m3/cf/ppkeys/localhost.pub
rm m3/cf/ppkeys/localhost.*
check "without any pair one is made" member --all MEMBER_ADDED: m3
check_json "as is told" '[.[] | select(.type == "identity").values.pair] == ["made"]' "$OUT"
new() { cf-key -p m3/cf/ppkeys/localhost.pub >digest && ls c1/cf/ppkeys/root-"$(cat digest)".pub; }
check "it is the one that the clients have" new
check "and the one before is not" has_not c1
named() { cp "$1/cf/ppkeys/localhost.pub" "keys/$1.pub" && cf-key -p "keys/$1.pub" >"keys/$1.digest" && key=root-$(member_digest "$1").pub; }
named m3

# Two at a time.
member_bend c1 waits; rm -f go; : >visits
member --all MEMBER_ADDED: m3 >first 2>&1 &
started=$!
until grep -q '^c1 ' visits; do sleep 0.02; done
check_status "while one runs another has to wait" 5 member --lock-wait 0 MEMBER_ADDED m3
check "a list does not" member --list
: >go
ended() { wait "$started"; }
check "the first ends well" ended
started=
member_bend c1 well

# From cron: next to no environment, and no terminal.
remove
cron() { env -i PATH=/usr/bin:/bin setsid "$HATOOLS_BIN/hamember" --config "$SCENE_DIR/member.json" --here m1 -e "$SCENE_DIR/carrier" "$@" </dev/null; }
check "cron's environment is enough" cron --all MEMBER_ADDED: m3
check "the key is there" has c1
check_status "with nothing to do and nothing on standard input it is no event" 4 cron

# A member goes.
cp m1/cf/ppkeys/localhost.* m3/cf/ppkeys/ || exit
check "m3 gets the pair of m1" member --all MEMBER_ADDED m3
check_json "which is told" '[.[] | select(.type == "identity").values.shared_with] == [["m1"]]' "$OUT"
before
check_status "a key that a living member has is not taken away" 6 member MEMBER_DELETED: m3
keep
check "with the way out" says '--new-key'
check "nothing was touched" untouched
check "the way out" member --new-key m1
named m3
member_bend c2 down
check_status "MEMBER_DELETED with a client down" 3 member MEMBER_DELETED: m3
check "the others do not have the key" has_not c1
check "that one has" has c2
member_bend c2 well
check "it comes back before that is finished" member MEMBER_ADDED: m3
for host in c1 c2 c3 m1; do check "the key is on $host again" has "$host"; done
member_bend c2 down
check_status "and goes" 3 member MEMBER_DELETED: m3
member_bend c2 well
check "--pending takes it from there, too" member --pending
for host in c1 c2 c3 m1; do check "the key is gone from $host" has_not "$host"; done
check "a second time" member MEMBER_DELETED: m3
check_json "nothing changes" '.[-1] | .ok and .changed == 0' "$OUT"
# cf-key of another build has other digests, and so other names.
cp make/cf-key c3/bin/ && echo SHA >c3/bin/digest && rm c3/cf/bin && ln -s "$SCENE_DIR/c3/bin" c3/cf/bin || exit
check "a client whose cf-key prints SHA" member MEMBER_ADDED: m3
named_so() { find c3/cf/ppkeys -name 'root-*' | sed 's,.*/root-\(...\)=[0-9a-f]*\.pub,\1,'; }
check "its keys" named_so
printf 'SHA\nSHA\n' >wanted
check "are named so, and not otherwise" diff wanted "$OUT"
check "those of the others are not" has c1
check "nothing of ours is left anywhere" no_leftovers
done_testing
