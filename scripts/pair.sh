# shellcheck shell=sh
# Sourced by scenes and benchmarks: a pair of xCAT management nodes on one machine, on the two nodes of scripts/nodes.sh, which has
# node, client, kill_node, boot_node, stop_node and wait_for. $ROOT is the source tree, $HATOOLS_BIN the directory of the tools.
#   pair_possible           says why this machine cannot have one, and is false then
#   pair_new [KIND [KIND]]  makes $CLUSTER: n1 (xcatmn1, 10.77.0.1) and n2 (xcatmn2, 10.77.0.2), each of a KIND, which says what
#                           starts its services: systemd (unless told), sysv or aix
#   pair_up [KIND [KIND]]   boots them, after pair_new where that was not called. Not in a pipe: the shell that called it owns them
#   pair_down               ends it all; the caller calls it at its exit. Nothing is mounted outside, and several can be at a time
#   pair_trust              has root log in without a password both ways, by keys and host keys brought by hand
#   pair_active NODE        makes NODE the primary by hand: address, mounts, and xcatd, named, dhcpd and conserver as xCAT has them
#   pair_ask TABLE [ADDRESS]    a table of the database, asked of xcatd on 10.77.0.10 from beside the nodes
#   pair_config [KEY=JSON...]   prints a hapair-config/1 of the pair; a KEY is one of its top keys, put in or over
# With a cluster: . "$ROOT/scripts/cluster.sh", then pair_new; cluster_disk; cluster_up FILE in the place of pair_up.
#
# The nodes' names are in /etc/hosts, with xcatmn, 10.77.0.10, the address that goes with the role of the primary; no node has it
# until it is put on net0. A node's disk outlives its boots. /root, /etc/ssh, /etc/xcat, /install, /tftpboot, /opt/xcat and
# /var/lib/hatools have nothing of this machine; sshd runs at port 22, with the distribution's sshd_config, and host keys of its own.
# The built tools are in /usr/bin: every session has them, whatever its PATH.
# Shared disks: $CLUSTER/shared/{etc-xcat,install,tftpboot,dot-xcat}. "mount /etc/xcat" (/install, /tftpboot, /root/.xcat) mounts
# one by /etc/fstab, where it is noauto. On etc-xcat is an xCAT database in SQLite, of node01 to node03.
#
# Services: xcatd, named, dhcpd, conserver, goconserver, and sshd. They are not enabled, but for sshd. tests/fakes/pair has the
# service managers (see the heads of units.sh, systemctl, chkconfig and src there) and xCAT's commands (xcat.py). On a node:
#   /usr/lib/pair/units/NAME.service   a unit; pair_unit NAME EXEC [READY] makes another, between pair_new and pair_up
#   /etc/units.broken/NAME             how a unit fails: "start fails", "stop lies", ...; see units.sh
#   /etc/systemctl.version             see the head of systemctl
#   /etc/xcat.broken/NAME              how a command of xCAT fails: "fails" or "hangs"
#   /var/log/units/commands.log        what the service managers were told; NAME.log there is what a unit's daemon said
#   /var/log/xcat/commands.log         what xCAT's commands were told

. "$ROOT/scripts/nodes.sh"
# shellcheck disable=SC2034 # nodes.sh reads it
# shellcheck disable=SC2034 # nodes.sh reads it
NODES_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

pair_possible() {
    nodes_possible || return
    for _program in /usr/sbin/sshd /usr/bin/python3 /usr/sbin/dnsmasq; do
        [ -x "$_program" ] || { echo "$_program is missing: scripts/setup installs it"; return 1; }
    done
    for _program in ssh ssh-keygen socat dig; do
        command -v "$_program" >/dev/null || { echo "$_program is missing: scripts/setup installs it"; return 1; }
    done
}

