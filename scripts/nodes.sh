# shellcheck shell=sh
# Sourced by scripts/cluster.sh, scripts/pair.sh and scripts/cfengine.sh: nodes on one machine, n1 and n2 or those of $NODES_LIST. $ROOT
# is the source tree.
#   nodes_possible      says why this machine cannot have them, and is false then
#   nodes_new           makes $CLUSTER, a fresh directory. What the caller puts into $CLUSTER/disk is on the disk of both nodes
#                       from their next boot on, and what it puts into $CLUSTER/n1/disk on that of n1; $CLUSTER itself is what
#                       they share, at this same path. To be set before a boot:
#                         $CLUSTER/n1/name      n1's host name: n1 unless told
#                         $CLUSTER/hidden       paths that the nodes do not have from this machine, one in a line
#                         $CLUSTER/keep-disks   a node's disk stays what it was when it boots again; without it, it is then as at
#                                               first. /run is always fresh
#                         $NODES_PATH           the PATH on the nodes: the caller's unless told
#                       And before nodes_new: $NODES_LIST, each NAME:NUMBER, "n1:1 n2:2" unless told
#   nodes_up            boots them all. Not in a pipe: the shell that called it owns them
#   nodes_down          ends it all; the caller calls it at its exit
#   node NODE COMMAND   runs a command on a node; client COMMAND: beside them, in their network, as 10.77.0.254
#   kill_node NODE      takes its power away; boot_node NODE gives it again, and waits until it has booted
#   stop_node NODE      shuts it down; is_up NODE, is_down NODE
#   wait_for SECONDS COMMAND    asks again and again
# A node is 10.77.0.NUMBER, on net0: n1 10.77.0.1, n2 10.77.0.2. Its boot runs the programs of /etc/rc.d on its disk, in their order, as
# "NAME start"; its shutdown (TERM to PID 1) in reverse order as "NAME stop". Each has $NODE (n1) and $CLUSTER.
#
# Everything runs below one process, the site: PID 1 of a PID namespace of its own, which ends when the caller does. With it
# ends every process of the nodes, and with them go their mounts and their network. Nothing is mounted outside.

