# What an administrator sees of hastandby on a machine that is one node of a pair, the other of which is down, or answers by a carrier.
# shells: dash ksh93
. "${0%/*}/../lib.sh"

pair() { # STATE-DIRECTORY ADDRESS: of the node that is this machine
    jq -n --arg state "$1" --arg address "$2" --arg dump "$SCENE_DIR/dump" --arg proof "$SCENE_DIR/proof" '{schema: "hapair-config/1",
        nodes: [{name: "localhost", address: $address}, {name: "xcatmn2", address: "198.51.100.2"}],
        vip: {name: "xcatmn", address: "198.51.100.10", prefix: 24, adapter: "eth0"}, database: {engine: "sqlite"},
        shared_mounts: ["/install"], services: ["dhcpd"], service_manager: "systemd", files: ["/etc/hosts"], credentials: [],
        dump: {directory: $dump}, proof: $proof, state_directory: $state, xcatd_ready: ["tabdump", "site"]}'
}
mkdir -m 755 state && pair "$SCENE_DIR/state" 127.0.0.1 >pair.json && pair "$SCENE_DIR/state" 198.51.100.1 >elsewhere.json || exit
# Reaches the other node: what runs there runs here, with its programs first.
mkdir here there
cat >carrier <<'END'
#!/bin/sh
shift
PATH=$SCENE_DIR/there:$PATH exec sh -c "$*"
END
cat >down <<'END'
#!/bin/sh
echo "ssh: connect to host $1 port 22: No route to host" >&2
exit 255
END
cat >here/systemctl <<'END'
#!/bin/sh
echo "$*" >>"$SCENE_DIR/asked"
case $1 in
    show) echo LoadState=loaded; cat "${0%/*}/active" ;;
    is-enabled) echo disabled; exit 1 ;;
    stop) echo ActiveState=inactive >"${0%/*}/active" ;;
esac
END
cp here/systemctl there/systemctl
echo ActiveState=inactive >here/active
echo ActiveState=active >there/active
# The other node has the address.
printf '#!/bin/sh\necho "2: eth0 inet 198.51.100.2/24 inet 198.51.100.10/24"\n' >there/ip
for tool in lsxcatd tabdump; do
    printf '#!/bin/sh\necho "Version 2.16.5"\n' >here/$tool
    cp here/$tool there/$tool
