# shellcheck shell=sh disable=SC2154
# nim -o takeover: each client's niminfo, then the databases here and, where it can be reached, on the target.
text_of() { # CLIENT CODE
    case $2 in
        0042-372) complain '0042-372 c_switch_master: The client is not configured to allow this master to execute this command' ;;
        0042-006) refused c_switch_master "$1" From_Master ;;
        *) complain "$2 c_switch_master: an error occurred on \"$1\"" ;;
    esac
}
outcome() { # CLIENT: SUCCESS or a code, in $result; changed is no where it only says so
    changed=yes
    result=SUCCESS
    if fault takeover "$1"; then
        case $how in silent) changed=no ;; *) result=$how ;; esac
    elif ! reachable "$1"; then
        result=0042-006
    else
        niminfo "$1" NIM_MASTER_HOSTNAME_LIST || :
        case " $value " in *" $me "*) ;; *) result=0042-372 ;; esac
    fi
}
db_get "$NIM_HOST" "$target" type
[ "$value" = alternate_master ] || error 8 '0042-008 NIMstate: Request denied - takeover'
machine "$target" && other=$fqdn
machine "$NIM_HOST"
me=$fqdn target_up=yes
# "As long as Server A is defined as an alternate master of Server B", says the seed, A can take over from B.
niminfo "$NIM_HOST" NIM_ALTERNATE_MASTER || :
case " $value " in *" $other "*) ;; *) error 8 '0042-008 NIMstate: Request denied - takeover' ;; esac
option async yes && async=$value
option show_progress yes && progress=$value
if is_down "$target"; then target_up=no; fi
[ "$progress" = no ] || printf 'Updating the NIM database on the "alternate_master" "%s"...\n' "$target"
[ "$target_up" = yes ] || refused m_takeover "$target" From_Master
db_names "$NIM_HOST" type standalone
set --
rows=
for client in $names; do
    outcome "$client"
    if [ "$result" = SUCCESS ]; then
        [ "$changed" = no ] || set -- "$@" "$client"
    else
        text_of "$client" "$result"
        result=FAILURE
    fi
    rows="$rows$client $result
"
done
if [ "$async" = yes ] && delayed; then # in a session of its own, so that it does not end with who called nim
    $(command -v setsid) "$fakes/bin/nim-edit" "$NIM_HOST" take "$target" "$target_up" "$@" </dev/null >/dev/null 2>&1 &
    echo $! >>"$NIM_WORLD/pids"
else
    "$fakes/bin/nim-edit" "$NIM_HOST" take "$target" "$target_up" "$@"
fi
[ "$progress" = no ] || {
    printf '%s\n' '+-----------------------------------------------------------------------------+' \
        '                      "update" Operation Summary' \
        '+-----------------------------------------------------------------------------+' \
        ' Target                                    Result' ' ------                                    ------'
    printf '%s' "$rows" | while read -r client result; do printf ' %-41s %s\n' "$client" "$result"; done
}
setting "$NIM_HOST" takeover_status
exit "${value:-0}"
