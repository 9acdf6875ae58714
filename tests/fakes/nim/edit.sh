# shellcheck shell=sh disable=SC2154
# nim-edit: what ../nim.sh and a takeover change in the world of a host. No command of AIX.
edit() { # HOST WHAT ARGUMENT...
    host=$1 what=$2
    shift 2
    case $what in
        attr) db_set "$host" "$@" ;;
        no_attr) object=$1 attribute=$2; export object attribute; db_edit "$host" '!($1 == ENVIRON["object"] && $2 == ENVIRON["attribute"])' ;;
        remove) db_remove "$host" "$1" ;;
        define) db_define "$host" "$@" ;;
        fs) fs_set "$host" "$@" ;;
        no_fs) _point=$1 awk '$1 != ENVIRON["_point"]' "$home/fs" >"$home/fs.new" && mv "$home/fs.new" "$home/fs" ;;
        listen) . "$fakes/listener.sh" ;;
        fileset)
            description="Network Install Manager - ${1##*.}"
            [ ! -e "$home/fileset.$1" ] || IFS=$tab read -r _ description <"$home/fileset.$1"
            printf '%s\t%s\n' "$2" "$description" >"$home/fileset.$1"
            case $1 in bos.sysmgt.nim.master) [ ! -e "$root/etc/NIM.level" ] || echo "$2" >"$root/etc/NIM.level" ;; esac
            ;;
        take) take "$@" ;;
        start) start ;;
    esac
}
take() { # TARGET yes|no CLIENT...: what a takeover changes; yes where the target can be reached
    target=$1 target_up=$2
    shift 2
    if delayed; then wait_delay; fi
    machine "$host"
    me=$fqdn
    for client; do
        switch_niminfo "$client" "$me"
        db_set "$host" "$client" current_master "$me"
        if [ "$target_up" = yes ] && db_has "$target" "$client"; then db_set "$target" "$client" current_master "$me"; fi
    done
}
start() { # nima as the seed's server A, with clients from before there was an alternate
    define_master nima
    master_niminfo nima
    echo 7.3.2.0 >"$root/etc/NIM.level"
    for client in lpar07:shell lpar08:nimsh lpar12:nimsh; do
        machine "${client%:*}"
        db_define nima "$m" class=machines type=standalone "connect=${client#*:}" platform=chrp netboot_kernel=64 \
            "if1=master_net $fqdn $mac ent0" cable_type1=N/A 'Cstate=ready for a NIM operation' \
            'prev_state=ready for a NIM operation' 'Mstate=currently running' "cpuid=$cpuid"
        client_niminfo "$m" "${client#*:}" nima.example.com
    done
    db_define nima lpp_73 class=resources type=lpp_source arch=power 'Rstate=ready for use' \
        'prev_state=unavailable for use' location=/nim/lpp/lpp_73 simages=yes alloc_count=0 server=master
    db_define nima spot_73 class=resources type=spot plat_defined=chrp 'Rstate=ready for use' \
        'prev_state=verification is being performed' location=/nim/spot/spot_73/usr version=7 release=3 mod=2 \
        oslevel_r=7300-02 alloc_count=0 server=master 'if_supported=chrp.64 ent' Rstate_result=success
    db_define nima lpar07_sysb class=resources type=mksysb arch=power 'Rstate=ready for use' \
        'prev_state=unavailable for use' location=/nim/mksysb/lpar07.mksysb version=7 release=3 mod=2 alloc_count=0 \
        server=master
    db_define nima lpar07_im class=resources type=image_data 'Rstate=ready for use' \
        'prev_state=unavailable for use' location=/nim/im_data/lpar07.image.data alloc_count=0 server=master
}
. "$fakes/disks.sh"
edit "$@"
