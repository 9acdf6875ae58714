# shellcheck shell=sh
# Sourced by the agents beside it, which set before that: $agent, $starter and $stopper, the tools that start and stop; $part, what the
# starter's --status writes where a part of it runs; $config and $peer_down; and a function meta_data. With $partly=done, a start or a
# stop whose steps that may fail did so (status 3) is one: no reason to move what runs, or to fence a node.
#
# What is wrong in the resource's parameters is wrong on every node: OCF_ERR_CONFIGURED, and Pacemaker gives up. What is wrong
# in the configuration file is wrong on this node, which has a file of its own: OCF_ERR_ARGS, and Pacemaker tries the other.
# shellcheck disable=SC2154 # the agent sets them
success=0 err_generic=1 err_args=2 err_unimplemented=3 err_perm=4 err_installed=5 err_configured=6 not_running=7
# Made before a start, and where something is seen to run; taken away by a stop and by a reboot. Without it, nothing was started here.
begun=${HA_RSCTMP:-/run/resource-agents}/$agent-${OCF_RESOURCE_INSTANCE:-alone}.begun

usage() { echo "usage: $agent start|stop|monitor|validate-all|meta-data|usage"; }

give_up() { # STATUS REASON: crm_mon shows the reason
    printf '%s%s\n' "${OCF_EXIT_REASON_PREFIX:-ocf-exit-reason:}" "$2" >&2
    exit "$1"
}

have() { command -v "$1" >/dev/null; }

check_parameters() {
    case $config in
        /*) ;;
        *) give_up $err_configured "config is no absolute path: $config" ;;
    esac
    case $peer_down in
        [Tt]rue | TRUE | [Yy]es | YES | [Oo]n | ON | [Yy] | 1) peer_down=yes ;;
        [Ff]alse | FALSE | [Nn]o | NO | [Oo]ff | OFF | [Nn] | 0) peer_down= ;;
        *) give_up $err_configured "peer_down is neither true nor false: $peer_down" ;;
    esac
}

check_host() {
    [ "$(id -u)" -eq 0 ] || give_up $err_perm "it needs root"
    have "$starter" && have "$stopper" || give_up $err_installed "$starter and $stopper are not in PATH: $PATH"
    [ -f "$config" ] || give_up $err_installed "$config is not there"
}

# The cluster kills at its time-out, and what it kills undoes nothing. A tenth earlier, and at least two seconds.
deadline() {
    case ${OCF_RESKEY_CRM_meta_timeout:-} in '' | *[!0-9]*) return ;; esac
    seconds=$((OCF_RESKEY_CRM_meta_timeout / 1000))
    margin=$(((seconds + 9) / 10))
    [ $margin -ge 2 ] || margin=2
    seconds=$((seconds - margin))
    [ $seconds -ge 1 ] || seconds=1
    echo "--deadline $seconds"
}

# The last line's error, without jq. crm_mon shows it in one line: escapes of line ends and other controls become blanks. An
# escaped backslash stands as an end of line meanwhile, so that what follows it is not taken for an escape.
message() {
    printf '%s\n' "$1" | sed -n '$ {
        s/.*"error":{[^{}]*"message":"\([^"\\]*\(\\.[^"\\]*\)*\)".*/\1/
        t found
        d
        :found
        s/\\\\/\
/g
        s/\\[bfnrt]/ /g
        s/\\u00[01]./ /g
        s/\\u007[fF]/ /g
        s/\\\(["/]\)/\1/g
        s/\n/\\/g
        p
    }'
}

call() { # COMMAND...
    said=$("$@" </dev/null 2>&1)
    status=$?
    [ "$status:${partly:-}" != 3:done ] || status=0
    # What is JSON came on standard output.
    output=$(printf '%s\n' "$said" | sed -n '/^{/p')
    words=$(printf '%s\n' "$said" | sed '/^{/d')
    [ -z "$output" ] || printf '%s\n' "$output"
    [ -z "$words" ] || printf '%s\n' "$words" >&2
    reason=$(message "$output")
    [ -n "$reason" ] || reason=$(printf '%s\n' "$words" | sed -n '$p' | tr '\001-\011\013-\037\177' ' ')
    [ -n "$reason" ] || reason="$1 ended with status $status"
}

no_program() { case $output in *'"reason":"no_program"'*) ;; *) false ;; esac; }

