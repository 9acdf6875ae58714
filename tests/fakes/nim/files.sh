# shellcheck shell=sh disable=SC2154
# ls, cat, cp, mv, rm and the like, on the files of the fake host where a path is one of its own; test and sh -c, too.
if [ "$name" = sh ]; then
    [ "${1:-}" = -c ] || { PATH=$fake_path; exec /bin/sh "$@"; }
    shift
    . "$fakes/carrier.sh"
    here_run "$@"
fi
place() { # PATH: where it really is, in $value
    case $1 in
        /etc/niminfo* | /etc/NIM.level* | /nim | /nim/* | /export | /export/* | /usr/lpp/* | /usr/objrepos/* | /var/adm/ras/* | /tftpboot*)
            value=$root$1
            ;;
        *) value=$1 ;;
    esac
}
if [ "$name" = hasync ]; then # the real one, on the files of the two hosts
    count=$#
    while [ "$count" -gt 0 ]; do
        case $1 in
            [!/]*:/*)
                _path=${1#*:} _host=${1%%:*}
                if machine "$_host"; then
                    root=$NIM_WORLD/$m/root
                    place "$_path"
                    root=$home/root value=$_host:$value
                else
                    value=$1
                fi
                ;;
            *) place "$1" ;;
        esac
        shift
        set -- "$@" "$value"
        count=$((count - 1))
    done
    real=$(command -v hasync) || refuse 127 'hasync: not found'
    PATH=$fake_path exec "$real" "$@"
fi
missing=
count=$#
while [ "$count" -gt 0 ]; do
    place "$1"
    [ "$value" = "$1" ] || [ -e "$value" ] || [ -n "$missing" ] || missing=$1
    shift
    set -- "$@" "$value"
    count=$((count - 1))
done
case $name${missing:+ $missing} in
    'cat '*) refuse 1 "cat: 0652-050 Cannot open $missing." ;;
    'ls '*) refuse 2 "ls: 0653-341 The file $missing does not exist." ;;
    'rm '*) case " $* " in *' -f '* | *' -rf '* | *' -fr '*) ;; *) refuse 2 "rm: $missing: A file or directory in the path name does not exist." ;; esac ;;
esac
case $name in
    cat | cp | mv | rm | test | mkdir | touch) exec "$name" "$@" ;;
esac
# What names files names them as the fake host does.
{ status=$({ { "$name" "$@" 3>&- 2>&4; echo $? >&3; } | sed "s,$root/,/,g" >&5; } 3>&1); } 4>&2 5>&1
exit "$status"
