# shellcheck shell=sh
# Sourced by the scenes and the benchmark: a real cluster of two nodes, n1 and n2, on one machine. $ROOT is the source tree.
#   cluster_possible    says why this machine cannot have one, and is false then
#   cluster_new         makes $CLUSTER, a fresh directory. What the caller puts into $CLUSTER/disk is on the disk of both
#                       nodes from their next boot on; $CLUSTER itself is what they share, at this same path
#   cluster_up FILE     boots both, with Pacemaker and Corosync; FILE has the cluster's resources and constraints, as XML.
#                       Not in a pipe: the shell that called it owns the cluster
#   cluster_down        ends it all; the caller calls it at its exit
#   node NODE COMMAND   runs a command on a node; client COMMAND: beside them, in their network, as 10.77.0.254
#   kill_node NODE      takes its power away; boot_node NODE gives it again. Its disk is then as at first
#   wait_for SECONDS COMMAND    asks again and again
#   crm_says XPATH [NODE]       is true where crm_mon's XML, asked on NODE, says so
# The nodes are 10.77.0.1 and 10.77.0.2. Their fencing is real: the fence agent has the other's power taken away.
#
# Everything runs below one process, the site: PID 1 of a PID namespace of its own, which ends when the caller does. With it
# ends every process of both nodes, and with them go their mounts and their network. Nothing is mounted outside.

cluster_possible() {
    [ "$(id -u)" -eq 0 ] || { echo "it needs root"; return 1; }
    for _program in pacemakerd corosync crm_mon crm_resource crm_attribute cibadmin corosync-cfgtool xmllint ip modprobe fuser \
        unshare nsenter setpriv setsid pivot_root; do
        command -v "$_program" >/dev/null || { echo "$_program is missing: scripts/setup installs it"; return 1; }
    done
    [ -e /usr/lib/ocf/resource.d/heartbeat/IPaddr2 ] || { echo "the resource agents are missing: scripts/setup installs them"; return 1; }
    # With all that a node needs, so that what a container forbids is found here.
    _reason=$(unshare --mount --uts --ipc --net --pid --fork --kill-child --mount-proc sh -ec '
        mount -t tmpfs node /mnt
        mkdir /mnt/upper /mnt/work /mnt/root
        mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work node /mnt/root
        ip link add type veth
        ip link add type bridge' 2>&1) && return
    echo "no namespaces here: $_reason" | head -n 1
    return 1
}

cluster_new() {
    CLUSTER=$(mktemp -d "${TMPDIR:-/tmp}/cluster.XXXXXX") || return 1
    export ROOT CLUSTER
    mkdir -p "$CLUSTER/n1/root" "$CLUSTER/n1/log" "$CLUSTER/n2/root" "$CLUSTER/n2/log" \
        "$CLUSTER/disk/etc/corosync" "$CLUSTER/disk/usr/sbin" "$CLUSTER/disk/var/lib/pacemaker/cib" || return 1
    # The agent of file systems reads it for what is bound, and a machine that was never booted lacks it.
    ln -s ../proc/self/mounts "$CLUSTER/disk/etc/mtab" || return 1
    chown hacluster:haclient "$CLUSTER/n1/log" "$CLUSTER/n2/log" || return 1
    mkfifo "$CLUSTER/power" || return 1
    : >"$CLUSTER/fenced"
    # As PID 1's children in namespaces they may take neither realtime priority nor another cgroup.
    cat >"$CLUSTER/disk/etc/corosync/corosync.conf" <<'END'
totem {
    version: 2
    cluster_name: lab
    transport: knet
    crypto_cipher: none
    crypto_hash: none
    token: 1000
}
system {
    sched_rr: no
    move_to_root_cgroup: no
}
logging {
    to_stderr: no
    to_syslog: no
    to_logfile: yes
    logfile: /var/log/pacemaker/corosync.log
    timestamp: on
}
quorum {
    provider: corosync_votequorum
    two_node: 1
}
nodelist {
    node {
        nodeid: 1
        name: n1
        ring0_addr: 10.77.0.1
    }
    node {
        nodeid: 2
        name: n2
        ring0_addr: 10.77.0.2
    }
}
END
    # What it answers to "monitor" is true: without the site, no node could ask. A reboot is an off: who boots is the caller.
    cat >"$CLUSTER/disk/usr/sbin/fence_lab" <<END
#!/bin/sh
action=reboot plug=
while IFS='=' read -r name value; do
    case \$name in
        action) action=\$value ;;
        plug | port) plug=\$value ;;
    esac
