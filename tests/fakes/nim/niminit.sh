# shellcheck shell=sh disable=SC2154
# niminit, for a client and for an alternate master, and nimconfig.
name_='' pif='' master='' connect='' alternate=no netname='' rebuild=no
OPTIND=1
while getopts 'a:cr' option; do
    case $option in
        a)
            case $OPTARG in
                name=*) name_=${OPTARG#*=} ;;
                pif_name=*) pif=${OPTARG#*=} ;;
                master=*) master=${OPTARG#*=} ;;
                connect=*) connect=${OPTARG#*=} ;;
                is_alternate=*) alternate=${OPTARG#*=} ;;
                netname=*) netname=${OPTARG#*=} ;;
                platform=* | netboot_kernel=* | master_port=* | registration_port=* | cable_type=* | adpt_add=* | \
                    vlan_tag=* | vlan_pri=* | ring_speed=* | iplrom_emu=*) ;;
                *) refuse 2 "0042-018 $name: invalid attribute \"${OPTARG%%=*}\"" ;;
            esac
            ;;
        c) ;;
        r) rebuild=yes ;;
        *) exit 2 ;;
    esac
done
need() { [ -n "$2" ] || refuse 21 "0042-021 $name: The \"$1\" attribute is required for this operation."; } # ATTRIBUTE VALUE
interface() {
    setting "$NIM_HOST" interfaces
    case " ${value:-en0 en1} " in
        *" $pif "*) ;;
        *) refuse 138 "0042-138 $name: \"$pif\" is not a network interface of this machine" ;;
    esac
}
has_master_fileset() {
    [ -e "$home/fileset.bos.sysmgt.nim.master" ] ||
        refuse 1 "0042-154 $name: the fileset bos.sysmgt.nim.master must be installed on this machine"
}
started() {
    printf '%s\n' '0513-071 The nimesis Subsystem has been added.' '0513-071 The nimd Subsystem has been added.' \
        '0513-059 The nimesis Subsystem has been started. Subsystem PID is 204848.'
}
reach_master() { # its host in $m
    machine "$master" || refuse 11 "0042-011 $name: unable to resolve the host name \"$master\""
    peer=$m
    [ ! -e "$home/unresolved.$peer" ] || refuse 11 "0042-011 $name: unable to resolve the host name \"$master\""
    if is_down "$peer" || ! niminfo "$peer" NIM_CONFIGURATION || [ "$value" != master ]; then
        refused "$name" "$peer" To_Master
        exit 6
    fi
}
add_alternate() { # HOST NAME: to the value of NIM_ALTERNATE_MASTER there
    niminfo "$1" NIM_ALTERNATE_MASTER || :
    case " $value " in *" $2 "*) return ;; esac
    master_niminfo "$1" "${value:+$value }$2"
}
level() { # HOST: what backups of its database carry
    IFS=$tab read -r _level _ <"$NIM_WORLD/$1/fileset.bos.sysmgt.nim.master"
    printf '%s\n' "$_level" >"$NIM_WORLD/$1/root/etc/NIM.level"
}
as_alternate() {
    need name "$name_"
    need pif_name "$pif"
    need master "$master"
    has_master_fileset
    interface
    fresh=yes
    if niminfo "$NIM_HOST" NIM_CONFIGURATION; then
        [ "$value" = master ] || refuse 156 "0042-156 niminit: this machine is already configured as a NIM client"
        fresh=no
    fi
    reach_master
    if niminfo "$NIM_HOST" NIM_ALTERNATE_MASTER; then
        machine "$peer"
        case " $value " in
            *" $fqdn "*) refuse 32 "0042-032 niminit: this machine is already an alternate master of \"$peer\"" ;;
        esac
    fi
    setting "$NIM_HOST" protocol
    connect=${connect:-${value:-shell}}
    [ "$fresh" = no ] || { define_master "$NIM_HOST"; master_niminfo "$NIM_HOST"; level "$NIM_HOST"; }
    machine "$peer"
    add_alternate "$NIM_HOST" "$fqdn"
    setting "$NIM_HOST" one_sided
    if [ -z "$value" ] && ! db_has "$NIM_HOST" "$peer"; then define_alternate "$NIM_HOST" "$peer" "$connect" ent0; fi
    if ! db_has "$peer" "$NIM_HOST"; then
        define_alternate "$peer" "$NIM_HOST" "$connect" "ent${pif#en}"
        machine "$peer"
        db_names "$peer" type standalone
        for client in $names; do
            db_get "$peer" "$client" current_master || db_set "$peer" "$client" current_master "$fqdn"
            db_set "$peer" "$client" sync_required yes
        done
    fi
    started
}
as_client() {
    need name "$name_"
    need master "$master"
    [ ! -e "$root/etc/niminfo" ] || refuse 156 "0042-156 niminit: the file /etc/niminfo exists: this machine is already configured"
    reach_master
    if ! db_has "$peer" "$name_"; then
        need pif_name "$pif"
        interface
        machine "$NIM_HOST"
        db_define "$peer" "$name_" class=machines type=standalone "connect=${connect:-shell}" platform=chrp \
            netboot_kernel=64 "if1=master_net $fqdn $mac ent${pif#en}" cable_type1=N/A \
            'Cstate=ready for a NIM operation' 'prev_state=ready for a NIM operation' \
            'Mstate=currently running' "cpuid=$cpuid"
    fi
    [ -z "$connect" ] || db_set "$peer" "$name_" connect "$connect"
    db_get "$peer" "$name_" connect || :
    connect=$value
    masters_of "$peer"
    case $masters in
        *' '*) db_set "$peer" "$name_" current_master "${masters%% *}" && db_set "$peer" "$name_" sync_required no ;;
    esac
    client_niminfo "$NIM_HOST" "$connect" "$masters"
    case $connect in
        nimsh*) echo '0513-059 The nimsh Subsystem has been started. Subsystem PID is 204850.' ;;
    esac
}
case $name in
    nimconfig)
        has_master_fileset
        if [ "$rebuild" = yes ]; then
            [ -e "$home/db" ] || refuse 1 'nimconfig: there is no NIM database on this machine'
            master_niminfo "$NIM_HOST"
            db_names "$NIM_HOST" type alternate_master
            for peer in $names; do machine "$peer" && add_alternate "$NIM_HOST" "$fqdn"; done
            exit 0
        fi
        need pif_name "$pif"
        need netname "$netname"
        interface
        [ ! -e "$root/etc/niminfo" ] || refuse 156 '0042-156 nimconfig: the file /etc/niminfo exists: this machine is already configured'
        define_master "$NIM_HOST"
        master_niminfo "$NIM_HOST"
        level "$NIM_HOST"
        started
        ;;
    *) case $alternate in yes) as_alternate ;; *) as_client ;; esac ;;
esac
