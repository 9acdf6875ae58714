# hamember on a cluster whose package fails over: real sshd, mounts and addresses, and clients that have nothing but sh and cfengine.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/cfengine.sh"
at_exit() { cfengine_down; }
reason=$(cfengine_possible nodes) || {
    skip "a cluster and its clients" "$reason"
    done_testing
}
cfengine_new nodes 2 2 1 || exit
for host in m1 m2; do
    # The configuration is one for all members.
    mkdir "$CFLAB/$host/disk/etc/hatools" && member_json "after_added={\"member\": [[\"$CFLAB/serverd\", \"here\", \"start\"]]}" >"$CFLAB/$host/disk/etc/hatools/member.json" || exit
done
cfengine_up || exit
# c2 is no client yet. m3 was installed with a key pair, as Debian does it, and has the keys of the clients.
unmanage c2 && new_pair m3 && put_key c1 m3 && put_key c2 m3 || exit
cp "$CFLAB/csync/dsau/cfengine_master/inputs/promises.cf" "$CFLAB/policy" && on m3 sh -ec 'umask 077; mkdir -p "$1"; cat "$2" >"$1/promises.cf"' m3 "$(work m3)/inputs" "$CFLAB/policy" || exit

same() { trees m1 m2 m3 c1 c2 >now && diff before now; }
trees_now() { trees m1 m2 m3 c1 c2 >before; }
of() { echo "map(select((.type == \"client\" or .type == \"member\") and .key.host == \"$1\" and .key.member == \"$2\").values)[0]"; } # HOST MEMBER
verdict() { echo "map(select(.type == \"run\" and .key.host == \"$1\").values)[0]"; } # HOST
end='.[-1]'

check "no client has any of the tools" eval 'for host in c1 c2; do ! on $host sh -c "command -v hamember || command -v hasync || command -v python" || return; done'
check "m1 and m2 are accepted by c1" eval 'accepted m1 c1 && accepted m2 c1'
check "but not by c2" eval 'put_key c2 m1 && refused m1 c2 && on m1 rm "$(work m1)/ppkeys/$CF_USER-$(digest c2).pub"'
visits_new
check "c2 becomes a client" on m1 hamember --add-client c2
check_json "ssh gets there, its cf-serverd is reached, and it has its line" '([.[] | select(.type == "ssh" or .type == "reach" or .type == "line") | .key.host] | sort) == ["c2", "c2", "c2"] and '"$end.ok" "$OUT"
check "c1 was not visited" eval '[ "$(visits)" = "m2 c2" ]'
check "c2 accepts m1 and m2" eval 'accepted m1 c2 && accepted m2 c2'
check "keys went both ways" eval 'trusts c2 m1 m2 && trusts m1 c2 && trusts m2 c2'
check "it has its line in cfrun.hosts, once" eval '[ "$(grep -c "^c2$" "$CFLAB/csync/dsau/cfengine_master/inputs/cfrun.hosts")" -eq 1 ]'
trees_now
check "a second time there is nothing to do" on m1 hamember --add-client c2
check "no byte is another one" same

