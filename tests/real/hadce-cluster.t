# Under a real cluster, DCE's stand-in is started, moved, taken over from a node that died, and undone where a start or a stop fails.
# Its nodes watch each other, and have no realtime priority: what runs beside it may not hold them up.
renice -n -10 -p $$ >/dev/null 2>&1
. "${0%/*}/../lib.sh"
. "$ROOT/scripts/cluster.sh"
. "$ROOT/tests/real/dce/group.sh"
at_exit() { cluster_down; }
agent=$ROOT/scripts/ocf/hadce
has_tester() { command -v ocf-tester >/dev/null || { echo "ocf-tester is missing: scripts/setup installs it"; return 1; }; }
reason=$(cluster_possible && dce_possible && has_tester) || {
    skip "hadce under Pacemaker, with real services" "$reason"
    done_testing
}

# The agent alone. What it calls answers as it is told.
mkdir told nothing
for tool in hadce-start hadce-stop; do
    cat >told/$tool <<'END'
#!/bin/sh
echo "${0##*/} $*" >>"$SCENE_DIR/calls"
[ -z "${WORDS:-}" ] || printf '%s\n' "$WORDS" >&2
case $* in
    *--dry-run*) [ -z "${PLAN:-}" ] || cat "$PLAN"; exit 0 ;;
    *--status*) [ -z "${LOOK:-}" ] || ANSWER=$LOOK STATUS=6 ;;
esac
[ -z "${ANSWER:-}" ] || printf '%s\n' "$ANSWER"
exit "${STATUS:-0}"
END
    chmod +x told/$tool
done
echo '{}' >dce.json
system_path=/usr/sbin:/usr/bin:/sbin:/bin
act() { # ACTION [VARIABLE=VALUE...]
    asked=$1
    shift
    env PATH="$SCENE_DIR/told:$system_path" OCF_RESKEY_config="$SCENE_DIR/dce.json" "$@" dash "$agent" ${asked:+"$asked"}
}
called() { [ "$(tail -n 1 calls)" = "$1" ] || { tail -n 1 calls; return 1; }; }
has_reason() { grep -Fx "ocf-exit-reason:$1" "$ERR"; }

check "the agent describes itself, and nothing else" act meta-data PATH="$SCENE_DIR/nothing:$system_path"
check "as OCF 1.1 has it" xmllint --noout --dtdvalid /usr/share/resource-agents/ra-api-1.dtd "$OUT"
check "it says how it is used" act usage
export HA_RSCTMP="$SCENE_DIR/begun"
for action in start stop; do
    # What begins to start may run: then a stop that cannot tell fails.
    check "a start" act start
    for pair in 1:1 2:2 3:1 4:2 5:1 6:1 127:5 0:0; do
        check_status "$action: status ${pair%:*} is OCF's ${pair#*:}" "${pair#*:}" act $action STATUS="${pair%:*}"
    done
done
for pair in 0:0 1:7 2:2 4:2 5:1 6:1; do
    check_status "monitor: status ${pair%:*} is OCF's ${pair#*:}" "${pair#*:}" act monitor STATUS="${pair%:*}"
done
check "a stop" act stop
check_status "what it does not know is not implemented" 3 act promote
check_status "nor is nothing" 3 act ''
check_status "config is an absolute path: wrong on every node" 6 act start OCF_RESKEY_config=dce.json
check_status "peer_down is true or false: wrong on every node" 6 act monitor OCF_RESKEY_peer_down=perhaps
check "the reason is told" has_reason "peer_down is neither true nor false: perhaps"
for action in start monitor; do
    check_status "$action: without the tools, it is not installed" 5 act $action PATH="$SCENE_DIR/nothing:$system_path"
    check_status "$action: nor is it without its file" 5 act $action OCF_RESKEY_config=/nowhere/dce.json