done
case \$action in
    metadata) cat '$CLUSTER/fence_lab.xml' ;;
    monitor) [ -p '$CLUSTER/power' ] ;;
    status) [ -e "$CLUSTER/\$plug/pid" ] || exit 2 ;;
    off | reboot)
        echo "\$plug" >>'$CLUSTER/fenced'
        echo "off \$plug" >'$CLUSTER/power'
        while [ -e "$CLUSTER/\$plug/pid" ]; do sleep 0.05; done
        ;;
    *) exit 1 ;;
esac
END
    chmod 755 "$CLUSTER/disk/usr/sbin/fence_lab"
    cat >"$CLUSTER/fence_lab.xml" <<'END'
<?xml version="1.0"?>
<resource-agent name="fence_lab" shortdesc="Takes a lab node's power away">
<longdesc>Takes a lab node's power away.</longdesc>
<parameters>
<parameter name="action" required="1"><content type="string" default="reboot"/><shortdesc lang="en">action</shortdesc></parameter>
<parameter name="plug" required="1"><content type="string"/><shortdesc lang="en">node</shortdesc></parameter>
</parameters>
<actions>
<action name="off"/><action name="reboot"/><action name="status"/><action name="monitor"/><action name="metadata"/>
</actions>
</resource-agent>
END
}

