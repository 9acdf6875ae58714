# shellcheck shell=sh disable=SC2034
# Sourced behind lib.sh by the scenes of hadce-start and hadce-stop, on a machine of machine.sh.
# SHELL_UNDER_TEST is the shell that runs the scene, for scripts that it is to run, too.
FAKE=/run/fake # where the fakes keep their journal, and read what they are to do
CONFIG=/etc/hatools/dce.json
STATE=/run/hatools/hadce/state.json
SHELL_UNDER_TEST=$(readlink "/proc/$$/exe")
WITH_DFS='.dfs = true | .dfs_servers = ["file-server"] | .peer_down = ["/usr/bin/true"]'

leave_files() { # what a node that died left on the shared disk
    mkdir -p /var/dce/dced /var/dce/security/creds &&
        for _file in dced/Ep.db dced/Srvrexec.db security/creds/1 security/creds/2; do echo old >"/var/dce/$_file" || return; done
}
old_files() { (cd /var/dce && grep -ls old dced/Ep.db dced/Srvrexec.db security/creds/* | paste -s -d ' ' -); }
config() { # JQ-FILTER...: the configuration of a standby with rotating resources, with these changes
    jq -n '{
        schema: "hadce-config/1", configuration: "standby-rotating", dce_servers: ["security", "cds"], clients: ["dce"],
        service_hostname: "dcesvc", service_addresses: ["9.3.240.2"], running_dce: ["/usr/bin/running.dce"],
        running_dfs: ["/usr/bin/running.dfs"], timeouts_seconds: {probe: 5}, deadline_seconds: 60
    }' >"$CONFIG.new" || return
    for _change; do jq "$_change" "$CONFIG.new" >"$CONFIG.newer" && mv "$CONFIG.newer" "$CONFIG.new" || return; done
    mv "$CONFIG.new" "$CONFIG"
}
how() { echo "$2" >"$FAKE/$1.how"; } # NAME WORDS: what that fake does from now on
afresh() { # [JQ-FILTER...]: nothing runs, a fresh /var/dce with old files, the node's own name, and this configuration
    for _process in "$FAKE"/*.pid "$FAKE"/*.hang "$FAKE"/*.linger "$FAKE"/*.escape "$FAKE"/*.daemon; do
        [ ! -e "$_process" ] || kill -9 "$(cat "$_process")" 2>/dev/null
    done
    rm -rf "${FAKE:?}"/* /run/hatools
    hostname node2
    umount /var/dce 2>/dev/null
    rm -rf /var/dce/*
    mount -t tmpfs disk /var/dce && leave_files && config "$@"
}
event() { # SCRIPT ARGUMENT...: one of scripts/events, as the cluster manager calls it: with next to no environment, and no terminal
    _script=$ROOT/scripts/events/$1
    shift
    timeout 60 env -i HATOOLS_BIN="$HATOOLS_BIN" LOCALNODENAME=node2 "$SHELL_UNDER_TEST" "$_script" "$@" </dev/null
}
host_name() { [ "$(uname -n)" = "$1" ]; }
acted() { [ "$(cut -d ' ' -f 1 "$FAKE/journal" 2>/dev/null | paste -s -d ' ' -)" = "$*" ]; } # NAME...: called in this order
not_called() { ! grep -q "^$1 " "$FAKE/journal" 2>/dev/null; }
saw() { grep -qs "^$1.* $2" "$FAKE/journal"; } # NAME PATTERN: what that fake saw
alive() { # FILE of $FAKE with a process number
    case $(cut -d ' ' -f 3 "/proc/$(cat "$FAKE/$1")/stat" 2>/dev/null) in '' | Z) return 1 ;; esac
}
gone() { [ -s "$FAKE/$1" ] && ! alive "$1"; }
until_true() { # COMMAND...: within ten seconds
    _left=200
    until "$@"; do
        _left=$((_left - 1))
        [ "$_left" -gt 0 ] || return 1
        sleep 0.05
    done
}