done
check "stop: without the tools, nothing was started" act stop PATH="$SCENE_DIR/nothing:$system_path"
check "stop: nor without its file" act stop OCF_RESKEY_config=/nowhere/dce.json
check_status "a start with a wrong file" 2 act start STATUS=2
check "stop: nor with a wrong file" act stop STATUS=2
check_status "a start that fails" 1 act start STATUS=6
check_status "stop: with a wrong file, what may run is not stopped" 2 act stop STATUS=2
check_status "stop: nor without its file" 5 act stop OCF_RESKEY_config=/nowhere/dce.json
check_status "stop: nor without the tools" 5 act stop PATH="$SCENE_DIR/nothing:$system_path"
check "a stop" act stop
# What runs here, whoever started it, is not taken for stopped.
for look in 0 'half"'; do
    case $look in
        0) check "a monitor that finds it running" act monitor ;;
        *) check_status "or half up" 1 act monitor LOOK='{"status":6,"state":"half","error":{"kind":"failed","reason":"half_up","message":"x"}}' ;;
    esac
    check_status "makes a stop with a wrong file fail" 2 act stop STATUS=2
    check "a stop" act stop
done
check_status "one that finds it stopped" 7 act monitor STATUS=1
check "does not" act stop STATUS=2
# A node without the programs: DCE is not installed, or stands on a shared disk that is elsewhere.
none='{"status":6,"state":null,"error":{"kind":"failed","reason":"no_program","message":"/opt/{dce}: no such program"}}'
check_status "monitor: without the programs, it is not installed" 5 act monitor LOOK="$none"
check "it says which" has_reason "/opt/{dce}: no such program"
check "stop: nothing was started" act stop STATUS=6 LOOK="$none"
check_status "a stop that fails for another reason fails" 1 act stop STATUS=6
for unmet in '"unmet":["needs-start-dce"]' '"unmet":[]'; do
    check_status "a start that did nothing" 1 act start STATUS=6 \
        ANSWER='{"type":"end","ok":false,"status":6,"done":0,"already":0,"undone":0,'"$unmet"',"failed_steps":[],"error":{"kind":"failed","message":"x"}}'
    check "stop: nothing was started" act stop STATUS=6 LOOK="$none"
done
check_status "a start that did something" 1 act start STATUS=6 \
    ANSWER='{"type":"end","ok":false,"status":6,"done":1,"already":0,"undone":1,"unmet":[],"failed_steps":["start-dce"],"error":{"kind":"failed","message":"x"}}'
check_status "monitor: without the programs, it failed" 1 act monitor LOOK="$none"
check_status "stop: without the programs, what may run is not stopped" 1 act stop STATUS=6 LOOK="$none"
check "a stop" act stop
ln -s "$HATOOLS_BIN/harun" told/harun
for mount in /nowhere:7 /proc:5; do
    cat >plan.jsonl <<END
{"type":"begin","schema":"ha-plan/1"}
{"type":"plan","key":{"plan":"hadce-start"},"values":{"state":"hadce","state_directory":"$SCENE_DIR","deadline_seconds":60}}
{"type":"condition","id":"needs-mount-1","what":"x","check":{"kind":"mounted","path":"${mount%:*}"},"otherwise":"x"}
{"type":"step","id":"start-dce","what":"x","unless":[{"argv":["/nowhere/running"],"expect":"yes","timeout_seconds":1,"when_timed_out":"yes"}],"do":{"kind":"run","argv":["/nowhere/start"]},"timeout_seconds":1,"on_failure":"stop"}
{"type":"end","ok":true}
END
    check_status "monitor: without the programs, ${mount%:*} a shared file system" "${mount#*:}" act monitor LOOK="$none" PLAN="$SCENE_DIR/plan.jsonl"
