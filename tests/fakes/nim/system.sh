# shellcheck shell=sh disable=SC2154
# oslevel, lslpp, host, hostname, ifconfig, lssrc, startsrc, stopsrc.
filesets() { # ARGUMENT...
    flags=
    OPTIND=1
    while getopts 'lLqcaOrsu' option; do flags=$flags$option; done
    shift $((OPTIND - 1))
    case $flags in *c*) format=colons ;; *) format=table ;; esac
    case $flags in *L*) style=L ;; *) style=l ;; esac
    case $flags in
        *q*) ;;
        *)
            case $style$format in
                Lcolons) echo '#Package Name:Fileset:Level:State:PTF Id:Fix State:Type:Description:Destination Dir.:Uninstaller:Message Catalog:Message Set:Message Number:Parent:Automatic:EFIX Locked:Install Path:Build Date' ;;
                lcolons) echo '#Fileset:Level:PTF Id:State:Type:Description:EFIX Locked' ;;
                Ltable)
                    printf '%s\n' '  Fileset                      Level  State  Type  Description (Uninstaller)' \
                        '  ----------------------------------------------------------------------------'
                    ;;
                *)
                    printf '%s\n' '  Fileset                      Level  State      Description         ' \
                        '  ----------------------------------------------------------------------------' 'Path: /usr/lib/objrepos'
                    ;;
            esac
            ;;
    esac
    status=0
    [ $# -gt 0 ] || set -- '*'
    for pattern; do
        found=no
        for file in "$home"/fileset.*; do
            fileset=${file##*/fileset.}
            # shellcheck disable=SC2254 # a pattern is meant
            case $fileset in $pattern) ;; *) continue ;; esac
            found=yes
            case $fileset in bos.rte*) package=bos ;; bos.sysmgt.*) package=bos.sysmgt ;; *) package=${fileset%.*} ;; esac
            IFS=$tab read -r level description <"$file"
            case $style$format in
                Lcolons) printf '%s\n' "$package:$fileset:$level: : :C: :$description: : : : : : :0:0:/:2320" ;;
                lcolons) printf '%s\n' "/usr/lib/objrepos:$fileset:$level::COMMITTED:I:$description:" ;;
                Ltable) printf '  %-24s %9s    C     F    %s\n' "$fileset" "$level" "$description" ;;
                *) printf '  %-24s %9s  COMMITTED  %s\n' "$fileset" "$level" "$description" ;;
            esac
        done
        [ "$found" = yes ] || { complain "lslpp: 0504-132  Fileset $pattern not installed."; status=1; }
    done
    return "$status"
}
resolve() { # NAME
    if ! machine "$1" || [ -e "$home/unresolved.$m" ]; then
        case $1 in
            *[!0-9.]*) refuse 1 "host: 0827-801 Host name $1 does not exist." ;;
            *) refuse 1 "host: 0827-803 Cannot find address $1." ;;
        esac
    fi
    printf '%s is %s,  Aliases:   %s\n' "$fqdn" "$address" "$m"
}
adapters() { # ifconfig -a: the first one has the machine's address
    machine "$NIM_HOST"
    setting "$NIM_HOST" interfaces
    number=0
    for each in ${value:-en0 en1}; do
        echo "$each: flags=1e084863,480<UP,BROADCAST,NOTRAILERS,RUNNING,SIMPLEX,MULTICAST,GROUPRT,64BIT,CHECKSUM_OFFLOAD(ACTIVE),CHAIN>"
        [ "$number" -eq 0 ] || address=198.51.100.$number
        printf '\tinet %s netmask 0xffffff00 broadcast %s.255\n' "$address" "${address%.*}"
        number=$((number + 1))
    done
    printf '%s\n' 'lo0: flags=e08084b,c0<UP,BROADCAST,LOOPBACK,RUNNING,SIMPLEX,MULTICAST,GROUPRT,64BIT,LARGESEND,CHAIN>' \
        '	inet 127.0.0.1 netmask 0xff000000 broadcast 127.255.255.255' '	inet6 ::1%1/64'
}
subsystems() { # of this host: NAME GROUP
    if niminfo "$NIM_HOST" NIM_CONFIGURATION && [ "$value" = master ]; then printf '%s\n' 'nimesis nim' 'nimd nim'; fi
    echo 'nimsh nimclient'
}
state_of() { # SUBSYSTEM
    setting "$NIM_HOST" "$1"
    if [ -z "$value" ]; then
        setting "$NIM_HOST" port
        case $1$value in nimd* | nimshclosed) value=inoperative ;; *) value=active ;; esac
    fi
}
show_subsystems() { # -s NAME, -g GROUP or -a
    subsystems >"$NIM_WORLD/subsystems.$$"
    found=no
    while read -r each group; do
        case "$1 ${2:-}" in "-s $each" | "-g $group" | "-a ") ;; *) continue ;; esac
        [ "$found" = yes ] || echo 'Subsystem         Group            PID          Status '
        found=yes
        state_of "$each"
        case $value in
            active) printf ' %-17s %-16s %-12s %s\n' "$each" "$group" 5570804 active ;;
            *) printf ' %-17s %-29s %s\n' "$each" "$group" inoperative ;;
        esac
    done <"$NIM_WORLD/subsystems.$$"
    rm -f "$NIM_WORLD/subsystems.$$"
    [ "$found" = yes ] || refuse 1 "0513-085 The ${2:-} Subsystem is not on file."
}
control() { # SUBSYSTEM active|inoperative
    case " $(subsystems | tr '\n' ' ')" in *" $1 "*) ;; *) refuse 1 "0513-085 The $1 Subsystem is not on file." ;; esac
    state_of "$1"
    case $2$value in
        activeactive) refuse 1 "0513-029 The $1 Subsystem is already active." "Multiple instances are not supported." ;;
        inoperativeinoperative) refuse 1 "0513-004 The Subsystem or Group, $1, is currently inoperative." ;;
        active*) echo "0513-059 The $1 Subsystem has been started. Subsystem PID is 5570804." ;;
        *) echo "0513-044 The $1 Subsystem was requested to stop." ;;
    esac
    printf '%s\n' "$2" >"$home/set/$1"
    [ "$1" = nimsh ] || return 0
    case $2 in active) rm -f "$home/set/port" ;; *) echo closed >"$home/set/port" ;; esac
    [ ! -e "$NIM_WORLD/listener.pid" ] || . "$fakes/listener.sh"
}
case $name in
    oslevel)
        setting "$NIM_HOST" oslevel
        case ${1:-} in
            -s) printf '%s\n' "$value" ;;
            -r) printf '%s\n' "${value%-*-*}" ;;
            '') printf '%s\n' "$value" | sed 's/^\(.\)\(.\)\(.\)\(.\).*/\1.\2.\3.\4/' ;;
            *) refuse 1 "oslevel: the fake knows nothing of $1" ;;
        esac
        ;;
    lslpp) filesets "$@" ;;
    host) resolve "$1" ;;
    ifconfig) adapters ;;
    hostname) setting "$NIM_HOST" hostname; printf '%s\n' "${value:-$NIM_HOST}" ;;
    lssrc) show_subsystems "$@" ;;
    startsrc) control "$2" active ;;
    stopsrc) control "$2" inoperative ;;
esac
