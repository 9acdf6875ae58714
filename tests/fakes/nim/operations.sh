# shellcheck shell=sh disable=SC2034,SC2154
# nim: the operations that the tools and the seed use.
. "$fakes/lsnim.sh"
error() { complain '0042-001 nim: processing error encountered on "master":' "   $2" ''; exit "$1"; } # STATUS TEXT
option() { # ATTRIBUTE DEFAULT: of -a, in $value
    case "$given$tab" in
        *"$tab$1="*) value=${given#*"$tab$1="} value=${value%%"$tab"*} ;;
        *) value=$2 ;;
    esac
}
list_filesets() { # CLIENT: nim -o lslpp
    db_get "$NIM_HOST" "$target" type
    [ "$value" = standalone ] || [ "$target" = master ] || error 8 "0042-008 NIMstate: Request denied - lslpp"
    machine "$NIM_HOST"
    if db_get "$NIM_HOST" "$target" current_master && [ "$value" != "$fqdn" ]; then
        complain '0042-001 nim: processing error encountered on "master":' \
            "   0042-378 m_lslpp: The current master for \"$target\"" \
            "        is \"$value\". You must run the \"takeover\" operation to" \
            '        become the current master before you can execute the "/usr/lpp/bos.sysmgt/nim/methods/c_ckspot"' \
            '        operation on this client.' ''
        exit 122
    fi
    if ! reachable "$target"; then
        complain '0042-001 nim: processing error encountered on "master":'
        refused m_lslpp "$target" From_Master '   '
        exit 6
    fi
    printf '%s\n' '  Fileset                      Level  State  Type  Description (Uninstaller)' \
        '  ----------------------------------------------------------------------------'
    for _file in "$NIM_WORLD/$target"/fileset.*; do
        IFS=$tab read -r _level _description <"$_file"
        printf '  %-24s %9s    C     F    %s\n' "${_file##*/fileset.}" "$_level" "$_description"
    done
}
operation='' force=no given='' type=''
OPTIND=1
while getopts 'Fo:t:a:' option; do
    case $option in
        F) force=yes ;;
        o) operation=$OPTARG ;;
        t) type=$OPTARG ;;
        a) given="$given$tab$OPTARG" ;;
        *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
target=${1:-}
set_up_master nim
[ -n "$operation" ] && [ -n "$target" ] || refuse 2 'usage: nim -o <operation> [-F] [-t <type>] [-a <attribute=value>...] <object>'
[ "$operation" = sync ] || command_fault "$operation"
if [ "$operation" = define ]; then
    db_has "$NIM_HOST" "$target" && error 32 "0042-032 m_mk$type: The value specified for the \"name\" attribute must be unique."
    option server master
    case $type in standalone) set -- class=machines ;; *) set -- class=resources ;; esac
    set -- "$@" "type=$type"
    _rest=$given
    while [ -n "$_rest" ]; do
        _rest=${_rest#"$tab"}
        set -- "$@" "${_rest%%"$tab"*}"
        case $_rest in *"$tab"*) _rest=$tab${_rest#*"$tab"} ;; *) _rest= ;; esac
    done
    db_define "$NIM_HOST" "$target" "$@"
    exit 0
fi
db_has "$NIM_HOST" "$target" || error 53 "0042-053 nim: there is no NIM object named \"$target\""
case $operation in
    lslpp) list_filesets ;;
    sync) . "$fakes/sync.sh" ;;
    takeover) . "$fakes/takeover.sh" ;;
    remove)
        if [ -n "$(list -c resources "$target")" ] && db_get "$NIM_HOST" "$target" class && [ "$value" = machines ]; then
            error 52 "0042-052 m_rmmac: unable to remove \"$target\" because resources
        have been allocated to it"
        fi
        db_get "$NIM_HOST" "$target" type
        db_remove "$NIM_HOST" "$target"
        if [ "$value" = standalone ] && reachable "$target"; then rm -f "$NIM_WORLD/$target/root/etc/niminfo"; fi
        ;;
    unconfig)
        rm -f "$home/db" "$root/etc/niminfo" "$home/set/synced"
        printf '%s\n' '0513-044 The nimesis Subsystem was requested to stop.' '0513-083 Subsystem has been Deleted.' \
            '0513-083 Subsystem has been Deleted.'
        ;;
    reset)
        db_set "$NIM_HOST" "$target" Cstate 'ready for a NIM operation'
        ;;
    change)
        while [ -n "$given" ]; do
            given=${given#"$tab"}
            _pair=${given%%"$tab"*}
            db_set "$NIM_HOST" "$target" "${_pair%%=*}" "${_pair#*=}"
            case $given in *"$tab"*) given=$tab${given#*"$tab"} ;; *) given= ;; esac
        done
        ;;
    *) error 8 "0042-008 NIMstate: Request denied - $operation" ;;
esac
