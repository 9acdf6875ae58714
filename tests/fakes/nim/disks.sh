# shellcheck shell=sh disable=SC2154,SC2034
# df, du, mount, and what nim -o sync asks of the disks. A host's file systems: lines POINT DEVICE TOTAL FREE in its file fs, in KiB;
# its file sizes: KIB PATH, for what is said to be larger than the files that are there.
holds() { # HOST PATH: the file system that holds it, in $point $device $total $free
    _best=
    while read -r _point _device _total _free _iused; do
        case $2/ in
            "${_point%/}"/*)
                [ ${#_point} -gt ${#_best} ] || continue
                _best=$_point point=$_point device=$_device total=$_total free=$_free iused=${_iused:-10}
                ;;
        esac
    done <"$NIM_WORLD/$1/fs"
}
fs_set() { # HOST POINT DEVICE TOTAL FREE: there, or new
    _fs=$NIM_WORLD/$1/fs
    { grep -v "^$2 " "$_fs"; echo "$2 $3 $4 $5"; } >"$_fs.$$"
    mv "$_fs.$$" "$_fs"
}
size_of() { # HOST PATH: KiB, in $size
    size=
    if [ -e "$NIM_WORLD/$1/sizes" ]; then
        while read -r _kib _path; do
            case $_path/ in "${2%/}"/*) size=$((${size:-0} + _kib)) ;; esac
        done <"$NIM_WORLD/$1/sizes"
    fi
    [ -n "$size" ] || { size=$(du -sk "$NIM_WORLD/$1/root$2") && size=${size%%"$tab"*}; }
}
sizes_copy() { # FROM TO PATH
    [ -e "$NIM_WORLD/$1/sizes" ] || return 0
    while read -r _kib _path; do
        case $_path/ in "${3%/}"/*) echo "$_kib $_path" ;; esac
    done <"$NIM_WORLD/$1/sizes" >>"$NIM_WORLD/$2/sizes"
}
percent() { if [ "$1" -eq 0 ]; then value=0; else value=$(((($1 - $2) * 100 + $1 - 1) / $1)); fi; } # TOTAL FREE: used
no_path() { complain "$name: $1: A file or directory in the path name does not exist."; } # PATH
row() {
    percent "$total" "$free"
    case $units in
        P) printf '%-13s %11d%10d%10d%9s %s\n' "$device" "$total" $((total - free)) "$free" "$value%" "$point" ;;
        g)
            awk -v d="$device" -v t="$total" -v f="$free" -v p="$value%" -v m="$point" -v i="$iused" \
                'BEGIN { printf "%-13s%10.2f%10.2f%6s%9d%7s %s\n", d, t / 1048576, f / 1048576, p, i, "1%", m }'
            ;;
        *) printf '%-13s %11d%10d%6s%9d%7s %s\n' "$device" "$total" "$free" "$value%" "$iused" 1% "$point" ;;
    esac
}
show_df() { # ARGUMENT...
    units='' posix=
    OPTIND=1
    while getopts 'kgmPIMt' option; do
        case $option in
            P) posix=P ;;
            k | g) units=$option ;;
            *) refuse 1 "df: the fake knows nothing of -$option" ;;
        esac
    done
    shift $((OPTIND - 1))
    [ -z "$posix" ] || units=P
    case $units in
        P) echo 'Filesystem    1024-blocks      Used Available Capacity Mounted on' ;;
        g) echo 'Filesystem    GB blocks      Free %Used    Iused %Iused Mounted on' ;;
        *) echo 'Filesystem    1024-blocks      Free %Used    Iused %Iused Mounted on' ;;
    esac
    if [ $# -eq 0 ]; then
        while read -r point device total free iused; do iused=${iused:-10}; row; done <"$home/fs"
        case $units in P) ;; *) printf '%-13s%10s%10s%5s%10s%6s  %s\n' /proc - - - - - /proc ;; esac
        return
    fi
    status=0
    for each; do
        if [ "$each" = / ] || [ -e "$root$each" ]; then
            holds "$NIM_HOST" "$each"
            row
        else
            no_path "$each"
            status=1
        fi
    done
    return "$status"
}
show_du() { # ARGUMENT...
    while getopts 'skamxlr' option; do :; done
    shift $((OPTIND - 1))
    status=0
    for each; do
        if [ -e "$root$each" ]; then
            size_of "$NIM_HOST" "$each"
            printf '%d\t%s\n' "$size" "$each"
        else
            no_path "$each"
            status=1
        fi
    done
    return "$status"
}
show_mount() {
    printf '%s\n' '  node       mounted        mounted over    vfs       date        options' \
        '-------- ---------------  ---------------  ------ ------------ ---------------'
    while read -r point device total free iused; do
        case $device in /dev/hd*) journal=/dev/hd8 ;; *) journal=INLINE ;; esac
        printf '         %-16s %-16s %-6s %s\n' "$device" "$point" jfs2 "Jul 24 10:07 rw,log=$journal"
    done <"$home/fs"
}
case $name in
    df) show_df "$@" ;;
    du) show_du "$@" ;;
    mount) [ $# -eq 0 ] || refuse 1 'mount: the fake only lists'; show_mount ;;
esac