done
rm told/harun
# The agent and what it sources as one: nobody does not get to where they are.
sed -e "/\.agent\.sh\"\$/{r $ROOT/scripts/ocf/.agent.sh" -e 'd;}' "$agent" >in-one && chmod 755 in-one
as_nobody() { PATH=$system_path OCF_RESKEY_config=/etc/passwd setpriv --reuid 65534 --clear-groups dash -s "$1" <in-one; }
for action in start monitor; do check_status "$action: it needs root" 4 as_nobody $action; done
check "validate-all looks at no node" act validate-all PATH="$SCENE_DIR/nothing:$system_path" OCF_RESKEY_config=/nowhere/dce.json
check_status "but at level 10 it does" 5 act validate-all OCF_CHECK_LEVEL=10 OCF_RESKEY_config=/nowhere/dce.json
check_status "and reads the file" 2 act validate-all OCF_CHECK_LEVEL=10 STATUS=2
check "what does not run is configured well" act validate-all OCF_CHECK_LEVEL=10 STATUS=1
for pair in 300000:270 20000:18 15500:13 2000:1; do
    check "start: of ${pair%:*} milliseconds" act start OCF_RESKEY_CRM_meta_timeout="${pair%:*}"
    check "it gets ${pair#*:} seconds" called "hadce-start --config $SCENE_DIR/dce.json --deadline ${pair#*:}"
done
check "stop: without a time-out" act stop
check "the file's deadline holds" called "hadce-stop --config $SCENE_DIR/dce.json"
check "start: the other node is down" act start OCF_RESKEY_peer_down=true
check "it is passed on" called "hadce-start --config $SCENE_DIR/dce.json --peer-down"
check_status "a failure" 1 act start STATUS=6 ANSWER='{"type":"begin","schema":"harun/1"}
{"type":"end","ok":false,"status":6,"error":{"kind":"failed","message":"start.dce: \"no\" \\ 3"},"undone":{"message":"x"}}'
check "its reason is the last line's" has_reason 'start.dce: "no" \ 3'
check_status "a message with line ends and other controls" 1 act start STATUS=6 \
    ANSWER='{"type":"end","error":{"kind":"failed","message":"one\ntwo\tthree\u001b\u0007\u007f four\\nfive \\\\\"six\""}}'
check "is one line" has_reason 'one two three    four\nfive \\"six"'
check_status "a failure that told it on standard error alone" 2 act start STATUS=2 WORDS='first
hadce-start: dce.json: x: is no key'
check "its reason is that line" has_reason 'hadce-start: dce.json: x: is no key'
check_status "a failure without a last line" 1 act stop STATUS=6
check "its reason is the status" has_reason 'hadce-stop ended with status 6'
unset HA_RSCTMP

# ocf-tester, and what it must find. The tools remember whether they run.
mkdir remember
cat >remember/hadce-start <<'END'
#!/bin/sh
[ "$1" = --status ] || { : >"$SCENE_DIR/runs"; exit 0; }
[ -e "$SCENE_DIR/runs" ]
END
printf '#!/bin/sh\nrm -f "$SCENE_DIR/runs"\n' >remember/hadce-stop
chmod +x remember/*
# It asks for the description as nobody, who does not get into this directory.
tester() {
    unshare --mount sh -ec 'mount -t tmpfs -o mode=755 agents /mnt; cp "$1" "$ROOT/scripts/ocf/.agent.sh" /mnt; PATH=$SCENE_DIR/remember:$PATH
        ocf-tester -n tested -o config="$SCENE_DIR/dce.json" "/mnt/${1##*/}"' tester "$1"
}
mutant() { # NAME SED-SCRIPT
    sed "$2" in-one >"$1"
    chmod 755 "$1"
    ! cmp -s "$1" in-one && ! tester "$SCENE_DIR/$1"
}
check "ocf-tester finds nothing" tester "$agent"
check "it finds a monitor that does not know stopped" mutant m1 's/^success=.*/& not_running=1/; s/ not_running=7//'
check "it finds a stop that fails where nothing runs" mutant m2 's/^    call "$stopper"/    [ -e "$SCENE_DIR\/runs" ] || exit 1; &/'
check "it finds a start that fails where it runs" mutant m3 's/^    call "$starter" --config/    [ ! -e "$SCENE_DIR\/runs" ] || exit 1; &/'