pair_new() { # [KIND [KIND]]
    nodes_new || return
    : >"$CLUSTER/keep-disks"
    _fakes=$ROOT/tests/fakes/pair
    printf '%s\n' /root /etc/ssh /etc/xcat /install /tftpboot /opt/xcat /var/lib/hatools /etc/systemd /usr/lib/systemd/system \
        /etc/init.d /etc/rc0.d /etc/rc1.d /etc/rc2.d /etc/rc3.d /etc/rc4.d /etc/rc5.d /etc/rc6.d /usr/bin/systemctl /usr/sbin/service \
        /usr/sbin/chkconfig /etc/hatools /etc/exports >"$CLUSTER/hidden"
    _disk=$CLUSTER/disk
    mkdir -p "$_disk/root" "$_disk/etc/ssh" "$_disk/etc/xcat" "$_disk/install" "$_disk/tftpboot" "$_disk/opt/xcat" "$_disk/usr/bin" \
        "$_disk/usr/sbin" "$_disk/usr/lib/pair/units" "$_disk/etc/units.broken" "$_disk/etc/xcat.broken" "$_disk/var/log/units" \
        "$_disk/var/log/xcat" "$_disk/etc/hatools" "$_disk/var/lib/hatools" "$_disk/root/.xcat" "$_disk/run" "$_disk/var/log/consoles" || return
    chmod 700 "$_disk/root"
    echo xcatmn1 >"$CLUSTER/n1/name"
    echo xcatmn2 >"$CLUSTER/n2/name"
    cat >"$_disk/etc/hosts" <<'EOF'
127.0.0.1 localhost
10.77.0.10 xcatmn xcatmn.cluster.example.com
10.77.0.1 xcatmn1 xcatmn1.cluster.example.com
10.77.0.2 xcatmn2 xcatmn2.cluster.example.com
10.77.0.101 node01 node01.cluster.example.com
10.77.0.102 node02 node02.cluster.example.com
10.77.0.103 node03 node03.cluster.example.com
EOF
    printf 'search cluster.example.com\nnameserver 10.77.0.10\n' >"$_disk/etc/resolv.conf"
    echo '/install *(rw,no_root_squash,sync,no_subtree_check)' >"$_disk/etc/exports"
    for _mount in etc-xcat:/etc/xcat install:/install tftpboot:/tftpboot dot-xcat:/root/.xcat; do
        mkdir -p "$CLUSTER/shared/${_mount%%:*}" || return
        echo "$CLUSTER/shared/${_mount%%:*} ${_mount#*:} none bind,noauto 0 0"
    done >"$_disk/etc/fstab" || return
    chmod 700 "$CLUSTER/shared/dot-xcat"
    /usr/bin/python3 "$_fakes/database.py" "$ROOT" "$CLUSTER/shared/etc-xcat" || return

    # Each its own host keys, and the distribution's configuration.
    cp -R /etc/ssh/sshd_config /etc/ssh/ssh_config /etc/ssh/moduli "$_disk/etc/ssh/" || return
    for _node in n1 n2; do
        mkdir -p "$CLUSTER/$_node/disk/etc/ssh"
        for _type in ed25519 ecdsa; do
            ssh-keygen -q -t "$_type" -N '' -C "root@$(cat "$CLUSTER/$_node/name")" -f "$CLUSTER/$_node/disk/etc/ssh/ssh_host_${_type}_key" || return
        done
    done

    for _tool in "$HATOOLS_BIN"/ha*; do
        if [ -f "$_tool" ] && [ -x "$_tool" ]; then ln -s "$_tool" "$_disk/usr/bin/${_tool##*/}"; fi
    done

    cp "$_fakes/units.sh" "$_fakes/sysv/initscript" "$_fakes/boot" "$_fakes/daemons" "$_disk/usr/lib/pair/" || return
    cp "$_fakes"/units/*.service "$_disk/usr/lib/pair/units/" || return
    mkdir -p "$_disk/opt/xcat/bin" "$_disk/opt/xcat/sbin"
    mkdir -p "$_disk/opt/xcat/lib"
    cp "$_fakes/xcat.py" "$_disk/opt/xcat/sbin/" && cp "$ROOT/common/xcat/data/schema.tsv" "$_disk/opt/xcat/lib/" || return
    for _command in tabdump lsxcatd makedns makedhcp makeconservercf makegocons nimnodeset mkdsklsnode; do
        ln -s ../sbin/xcat.py "$_disk/opt/xcat/bin/$_command"
        ln -s "/opt/xcat/bin/$_command" "$_disk/usr/bin/$_command"
    done
    ln -s xcat.py "$_disk/opt/xcat/sbin/xcatd"
    ln -s /opt/xcat/sbin/xcatd "$_disk/usr/sbin/xcatd"
    cp "$_fakes/exportfs" "$_disk/usr/sbin/" || return
    mkdir -p "$_disk/etc/rc.d"
    printf '#!/bin/sh\nexec /usr/lib/pair/boot "$@"\n' >"$_disk/etc/rc.d/50-pair"
    chmod 755 "$_disk/etc/rc.d/50-pair" "$_disk/usr/lib/pair/initscript" "$_disk/usr/lib/pair/boot" "$_disk/usr/lib/pair/daemons"
    _kind n1 "${1:-systemd}" && _kind n2 "${2:-${1:-systemd}}" || return
    pair_enable sshd
}

_kind() { # NODE KIND
    _disk=$CLUSTER/$1/disk _fakes=$ROOT/tests/fakes/pair
    mkdir -p "$_disk/usr/lib/pair" "$_disk/usr/bin" "$_disk/usr/sbin" "$_disk/etc"
    echo "$2" >"$_disk/usr/lib/pair/kind"
    case $2 in
        systemd) mkdir -p "$_disk/usr/lib/systemd/system" "$_disk/etc/systemd/system" && cp "$_fakes/systemd/systemctl" "$_disk/usr/bin/" ;;
        sysv)
            mkdir -p "$_disk/etc/init.d"
            for _level in 0 1 2 3 4 5 6; do mkdir "$_disk/etc/rc$_level.d"; done
            cp "$_fakes/sysv/service" "$_fakes/sysv/chkconfig" "$_disk/usr/sbin/"
            ;;
        aix)
            mkdir -p "$_disk/etc/objrepos/SRCsubsys.d"
            printf 'init:2:initdefault:\nrctcpip:23456789:wait:/etc/rc.tcpip > /dev/console 2>&1 # Start TCP/IP daemons\n' >"$_disk/etc/inittab"
            printf '# /etc/rc.tcpip: what is commented out is not started at boot\n#start /usr/sbin/named "$src_running"\n#start /usr/sbin/dhcpsd "$src_running"\n' >"$_disk/etc/rc.tcpip"
            cp /usr/bin/uname "$_disk/usr/lib/pair/uname" && cp "$_fakes/aix/uname" "$_disk/usr/bin/uname"
            cp "$_fakes/aix/src" "$_disk/usr/lib/pair/src"
            for _command in lssrc startsrc stopsrc mkssys rmssys odmget lsitab mkitab rmitab; do
                ln -s /usr/lib/pair/src "$_disk/usr/bin/$_command"
            done
            ;;
        *) echo "pair: $2 is no kind of node: systemd, sysv or aix" >&2; return 1 ;;
    esac || return
    for _unit in "$CLUSTER"/disk/usr/lib/pair/units/*.service; do _install_unit "$1" "$_unit" || return; done
}
_install_unit() { # NODE FILE: for the manager of its kind
    _disk=$CLUSTER/$1/disk _called=${2##*/}
    _called=${_called%.service}
    case $(cat "$_disk/usr/lib/pair/kind") in
        systemd) cp "$2" "$_disk/usr/lib/systemd/system/" ;;
        sysv)
            printf '#!/bin/sh\n# chkconfig: 345 85 15\n# description: %s\nexec /usr/lib/pair/initscript %s "$@"\n' "$_called" "$_called" >"$_disk/etc/init.d/$_called"
            chmod 755 "$_disk/etc/init.d/$_called"
            for _level in 0 1 2 3 4 5 6; do ln -s "../init.d/$_called" "$_disk/etc/rc$_level.d/K15$_called" || return; done
            ;;
        aix) printf 'command=%s\ngroup=%s\n' "$(sed -n 's/^ExecStart=//p' "$2")" "$_called" >"$_disk/etc/objrepos/SRCsubsys.d/$_called" ;;
    esac
}
pair_unit() { # NAME EXEC [READY]
    _file=$CLUSTER/disk/usr/lib/pair/units/$1.service
    printf '[Unit]\nDescription=%s\n[Service]\nExecStart=%s\nX-Ready=%s\n[Install]\nWantedBy=multi-user.target\n' "$1" "$2" "${3-}" >"$_file" &&
        _install_unit n1 "$_file" && _install_unit n2 "$_file"
}
pair_enable() { # NAME...: started at boot on both; before the first boot
    for _unit; do
        for _node in n1 n2; do
            _disk=$CLUSTER/$_node/disk
            case $(cat "$_disk/usr/lib/pair/kind") in
                systemd)
                    mkdir -p "$_disk/etc/systemd/system/multi-user.target.wants" &&
                        ln -s "/usr/lib/systemd/system/$_unit.service" "$_disk/etc/systemd/system/multi-user.target.wants/" ;;
                sysv)
                    for _level in 2 3 4 5; do
                        rm "$_disk/etc/rc$_level.d/K15$_unit" && ln -s "../init.d/$_unit" "$_disk/etc/rc$_level.d/S85$_unit" || return
                    done ;;
                aix) echo "$_unit:2:once:/usr/bin/startsrc -s $_unit > /dev/console 2>&1" >>"$_disk/etc/inittab" ;;
            esac || return
        done
    done
}

