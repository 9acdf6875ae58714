# shellcheck shell=sh disable=SC2154
# rsh-nim, ssh and c_rsh: a command line run on another host. Only c_rsh does not give its status.
here_run() { # LINE [NAME ARGUMENT...]: as a shell of $NIM_HOST would
    # Redirections and the shell's own test do not go by PATH.
    line=$1
    shift
    case $line in
        *'<'* | *'>'* | *'['*)
            root_there=$NIM_WORLD/$NIM_HOST/root
            own='\(/etc/niminfo\|/etc/NIM\.level\|/nim\|/export\|/usr/lpp\|/usr/objrepos\|/var/adm/ras\|/tftpboot\)'
            quote="[\"']\\{0,1\\}"
            line=$(printf '%s\n' "$line" | sed "s@\([<>] *$quote\)$own@\1$root_there\2@g
                s@\(\[ *\(! *\)\{0,1\}-[a-zA-Z] *$quote\)$own@\1$root_there\3@g")
            ;;
    esac
    # A shell in it is one of the fakes, so that this holds there, too.
    case $line in '/bin/sh -c '*) line="sh ${line#/bin/sh }" ;; esac
    case $line in *test*) line="test() { env test \"\$@\"; }; $line" ;; esac
    PATH=$fake_path
    export NIM_HOST PATH
    exec /bin/sh -c "$line" "$@"
}
carry() { # [OPTION...] HOST COMMAND...
    while [ $# -gt 0 ]; do
        case $1 in
            -l | -o | -p | -i | -F | -c | -m) shift 2 || exit 255 ;;
            --) shift; break ;;
            -*) shift ;;
            *) break ;;
        esac
    done
    to=${1#*@}
    shift
    case ${1:-} in --) shift ;; esac
    machine "$to" || refuse 255 "$name: Could not resolve hostname $to: Name or service not known"
    setting "$m" carrier
    carrier=$value
    case $carrier in hang) stay ;; esac
    if is_down "$m" || [ "$carrier" = refused ]; then
        [ "$name" != c_rsh ] || { refused c_rsh "$m" From_Master; exit 6; }
        refuse 255 "ssh: connect to host $to port 22: Connection refused"
    fi
    NIM_HOST=$m
    [ $# -gt 0 ] || exit 0
    if [ "$name" = c_rsh ] || [ "${NIM_CARRIER:-}" = c_rsh ]; then
        (here_run "$*")
        exit 0
    fi
    here_run "$*"
}
case $name in rsh-nim | ssh | c_rsh) carry "$@" ;; esac
