# A takeover, and giving up, killed at each step, or failing at it: the next run ends as an undisturbed one. On nodes with real
# mounts, addresses and daemons.
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/pair.sh"
at_exit() { pair_down; }
reason=$(pair_possible && { command -v arping >/dev/null || { echo "arping is missing: scripts/setup installs it"; false; }; }) || {
    skip "a takeover that is killed" "$reason"
    done_testing
}

pair_new || exit
pair_config 'host_name="xcatmn"' 'timeouts_seconds={"start": 10, "stop": 6, "mount": 6, "command": 6, "probe": 6}' >"$CLUSTER/disk/etc/hatools/pair.json"
chmod 600 "$CLUSTER/disk/etc/hatools/pair.json"
# What a step calls goes by way of this, which kills the run before, while or after it does it, once: /run/kill has when and what.
cat >by <<'END'
#!/bin/sh
me=${0##*/}
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
# The names of processes have 15 letters.
kill_it() { rm /run/kill && pkill -KILL -x 'haxcat-activate|haxcat-deactiva'; }
if [ -e /run/kill ]; then
    told=$me${*:+ $*}
    case $(cat /run/kill) in
        "before $told") kill_it; exec sleep 900 ;;
        "while $told") "$me" "$@" & kill_it; wait $!; exit ;;
        "after $told") "$me" "$@"; kill_it; exit ;;
    esac
fi
# It asks for a second and not for three: the scene takes over again and again.
# shellcheck disable=SC2046 # words
[ "$me" != arping ] || set -- $(echo "$*" | sed 's/-c 2 -w 3/-c 1 -w 1/')
exec "$me" "$@"
END
mkdir -p "$CLUSTER/disk/usr/local/sbin"
for command in ip arping mount umount systemctl makedns makedhcp makeconservercf exportfs lsxcatd; do
    cp by "$CLUSTER/disk/usr/local/sbin/$command" && chmod 755 "$CLUSTER/disk/usr/local/sbin/$command" || exit
done
pair_up || exit

on() { _on=$1; shift; node "$_on" sh -c "$*"; }
take() { node n1 sh -c 'haxcat-activate --peer-down "$@"; exit $?' take "$@"; }
gone() { node n1 sh -c 'haxcat-deactivate "$@"; exit $?' gone "$@"; }
said() { grep -F -e "$1" "$ERR" "$OUT"; }
failed_in() { [ "$(jq -r 'select(.type == "end").failed_steps | join(" ")' "$OUT")" = "$1" ]; }
state() { # what goes with the role, on n1; what runs is named with how many of it there are
    on n1 'hostname
        ip -o address show to 10.77.0.10 | awk "{ print \$2, \$4 }"
        for path in /etc/xcat /install /tftpboot /root/.xcat; do echo "$path: $(grep -c " $path " /proc/self/mountinfo) mounts"; done
        for unit in xcatd named dhcpd conserver; do echo "$unit: $(systemctl is-active $unit)"; done
        for program in "/usr/bin/python3 /opt/xcat/sbin/xcatd" "/usr/sbin/dnsmasq .*/named.conf" "/usr/sbin/dnsmasq .*/dhcpd.conf" "socat TCP-LISTEN:782"; do
            echo "$program: $(pgrep -c -f -- "^$program") processes"
        done
        echo "exports: $(exportfs -s)"
        echo "run on: $(pgrep -x -l "sleep|haxcat-.*|arping" | grep -v "^[0-9]* sleep$" | wc -l), $(pgrep -f "^sleep 900" | wc -l)"
        find /run/hatools -type f ! -name "*.out" 2>/dev/null | sort
        [ ! -e /run/hatools/haxcat-active ] || cat /etc/named.conf /etc/dhcp/dhcpd.conf /var/lib/dhcpd/hosts /etc/conserver.cf' 2>&1
}
serves() {
    pair_ask nodelist | grep -q '"node02","compute,all"' && [ "$(client dig +short +time=1 +tries=2 @10.77.0.10 node01.cluster.example.com)" = 10.77.0.101 ]
}
starts() { on n1 'grep -c "^systemctl start xcatd" /var/log/units/commands.log'; }

