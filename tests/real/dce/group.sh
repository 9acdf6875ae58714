# shellcheck shell=sh
# Sourced after scripts/cluster.sh by the scene and the benchmark: DCE's stand-in as a resource group, "dce".
# dce_disk makes what is on the nodes' disks and on the shared one; dce_resources [TAIL] prints the group and, of itself, TAIL.
# $DCE is where its parts lie outside of the nodes; the journal of all starts and stops is $CLUSTER/shared/var-dce/journal.

dce_possible() {
    for _program in krb5kdc kdb5_util kadmin.local kinit rpcclient; do
        command -v "$_program" >/dev/null || { echo "$_program is missing: scripts/setup installs it"; return 1; }
    done
    [ -x /usr/libexec/samba/samba-dcerpcd ] || { echo "samba-dcerpcd is missing: scripts/setup installs it"; return 1; }
}

dce_disk() {
    DCE=$CLUSTER/disk/opt/dcelocal
    mkdir -p "$DCE/etc" "$DCE/bin" "$CLUSTER/shared/krb5" "$CLUSTER/shared/var-dce/dced" "$CLUSTER/shared/etc-dce" \
        "$CLUSTER/shared/var-dce/security/creds" "$CLUSTER/disk/krb5" "$CLUSTER/disk/var/dce" "$CLUSTER/disk/etc/dce" \
        "$CLUSTER/disk/etc/hatools" "$CLUSTER/disk/usr/lib/ocf/resource.d/hatools" || return
    ln -s /var/dce "$DCE/var" || return
    cp "$ROOT"/tests/real/dce/*.dce "$ROOT/tests/real/dce/common.sh" "$DCE/bin/" || return
    cp "$ROOT/scripts/ocf/.agent.sh" "$ROOT/scripts/ocf/hadce" "$CLUSTER/disk/usr/lib/ocf/resource.d/hatools/" || return
    printf '127.0.0.1 localhost\n10.77.0.1 n1\n10.77.0.2 n2\n10.77.0.10 dcesvc\n' >"$CLUSTER/disk/etc/hosts"
    echo RPC_UNSUPPORTED_NETADDRS=10.77.0.1:10.77.0.2 >"$CLUSTER/disk/etc/environment"
    for _kdc in 10.77.0.10 127.0.0.1; do
        cat >"$DCE/etc/krb5-$_kdc.conf" <<END
[libdefaults]
    default_realm = LAB
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
[realms]
    LAB = {
        kdc = $_kdc
    }
[logging]
    kdc = FILE:/run/dce/kdc.log
END
    done
    _kdc_conf /krb5 >"$DCE/etc/kdc.conf" && _kdc_conf "$CLUSTER/shared/krb5" >"$CLUSTER/kdc.conf" || return
    # The database is made before there is a node: so under another name of the same directory.
    (
        export KRB5_CONFIG="$DCE/etc/krb5-10.77.0.10.conf" KRB5_KDC_PROFILE="$CLUSTER/kdc.conf"
        kdb5_util create -s -P master && kadmin.local -q 'addprinc -randkey probe' &&
            kadmin.local -q "ktadd -norandkey -k $DCE/etc/probe.keytab probe"
    ) >"$CLUSTER/kdb.log" 2>&1 || { cat "$CLUSTER/kdb.log" >&2; return 1; }
    cat >"$DCE/etc/smb.conf" <<'END'
[global]
    server role = standalone
    interfaces = lo
    bind interfaces only = yes
    disable netbios = yes
    private dir = /run/dce
    lock directory = /opt/dcelocal/var/dced/lock
    state directory = /run/dce
    cache directory = /run/dce
    ncalrpc dir = /run/dce/ncalrpc
    pid directory = /run/dce
    log file = /run/dce/log/log
    rpc start on demand helpers = no
END
}
_kdc_conf() { # DIRECTORY
    cat <<END
[kdcdefaults]
    kdc_listen = 10.77.0.10:88, 127.0.0.1:88
    kdc_tcp_listen = 10.77.0.10:88, 127.0.0.1:88
[realms]
    LAB = {
        database_name = $1/principal
        key_stash_file = $1/stash
        acl_file = $1/acl
        master_key_type = aes256-cts
    }
END
}

dce_config() { # CONFIGURATION [SERVICE-HOSTNAME]: the hadce-config
    cat <<END
{"schema": "hadce-config/1", "configuration": "$1", "service_hostname": ${2:+\"}${2:-null}${2:+\"},
 "dce_servers": ["security"], "clients": ["dce"], "service_addresses": ["10.77.0.10"],
 "shared_mounts": ["/krb5", "/var/dce", "/etc/dce"], "dce_local": "/opt/dcelocal", "environment_file": "/etc/environment",
 "start_dce": ["/opt/dcelocal/bin/start.dce"], "stop_dce": ["/opt/dcelocal/bin/stop.dce"],
 "running_dce": ["/opt/dcelocal/bin/running.dce"], "ready_dce": ["/opt/dcelocal/bin/ready.dce"],
 "timeouts_seconds": {"start_dce": 60, "stop_dce": 60, "probe": 10}}
END
}

dce_resources() { # START-SECONDS STOP-SECONDS
    echo '<resources>
<primitive id="fence" class="stonith" type="fence_lab"><instance_attributes id="fence-a">
<nvpair id="fence-a1" name="pcmk_host_list" value="n1 n2"/><nvpair id="fence-a2" name="pcmk_host_check" value="static-list"/>
</instance_attributes></primitive>
<group id="dce">'
    for _mount in krb5:/krb5 var-dce:/var/dce etc-dce:/etc/dce; do
        _id=${_mount%:*}
        cat <<END
<primitive id="$_id" class="ocf" provider="heartbeat" type="Filesystem"><instance_attributes id="$_id-a">
<nvpair id="$_id-a1" name="device" value="$CLUSTER/shared/$_id"/><nvpair id="$_id-a2" name="directory" value="${_mount#*:}"/>
<nvpair id="$_id-a3" name="fstype" value="none"/><nvpair id="$_id-a4" name="options" value="bind"/>
</instance_attributes><operations><op id="$_id-o" name="monitor" interval="10s" timeout="20s"/></operations></primitive>
END
    done
    cat <<END
<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2"><instance_attributes id="vip-a">
<nvpair id="vip-a1" name="ip" value="10.77.0.10"/><nvpair id="vip-a2" name="cidr_netmask" value="24"/>
<nvpair id="vip-a3" name="nic" value="net0"/>
</instance_attributes><operations><op id="vip-o" name="monitor" interval="10s" timeout="20s"/></operations></primitive>
<primitive id="hadce" class="ocf" provider="hatools" type="hadce">
<meta_attributes id="hadce-m"><nvpair id="hadce-m1" name="target-role" value="Stopped"/></meta_attributes><operations><op id="hadce-o1" name="start" interval="0" timeout="$1s"/><op id="hadce-o2" name="stop" interval="0" timeout="$2s"/>
<op id="hadce-o3" name="monitor" interval="3s" timeout="20s"/></operations></primitive>
</group></resources>
<constraints><rsc_location id="home" rsc="dce" node="n1" score="50"/></constraints>
END
}
