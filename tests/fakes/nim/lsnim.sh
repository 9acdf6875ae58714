# shellcheck shell=sh disable=SC2154
# lsnim. Only a master has it; without /etc/niminfo there is nothing to ask.
set_up_master() { # COMMAND: or that is said, as far as is known
    [ -e "$home/fileset.bos.sysmgt.nim.master" ] || refuse 127 "sh: $1:  not found."
    niminfo "$NIM_HOST" NIM_CONFIGURATION || refuse 157 "0042-157 $1: unable to access the \"/etc/niminfo\" file"
    [ "$value" = master ] && [ -e "$home/db" ] || refuse 157 "0042-157 $1: this machine is not a NIM master"
}
list() { # ARGUMENT...
    mode=plain class='' type='' attributes='' object=''
    OPTIND=1
    while getopts 'c:s:t:la:ZoOq:LgmpPAF' option; do
        case $option in
            c) class=$OPTARG ;;
            t) type=$OPTARG ;;
            l) [ "$mode" = columns ] || mode=long ;;
            a) attributes="$attributes $OPTARG"; [ "$mode" = columns ] || mode=long ;;
            Z) mode=columns ;;
            '?') exit 2 ;;
            *) refuse 1 "lsnim: the fake knows nothing of -$option" ;;
        esac
    done
    shift $((OPTIND - 1))
    object=${1:-}
    if [ -n "$object" ]; then
        db_has "$NIM_HOST" "$object" || refuse 53 "0042-053 lsnim: there is no NIM object named \"$object\""
        [ "$class" != resources ] || mode=allocated
    fi
    awk -v mode="$mode" -v class="$class" -v type="$type" -v attributes="$attributes" -v object="$object" \
        -f "$fakes/lsnim.awk" "$home/db"
}
[ "$name" != lsnim ] || { set_up_master lsnim; list "$@"; }