pair_up() { # [KIND [KIND]]
    [ -n "${CLUSTER:-}" ] || pair_new "$@" || return
    nodes_up && wait_for 10 _answers 10.77.0.1 && wait_for 10 _answers 10.77.0.2 && return
    echo "pair: the nodes do not come up:" >&2
    tail -n 4 "$CLUSTER"/n?/console >&2
    return 1
}
_answers() { client socat -u OPEN:/dev/null "TCP:$1:22,connect-timeout=2"; }
pair_down() { nodes_down; }

pair_trust() {
    for _node in n1 n2; do
        node "$_node" sh -ec 'umask 077; mkdir -p /root/.ssh
            [ -e /root/.ssh/id_ed25519 ] || ssh-keygen -q -t ed25519 -N "" -C "root@$(hostname)" -f /root/.ssh/id_ed25519
            cat /root/.ssh/id_ed25519.pub' >"$CLUSTER/$_node.pub" || return
    done
    for _pair in n1:n2 n2:n1; do
        _other=${_pair#*:}
        _called=$(cat "$CLUSTER/$_other/name")
        node "${_pair%:*}" sh -ec 'umask 077; cat >>/root/.ssh/authorized_keys' <"$CLUSTER/$_other.pub" || return
        node "$_other" sh -c 'cat /etc/ssh/ssh_host_*_key.pub' | sed "s/^/$_called,10.77.0.${_other#n} /" |
            node "${_pair%:*}" sh -ec 'umask 077; cat >>/root/.ssh/known_hosts' || return
    done
}

pair_active() { # NODE
    node "$1" sh -ec '
        ip addr add 10.77.0.10/24 dev net0
        # It waits a second for an answer that nobody gives.
        arping -q -U -c 1 -I net0 10.77.0.10 </dev/null >/dev/null 2>&1 &
        for mount in /etc/xcat /install /tftpboot /root/.xcat; do mount "$mount"; done
        /usr/lib/pair/daemons start xcatd
        # startsrc does not wait until it serves.
        tries=100
        until tabdump site >/dev/null 2>&1 || [ "$((tries -= 1))" -lt 0 ]; do sleep 0.05; done
        makedns -n
        makedhcp -n
        makedhcp -a
        makeconservercf
        exportfs -a' >"$CLUSTER/active.log" 2>&1 || { cat "$CLUSTER/active.log" >&2; return 1; }
}

pair_config() { # [KEY=JSON...]
    /usr/bin/python3 - "$@" <<'EOF'
import json
import sys

config = {
    "schema": "hapair-config/1",
    "nodes": [{"name": "xcatmn1", "address": "10.77.0.1"}, {"name": "xcatmn2", "address": "10.77.0.2"}],
    "vip": {"name": "xcatmn", "address": "10.77.0.10", "prefix": 24, "adapter": "net0"},
    "database": {"engine": "sqlite"},
    "shared_mounts": ["/etc/xcat", "/install", "/tftpboot", "/root/.xcat"],
    "services": ["named", "dhcpd", "conserver"],
    "conserver": "conserver",
}
for argument in sys.argv[1:]:
    key, value = argument.split("=", 1)
    config[key] = json.loads(value)
print(json.dumps(config, indent=1))
EOF
}
pair_ask() { # TABLE [ADDRESS]: a table from xcatd on the service address, from beside the nodes
    XCATHOST=${2:-10.77.0.10}:3001 client timeout 3 /usr/bin/python3 "$ROOT/tests/fakes/pair/xcat.py" tabdump "$1"
}
