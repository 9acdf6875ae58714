# shellcheck shell=sh disable=SC2034
# Sourced behind lib.sh: a world of NIM with two masters and three clients, made of files. No AIX runs here: nim/fake answers for
# its commands, and tests/fixtures/SOURCES.nim says which of its words are documented and which are modelled.
#
#   at_exit() { nim_cleanup; }            a scene that has a world ends it so
#   nim_world DIRECTORY                   the seed's start: nima is a master with the clients lpar07 (shell), lpar08 and lpar12
#                                         (nimsh) and the resources lpp_73, spot_73, lpar07_sysb, lpar07_im beneath /nim;
#                                         nimb has bos.sysmgt.nim.master, an empty /nim, and no /etc/niminfo
#   nim_pair                              further: each is the alternate of the other, and the clients are defined again
#   nim_synced                            further: nima's database and resources are on nimb
#   on HOST COMMAND...                    runs it on that host: with the fakes first in PATH. Carriers there: rsh-nim, ssh, c_rsh
#   nim_file HOST PATH                    says where a file of that host really is
#   nim_address HOST                      its address, for real connections
#   nim_called HOST COMMAND-LINE          true where exactly that was called there; nim_calls HOST: all; nim_forget_calls
#
#   nim_set HOST KEY VALUE                a setting; '' takes it away. oslevel (7300-02-01-2320), hostname, protocol (what niminit
#                                         of an alternate takes without -a connect), interfaces ("en0 en1"), carrier (hang,
#                                         refused), nimsh and other subsystems (active, inoperative), takeover_status (a number),
#                                         one_sided (yes: niminit as an alternate does not put the master in its own database)
#   nim_fileset HOST NAME LEVEL           a fileset at that level, or '' for none; /etc/NIM.level of a master follows
#   nim_fs HOST POINT KIB FREE [DEVICE]   a file system; nim_no_fs HOST POINT: none: then the directory is part of the one above
#   nim_size HOST PATH KIB                what du says of a resource, and what its replication needs
#   nim_object HOST NAME ATTRIBUTE=VALUE...   a new object; nim_attr HOST NAME ATTRIBUTE VALUE: a value of one ("\n" is a new
#                                         line); nim_no_attr HOST NAME ATTRIBUTE; nim_remove HOST NAME
#   nim_down HOST, nim_up HOST            it answers nobody, it does again
#   nim_port CLIENT closed|open           NIM's port there
#   nim_unresolved HOST NAME              that host cannot resolve that name
#   nim_fault HOST COMMAND OBJECT HOW     how a command goes wrong there; OBJECT is - for the whole command. nim_no_faults HOST
#       any command or operation of nim: hang; die (by signal 9); fail (status 1); 0042-NNN (text, and its status); 0042-NNN:0
#                                         (text, and status 0)
#       takeover CLIENT 0042-NNN          FAILURE, with that text; takeover CLIENT silent: SUCCESS, yet nothing changed
#       sync RESOURCE lost                "Replicating resource", and no "Replicated resource"; or 0042-NNN: with that text, too
#       sync - die|kill|cut|hang|0042-... die: by signal 9 at the level check; kill: behind the first resource; cut: it ends
#                                         there with status 0
#   nim_listen, nim_unlisten              real listeners: 3901 of nimsh, and 514 of shell where this user may
#
#   nim_delay SECONDS|hold                until an asynchronous takeover has been done, and for each step of a sync; hold: until
#                                         nim_go. 0 at first. NIM_DELAY in the environment says the same for one command
#
# $NIM_WORLD: log (HOST, tab, command line), hosts, HOST/root (its files), HOST/db, HOST/fs, HOST/set, HOST/faults.
NIM_FAKES=$ROOT/tests/fakes/nim