# The cluster.
mounts_before=$(cut -d ' ' -f 5 /proc/self/mountinfo)
cluster_new && dce_disk && dce_config standby-cascading >"$CLUSTER/disk/etc/hatools/dce.json" || exit
journal=$CLUSTER/shared/var-dce/journal
map=$CLUSTER/shared/var-dce/dced/Ep.db
dce_resources 20 20 >"$CLUSTER/resources.xml"
check "two nodes make a cluster" cluster_up "$CLUSTER/resources.xml"
is_up n1 && is_up n2 || exit
# Whoever runs in it has its directory in the environment, wherever that process is.
cluster=$CLUSTER
inside() { CLUSTER='' grep -lzxF "CLUSTER=$cluster" /proc/[0-9]*/environ 2>grep.log; } # some end meanwhile: no status
several_inside() { [ "$(inside | wc -l)" -gt 10 ]; }
check "its processes are seen from here" several_inside

crm() { node n1 "$@"; }
want_hadce() { crm crm_resource --resource hadce --meta --set-parameter target-role --parameter-value "$1"; }
runs() { wait_for "${2:-40}" runs_on hadce "$1"; }
move() { crm crm_resource --resource dce --move --node "$1"; }
home() { crm crm_resource --resource dce --clear && runs n1; }
moved() { move "$1" && runs "$1"; }
standby() { crm crm_attribute --node n1 --name standby --update "$1"; }
ticket() { KRB5_CONFIG=$DCE/etc/krb5-10.77.0.10.conf client timeout 5 kinit -c MEMORY:ticket -k -t "$DCE/etc/probe.keytab" probe; }
serves() { ticket && node "$1" /opt/dcelocal/bin/ready.dce; }
without_dce() { node "$1" sh -c '! pgrep -l "krb5kdc|dcerpcd|^rpcd_|start.dce|stop.dce"'; }
named() { [ "$(node "$1" uname -n)" = "${2:-$1}" ]; }
journalled() { tail -n 1 "$journal" | grep -F "$1"; }
# Before n1 started: by hadce-start itself, which has the name restored last. The cluster's stop then had nothing to do.
undone() { tail -n 2 "$journal" | head -n 1 | grep -F "stop.dce at 10.77.0.2 as dcesvc"; }
timeout_of() { crm cibadmin --modify --xml-text "<op id=\"$1\" timeout=\"$2\"/>"; }
failed_start() { crm_says "//failures/failure[@op_key='hadce_start_0' and @node='n2'][$1]"; }
forget() { crm crm_resource --resource hadce --cleanup --node n2; }
break_on() { node "$1" sh -c "echo '$2' >/opt/dcelocal/etc/broken"; }

# Whether a later start took away what dced and secd had left. The map gets a second name: where it has one, it is the old one.
leave_traces() {
    rm -f "$map.old" && ln "$map" "$map.old" && touch "$CLUSTER/shared/var-dce/security/creds/trace" "${map%/*}/Srvrexec.db"
}
traces() { find "$map" -links 2; ls "$CLUSTER/shared/var-dce/security/creds"; find "${map%/*}" -name Srvrexec.db; }
traces_are_there() { [ "$(traces | wc -l)" -eq 3 ]; }
traces_are_gone() { [ -e "$map" ] && [ "$(traces | wc -l)" -eq 0 ]; }

check "the disks and the address come up on n1" wait_for 40 runs_on vip n1
check "beside the cluster, ocf-tester finds nothing with the real tools either" \
    node n1 ocf-tester -n tested /usr/lib/ocf/resource.d/hatools/hadce
check "DCE is wanted" want_hadce Started
check "it starts on n1" runs n1
check "and serves: a ticket over the service address, and an endpoint map" serves n1
check "it was told which addresses are not its own" journalled "start.dce at 10.77.0.1 as n1, excluded 10.77.0.1:10.77.0.2"
check "what it leaves behind is marked" leave_traces
check "a second start on n1" node n1 hadce-start
check "it removes nothing beneath what runs" traces_are_there
check "it still serves" serves n1

