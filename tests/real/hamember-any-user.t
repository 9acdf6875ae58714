# hamember, by any user: whom a client trusts is what a real cf-runagent shows, before and after, and nothing is changed twice.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/cfengine.sh"
at_exit() { cfengine_down; }
reason=$(cfengine_possible loopback) || {
    skip "members and clients on loopback" "$reason"
    done_testing
}
cfengine_new loopback 2 2 2 && cfengine_up || exit

# m3 was installed a while ago, with a key pair, and somebody brought it the policy and the keys of the clients. m4 has nothing.
new_pair m3 && cp -p "$(work m1)"/inputs/* "$(work m3)/inputs/" && put_key c1 m3 && put_key c2 m3 || exit
config() { # MEMBER... [KEY=JSON...]
    entries=
    while [ $# -gt 0 ]; do
        case $1 in *=*) break ;; esac
        entries="$entries${entries:+, }$(member_entry "$1")"
        shift
    done
    member_json "members=[$entries]" "after_added={\"member\": [[\"$CFLAB/serverd\", \"here\", \"start\"]]}" "$@" >member.json
}
run() { on m1 hamember --here m1 --config "$SCENE_DIR/member.json" -e "$CFLAB/carrier" "$@"; }
same() { trees m1 m2 m3 m4 c1 c2 >now && diff before now; }
trees_now() { trees m1 m2 m3 m4 c1 c2 >before; }
of() { echo "map(select((.type == \"client\" or .type == \"member\") and .key.host == \"$1\" and .key.member == \"$2\").values)[0]"; } # HOST MEMBER
end='.[-1]'

config m1 m2 m3
check "m1 and m2 are accepted" eval 'accepted m1 c1 c2 && accepted m2 c1 c2'
check "m3 is refused by both clients" refused m3 c1 c2
trees_now
check "a dry run ends well" run --dry-run MEMBER_ADDED: m3
check_json "and tells what is missing where" "($(of c1 m3).found == \"missing\") and ($(of c2 m3).state == \"missing\") and .[0].dry_run" "$OUT"
check "and changes nothing" same
check "m3 is added" run MEMBER_ADDED: m3
check_json "each client had not its key, and has it" "[$(of c1 m3), $(of c2 m3)] | all(.found == \"missing\" and .state == \"ok\" and .present_as == [\"$CF_USER-$(digest m3).pub\"])" "$OUT"
check_json "its pair was kept" '[.[] | select(.type == "identity" and .key.member == "m3").values | [.pair, .digest]] | .[0] == ["kept", "'"$(digest m3)"'"]' "$OUT"
check_json "nothing is pending" "$end | .ok and .pending == 0" "$OUT"
check "nothing is said on standard error" test ! -s "$ERR"
check "m3 is accepted by both clients" accepted m3 c1 c2
check "and the others still are" eval 'accepted m1 c1 c2 && accepted m2 c1 c2'
check "all trust m3" eval 'trusts m1 m3 && trusts m2 m3 && trusts c1 m1 m2 m3 && trusts c2 m1 m2 m3'
check "m3 trusts all" trusts m3 m1 m2 c1 c2
trees_now
check "a second time there is nothing to do" run MEMBER_ADDED: m3
check_json "and nothing was done" "$end | .changed == 0" "$OUT"
check "no byte is another one" same
check "a check says that all is right" run --check
check "and changes nothing" same

# A member that has nothing.
config m1 m2 m3 m4
event() { echo '{"schema":"hamember-event/1","event":"MEMBER_ADDED","member":"m4"}' | run -; }
check "m4 is added, by an event record" event
check_json "a pair was made for it" '[.[] | select(.type == "identity" and .key.member == "m4").values.pair] == ["made"]' "$OUT"
policy() { for file in promises.cf update.conf cfrun.hosts; do cmp "$CFLAB/csync/dsau/cfengine_master/inputs/$file" "$(work m4)/inputs/$file" || return; done; }
check "it has the policy" policy
check "m4 is accepted by both clients" accepted m4 c1 c2
check "and the other members by m4, whose cf-serverd was started" eval 'accepted m1 m4 && accepted m3 m4'
check "and it by them" accepted m4 m1 m2
trees_now
check "a second time there is nothing to do" run MEMBER_ADDED: m4
check "no byte is another one" same

# The seed's copy of another member's key, where keys differ: cf-serverd itself gives it the wrong name. Here all have one address.
rm "$(work c1)/ppkeys/$CF_USER-$(digest m4).pub" "$(work c2)/ppkeys/$CF_USER-$(digest m3).pub" && put_key m1 c1 "$CF_USER-127.0.0.1.pub" &&
    put_key m3 c2 "$CF_USER-$(address m3).pub" || exit
check "m4 is refused by c1" refused m4 c1
poisoned() { keys c1 | grep -qx "$CF_USER-$(digest m4).pub $(digest m1)"; }
check "which has m1's key under m4's name now" poisoned
check_status "a check finds it" 1 run --check
check_json "what it is, and whose" "$(of c1 m4).faults | any(.fault == \"poisoned\" and .of == \"m4\" and .holds == \"$(digest m1)\" and .mended == false)" "$OUT"
check_json "and a key that is named by an address" "$(of c2 m3).faults | any(.fault == \"misnamed\" and .file == \"$CF_USER-$(address m3).pub\")" "$OUT"
check "m4 is refused still" refused m4 c1
check "adding m4 again mends it" run MEMBER_ADDED: m4
check_json "and tells it" "$(of c1 m4).faults | any(.fault == \"poisoned\" and .mended)" "$OUT"
check "m4 is accepted" accepted m4 c1
check "m1 and m3, too" eval 'accepted m1 c1 c2 && accepted m3 c1 c2'
check "each key is there once" eval 'trusts c1 m1 m2 m3 m4 && trusts c2 m1 m2 m3 m4'

# A member that was installed anew.
old=$(digest m2)
new_pair m2 || exit
for host in m1 m3 m4 c1 c2; do put_key $host m2 || exit; done
check "m2 with a new key is refused" refused m2 c1 c2
check "adding it again brings the new one" run MEMBER_ADDED: m2
check_json "and tells what was there" "$(of c1 m2).faults | any(.fault == \"stale\" and .holds == \"$old\" and .mended)" "$OUT"
check "m2 is accepted" accepted m2 c1 c2
check "nobody trusts the old one" eval "for host in m1 m2 m3 m4 c1 c2; do trusts_not \$host $old || return; done"

# What a run from here shows.
verdict() { echo "map(select(.type == \"run\" and .key.host == \"$1\").values)[0]"; } # HOST
check "--verify: all are accepted" run --verify
check_json "by a run" "[$(verdict c1), $(verdict c2)] | all(.verdict == \"accepted\")" "$OUT"
check "from another member, too" run --verify --from m4
check_json "by a run from there" '[.[] | select(.type == "run") | .key.member + .values.verdict] == ["m4accepted", "m4accepted"]' "$OUT"
rm "$(work c1)/ppkeys/$CF_USER-$(digest m1).pub" && serverd c2 stop || exit
trees_now
check "c1 does not trust m1, and nobody listens at c2" eval 'refused m1 c1 && unanswered m1 c2'
check_status "--verify: one does not trust us, and one is down" 3 run --verify
check_json "the first refuses" "$(verdict c1) | .verdict == \"refused\" and .exit_status == 255 and (.cause | test(\"key\"))" "$OUT"
check_json "the other is not there" "$(verdict c2) | .verdict == \"unreachable\" and .tcp == \"refused\"" "$OUT"
check "nothing was changed" same
cp "$OUT" one
serverd c2 start || exit
denied() { ! accepted m1 c2 && run --verify >two; [ $? -eq 3 ]; }
check "--verify: one does not admit us" denies c2 denied
check_json "and is told by itself" "$(verdict c2) | .verdict == \"refused\" and .tcp != \"refused\" and .cause != null" two
causes() { [ "$(jq -r 'select(.type == "run" and .key.host == "c1").values.cause' one)" != "$(jq -r 'select(.type == "run" and .key.host == "c2").values.cause' two)" ]; }
check "not as one that lacks our key" causes
check "the next addition brings it back" run --all MEMBER_ADDED: m3
check "m1 is accepted" accepted m1 c1 c2

# One that is down.
gone=$(digest m4)
down c2
check_status "m4 is deleted while c2 is down" 3 run MEMBER_DELETED: m4
check_json "c2 is told" "($(of c2 m4).state == \"unreachable\") and ($(of c2 m4).cause | contains(\"Connection refused\")) and ($end.pending == 1)" "$OUT"
check_json "c1 is done" "$(of c1 m4) | .state == \"ok\" and .present_as == []" "$OUT"
check "c1 refuses m4" refused m4 c1
check "c2 does not know yet" accepted m4 c2
check "what is pending is told" run --list
check_json "by its name" '[.[] | select(.type == "pending") | [.key.host] + .values.members] == [["c2", "m4"]]' "$OUT"
check_status "while it is down it is pending" 3 run --pending
up c2
visits_new
check "when it is up it is done" run --pending
check "c2 alone was visited" eval '[ "$(visits)" = c2 ]'
check "c2 refuses m4" refused m4 c2
check "nobody trusts it" eval "for host in m1 m2 m3 c1 c2; do trusts_not \$host $gone || return; done"
check "the others are accepted" eval 'accepted m1 c1 c2 && accepted m2 c1 c2 && accepted m3 c1 c2'
visits_new
check "then nothing is pending" run --pending
check "and nobody is visited" eval '[ -z "$(visits)" ]'
trees_now
check "a second time there is nothing to delete" run MEMBER_DELETED: m4
check "no byte is another one" same
rm "$(work c1)/ppkeys/$CF_USER-$(digest m3).pub" "$(work c2)/ppkeys/$CF_USER-$(digest m3).pub"
down c1 denied
check_status "m3 is added while c1 lets nobody in" 3 run --all MEMBER_ADDED: m3
check_json "which is told" "$(of c1 m3) | .state == \"refused\" and (.cause | contains(\"Permission denied\"))" "$OUT"
check "c2 accepts it" accepted m3 c2
up c1
visits_new
check "the same command does the rest" run MEMBER_ADDED: m3
check "and c2 was not visited again" eval 'visits | tee v | grep -qw c1 && ! grep -qw c2 v'
check "c1 accepts it" accepted m3 c1
rm "$(work c1)/ppkeys/$CF_USER-$(digest m3).pub" || exit
config m1 m2 m3 visit_seconds=1
down c1 hangs
check_status "m3 is added while c1 hangs" 3 run --all MEMBER_ADDED: m3
check_json "which is told" "$(of c1 m3) | .state == \"unreachable\"" "$OUT"
up c1
config m1 m2 m3
check "--pending does the rest" run --pending
check "c1 accepts it" accepted m3 c1

# One key pair for all members, as DSAU had it.
config m1 m2 m3 m4 'key_pair="shared"'
check "m4 is added with the pair of m1" run MEMBER_ADDED: m4
check_json "which is told" '[.[] | select(.type == "identity" and .key.member == "m4").values] | .[0].pair == "taken" and .[0].shared_with == ["m1"] and .[0].digest == "'"$(digest m1)"'"' "$OUT"
check "it has it" cmp "$(work m1)/ppkeys/localhost.priv" "$(work m4)/ppkeys/localhost.priv"
check "m4 is accepted" accepted m4 c1 c2
trees_now
check_status "m4 cannot be deleted: m1 would be cut off" 6 run MEMBER_DELETED: m4
check "and it is said what to do" grep -q 'new-key' "$ERR"
check "nothing was changed" same
check "m1 is accepted" accepted m1 c1 c2
check "m1 gets a key of its own" run --new-key m1
check "another one" eval '[ "$(digest m4)" != "$(digest m1)" ]'
check "m1 is accepted, and m4 still" eval 'accepted m1 c1 c2 && accepted m4 c1 c2'
check "m4 can be deleted" run MEMBER_DELETED: m4
check "m4 is refused, and m1 still accepted" eval 'refused m4 c1 c2 && accepted m1 c1 c2 && accepted m2 c1 c2'

# Where hamember is not to run, or must not write.
config m1 m2 m3 m4 'package={"mount": "'"$CFLAB/csync"'", "sentinel": "'"$CFLAB/csync"'/dsau/cfengine_master/inputs/update.conf"}'
trees_now
check_status "where the package is not mounted nothing is done" 5 run MEMBER_ADDED: m4
check "no byte is another one" same
config m1 m2 m3 m4
rm "$(work c1)/ppkeys/$CF_USER-$(digest m3).pub" "$(work c2)/ppkeys/$CF_USER-$(digest m3).pub" && chmod 750 "$(work c2)/ppkeys" || exit
find "$(work c2)/ppkeys" -type f -exec sha256sum {} + >before
check_status "keys that others may look at are left alone" 3 run --all MEMBER_ADDED: m3
check_json "which is told" "$(of c2 m3) | .state == \"refused\"" "$OUT"
check "nothing was written there" eval 'find "$(work c2)/ppkeys" -type f -exec sha256sum {} + | diff before -'
chmod 700 "$(work c2)/ppkeys"
check "then it is brought" run --pending
check "m3 is accepted" accepted m3 c1 c2
done_testing