_nim_edit() { NIM_HOST=$1 PATH=$NIM_FAKES/bin:$PATH "$NIM_FAKES/bin/nim-edit" "$@"; } # HOST WHAT...
on() { (NIM_HOST=$1 PATH=$NIM_FAKES/bin:$PATH && export NIM_HOST PATH && shift && "$@"); }
nim_file() { echo "$NIM_WORLD/$1/root$2"; }
nim_address() { awk -v host="$1" '$1 == host || $2 == host { print $3 }' "$NIM_WORLD/hosts"; }
nim_calls() { awk -F '\t' -v host="$1" '$1 == host { print $2 }' "$NIM_WORLD/log"; }
nim_called() { _host=$1; shift; grep -qxF "$(printf '%s\t%s' "$_host" "$*")" "$NIM_WORLD/log"; }
nim_forget_calls() { : >"$NIM_WORLD/log"; }
nim_set() {
    if [ -n "$3" ]; then echo "$3" >"$NIM_WORLD/$1/set/$2"; else rm -f "$NIM_WORLD/$1/set/$2"; fi
}
nim_fileset() {
    if [ -n "$3" ]; then _nim_edit "$1" fileset "$2" "$3"; else rm -f "$NIM_WORLD/$1/fileset.$2"; fi
}
nim_fs() { mkdir -p "$NIM_WORLD/$1/root$2" && _nim_edit "$1" fs "$2" "${5:-/dev/fslv09}" "$3" "$4"; }
nim_no_fs() { _nim_edit "$1" no_fs "$2"; }
nim_size() { echo "$3 $2" >>"$NIM_WORLD/$1/sizes"; }
nim_attr() { _nim_edit "$1" attr "$2" "$3" "$4"; }
nim_no_attr() { _nim_edit "$1" no_attr "$2" "$3"; }
nim_remove() { _nim_edit "$1" remove "$2"; }
nim_object() { _nim_host=$1; shift; _nim_edit "$_nim_host" define "$@"; }
nim_down() { nim_set "$1" down yes && _nim_listener; }
nim_up() { nim_set "$1" down '' && _nim_listener; }
nim_port() {
    case $2 in open) nim_set "$1" port '' ;; *) nim_set "$1" port closed ;; esac
    _nim_listener
}
nim_unresolved() { : >"$NIM_WORLD/$1/unresolved.$2"; }
nim_fault() { echo "$2 $3 $4" >>"$NIM_WORLD/$1/faults"; }
nim_delay() { rm -f "$NIM_WORLD/go" && echo "$1" >"$NIM_WORLD/delay"; }
nim_go() { echo 0 >"$NIM_WORLD/delay" && : >"$NIM_WORLD/go"; }
nim_no_faults() { rm -f "$NIM_WORLD/$1/faults"; }

_nim_listener() { [ ! -e "$NIM_WORLD/listener.pid" ] || _nim_edit nima listen; }
nim_listen() {
    [ "$(id -u)" -ne 0 ] || echo 514 >"$NIM_WORLD/lpar07/set/listens"
    echo 3901 >"$NIM_WORLD/lpar08/set/listens"
    echo 3901 >"$NIM_WORLD/lpar12/set/listens"
    : >"$NIM_WORLD/ports"
    python3 "$NIM_FAKES/listener.py" "$NIM_WORLD" </dev/null >/dev/null 2>&1 &
    echo $! >"$NIM_WORLD/listener.pid"
    _left=500
    until [ -e "$NIM_WORLD/ports.done" ] || [ "$_left" -eq 0 ]; do sleep 0.01; _left=$((_left - 1)); done
    _nim_listener
}
nim_unlisten() {
    [ -e "$NIM_WORLD/listener.pid" ] || return 0
    kill "$(cat "$NIM_WORLD/listener.pid")" 2>/dev/null
    wait "$(cat "$NIM_WORLD/listener.pid")" 2>/dev/null
    rm -f "$NIM_WORLD/listener.pid"
}
nim_cleanup() {
    [ -n "${NIM_WORLD:-}" ] || return 0
    nim_unlisten
    nim_go
    while read -r _process; do kill -9 "$_process"; done <"$NIM_WORLD/pids" 2>/dev/null
    : >"$NIM_WORLD/pids"
}