cluster_up() { # FILE
    # A schema and a feature set that every Pacemaker 2 reads. The delay is how long a lone node waits for another before it
    # leads: 20 seconds unless told.
    {
        cat <<'END'
<cib crm_feature_set="3.0.14" validate-with="pacemaker-3.0" admin_epoch="0" epoch="1" num_updates="0">
<configuration>
<crm_config><cluster_property_set id="options">
<nvpair id="delay" name="dc-deadtime" value="2s"/>
<nvpair id="stonith" name="stonith-enabled" value="true"/>
<nvpair id="stonith-timeout" name="stonith-timeout" value="20s"/>
</cluster_property_set></crm_config>
<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes>
END
        cat "$1"
        echo '</configuration><status/></cib>'
    } >"$CLUSTER/disk/var/lib/pacemaker/cib/cib.xml"
    # A session of its own: who stops the caller's process group leaves the cluster to cluster_down.
    setsid setpriv --pdeathsig KILL unshare --mount --net --pid --fork --kill-child --mount-proc \
        sh -c '. "$ROOT/scripts/cluster.sh"; _site' site >"$CLUSTER/site.log" 2>&1 </dev/null &
    _site=$!
    wait_for 10 _site_is_there || { echo "cluster: the site did not come up" >&2; return 1; }
    boot_node n1 && boot_node n2 && wait_for 60 both_online && return
    echo "cluster: the nodes do not come together:" >&2
    tail -n 4 "$CLUSTER/site.log" "$CLUSTER"/n?/console "$CLUSTER"/n?/log/* >&2
    return 1
}

_site_is_there() {
    [ -e "$CLUSTER/site" ] && _site_pid=$(ps -o pid= --ppid "$_site") && _site_pid=$((_site_pid))
}

cluster_down() {
    [ -n "${CLUSTER:-}" ] || return 0
    if [ -n "${_site:-}" ]; then
        # unshare ends when its child has, and that ends when nothing is left in its namespace.
        _site_pid=$(ps -o pid= --ppid "$_site") && kill -KILL $((_site_pid)) || kill -KILL "$_site"
        wait "$_site"
        _site=
    fi 2>/dev/null
    rm -rf "$CLUSTER"
    CLUSTER=
}

client() { nsenter -t "$_site_pid" -m -n -p -- "$@"; }
node() { # NODE COMMAND...
    _pid=$(cat "$CLUSTER/$1/pid") || return 1
    shift
    TMPDIR=/run client nsenter -t "$_pid" -m -u -i -n -p -- "$@"
}
is_up() { [ -e "$CLUSTER/$1/pid" ]; }
is_down() { [ ! -e "$CLUSTER/$1/pid" ]; }
boot_node() { echo "on $1" >"$CLUSTER/power" && wait_for 10 is_up "$1"; }
kill_node() { echo "off $1" >"$CLUSTER/power" && wait_for 10 is_down "$1"; }
stop_node() { node "$1" kill -TERM 1 && wait_for 60 is_down "$1"; } # in order, as a shutdown does

wait_for() { # SECONDS COMMAND...
    _until=$(($(date +%s) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$_until" ] || return 1
        sleep 0.1
    done
}
crm_says() { # XPATH [NODE]
    [ "$(node "${2:-n1}" crm_mon --one-shot --output-as=xml 2>/dev/null | xmllint --xpath "boolean($1)" - 2>/dev/null)" = true ]
}
online() { crm_says "//nodes/node[@name='$1' and @online='true' and @pending='false']" "${2:-$1}"; } # NODE [SEEN-FROM]
both_online() { online n1 n1 && online n2 n1; }
# A resource that still starts is located, too; and one that failed keeps its place until it is stopped.
runs_on() { # RESOURCE NODE [SEEN-FROM]
    crm_says "//resource[@id='$1' and @role='Started' and @failed='false' and not(@pending) and @nodes_running_on='1']/node[@name='$2']" "${3:-$2}"
}

_site() { # PID 1 of the site: the nodes' network, and their power
    ip link add lab type bridge && ip addr add 10.77.0.254/24 dev lab && ip link set lab up && ip link set lo up || exit
    : >"$CLUSTER/site"
    # Open for writing as well: so it never ends.
    while read -r _what _node; do
        case $_what in
            on) [ -e "$CLUSTER/$_node/pid" ] || _power_on "$_node" ;;
            off) [ ! -e "$CLUSTER/$_node/pid" ] || _power_off "$_node" ;;
        esac
    done <>"$CLUSTER/power"
}
_power_on() { # NODE
    setsid unshare --mount --uts --ipc --net --pid --fork --kill-child --mount-proc \
        sh -c '. "$ROOT/scripts/cluster.sh"; _boot "$@"' "$1" "$1" "${1#n}" >"$CLUSTER/$1/console" 2>&1 </dev/null &
    eval "_unshare_$1=$!"
    _pid=
    until [ -n "$_pid" ]; do
        kill -0 $! || return
        _pid=$(ps -o pid= --ppid $!) && _pid=$((_pid))
    done
    ip link add "to-$1" type veth peer name net0 netns "$_pid" && ip link set "to-$1" master lab up || return
    echo "$_pid" >"$CLUSTER/$1/pid.new" && mv "$CLUSTER/$1/pid.new" "$CLUSTER/$1/pid"
}
_power_off() { # NODE
    kill -KILL "$(cat "$CLUSTER/$1/pid")"
    eval "wait \$_unshare_$1"
    rm -f "$CLUSTER/$1/pid"
}

_boot() { # NODE NUMBER: PID 1 of a node
    set -e
    hostname "$1"
    # Its root is this machine's, with a disk of its own on top, that is fresh at each boot.
    _others=$(awk '{ parent[NR] = $2; point[NR] = $5 } $5 == "/" { root = $1 }
        END { for (i = 1; i <= NR; i++) if (parent[i] == root && point[i] !~ "^/(proc|run|etc/.*)?$") print point[i] }' /proc/self/mountinfo)
    _top=$CLUSTER/$1/root
    mount -t tmpfs -o mode=755 "$1" "$_top"
    mkdir "$_top/upper" "$_top/work" "$_top/root"
    mount -t overlay -o "lowerdir=/,upperdir=$_top/upper,workdir=$_top/work" "$1" "$_top/root"
    for _point in $_others; do mount --rbind "$_point" "$_top/root$_point"; done
    mount --bind "$CLUSTER" "$_top/root$CLUSTER"
    mount -t proc proc "$_top/root/proc"
    mount -t tmpfs -o mode=755 run "$_top/root/run"
    mount -t tmpfs shm "$_top/root/dev/shm"
    cd "$_top/root"
    pivot_root . .
    umount -l .
    cd /
    # A cluster manager that despairs of its node writes there: that would be this machine.
    [ ! -e /proc/sysrq-trigger ] || mount --bind /dev/null /proc/sysrq-trigger
    cp -RP "$CLUSTER/disk/." /
    mount --bind "$CLUSTER/$1/log" /var/log/pacemaker
    mkdir -p /run/lock /run/crm /run/resource-agents
    chown -R hacluster:haclient /run/crm /var/lib/pacemaker
    chmod 600 /var/lib/pacemaker/cib/cib.xml
    chmod 750 /run/crm
    chmod 1755 /run/resource-agents
    until ip link set net0 up 2>/dev/null; do sleep 0.02; done
    ip link set lo up
    ip addr add "10.77.0.$2/24" dev net0
    set +e
    PCMK_logfile=/var/log/pacemaker/pacemaker.log PCMK_logfacility=none TMPDIR=/run
    export PCMK_logfile PCMK_logfacility TMPDIR
    trap 'kill -TERM "$_pacemaker"' TERM
    corosync -f &
    _corosync=$!
    until corosync-cfgtool -s >/dev/null 2>&1; do kill -0 "$_corosync" || exit; sleep 0.05; done
    pacemakerd &
    _pacemaker=$!
    # wait returns at the signal, too; and only who waits for children buries the orphans that come to PID 1.
    wait "$_pacemaker"
    wait "$_pacemaker"
    kill -TERM "$_corosync"
    wait "$_corosync"
    rm -f "$CLUSTER/$1/pid"
}
