# shellcheck shell=sh
# Sourced by the demo, the benchmark and the scenes: two nodes on one machine, each an sshd of its own.
# lab_up starts them on 127.0.0.2 (primary, aixmn1) and 127.0.0.3 (standby, aixmn2), with keys, known hosts and
# configuration of their own, as root or as any user. The caller calls lab_down at its exit.
#   $LAB/ssh_config   rsync -e "ssh -F $LAB/ssh_config" x standby:/y
#   $LAB/bin          first in PATH, it makes plain ssh use that configuration
#   $LAB_PIDS         the two sshd, the primary's first
# The built tools ($HATOOLS_BIN) are in the PATH of what runs on the nodes.

lab_up() {
    LAB=$(mktemp -d "${TMPDIR:-/tmp}/lab.XXXXXX") || return 1
    LAB_PIDS=
    _sshd=$(command -v sshd || command -v /usr/sbin/sshd) || { echo "lab: sshd is missing: scripts/setup installs it" >&2; return 1; }
    _ssh=$(command -v ssh) || { echo "lab: ssh is missing: scripts/setup installs it" >&2; return 1; }
    # sshd as root insists on this directory; a service would have made it.
    [ "$(id -u)" -ne 0 ] || [ -d /run/sshd ] || mkdir -m 755 /run/sshd || return 1
    for _key in client primary standby; do
        ssh-keygen -q -t ed25519 -N '' -C "$_key" -f "$LAB/$_key" || return 1
    done
    # No port is known to be free: another is tried where an sshd ends at once.
    for _try in 1 2 3 4 5 6 7 8 9 10; do
        _lab_start $((20000 + ($$ * 7 + _try * 997) % 12000)) && return
        # shellcheck disable=SC2086 # two words are meant
        kill -0 $LAB_PIDS 2>/dev/null && break
        _lab_stop
    done
    echo "lab: the nodes do not answer:" >&2
    tail -n 4 "$LAB"/*.log >&2
    return 1
}

_lab_start() { # PORT
    cat >"$LAB/ssh_config" <<END
Host primary aixmn1
    HostName 127.0.0.2
Host standby aixmn2
    HostName 127.0.0.3
Host *
    Port $1
    User $(id -un)
    IdentityFile $LAB/client
    IdentitiesOnly yes
    UserKnownHostsFile $LAB/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
    ConnectTimeout 10
    ControlPath none
    LogLevel ERROR
END
    mkdir -p "$LAB/bin"
    printf '#!/bin/sh\nexec %s -F %s "$@"\n' "$_ssh" "$LAB/ssh_config" >"$LAB/bin/ssh"
    chmod +x "$LAB/bin/ssh"
    : >"$LAB/known_hosts"
    for _node in primary:127.0.0.2 standby:127.0.0.3; do
        _address=${_node#*:} _node=${_node%:*}
        echo "[$_address]:$1 $(cat "$LAB/$_node.pub")" >>"$LAB/known_hosts"
        # StrictModes: /tmp, where this stands, may be written by all. SHLVL: else bash reads the user's .bashrc.
        cat >"$LAB/$_node.conf" <<END
ListenAddress $_address:$1
HostKey $LAB/$_node
PidFile none
AuthorizedKeysFile $LAB/client.pub
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PermitUserRC no
MaxStartups 100
SetEnv "PATH=${HATOOLS_BIN:+$HATOOLS_BIN:}$PATH" HATOOLS_NODE=$_node SHLVL=9
END
        "$_sshd" -D -e -f "$LAB/$_node.conf" >"$LAB/$_node.log" 2>&1 </dev/null &
        LAB_PIDS="$LAB_PIDS $!"
    done
    for _node in primary standby; do
        _tries=0
        until [ "$("$LAB/bin/ssh" "$_node" printenv HATOOLS_NODE 2>>"$LAB/$_node.log" </dev/null)" = "$_node" ]; do
            _tries=$((_tries + 1))
            # shellcheck disable=SC2086
            [ "$_tries" -lt 50 ] && kill -0 $LAB_PIDS 2>/dev/null || return 1
            sleep 0.1
        done
    done
}

_lab_stop() {
    # shellcheck disable=SC2086
    [ -z "$LAB_PIDS" ] || { kill $LAB_PIDS; wait $LAB_PIDS; } 2>/dev/null
    LAB_PIDS=
}

lab_down() {
    [ -n "${LAB:-}" ] || return 0
    _lab_stop
    rm -rf "$LAB"
    LAB=
}

# Filters command lines: each absolute path moves beneath PRIMARY, each path on a host beneath STANDBY.
# So lines that are written for a whole machine run unchanged but for that.
reroot() { # PRIMARY STANDBY
    sed -E -e "s#([[:space:]][A-Za-z0-9\${}_-]+):/#\\1:$2/#g" \
        -e "s#(^|[[:space:]=<>\"'])/(etc|home|install|opt|root|srv|tmp|var)([^[:alnum:]]|\$)#\\1$1/\\2\\3#g"
}