# Undisturbed.
state >before
check "it is taken over" take
state >active
check "all of it is here" grep -q '^/install: 1 mounts' active
check "and serves" serves
check "the status says so" node n1 haxcat-activate --status
check "it is given up" gone
state >inactive
check "and nothing is left" diff before inactive
check_status "the status says so" 1 node n1 haxcat-activate --status
check_status "nothing serves" 1 serves
# From here on what two runs leave is compared with that.

killed() { # TOOL WHEN COMMAND...: then it is killed
    tool=$1
    shift
    node n1 sh -c 'echo "$*" >/run/kill' sh "$@"
    check_status "killed $*" 137 "$tool"
    check_status "at that point: $*" 1 node n1 test -e /run/kill
}
same() { # NAME FILE
    state >now
    check "$1" diff "$2" now
}
commands='ip address add 10.77.0.10/24 dev net0
arping -U -q -c 2 -w 3 -I net0 10.77.0.10
mount /etc/xcat
mount /root/.xcat
systemctl start xcatd
makedns -n
makedhcp -n
makedhcp -a
makeconservercf
exportfs -a
lsxcatd -v'
number=0
while read -r command <&3; do
    number=$((number + 1))
    # In turn, so that each point is met in a minute or two; the address, a mount, and xcatd in every way.
    case $command in
        ip* | *"/etc/xcat" | *"start xcatd") ways="before while after" ;;
        arping*) ways=before ;;
        *) [ $((number % 2)) -eq 0 ] && ways=before || ways=after ;;
    esac
    for way in $ways; do
        # shellcheck disable=SC2086 # words
        killed take $way $command
        check "the next run goes on" take
        same "and ends as an undisturbed one: $way $command" active
        case $way in
            after) check "it serves" serves ;;
            before)
                check "a third one has nothing to do" take
                check_json "nothing at all" '[.[] | select(.key.attempt == "do").values.outcome] | all(. == "already" or . == "passed_over")' "$OUT"
                ;;
        esac
        check "it is given up" gone
        same "and nothing is left" inactive
    done
done 3<<END
$commands
END
# What a killed takeover brought can be given up at once.
for command in "mount /etc/xcat" "systemctl start xcatd" "makedhcp -n"; do
    # shellcheck disable=SC2086
    killed take after $command
    check "given up" gone
    same "nothing is left: killed after $command, and given up" inactive
done

commands='systemctl stop conserver
systemctl stop dhcpd
systemctl stop xcatd
exportfs -ua
umount /root/.xcat
umount /etc/xcat
ip address del 10.77.0.10/24 dev net0'
while read -r command <&3; do
    number=$((number + 1))
    case $command in
        *"stop xcatd") ways="before while after" ;;
        *) [ $((number % 2)) -eq 0 ] && ways=before || ways=after ;;
    esac
    for way in $ways; do
        check "it is taken over" take
        # shellcheck disable=SC2086
        killed gone $way $command
        check "the next run gives up the rest" gone
        same "and nothing is left: $way $command" inactive
    done
done 3<<END
$commands
END
check "a takeover behind all that" take
same "is as the first one" active
check "it is given up" gone

# At any moment.
for tenths in 0.2 1.1 1.9; do
    check_status "killed after $tenths s, or done" 137 node n1 sh -c 'haxcat-activate --peer-down & pid=$!; sleep "$1"; kill -KILL $pid 2>/dev/null; wait $pid 2>/dev/null; exit 137' sh $tenths
    check "the next run goes on" take
    same "and ends as an undisturbed one: after $tenths s" active
    check "it is given up" gone
    same "and nothing is left" inactive
done
done_testing
