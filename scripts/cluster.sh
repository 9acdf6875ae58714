# shellcheck shell=sh
# Sourced by the scenes and the benchmark: a real cluster, on the two nodes of scripts/nodes.sh, which has node, client, kill_node,
# boot_node, stop_node and wait_for. $ROOT is the source tree.
#   cluster_possible    says why this machine cannot have one, and is false then
#   cluster_new         makes $CLUSTER, with two fresh nodes and what the cluster needs on their disks
#   cluster_disk        that alone, where nodes are made already, as by pair_new
#   cluster_up FILE     boots both, with Pacemaker and Corosync; FILE has the cluster's resources and constraints, as XML.
#                       Not in a pipe: the shell that called it owns the cluster
#   cluster_log LINES   prints the end of each log, for one who looks into a failure
#   cluster_down        ends it all; the caller calls it at its exit
#   crm_says XPATH [NODE]       is true where crm_mon's XML, asked on NODE, says so
#   online NODE [SEEN-FROM], both_online, runs_on RESOURCE NODE [SEEN-FROM]
# In the cluster the nodes are n1 and n2, whatever their host names are. Their fencing is real: the fence agent has the other's
# power taken away.

. "$ROOT/scripts/nodes.sh"

cluster_possible() {
    nodes_possible || return
    for _program in pacemakerd corosync crm_mon crm_resource crm_attribute cibadmin corosync-cfgtool xmllint modprobe fuser; do
        command -v "$_program" >/dev/null || { echo "$_program is missing: scripts/setup installs it"; return 1; }
    done
    [ -e /usr/lib/ocf/resource.d/heartbeat/IPaddr2 ] || { echo "the resource agents are missing: scripts/setup installs them"; return 1; }
}

cluster_new() { nodes_new && cluster_disk; }
cluster_disk() {
    mkdir -p "$CLUSTER/disk/etc/corosync" "$CLUSTER/disk/usr/sbin" "$CLUSTER/disk/var/lib/pacemaker/cib" || return 1
    # The agent of file systems reads it for what is bound, and a machine that was never booted lacks it.
    ln -s ../proc/self/mounts "$CLUSTER/disk/etc/mtab" || return 1
    chown hacluster:haclient "$CLUSTER/n1/log" "$CLUSTER/n2/log" || return 1
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
    # Its metadata is in it, for hacluster, who asks for them, reaches nothing beneath $CLUSTER where that lies in a directory of
    # root's own; and Pacemaker that gets none asks again and again, and loses sight of the agents that end meanwhile.
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
    metadata)
        cat <<'METADATA'
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
METADATA
        ;;
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
    cat >"$CLUSTER/disk/etc/rc.d/90-cluster" <<'END'
#!/bin/sh
case $1 in
    start)
        mount --bind "$CLUSTER/$NODE/log" /var/log/pacemaker
        mkdir -p /run/crm /run/resource-agents
        chown -R hacluster:haclient /run/crm /var/lib/pacemaker
        chmod 600 /var/lib/pacemaker/cib/cib.xml
        chmod 750 /run/crm
        chmod 1755 /run/resource-agents
        PCMK_logfile=/var/log/pacemaker/pacemaker.log PCMK_logfacility=none
        export PCMK_logfile PCMK_logfacility
        corosync -f &
        echo $! >/run/corosync.lab
        until corosync-cfgtool -s >/dev/null 2>&1; do kill -0 $! || exit; sleep 0.05; done
        # A node whose cluster manager ended, as one that was expelled, is no node of it any more.
        { pacemakerd & echo $! >/run/pacemaker.lab; wait $!; rm /run/pacemaker.lab; kill -TERM 1; } &
        ;;
    stop)
        # In order: the resources are stopped, or moved.
        if [ -e /run/pacemaker.lab ]; then
            kill -TERM "$(cat /run/pacemaker.lab)"
            while [ -e /run/pacemaker.lab ]; do sleep 0.05; done
        fi
        pid=$(cat /run/corosync.lab) && kill -TERM "$pid"
        while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
        ;;
esac
END
    chmod 755 "$CLUSTER/disk/etc/rc.d/90-cluster"
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
    nodes_up && wait_for 60 both_online && return
    echo "cluster: the nodes do not come together:" >&2
    cluster_log 4
    return 1
}
cluster_log() { tail -n "$1" "$CLUSTER/site.log" "$CLUSTER"/n?/console "$CLUSTER"/n?/log/* >&2; } # LINES
cluster_down() { nodes_down; }

crm_says() { # XPATH [NODE]
    [ "$(node "${2:-n1}" crm_mon --one-shot --output-as=xml 2>/dev/null | xmllint --xpath "boolean($1)" - 2>/dev/null)" = true ]
}
online() { crm_says "//nodes/node[@name='$1' and @online='true' and @pending='false']" "${2:-$1}"; } # NODE [SEEN-FROM]
both_online() { online n1 n1 && online n2 n1; }
# A resource that still starts is located, too; and one that failed keeps its place until it is stopped.
runs_on() { # RESOURCE NODE [SEEN-FROM]
    crm_says "//resource[@id='$1' and @role='Started' and @failed='false' and not(@pending) and @nodes_running_on='1']/node[@name='$2']" "${3:-$2}"
}
