# shellcheck shell=sh disable=SC2034,SC2154
# What the fakes share: the state of a host, the objects of its database, its niminfo, and faults.
# Functions answer in variables, since a fork for each would make the scenes slow.
tab='	'
complain() { printf '%s\n' "$@" >&2; }
refuse() { _status=$1; shift; complain "$@"; exit "$_status"; }

setting() { # HOST KEY: in $value
    value=
    [ ! -e "$NIM_WORLD/$1/set/$2" ] || IFS= read -r value <"$NIM_WORLD/$1/set/$2" || :
}
is_down() { setting "$1" down; [ -n "$value" ]; }
machine() { # NAME or address: short in $m, and fqdn, address, nim_address, mac, cpuid
    while read -r m fqdn address nim_address mac cpuid; do
        case $1 in "$m" | "$fqdn" | "$address") return 0 ;; esac
    done <"$NIM_WORLD/hosts"
    m=
    return 1
}
stay() { # until the scene ends it, or who called it: nothing outlives nim_cleanup
    echo $$ >>"$NIM_WORLD/pids"
    exec sleep 600
}
delayed() { # there is something to wait for
    delay=${NIM_DELAY:-}
    [ -n "$delay" ] || [ ! -e "$NIM_WORLD/delay" ] || read -r delay <"$NIM_WORLD/delay"
    case ${delay:-0} in 0) return 1 ;; esac
}
wait_delay() { # behind delayed
    case $delay in
        hold) while [ -e "$NIM_WORLD/log" ] && [ ! -e "$NIM_WORLD/go" ]; do sleep 0.02; done ;;
        *) sleep "$delay" & echo $! >>"$NIM_WORLD/pids"; wait $! ;;
    esac
}

# Faults: lines COMMAND OBJECT HOW in the file faults of a host.
fault() { # COMMAND OBJECT: in $how; false where there is none
    how=
    [ -e "$home/faults" ] || return 1
    while read -r _command _object how; do
        [ "$_command" = "$1" ] && [ "$_object" = "$2" ] && return 0
    done <"$home/faults"
    how=
    return 1
}
command_fault() { # COMMAND: the whole command goes wrong
    fault "$1" - || return 0
    case $how in
        hang) stay ;;
        die) kill -9 $$ ;;
        fail) refuse 1 "$1: failed" ;;
        0042-*:0 | 0042-*) nim_fault_text "$1"; [ "$ends" = no ] || exit "$code" ;;
    esac
}
nim_fault_text() { # OPERATION: what $how says; the exit status, of 8 bits, in $code, and whether it ends there in $ends
    _number=${how%:0}
    complain '0042-001 nim: processing error encountered on "master":' "   $_number m_$1: an error occurred" ''
    code=${_number#0042-} ends=yes
    while case $code in 0?*) ;; *) false ;; esac do code=${code#0}; done
    code=$((code % 256))
    case $how in *:0) code=0 ends=no ;; esac
}