nim_world() {
    mkdir -p "$1" && NIM_WORLD=$(cd "$1" && pwd) && NIM_REAL_PATH=$PATH || return
    export NIM_WORLD NIM_REAL_PATH
    : >"$NIM_WORLD/log"
    : >"$NIM_WORLD/pids"
    # Scenes may run at the same time: each has a network of its own on the loopback.
    _net=${NIM_NET:-127.$(($$ / 250 % 250 + 1)).$(($$ % 250))}
    cat >"$NIM_WORLD/hosts" <<HOSTS
nima nima.example.com $_net.61 192.0.2.10 8EB2200AA00A 00F6AA114C00
nimb nimb.example.com $_net.62 192.0.2.11 8EB2200AA00B 00F6AA114C01
lpar07 lpar07.example.com $_net.71 192.0.2.57 8EB2200AA002 00068AAA1100
lpar08 lpar08.example.com $_net.72 192.0.2.58 8EB2200AA003 00068AAA1200
lpar12 lpar12.example.com $_net.73 192.0.2.62 8EB2200AA004 00068AAA1300
HOSTS
    for _host in nima nimb lpar07 lpar08 lpar12; do
        mkdir -p "$NIM_WORLD/$_host/set" "$NIM_WORLD/$_host/root/etc"
        echo 7300-02-01-2320 >"$NIM_WORLD/$_host/set/oslevel"
        printf '7.3.2.0\tBase Operating System Runtime\n' >"$NIM_WORLD/$_host/fileset.bos.rte"
        printf '7.3.2.0\tNetwork Install Manager - Client Tools\n' >"$NIM_WORLD/$_host/fileset.bos.sysmgt.nim.client"
        printf '%s\n' '/ /dev/hd4 1572864 1275336' '/usr /dev/hd2 4194304 1556820' '/var /dev/hd9var 1572864 1329920' \
            '/tmp /dev/hd3 5767168 5553080' >"$NIM_WORLD/$_host/fs"
    done
    for _host in nima nimb; do
        printf '7.3.2.0\tNetwork Install Manager - Master Tools\n' >"$NIM_WORLD/$_host/fileset.bos.sysmgt.nim.master"
        printf '7.3.2.0\tNetwork Install Manager - SPOT\n' >"$NIM_WORLD/$_host/fileset.bos.sysmgt.nim.spot"
        mkdir -p "$NIM_WORLD/$_host/root/nim/lost+found" "$NIM_WORLD/$_host/root/usr/lpp/bos.sysmgt"
    done
    echo '/nim /dev/fslv01 10485760 8745124 3206' >>"$NIM_WORLD/nima/fs"
    echo '/nim /dev/fslv01 10485760 10484136' >>"$NIM_WORLD/nimb/fs"
    _nim_content=$NIM_WORLD/nima/root/nim
    mkdir -p "$_nim_content/lpp/lpp_73/installp/ppc" "$_nim_content/spot/spot_73/usr/lpp" "$_nim_content/mksysb" \
        "$_nim_content/im_data" "$NIM_WORLD/nima/root/tftpboot" "$NIM_WORLD/nima/root/export/nim/scripts"
    echo 'bos.rte 7.3.2.0' >"$_nim_content/lpp/lpp_73/installp/ppc/bos"
    echo 'table of contents' >"$_nim_content/lpp/lpp_73/installp/ppc/.toc"
    echo 'a SPOT' >"$_nim_content/spot/spot_73/usr/lpp/bos"
    echo 'a backup' >"$_nim_content/mksysb/lpar07.mksysb"
    echo 'image_data:' >"$_nim_content/im_data/lpar07.image.data"
    _nim_edit nima start
}
nim_pair() {
    {
        on nimb niminit -a is_alternate=yes -a name=nimb -a pif_name=en0 -a master=nima.example.com -a connect=nimsh &&
            on nima niminit -a is_alternate=yes -a name=nima -a pif_name=en0 -a master=nimb.example.com -a connect=nimsh
    } >/dev/null || return
    for _host in lpar07 lpar08 lpar12; do
        rm "$NIM_WORLD/$_host/root/etc/niminfo"
        on "$_host" niminit -a name="$_host" -a master=nima.example.com >/dev/null || return
    done
}
nim_synced() { nim_pair && on nima nim -Fo sync -a replicate=yes nimb >/dev/null && nim_forget_calls; }