# "Not installed" keeps a node out for good: it is no word for programs that stand on shared disks which are elsewhere.
# Of the plan, only the conditions are looked at, because its probes are among those programs.
programs_may_come() {
    {
        "$starter" --config "$config" --dry-run | grep -e '^{"type":"begin"' -e '^{"type":"plan"' -e '"id":"needs-mount-'
        echo '{"type":"step","id":"look","what":"look","do":{"kind":"run","argv":["true"]},"timeout_seconds":5,"on_failure":"stop"}'
        echo '{"type":"end","ok":true}'
    } 2>/dev/null | harun --dry-run 2>/dev/null | grep -q '"outcome":"unmet"'
}

answer() { # what the last call ended with, as the cluster reads it
    case $status in
        0) exit $success ;;
        2 | 4) give_up $err_args "$reason" ;;
        126 | 127) give_up $err_installed "$reason" ;;
        *) give_up $err_generic "$reason" ;;
    esac
}

mark() { mkdir -p "${begun%/*}" && touch "$begun"; } # a full disk is no reason not to take over

start() {
    check_host
    began=
    [ ! -e "$begun" ] || began=yes
    mark
    # shellcheck disable=SC2046 # two words, or none
    call "$starter" --config "$config" ${peer_down:+--peer-down} $(deadline)
    case $status in
        2 | 4) [ -n "$began" ] || rm -f "$begun" ;;
        # A condition was not met, or a program is missing: no step was begun.
        6)
            case $output in
                *'"done":0,'*'"undone":0,'*'"failed_steps":[],'*) [ -n "$began" ] || rm -f "$begun" ;;
            esac
            ;;
    esac
    answer
}

# A stop that fails has the node fenced. So it fails for what may run here, and not on a standby whose file was never right.
stop() {
    if [ ! -e "$begun" ] && { [ ! -f "$config" ] || ! have "$stopper"; }; then
        echo "$agent: nothing was started here"
        exit $success
    fi
    check_host
    # shellcheck disable=SC2046
    call "$stopper" --config "$config" $(deadline)
    case $status in
        0) rm -f "$begun" ;;
        2 | 4) [ -e "$begun" ] || exit $success ;;
        *)
            if [ ! -e "$begun" ]; then
                stopped=$status why=$reason
                call "$starter" --status --config "$config"
                ! no_program || exit $success
                status=$stopped reason=$why
            fi
            ;;
    esac
    answer
}

monitor() {
    check_host
    call "$starter" --status --config "$config"
    # What runs here must be stopped here, whoever started it.
    case $status$output in 0* | *"$part"*) mark ;; esac
    [ $status -ne 1 ] || exit $not_running
    if no_program && [ ! -e "$begun" ]; then
        ! programs_may_come || exit $not_running
        give_up $err_installed "$reason"
    fi
    answer
}

# At level 0 it may not look at this node, which need not be one where it is to run.
validate_all() {
    [ "${OCF_CHECK_LEVEL:-0}" -ge 10 ] || exit $success
    check_host
    call "$starter" --status --config "$config"
    case $status in 2 | 4) answer ;; esac
    exit $success
}

main() { # ACTION
    action=${1-}
    case $action in
        meta-data) meta_data; exit $success ;;
        usage | help) usage; exit $success ;;
        start | stop | monitor | validate-all) ;;
        *) usage >&2; exit $err_unimplemented ;;
    esac
    check_parameters
    case $action in
        start) start ;;
        stop) stop ;;
        monitor) monitor ;;
        validate-all) validate_all ;;
    esac
}