# The seed's way: another member's key under the new member's address. Keys differ here, so that cf-serverd gives it the wrong name.
check "m3 is refused by both clients" refused m3 c1 c2
put_key m1 c1 "root-$(address m3).pub"
check "and with another member's key under its address, too" refused m3 c1
check "which has m1's key under m3's name now" eval 'keys c1 | grep -qx "root-$(digest m3).pub $(digest m1)"'
check "m3 is added" on m1 hamember MEMBER_ADDED: m3
check_json "the wrong key was found, and mended" "$(of c1 m3) | .state == \"ok\" and (.faults | any(.fault == \"poisoned\" and .holds == \"$(digest m1)\" and .mended))" "$OUT"
check_json "c2 had none" "$(of c2 m3) | .found == \"missing\" and .state == \"ok\" and .present_as == [\"root-$(digest m3).pub\"]" "$OUT"
check "m3 is accepted by both clients" accepted m3 c1 c2
check "so are m1 and m2" eval 'accepted m1 c1 c2 && accepted m2 c1 c2'
check "keys went both ways" eval 'trusts m3 m1 m2 c1 c2 && trusts m1 m3 && trusts m2 m3 && trusts c1 m1 m2 m3 && trusts c2 m1 m2 m3'
check "its cf-serverd runs, and accepts the members" eval 'accepted m1 m3 && accepted m2 m3'
copied() { on m1 sh -c 'cd / && cat csync/dsau/cfengine_master/inputs/* etc/cmcluster/csync/* etc/hatools/*' >of-m1 && on m3 sh -c 'cd / && cat var/lib/cfengine3/inputs/cfrun.hosts var/lib/cfengine3/inputs/promises.cf var/lib/cfengine3/inputs/update.conf etc/cmcluster/csync/* etc/hatools/*' | diff of-m1 -; }
check "it has the policy, the package's files, and hamember's configuration" copied
trees_now
check "a second time there is nothing to do" on m1 hamember MEMBER_ADDED: m3
check_json "and nothing was done" "$end | .changed == 0" "$OUT"
check "no byte is another one" same
check "all is right" on m1 hamember --check
check "a real run to each client shows it" on m1 hamember --verify
check_json "by what it did there" "[$(verdict c1), $(verdict c2)] | all(.verdict == \"accepted\" and .effect)" "$OUT"
check "from m3, too" on m1 hamember --verify --from m3
check_json "by what it did there" "[$(verdict c1), $(verdict c2)] | all(.verdict == \"accepted\" and .effect)" "$OUT"

check "the clients pull from the package on m1" eval 'pulls c1 "from m1" && pulls c2 "from m1"'
package_to m3 || exit
check "the package fails over to the new member, and they pull from there" eval 'pulls c1 "from m3" && pulls c2 "from m3"'
trees_now
check_status "m1 has lost it, and does nothing" 5 on m1 hamember MEMBER_DELETED: m2
check "it says where to run it" grep -q 'not mounted here: run this on the member' "$ERR"
check_status "nor does it anything else" 5 on m1 hamember --pending
check_status "or on m2" 5 on m2 hamember MEMBER_ADDED: m3
check "no byte is another one" same
mv "$CFLAB/csync/dsau/cfengine_master/inputs/update.conf" aside
check_status "what is mounted there is not the package's" 5 on m3 hamember MEMBER_DELETED: m2
mv aside "$CFLAB/csync/dsau/cfengine_master/inputs/update.conf"
check "no byte is another one" same
check "on m3 all is right" on m3 hamember --check
check "and a run from there is accepted" on m3 hamember --verify
check "nothing of that changed a byte" same

# The new master deletes a member while a client has no power.
gone=$(digest m2)
down c2
check_status "m2 is deleted while c2 is down" 3 on m3 hamember MEMBER_DELETED: m2
check_json "c1 is done, and c2 pending" "($(of c1 m2) | .state == \"ok\" and .present_as == []) and ($(of c2 m2) | .state == \"unreachable\" and .cause != null) and $end.pending == 1" "$OUT"
check "c1 refuses m2" refused m2 c1
check "the members do not trust it" eval "trusts_not m1 $gone && trusts_not m3 $gone && refused m2 m1 m3"
up c2
check "c2 does not know yet" accepted m2 c2
visits_new
check "--pending brings it there" on m3 hamember --pending
check "and nowhere else" eval '[ "$(visits)" = c2 ]'
check "c2 refuses m2" refused m2 c2
check "m1 and m3 are accepted" eval 'accepted m1 c1 c2 && accepted m3 c1 c2'

# Back again, the first master knows what was done meanwhile.
package_to m1 || exit
check "the package goes back, and the clients pull from there" eval 'pulls c1 "from m1 again" && pulls c2 "from m1 again"'
check "all is right on m1" on m1 hamember --check
trees_now
check "m2 stays deleted" on m1 hamember MEMBER_DELETED: m2
check "no byte is another one" same
check "until it is added again" on m1 hamember MEMBER_ADDED: m2
check "m2 is accepted" accepted m2 c1 c2
done_testing