check "its KDC dies" node n1 pkill -x krb5kdc
check "the monitor sees that DCE is up in part" wait_for 20 crm_says "//failures/failure[@node='n1' and contains(@exitreason, 'half up')]"
check "it is started again" runs n1
check "it serves again" serves n1

check "moved to n2" moved n2
check "it serves there" serves n2
check "n1 has nothing of it" without_dce n1
check "what was left behind is gone" traces_are_gone
check "it goes home" home
check "n1 on standby: n2 has it" standby on
check "it starts on n2" runs n2
check "n1 no longer on standby" standby off
check "it goes home by itself" runs n1

check "what it leaves behind is marked again" leave_traces
check "n1 dies" kill_node n1
check "n2 takes over" wait_for 60 runs_on hadce n2
check "n1 was fenced before" grep -x n1 "$CLUSTER/fenced"
check "it serves on n2" serves n2
check "what n1 left behind is gone" traces_are_gone
check "n1 boots" boot_node n1
check "it comes back to the cluster" wait_for 60 online n1 n2
check "and gets DCE back" runs n1 60
check "it serves on n1" serves n1

dce_config standby-rotating dcesvc >"$CLUSTER/disk/etc/hatools/dce.json"
for which in n1 n2; do node $which cp "$CLUSTER/disk/etc/hatools/dce.json" /etc/hatools/ || exit; done
check "rotating: moved to n2" moved n2
check "it was started under the service's name" journalled "start.dce at 10.77.0.2 as dcesvc"
check "n2 has its own name again" named n2
check "it serves under the new configuration" serves n2
check "and goes home" home
check "n1 has its own name, too" named n1

echo '{' >wrong.json
node n2 tee /etc/hatools/dce.json <wrong.json >/dev/null || exit
check "n2's file is wrong, and it is to start there" move n2
check "it does not" wait_for 40 failed_start "@status='complete' and @exitcode='2'"
check "it comes back to n1" runs n1
check "n2's file is mended" node n2 cp "$CLUSTER/disk/etc/hatools/dce.json" /etc/hatools/
check "and n2 forgiven" forget
check "now it starts there" runs n2
check "it goes home" home

break_on n2 "start fails"
check "a start that fails on n2" move n2
check "the cluster sees it" wait_for 40 failed_start "@status='complete' and @exitcode='1'"
check "it comes back to n1" runs n1
check "what n2 had begun was undone" undone
check "n2 has nothing of it" without_dce n2
check "and its own name" named n2

check "n2 is forgiven: now its start hangs" break_on n2 "start hangs"
timeout_of hadce-o1 10s || exit
check "n2 is tried again" forget
check "it starts under the service's name" wait_for 30 named n2 dcesvc
check "hadce-start ends it before the cluster does" wait_for 40 failed_start "@status='complete' and @exitreason!=''"
check "it comes back to n1" runs n1
check "what n2 had begun was undone" undone
check "n2 has nothing of it" without_dce n2
check "and its own name" named n2

check "n2 is forgiven once more" forget
check "it starts under the service's name" wait_for 30 named n2 dcesvc
check "hadce-start is made to hang as well" node n2 pkill -STOP -x hadce-start
check "so that the cluster kills it" wait_for 40 failed_start "@status='Timed Out'"
check "it comes back to n1" runs n1
check "n2 has nothing of it" without_dce n2
check "and its own name" named n2
check "no node was fenced for that" cmp "$CLUSTER/fenced" - <<'END'
n1
END

node n2 rm /opt/dcelocal/etc/broken && break_on n1 "stop hangs" && timeout_of hadce-o1 20s && timeout_of hadce-o2 8s || exit
check "a stop that hangs on n1" forget
check "n1 is fenced" wait_for 40 is_down n1
check "n2 takes over" wait_for 60 runs_on hadce n2
check "it serves on n2" serves n2

check "the cluster ends" cluster_down
nothing_is_left() {
    [ -z "$(inside)" ] && [ "$(cut -d ' ' -f 5 /proc/self/mountinfo)" = "$mounts_before" ] && [ ! -e "$cluster" ]
}
check "and nothing of it is left" nothing_is_left
done_testing
