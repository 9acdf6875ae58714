# A node takes the xCAT management node over, in the order of xCAT's documents; what fails ends the run, and the next one goes on.
# shells: dash ksh93
. "${0%/*}/../fakes/machine.sh"
machine "$@"
. "${0%/*}/../lib.sh"
[ "$MACHINE" = yes ] || { skip "a takeover" "$NO_MACHINE"; done_testing; }
. "$ROOT/tests/fakes/xcat-node.sh"
node_pair
take() { haxcat-activate --config pair.json "$@"; }
keep() { cp "$ERR" said.words; }
says() { grep -F "$1" said.words; }
steps() { jq -r 'select(.type == "event" and .key.attempt == "do") | .key.step + " " + .values.outcome' "$OUT"; }

check_status "nothing is here" 1 take --status
check_json "and that is an answer" 'length == 1 and (.[0] | .schema == "haxcat-status/1" and .ok and .state == "inactive" and .parts.vip == false)' "$OUT"
node_state >before
check_status "without a proof that the other node is down nothing is taken over" 6 take
keep
check "and it is said what proves it" says 'needs-peer-down: nothing here proves it (see that the other node is shut down, fenced, or gave up (haxcat-deactivate), and say --peer-down'
check_status "nor where the program of the configuration says that it is up" 6 sh -c 'jq ".peer_down = [\"false\"]" pair.json >asked.json && chmod 600 asked.json && haxcat-activate --config asked.json'
node_state >after
check "nothing was done" diff before after
ip address add 9.3.240.9/24 dev en0
check_status "an address that no takeover put here is no proof" 6 take
check "nor is it one where the other node answers for it: it is asked for" sh -c 'haxcat-activate --config pair.json --peer-down --dry-run | harun --dry-run | grep -q "\"vip-free\".*\"would_run\""'
ip address del 9.3.240.9/24 dev en0
jq '.nodes[0].address = "9.3.240.4"' pair.json >other.json && chmod 600 other.json
check_status "a machine that is none of the pair takes nothing over" 2 haxcat-activate --config other.json --peer-down
check_status "nor does one without the configuration" 2 haxcat-activate --config nowhere.json

: >said
check "it is taken over" take --peer-down
steps >ran
cat >wanted <<'END'
xcat-begin done
vip-free done
vip-up done
vip-announce done
mount-1 done
mount-2 done
database-engine done
site-table done
host-name done
stop-deaf-xcatd passed_over
start-xcatd done
xcat-dns done
xcat-dhcp done
xcat-dhcp-nodes done
xcat-consoles done
start-named done
start-conserver done
export done
xcat-look-vip done
xcat-look-mount-1 done
xcat-look-mount-2 done
xcat-look-xcatd done
xcat-look-named done
xcat-look-conserver done
xcat-look-answer done
xcat-active done
proof done
END
check "step by step" diff wanted ran
printf '%s\n' 'systemctl start xcatd' 'makedns -n' 'makedhcp -n' 'makedhcp -a' makeconservercf 'systemctl start named' 'systemctl start conserver' \
    'exportfs -a' 'lsxcatd -v' | sed 's/^makeconservercf$/makeconservercf /' >wanted
check "xCAT's commands in its order" diff wanted said
node_state >active
printf '%s\n' 'en0 9.3.240.9/24' /opt/shared /opt/install conserver named xcatd exported mn >wanted
check "address, mounts, services, exports and host name are here" diff wanted active
check "the status says so" take --status
check_json "with every part" '.[0] | .state == "active" and ([.parts[]] | all)' "$OUT"
check_json "and that xcatd was seen running is kept" '.[0].schema == "haxcat-proof/1" and .[0].xcat_version == "Version 2.16.5"' proof