nodes_possible() {
    [ "$(id -u)" -eq 0 ] || { echo "it needs root"; return 1; }
    for _program in ip unshare nsenter setpriv setsid pivot_root; do
        command -v "$_program" >/dev/null || { echo "$_program is missing: scripts/setup installs it"; return 1; }
    done
    # With all that a node needs, so that what a container forbids is found here.
    _reason=$(unshare --mount --uts --ipc --net --pid --fork --kill-child --mount-proc sh -ec '
        mount -t tmpfs node /mnt
        mkdir /mnt/upper /mnt/work /mnt/root
        mknod /mnt/upper/hidden c 0 0
        mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work node /mnt/root
        ip link add type veth
        ip link add type bridge' 2>&1) && return
    echo "no namespaces here: $_reason" | head -n 1
    return 1
}

nodes_new() {
    CLUSTER=$(mktemp -d "${TMPDIR:-/tmp}/cluster.XXXXXX") || return 1
    # Who logs in on a node as another user reaches what is shared.
    chmod 755 "$CLUSTER" || return 1
    NODES_LIST=${NODES_LIST:-n1:1 n2:2}
    export ROOT CLUSTER NODES_LIST
    for _node in $NODES_LIST; do
        _number=${_node#*:} _node=${_node%:*}
        mkdir -p "$CLUSTER/$_node/root" "$CLUSTER/$_node/log" "$CLUSTER/$_node/disk" || return 1
        echo "$_node" >"$CLUSTER/$_node/name" && echo "$_number" >"$CLUSTER/$_node/number" || return 1
    done
    mkdir -p "$CLUSTER/disk/etc/rc.d" && mkfifo "$CLUSTER/power" && : >"$CLUSTER/hidden"
}

nodes_up() {
    export NODES_PATH
    # A session of its own: who stops the caller's process group leaves the nodes to nodes_down.
    setsid setpriv --pdeathsig KILL unshare --mount --net --pid --fork --kill-child --mount-proc \
        sh -c '. "$ROOT/scripts/nodes.sh"; _site' site >"$CLUSTER/site.log" 2>&1 </dev/null &
    _site=$!
    wait_for 10 _site_is_there || { echo "nodes: the site did not come up" >&2; return 1; }
    _all _power_to && _all wait_for 30 has_booted && return
    echo "nodes: they do not boot:" >&2
    tail -n 4 "$CLUSTER/site.log" "$CLUSTER"/*/console >&2
    return 1
}
_all() { for _node in $NODES_LIST; do "$@" "${_node%:*}" || return; done; } # COMMAND...

_site_is_there() {
    [ -e "$CLUSTER/site" ] && _site_pid=$(ps -o pid= --ppid "$_site") && _site_pid=$((_site_pid))
}

nodes_down() {
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
    TMPDIR=/run PATH=${NODES_PATH:-$PATH} client nsenter -t "$_pid" -m -u -i -n -p -- "$@"
}
is_up() { [ -e "$CLUSTER/$1/pid" ]; }
is_down() { [ ! -e "$CLUSTER/$1/pid" ]; }
has_booted() { [ -e "$CLUSTER/$1/booted" ]; }
_power_to() { echo "on $1" >"$CLUSTER/power" && wait_for 10 is_up "$1"; }
boot_node() { _power_to "$1" && wait_for 30 has_booted "$1"; }
kill_node() { echo "off $1" >"$CLUSTER/power" && wait_for 10 is_down "$1"; }
stop_node() { node "$1" kill -TERM 1 && wait_for 60 is_down "$1"; }

wait_for() { # SECONDS COMMAND...
    _until=$(($(date +%s) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt "$_until" ] || return 1
        sleep 0.1
    done
}

_site() { # PID 1 of the site: the nodes' network, and their power
    ip link add lab type bridge && ip addr add 10.77.0.254/24 dev lab && ip link set lab up && ip link set lo up || exit
    for _node in $NODES_LIST; do
        _node=${_node%:*}
        mount -t tmpfs -o mode=755 "$_node" "$CLUSTER/$_node/root" || exit
    done
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
    rm -f "$CLUSTER/$1/booted"
    _number=$(cat "$CLUSTER/$1/number") || return
    PATH=${NODES_PATH:-$PATH} setsid unshare --mount --uts --ipc --net --pid --fork --kill-child --mount-proc \
        sh -c '. "$ROOT/scripts/nodes.sh"; _boot "$@"' "$1" "$1" "$_number" >"$CLUSTER/$1/console" 2>&1 </dev/null &
    eval "_unshare_$1=$!"
    _pid=
    until [ -n "$_pid" ]; do
        kill -0 $! || return
        _pid=$(ps -o pid= --ppid $!) && _pid=$((_pid))
    done
    # One that was shut down took its end of the wire along, but not always before this. Its adapter is the same at each boot: who
    # spoke with it before finds it again.
    until ip link add "to-$1" type veth peer name net0 address "02:00:0a:4d:00:$(printf %02x "$_number")" netns "$_pid" 2>/dev/null; do kill -0 "$_pid" || return; sleep 0.02; done
    ip link set "to-$1" master lab up || return
    echo "$_pid" >"$CLUSTER/$1/pid.new" && mv "$CLUSTER/$1/pid.new" "$CLUSTER/$1/pid"
}
_power_off() { # NODE
    kill -KILL "$(cat "$CLUSTER/$1/pid")"
    eval "wait \$_unshare_$1"
    rm -f "$CLUSTER/$1/pid"
}

_boot() { # NODE NUMBER: PID 1 of a node
    set -e
    NODE=$1
    export NODE
    hostname "$(cat "$CLUSTER/$1/name")"
    # Its root is this machine's, with a disk of its own on top.
    _others=$(awk '{ parent[NR] = $2; point[NR] = $5 } $5 == "/" { root = $1 }
        END { for (i = 1; i <= NR; i++) if (parent[i] == root && point[i] !~ "^/(proc|run|etc/.*)?$") print point[i] }' /proc/self/mountinfo)
    _top=$CLUSTER/$1/root
    [ -e "$CLUSTER/keep-disks" ] || rm -rf "$_top/upper"
    rm -rf "$_top/work"
    mkdir -p "$_top/work" "$_top/root"
    if [ -e "$_top/upper" ]; then _new=; else
        _new=yes
        mkdir "$_top/upper"
        while read -r _path; do
            mkdir -p "$_top/upper${_path%/*}"
            mknod "$_top/upper$_path" c 0 0
        done <"$CLUSTER/hidden"
    fi
    mount -t overlay -o "lowerdir=/,upperdir=$_top/upper,workdir=$_top/work" "$1" "$_top/root"
    for _point in $_others; do
        case $_point in "$CLUSTER"/*) continue ;; esac
        grep -qxF -e "$_point" "$CLUSTER/hidden" || mount --rbind "$_point" "$_top/root$_point"
    done
    mkdir -p "$_top/root$CLUSTER"
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
    if [ -n "$_new" ]; then cp -RP "$CLUSTER/disk/." "$CLUSTER/$1/disk/." /; fi
    mkdir -p /run/lock
    until ip link set net0 up 2>/dev/null; do sleep 0.02; done
    ip link set lo up
    ip addr add "10.77.0.$2/24" dev net0
    set +e
    TMPDIR=/run
    export TMPDIR
    _end=
    trap '_end=yes' TERM
    for _program in /etc/rc.d/*; do
        [ ! -x "$_program" ] || "$_program" start
    done
    : >"$CLUSTER/$1/booted"
    # wait returns at the signal, too; and only who waits for children buries the orphans that come to PID 1.
    sleep 1000000 &
    until [ -n "$_end" ]; do wait $!; done
    _programs=
    for _program in /etc/rc.d/*; do _programs="$_program $_programs"; done
    for _program in $_programs; do
        [ ! -x "$_program" ] || "$_program" stop
    done
    rm -f "$CLUSTER/$1/pid"
}
