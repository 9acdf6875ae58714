# A node gives the xCAT management node up: each step has its turn, whatever failed, and what remains is said.
# shells: dash ksh93
. "${0%/*}/../fakes/machine.sh"
machine "$@"
. "${0%/*}/../lib.sh"
[ "$MACHINE" = yes ] || { skip "giving up" "$NO_MACHINE"; done_testing; }
. "$ROOT/tests/fakes/xcat-node.sh"
node_pair
take() { haxcat-activate --config pair.json --peer-down; }
gone() { haxcat-deactivate --config pair.json "$@"; }
keep() { cp "$ERR" said.words; }
says() { grep -F "$1" said.words; }
node_state >before

: >said
check "where nothing is, nothing is given up" gone
check "and nothing is called" test ! -s said
check_json "each step is so already" '[.[] | select(.key.attempt == "do").values.outcome] | all(. == "already" or . == "passed_over")' "$OUT"
check "nor are xCAT's commands needed" env PATH="${PATH#*:}" SCENE_DIR="$SCENE_DIR" sh -c 'mkdir only && ln -s ../bin/systemctl only/ && PATH=$PWD/only:$PATH haxcat-deactivate --config pair.json'
check_status "the configuration is" 2 haxcat-deactivate --config nowhere.json

check "it is taken over" take
: >said
check "and given up" gone
cp "$OUT" told
printf '%s\n' 'systemctl stop conserver' 'systemctl stop named' 'systemctl stop xcatd' 'exportfs -ua' >wanted
check "services, and then exports" diff wanted said
jq -r 'select(.values.outcome == "done").key.step' told >ran
printf '%s\n' xcat-forget stop-conserver stop-named stop-xcatd unexport unmount-2 unmount-1 vip-down restore-host-name >wanted
check "in the reverse order of a takeover" diff wanted ran
node_state >after
check "nothing is left" diff before after

check "it is taken over" take
(cd /opt/install && exec sleep 60) &
holder=$!
sleep 0.2
node_bend named fails
check_status "where something is held" 6 gone
cp "$OUT" told
keep
check "who holds a file system is said" grep -q "umount /opt/install: status [0-9]*: held by .*$holder (sleep)" told
check_json "and each step had its turn" '.[-1].failed_steps == ["stop-named", "unmount-2"]' told
node_state >after
printf '%s\n' /opt/install named node2 >wanted
check "nothing else is left" diff wanted after
kill $holder
node_bend named well
check "the next run gives up the rest" gone
node_state >after
check "nothing is left" diff before after
# What is on its way up, or is started anew again and again, runs; what nobody manages does, too.
check "it is taken over" take
sed -i 's/echo ActiveState=inactive; fi/echo ActiveState=activating; fi/' bin/systemctl
rm runs/named
: >said
check_status "a service that is on its way up is not given up" 6 gone
check "and was told to stop" grep -qx 'systemctl stop named' said
sed -i 's/ActiveState=activating/ActiveState=inactive/' bin/systemctl
python3 -c 'import os; os.execv("/bin/sleep", ["xcatd: SSL listener", "60"])' &
hand=$!
sleep 0.2
check_status "an xcatd that was started by hand remains, and that is said" 6 gone
check_json "by its step" '.[-1].failed_steps == ["xcatd-gone"]' "$OUT"
kill $hand
check "without it all is given up" gone

# The service address came before the node's own, which the system would take away with it.
ip address del 9.3.240.1/24 dev en0 && ip address add 9.3.240.9/24 dev en0 && ip address add 9.3.240.1/24 dev en0
echo 0 >/proc/sys/net/ipv4/conf/en0/promote_secondaries
check "an address that came before the node's own is given up" gone
own() { ip -o address show dev en0 to 9.3.240.1 | grep -q . && ! ip -o address show to 9.3.240.9 | grep -q .; }
check "and the node keeps its own" own
check "and its setting" grep -qx 0 /proc/sys/net/ipv4/conf/en0/promote_secondaries
held() { flock state/haxcat haxcat-deactivate --config pair.json --lock-wait 0; }
check_status "another run is not disturbed" 5 held
done_testing