: >said
check "a second run" take
check_json "has nothing to do" '[.[] | select(.key.attempt == "do").values.outcome] | all(. == "already" or . == "passed_over")' "$OUT"
check "and calls nothing" test ! -s said
rm runs/named
check_status "when a service has died" 6 take --status
check_json "a part is here" '.[0] | .state == "in_part" and .error.reason == "in_part" and .parts["service named"] == false' "$OUT"
check "the next run" take
check "starts it" test -e runs/named

gone() { haxcat-deactivate --config pair.json "$@"; }
check "it is given up" gone
node_state >after
check "and nothing is left" diff before after
# A step that fails ends the run. What was done stays, and the next run goes on.
for bent in makedhcp named; do
    node_bend $bent fails
    : >said
    check_status "$bent fails" 6 take --peer-down
    check_json "and the run says which step" '.[-1].failed_steps | length == 1' "$OUT"
    check "what was done stays: $bent" grep -q '9.3.240.9' /proc/net/fib_trie
    node_bend $bent well
    cp said before-it
    check "the next run goes on: $bent" take
    check_json "from there: $bent" 'any(.key.step == "vip-up" and .values.outcome == "already") and any(.key.step == "start-xcatd" and .values.outcome == "already")' "$OUT"
    node_state >again
    check "and ends as an undisturbed one: $bent" diff active again
    check "it is given up: $bent" gone
done
node_bend makedns hangs
check_status "a command that hangs is ended at its time" 5 take --peer-down
keep
check "and named" says 'haxcat-activate: xcat-dns: makedns: ended after 3 s'
node_bend makedns well
check "it is given up" gone
printf '#!/bin/sh\nexit 1\n' >bin/tabdump.new && chmod +x bin/tabdump.new && rm bin/tabdump && mv bin/tabdump.new bin/tabdump
check_status "an xcatd that does not answer" 5 take --peer-down
keep
check "is the end of it" says 'haxcat-activate: start-xcatd: tabdump answers no, after 3 s'
check_status "and is stopped and started by the next run" 5 take
check_json "as it does not answer" 'any(.key.step == "stop-deaf-xcatd" and .values.outcome == "done")' "$OUT"
rm bin/tabdump && ln -s command-of-xcat bin/tabdump
check "it is given up" gone
XCATCFG='Pg:dbname=xcatdb;host=mn|xcatadm|secret'
check_status "a database of another engine" 6 take --peer-down
keep
check "is not taken for it" says 'database-engine: '
check_status "and no password is said" 1 grep -rq secret "$OUT" said.words
XCATCFG=SQLite:$SCENE_DIR/db
export XCATCFG
check "it is given up" gone

# Somebody else has the address.
unshare --net sleep 60 &
far=$!
sleep 0.2
other=$(ip link add far0 type veth peer name far1 2>&1 && ip link set far1 netns "$far" && ip link set far0 up && ip address add 9.3.240.1/32 dev far0 2>&1)
if [ -e /sys/class/net/far0 ] || ip link show far0 >/dev/null 2>&1; then
    nsenter --net=/proc/$far/ns/net sh -c 'ip link set far1 up; ip address add 9.3.240.9/24 dev far1'
    jq '.vip.adapter = "far0"' pair.json >taken.json && chmod 600 taken.json
    check_status "an address for which another machine answers" 6 haxcat-activate --config taken.json --peer-down
    keep
    check "is not taken" says 'vip-free: sh: status 1: another machine may have 9.3.240.9'
    check_status "and not put anywhere" 1 sh -c 'ip -o address show to 9.3.240.9 | grep -q .'
else
    skip "an address for which another machine answers" "$other"
fi
kill $far
held() { flock state/haxcat haxcat-activate --config pair.json --peer-down --lock-wait 0; }
check_status "another run is not disturbed" 5 held
node_bend lsxcatd fails
check_status "a takeover whose proof cannot be kept is one all the same" 3 take --peer-down
check_json "and says so" '.[-1] | .ok == false and .status == 3 and .failed == 1' "$OUT"
node_state >again
check "it is here" diff active again
done_testing
