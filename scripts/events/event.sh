# shellcheck shell=sh
# Sourced by the scripts beside it, so install all of them together, in the same directory on every node.
# They are called without arguments, as root, by the cluster manager: what goes to standard error ends in hacmp.out, one line
# for each step. What the tools write on standard output is kept in $HATOOLS_LOG; neither a full disk nor a missing directory
# there changes what is done, or the status. HATOOLS_BIN, where it is set, is the directory of the tools.

bare_path() { PATH=${HATOOLS_BIN:+$HATOOLS_BIN:}/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin; export PATH; }
bare_path
log=${HATOOLS_LOG:-/var/log/hatools/events.jsonl}

tell() { echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) ${0##*/}: $*" >&2; }

environment() { # pre- and post-event scripts of PowerHA do not have what /etc/environment says
    set_them=$(haenv --export) || { tell "/etc/environment cannot be read: going on without it"; return; }
    eval "$set_them"
    bare_path
}

keep() { # standard input to the log, and on: tee goes on where it cannot write the log
    umask 077
    mkdir -p "${log%/*}" 2>/dev/null
    # This one and the last are all that there ever is.
    [ ! -e "$log" ] || [ "$(wc -c <"$log")" -lt 1048576 ] || mv -f "$log" "$log.old"
    tee -a "$log" 2>/dev/null || tell "$log cannot be written: the records are not kept"
}

run() { # TOOL ARGUMENT...: its status
    tell "begins: $*"
    # The tool's status cannot come through the pipe: it comes as a word, as does what the operator must be told.
    # A signal to the whole group ends the tool, which undoes what it did first; all else waits for that.
    trap : HUP INT TERM
    said=$(
        trap : HUP INT TERM
        {
            { trap : HUP INT TERM; "$@" 3>&-; echo "status=$?" >&3; } |
                { trap '' HUP INT TERM; keep | sed -n 's/.*"reboot_required":true.*/reboot=yes/p'; }
        } 3>&1
    )
    status=6 reboot=no
    eval "$said"
    [ "$reboot" = no ] || tell "REBOOT REQUIRED: shut this node down or reboot it before HACMP is started on the other one:" \
        "DFS still holds the shared disks here"
    case $status in
        0) tell "done: $1" ;;
        3) tell "done but for some steps of the site (status 3): $1" ;;
        5) tell "NOT DONE, trying again may help (status 5): $1" ;;
        *) tell "FAILED (status $status): $1" ;;
    esac
    return "$status"
}

has_step() { # ID: the configuration leads to this step of a start
    hadce-start --dry-run | sed -n '/"type":"step"/p' | grep "\"id\":\"$1\"" >/dev/null
}
