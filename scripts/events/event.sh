# shellcheck shell=sh
# Sourced by the scripts beside it, so install all of them together, in the same directory on every node.
# The cluster manager calls them as root: what goes to standard error ends in hacmp.out, one line for each step. What the tools
# write on standard output is kept in a log; neither a full disk nor a missing directory there changes what is done, or the
# status. Whether standard output and error are closed, or full, does not either.
#
# /etc/hatools/events.conf has what these scripts cannot know, in lines NAME=VALUE. The environment goes before it.
#   HATOOLS_OWNER           the node that DCE goes home to, by PowerHA's name of it: that of the highest priority
#   HATOOLS_PEER            with mutual takeover: the other node, by PowerHA's name of it,
#   HATOOLS_SERVICE         the service address of this node, and
#   HATOOLS_PEER_SERVICE    that of the other one
#   HATOOLS_LOG             the log, /var/log/hatools/events.jsonl where nothing is said
#   HATOOLS_BIN             the directory of the tools, where it is none of those below

# Where one is closed, the next file that is opened would take its place.
exec </dev/null
{ true 3>&1; } 2>/dev/null || exec >/dev/null
true 3>&2 || exec 2>/dev/null

PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
setting() { # NAME: its value is printed. The file is read, not run: what is wrong in it must not end a takeover
    eval "value=\${$1:-}"
    [ -n "$value" ] || value=$(sed -n "s/^$1=[\"']*\([A-Za-z0-9_.:,/-]*\).*/\1/p" /etc/hatools/events.conf 2>/dev/null | tail -n 1)
    echo "$value"
}
tools=$(setting HATOOLS_BIN)
PATH=${tools:+$tools:}$PATH
export PATH
log=$(setting HATOOLS_LOG)
log=${log:-/var/log/hatools/events.jsonl}
case $log in /*) ;; *) log=$(pwd)/$log ;; esac
name=${0##*/} set_them=

tell() { echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $name: $*" >&2; }
pass() { tell "nothing to do: $*"; exit 0; }
refuse() { tell "REFUSED (status 2), and nothing was done: $*"; exit 2; }

environment() { # pre- and post-event scripts of PowerHA do not have what /etc/environment says: run gives it to the tool
    set_them=$(haenv --export)
    case $? in
        0) ;;
        1) tell "some lines of /etc/environment are left out, see above: going on with the others" ;;
        *) tell "/etc/environment cannot be used: going on without it"; set_them= ;;
    esac
    # A shell ends where it is to set a variable that it keeps for itself, such as PPID.
    [ "$(eval "$set_them" 2>&1; echo whole)" = whole ] || { tell "/etc/environment has what $name cannot set: going on without it"; set_them=; }
}

keep() { # standard input to the log, and on: tee goes on where it cannot write the log
    umask 077
    mkdir -p "${log%/*}" 2>/dev/null
    # This one and the last are all that there ever is.
    [ -z "$(find "$log" -prune -type f -size +2047 2>/dev/null)" ] || mv -f "$log" "$log.old"
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
            {
                trap : HUP INT TERM
                # Whatever variable /etc/environment sets, it is not these.
                set -- "$PATH" "$@"
                eval "$set_them"
                PATH=$1
                export PATH
                shift
                "$@" 3>&-
                echo "status=$?" >&3
            } |
                { trap '' HUP INT TERM; keep | sed -n 's/.*"reboot_required":true.*/reboot=yes/p'; }
        } 3>&1
    )
    status=6 reboot=no
    eval "$said"
    [ "$reboot" = no ] || tell "REBOOT REQUIRED: shut this node down or reboot it before the cluster is started on the other one:" \
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

# What follows is for the pre- and post-events. PowerHA runs those on every node, whichever node the event is about.

about() { # ARGUMENT...: sets $node, that of the event, $manner, which is how it stops, and $this
    case ${1:-} in node_up | node_up_* | node_down | node_down_*) shift ;; esac
    # A post-event gets the event's status before the event's own arguments.
    case ${1:-} in '' | *[!0-9-]*) ;; *) shift ;; esac
    node=${1:-} this=${LOCALNODENAME:-}
    [ -n "$node" ] || refuse "no node is named. PowerHA calls it with the event's name and the node's, such as: node_up node1"
    [ -n "$this" ] || refuse "LOCALNODENAME, which PowerHA sets, does not say which node this one is"
    shift
    manner=" $* "
}

is_forced() { case $manner in *" forced "*) ;; *) false ;; esac; }

configured() { # sets $kind: mutual, rotating or cascading
    plan=$(hadce-start --dry-run) || {
        status=$?
        tell "FAILED (status $status): hadce-start does not get along with /etc/hatools/dce.json"
        exit "$status"
    }
    case $plan in
        *'"id":"host-name"'*) kind=rotating ;;
        *'"id":"remove-endpoint-map"'*) kind=cascading ;;
        *) kind=mutual ;;
    esac
}

only_where_it_goes_home() {
    case $kind in
        mutual) pass "with mutual takeover DCE's clients stay where they are" ;;
        rotating) pass "resources rotate, and stay where they are" ;;
    esac
}

known_owner() { # sets $owner
    owner=$(setting HATOOLS_OWNER)
    [ -n "$owner" ] || refuse "which node DCE goes home to is not known: put HATOOLS_OWNER=NODE into /etc/hatools/events.conf"
}

known_peer() { # sets $peer
    peer=$(setting HATOOLS_PEER)
    [ -n "$peer" ] || refuse "which node the other one is is not known: put HATOOLS_PEER=NODE into /etc/hatools/events.conf"
}

only_with_resources() { # a part of them is enough: then hadce-start says what is missing, and fails
    # The plan's conditions alone: what it asks of programs cannot be answered while they are on a shared disk elsewhere.
    case $({
        printf '%s\n' "$plan" | grep -e '^{"type":"begin"' -e '^{"type":"plan"' -e '"id":"needs-mount-' -e '"id":"needs-address"'
        echo '{"type":"step","id":"look","what":"look","do":{"kind":"run","argv":["true"]},"timeout_seconds":5,"on_failure":"stop"}'
        echo '{"type":"end","ok":true}'
    } | harun --dry-run 2>/dev/null) in
        *'"outcome":"holds"'*) ;;
        *'"outcome":"unmet"'*) pass "nothing was taken over: neither the shared file systems nor the service address are here" ;;
    esac
}