done
chmod +x carrier down here/* there/*
PATH=$SCENE_DIR/here:$PATH
export PATH
look() { hastandby --config pair.json -e "$SCENE_DIR/carrier" "$@"; }
of() { echo "[.[] | select(.type == \"finding\" and .key.id == \"$1\" and .key.node == $2 and .key.item == $3).values.state]"; } # ID NODE ITEM, as JSON
says() { grep -F "$1" "$ERR.kept"; }
keep() { cp "$ERR" "$ERR.kept"; }

check_status "without a configuration it says which file is missing" 2 hastandby --config nowhere.json
keep
check "and where it is told how to write it" says 'hastandby: nowhere.json: is not there: write it (hapair-config(5) has examples)'
check_status "a machine that is none of the pair is told so" 2 hastandby --config elsewhere.json
keep
check "with what it would have" says 'this machine: is none of the pair: it has neither 198.51.100.1 (localhost) nor 198.51.100.2 (xcatmn2)'
check_status "a peer that is none of the pair is wrong usage" 2 look xcatmn3
check_status "and so is this machine itself" 2 look localhost
check_status "--record is none of --apply's" 2 look --apply --record verdicts
chmod 666 pair.json
check_status "a configuration that others may write is refused" 2 look
chmod 600 pair.json

check_status "not all of this pair can be told" 3 look xcatmn2
check_json "but who is who can" '.[0] | .schema == "hastandby/1" and .standby == "localhost" and .primary == "xcatmn2" and .standby_known_by == "vip"' "$OUT"
check_json "a service of the standby that is stopped is ok" "$(of service-stopped '"localhost"' '"dhcpd"') == [\"ok\"]" "$OUT"
check_json "the dump that is not there is not" "$(of dump '"localhost"' "\"$SCENE_DIR/dump\"") == [\"failed\"]" "$OUT"
check_json "each state is counted" '.[-1].states as $s | [.[] | select(.type == "finding").values.state] | (map(select(. == "ok")) | length) == $s.ok and length == ([$s[]] | add)' "$OUT"
check_json "what is unknown has its cause as an error, each once" '[.[] | select(.type == "error").message] | length > 0 and length == (unique | length)' "$OUT"
echo ActiveState=active >here/active
check_status "a service that runs on the standby" 3 look --verbose
keep
check "is told with what stops it" says 'service-stopped localhost dhcpd: failed: it runs: systemctl stop dhcpd'

: >asked
plan() { look --apply --dry-run | jq -c 'select(.type == "step") | select(.do.argv[0] == "systemctl").do.argv'; }
check "--dry-run says what would be mended" plan
printf '%s\n' '["systemctl","stop","xcatd"]' '["systemctl","stop","dhcpd"]' >wanted
cp "$OUT" said
check "in the order of the services" diff wanted said
check_status "and nothing is done" 1 grep -q '^stop' asked
check_status "what can be mended is, and what cannot is told" 3 look --apply
check_json "as harun tells it" '.[0].schema == "harun/1" and any(.key.step == "service-stopped-1" and .values.outcome == "done")' "$OUT"
stopped() { [ "$(grep -c '^stop' asked)" -eq 2 ]; }
check "the services were stopped" stopped
check_status "the next look" 3 look
check_json "finds them down" "$(of service-stopped '"localhost"' '"xcatd"') == [\"ok\"]" "$OUT"
touch state/haxcat-begun
check_status "where a takeover was begun nothing is mended" 6 look --apply
check_json "as a condition says" '.[-1].unmet == ["needs-standby"] and .[-1].done == 0' "$OUT"
rm state/haxcat-begun
taking() { flock state/haxcat hastandby --config pair.json -e "$SCENE_DIR/carrier" --apply --lock-wait 0; }
[ -d state/haxcat ] || mkdir -m 700 state/haxcat
check_status "nor while one is going on" 5 taking
held() { flock state/hastandby hastandby --config pair.json -e "$SCENE_DIR/carrier" --apply --lock-wait 0; }
check_status "another run that mends is not disturbed" 5 held

check_status "a primary is not touched" 6 look --apply --standby xcatmn2
keep
check "and says where to run it" says 'localhost: is not the standby: run it on xcatmn2'
down() { hastandby --config pair.json -e "$SCENE_DIR/down" "$@"; }
check_status "a peer that is down" 3 down
check_json "makes unknown what is asked of it, and not failed" "$(of service-boot '"xcatmn2"' '"xcatd"') == [\"unknown\"]" "$OUT"
check_json "and is told once" '[.[] | select(.type == "error" and (.message | test("No route to host")))] | length == 1' "$OUT"
check_status "nobody is mended whose primary is not seen" 6 down --apply
keep
check "unless the caller knows it" says 'say --standby localhost if this is the standby'

check_status "a verdict is kept" 3 look --record verdicts --metrics standby.prom
check_json "the first is new" '.[-1].changed == true and .[-1].verdict == "not_ready"' "$OUT"
check_json "in a line of the file" 'length == 1 and .[0].schema == "hastandby-record/1" and (.[0].failed | index("vip xcatmn") == null and length > 0)' verdicts
check_status "the same again" 3 look --record verdicts
check_json "is no change" '.[-1].changed == false' "$OUT"
check "the metrics say that it is not ready" grep -qx 'hatools_standby_ready{standby="localhost"} 0' standby.prom
check "and what is missing" grep -q '^hatools_standby_finding{id="dump",node="localhost",.*state="failed"} 1$' standby.prom
check_status "where the file of verdicts cannot be written that is said" 6 look --record nowhere/verdicts
check_json "in the last line" '.[-1] | .ok == false and .error.kind == "failed"' "$OUT"

check "that xcatd answers is recorded" hastandby --config pair.json --prove
check_json "with what is installed" '.[0] | .schema == "haxcat-proof/1" and .xcat_version == "Version 2.16.5" and .database_version == null and .engine == "sqlite"' proof
check_status "the next look" 3 look
check_json "knows it" "$(of xcatd-proven '"localhost"' "\"$SCENE_DIR/proof\"") == [\"ok\"]" "$OUT"
printf '#!/bin/sh\necho "Version 2.17.0"\n' >here/lsxcatd
check_status "after an upgrade" 3 look
check_json "it is no proof any more" "$(of xcatd-proven '"localhost"' "\"$SCENE_DIR/proof\"") == [\"failed\"]" "$OUT"
printf '#!/bin/sh\necho "xcatd is down" >&2\nexit 1\n' >here/tabdump
check_status "an xcatd that does not answer is not recorded" 6 hastandby --config pair.json --prove
keep
check "and said" says 'hastandby: tabdump: status 1: xcatd is down'

# The script for cron speaks of a change, and of nothing else.
HATOOLS_LOG=$SCENE_DIR/log
export HATOOLS_LOG
watch() { sh "$ROOT/scripts/events/standby-nightly-watch" --config "$SCENE_DIR/pair.json" -e "$SCENE_DIR/$1"; }
silent() { [ ! -s "$ERR" ] && [ ! -s "$OUT" ]; }
check_status "the first night" 3 watch carrier
keep
check "says the verdict" says 'standby-nightly-watch: localhost is not_ready'
check "and what is missing" says "standby-nightly-watch: dump localhost $SCENE_DIR/dump: failed: "
check_status "the second" 3 watch carrier
check "is silent" silent
echo ActiveState=active >here/active
check_status "a change" 3 watch carrier
keep
check "is told" says 'standby-nightly-watch: service-stopped localhost xcatd: failed: it runs'
mv pair.json gone.json
for night in 1 2; do
    check_status "where there is no verdict, night $night" 2 watch carrier
    keep
    check "that is told each time" says 'pair.json: is not there'
done
done_testing
