# shellcheck shell=sh
# Sourced after scripts/cluster.sh and scripts/pair.sh by the drill and the benchmark: the pair of management nodes under Pacemaker.
#   group_possible  says why this machine cannot have it, and is false then
#   group_up        makes and boots it: the resource haxcat, which begins on n1, and stays where it is. Not in a pipe
#   group_client    begins to read, beside the nodes: $CLUSTER/reads has a line for each time, with "right", "wrong" or "none"
#   group_down      ends it all

group_possible() {
    pair_possible && cluster_possible || return
    for _program in arping sqlite3; do
        command -v "$_program" >/dev/null || { echo "$_program is missing: scripts/setup installs it"; return 1; }
    done
}

group_up() {
    pair_new && cluster_disk || return
    _agents=$CLUSTER/disk/usr/lib/ocf/resource.d/hatools
    mkdir -p "$_agents" && cp "$ROOT/scripts/ocf/haxcat" "$ROOT/scripts/ocf/.agent.sh" "$_agents/" || return
    pair_config 'host_name="xcatmn"' 'timeouts_seconds={"start": 20, "stop": 10, "mount": 10, "command": 20, "probe": 10}' \
        >"$CLUSTER/disk/etc/hatools/pair.json" && chmod 600 "$CLUSTER/disk/etc/hatools/pair.json" || return
    # A role that moves costs more than where it is: it stays. A start may take all its steps.
    cat >"$CLUSTER/resources.xml" <<'END'
<resources>
<primitive id="fence" class="stonith" type="fence_lab"><instance_attributes id="fence-a">
<nvpair id="fence-a1" name="pcmk_host_list" value="n1 n2"/><nvpair id="fence-a2" name="pcmk_host_check" value="static-list"/>
</instance_attributes></primitive>
<primitive id="haxcat" class="ocf" provider="hatools" type="haxcat">
<meta_attributes id="haxcat-m"><nvpair id="haxcat-m1" name="resource-stickiness" value="100"/></meta_attributes>
<instance_attributes id="haxcat-a"><nvpair id="haxcat-a1" name="peer_down" value="true"/></instance_attributes>
<operations><op id="haxcat-o1" name="start" interval="0" timeout="60s"/><op id="haxcat-o2" name="stop" interval="0" timeout="30s"/>
<op id="haxcat-o3" name="monitor" interval="5s" timeout="30s"/></operations></primitive>
</resources>
<constraints><rsc_location id="home" rsc="haxcat" node="n1" score="50"/></constraints>
END
    cluster_up "$CLUSTER/resources.xml"
}

# One who reads past a broken table, or is told another's name, gets a wrong answer; no answer in its time is none.
group_client() {
    : >"$CLUSTER/reads"
    _reads() {
        while :; do
            _said=none
            if _table=$(XCATHOST=10.77.0.10:3001 client timeout 1 /usr/bin/python3 "$ROOT/tests/fakes/pair/xcat.py" tabdump nodelist 2>/dev/null) &&
                _address=$(client dig +short +time=1 +tries=1 @10.77.0.10 node01.cluster.example.com 2>/dev/null); then
                case "$_address:$_table" in
                    10.77.0.101:*'"node02","compute,all"'*) _said=right ;;
                    *) _said=wrong ;;
                esac
            fi
            [ -d "$CLUSTER" ] && echo "$(date +%s.%N) $_said" >>"$CLUSTER/reads" || return
            sleep 0.05
        done
    }
    _reads </dev/null >/dev/null 2>&1 &
    _client=$!
}
group_down() {
    [ -z "${_client:-}" ] || { kill "$_client"; wait "$_client"; } 2>/dev/null
    _client=
    cluster_down
}