# The database: lines OBJECT, tab, ATTRIBUTE, tab, VALUE in the order of definition; \n in a value is a new line.
db_get() { # HOST OBJECT ATTRIBUTE: in $value; false where there is none
    [ -e "$NIM_WORLD/$1/db" ] || return 1
    while IFS=$tab read -r _object _attribute value; do
        [ "$_object" = "$2" ] && [ "$_attribute" = "$3" ] && return 0
    done <"$NIM_WORLD/$1/db"
    value=
    return 1
}
db_has() { db_get "$1" "$2" class; }
db_names() { # HOST ATTRIBUTE VALUE: in $names
    names=
    while IFS=$tab read -r _object _attribute _value; do
        [ "$_attribute" = "$2" ] && [ "$_value" = "$3" ] && names="$names $_object"
    done <"$NIM_WORLD/$1/db"
    names=${names# }
}
db_edit() { # HOST AWK-PROGRAM
    _db=$NIM_WORLD/$1/db
    awk -F '\t' -v OFS='\t' "$2" "$_db" >"$_db.$$" && mv "$_db.$$" "$_db"
}
db_set() { # HOST OBJECT ATTRIBUTE VALUE: in its place, or where lsnim shows a new one
    object=$2 attribute=$3 new=$4
    export object attribute new
    db_edit "$1" '
        BEGIN {
            o = ENVIRON["object"]; a = ENVIRON["attribute"]; v = ENVIRON["new"]
            after["current_master"] = "type"; after["sync_required"] = "current_master"
        }
        { line[NR] = $0; if ($1 == o) { last = NR; if ($2 == a) there = 1; if ($2 == after[a]) place = NR } }
        END {
            if (!place) place = last
            for (i = 1; i <= NR; i++) {
                split(line[i], part, "\t")
                print part[1] == o && part[2] == a ? o "\t" a "\t" v : line[i]
                if (!there && i == place) print o, a, v
            }
        }'
}
db_remove() { object=$2; export object; db_edit "$1" '$1 != ENVIRON["object"]'; } # HOST OBJECT
db_define() { # HOST OBJECT ATTRIBUTE=VALUE...: a new one at the end
    _db=$NIM_WORLD/$1/db _new=$2
    shift 2
    for _pair; do printf '%s\t%s\t%s\n' "$_new" "${_pair%%=*}" "${_pair#*=}"; done >>"$_db"
}
define_alternate() { # HOST MACHINE CONNECT ADAPTER: how one master knows the other. Modelled on a standalone client.
    machine "$2" || return
    db_define "$1" "$m" class=machines type=alternate_master "connect=$3" platform=chrp netboot_kernel=64 \
        "if1=master_net $fqdn $mac $4" cable_type1=N/A 'Cstate=ready for a NIM operation' \
        'prev_state=ready for a NIM operation' 'Mstate=currently running' "cpuid=$cpuid"
}
define_master() { # HOST: what a fresh master has
    machine "$1" || return
    : >"$NIM_WORLD/$1/db"
    db_define "$1" master class=machines type=master max_nimesis_threads=20 \
        'comments=machine which controls the NIM environment' platform=chrp netboot_kernel=64 \
        "if1=master_net $fqdn $mac" cable_type1=N/A 'Cstate=ready for a NIM operation' \
        'prev_state=ready for a NIM operation' 'Mstate=currently running' serves=boot serves=nim_script \
        master_port=1058 registration_port=1059 reserved=yes
    db_define "$1" boot class=resources type=boot 'comments=represents the network boot resource' \
        'Rstate=ready for use' location=/tftpboot alloc_count=0 server=master reserved=yes
    db_define "$1" nim_script class=resources type=nim_script \
        'comments=directory containing customization scripts created by NIM' \
        'Rstate=ready for use' location=/export/nim/scripts alloc_count=0 server=master reserved=yes
    db_define "$1" master_net class=networks type=ent 'Nstate=ready for use' \
        "prev_state=information is missing from this object's definition" net_addr=192.0.2.0 snm=255.255.255.0 \
        'routing1=default 192.0.2.1'
}

# /etc/niminfo: as the seed shows it on masters, alternates and clients.
niminfo() { # HOST VARIABLE: in $value, without quotes; false where it is not
    value=
    [ -e "$NIM_WORLD/$1/root/etc/niminfo" ] || return 1
    while IFS= read -r _line || [ -n "$_line" ]; do
        case $_line in
            "export $2="*)
                value=${_line#*=}
                value=${value#\"} value=${value%\"}
                return 0
                ;;
        esac
    done <"$NIM_WORLD/$1/root/etc/niminfo"
    return 1
}
write_niminfo() { # HOST: from stdin
    cat >"$NIM_WORLD/$1/root/etc/.niminfo.$$" && mv "$NIM_WORLD/$1/root/etc/.niminfo.$$" "$NIM_WORLD/$1/root/etc/niminfo"
}
master_niminfo() { # HOST [ALTERNATES]
    machine "$1" || return
    printf 'export %s\n' NIM_NAME=master NIM_CONFIGURATION=master NIM_MASTER_PORT=1058 NIM_REGISTRATION_PORT=1059 \
        "NIM_MASTER_HOSTNAME=$fqdn" ${2:+"NIM_ALTERNATE_MASTER=\"$2\""} | write_niminfo "$1"
}
client_niminfo() { # HOST CONNECT MASTERS: the current one first
    machine "${3%% *}" || return
    _master="$nim_address:$fqdn" _masterid=$cpuid
    machine "$1" || return
    {
        printf '%s\n' '#------------------ Network Install Manager ---------------' \
            '# warning - this file contains NIM configuration information' '#       and should only be updated by NIM'
        printf 'export %s\n' "NIM_NAME=$m" "NIM_HOSTNAME=$fqdn" NIM_CONFIGURATION=standalone \
            "NIM_MASTER_HOSTNAME=${3%% *}" NIM_MASTER_PORT=1058 NIM_REGISTRATION_PORT=1059 "NIM_SHELL=\"$2\""
        case $3 in *' '*) printf 'export NIM_MASTER_HOSTNAME_LIST="%s"\n' "$3" ;; esac
        case $2 in nimsh*) printf 'export %s\n' "NIM_MASTERID=$_masterid" NIM_FIPS_MODE=0 ;; esac
        printf 'export %s\n' NIM_BOS_IMAGE=/SPOT/usr/sys/inst.images/installp/ppc/bos NIM_BOS_FORMAT=rte \
            "NIM_HOSTS=\" 127.0.0.1:loopback:localhost  $nim_address:$fqdn  $_master \"" 'NIM_MOUNTS=""' \
            'ROUTES=" default:0:192.0.2.1 "'
    } | write_niminfo "$1"
}
switch_niminfo() { # HOST MASTER: that master first, the others behind it, all else as it is
    niminfo "$1" NIM_MASTER_HOSTNAME_LIST || :
    _list=$2
    for _each in $value; do [ "$_each" = "$2" ] || _list="$_list $_each"; done
    sed -e "s/^\(export NIM_MASTER_HOSTNAME\)=.*/\1=$2/" -e "s/^\(export NIM_MASTER_HOSTNAME_LIST\)=.*/\1=\"$_list\"/" \
        "$NIM_WORLD/$1/root/etc/niminfo" | write_niminfo "$1"
}
masters_of() { # HOST: itself and the alternates that its database has, in $masters
    machine "$1"
    masters=$fqdn
    db_names "$1" type alternate_master
    for _each in $names; do machine "$_each" && masters="$masters $fqdn"; done
}
reachable() { # CLIENT: its port answers
    is_down "$1" && return 1
    setting "$1" port
    [ "$value" != closed ]
}
refused() { # METHOD CLIENT DIRECTION [INDENT]: the text of 0042-006
    machine "$2"
    complain "${4:-}0042-006 $1: ($3) connect Connection refused" '' "${fqdn:-$2}: Connection refused"
}
