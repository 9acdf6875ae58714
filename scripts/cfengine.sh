# shellcheck shell=sh
# Sourced by scenes: members of a cluster that is a cfengine 3 master, and their managed clients, all on one machine. cf-key,
# cf-serverd, cf-agent and cf-runagent are the real ones. $ROOT is the source tree, $HATOOLS_BIN the directory of the tools.
#   cfengine_possible KIND    says why this machine cannot have them, and is false then. A KIND is
#     loopback    for any user: a host is a directory, and an address of its own on lo (members 127.0.0.11 and on, clients
#                 127.0.0.21 and on); what carries a command to it is $CFLAB/carrier
#     nodes       for root: a host is a node of scripts/nodes.sh (members 10.77.0.11 and on, clients 10.77.0.21 and on) with a root
#                 and an sshd of its own. The members have the tools in /usr/bin, the clients have none of them
#   cfengine_new KIND MEMBERS CLIENTS NEW    makes $CFLAB: members m1 m2 ..., clients c1 c2 ..., as they are when a wizard has set
#                       them up, and NEW members behind them, on which cfengine is installed and nothing else: no keys, no policy
#   cfengine_up         starts them. Not in a pipe: the shell that called it owns them
#   cfengine_down       ends it all; the caller calls it at its exit
#   on HOST COMMAND...  runs a command as on that host; work HOST: its work directory, address HOST: its address
#   member_json [KEY=JSON...]    prints a hamember-config/1 of them; a KEY is one of its top keys, put in or over. It has no new
#                       member; member_entry HOST is what a list of it has of a host
# Keys:
#   new_pair HOST       makes it a key pair, by cf-key, in the place of the one that it has
#   digest HOST         the digest of its key: MD5=...
#   put_key OF HOST [NAME]    puts OF's public key to HOST's, by hand, under its digest or that name
#   keys HOST           what HOST trusts, as lines NAME DIGEST: of what is in the file, - where that is no key
#   trusts HOST OF...   HOST has each key under its digest, once, in a file of mode 0600, and under no other name
#   trusts_not HOST OF...    HOST has none of them, under no name
#   unmanage HOST       takes its key from the others, and theirs from it
# Real runs, judged by what they did, because cf-runagent's status says little:
#   accepted MEMBER HOST...    one cf-runagent from MEMBER to each of them has done something there
#   refused MEMBER HOST...     it did nothing, and the cf-serverd there has said that it does not know the key
#   unanswered MEMBER HOST...  it did nothing, and the cf-serverd there has not heard of it
#   serverd HOST start|stop    its cf-serverd; $CFLAB/HOST/serverd.log is what that said, $CFLAB/said what cf-runagent said. For
#                       after_added: $CFLAB/serverd here start
#   denies HOST COMMAND...     runs a command while HOST's cf-serverd trusts all, and admits none of them to run its command
# Who was visited:
#   visits_new          forgets it; visits: the hosts that a command was brought to since then, in one line
#   down HOST [HOW]     no command is brought to it any more: HOW (refused, denied or hangs; refused unless told) is how that
#                       looks, on loopback. On nodes its power is gone. up HOST
#   trees HOST...       what they trust and have of the policy and the tools: sums, modes, owners, and when it was changed
# On nodes only, the package, with the address 10.77.0.100 that goes with it:
#   package_to MEMBER   moves it there: $CFLAB/csync is mounted at /csync then, and nowhere else. m1 has it first
#   pulls HOST TEXT     a cf-agent there copies a policy from 10.77.0.100, and then it has this text
# The policy is one for all hosts: $CFLAB/csync/dsau/cfengine_master has it, as it is below a package's mount point.

. "$ROOT/scripts/nodes.sh"

cfengine_possible() { # KIND
    for _program in cf-key cf-serverd cf-agent cf-runagent; do
        command -v "$_program" >/dev/null || { echo "$_program is missing: scripts/setup installs it"; return 1; }
    done
    [ "$1" = nodes ] || return 0
    nodes_possible || return
    for _program in /usr/sbin/sshd /usr/bin/python3; do
        [ -x "$_program" ] || { echo "$_program is missing: scripts/setup installs it"; return 1; }
    done
}

cfengine_new() { # KIND MEMBERS CLIENTS NEW
    CF_KIND=$1 CF_MEMBERS='' CF_NEW='' CF_CLIENTS=''
    _number=1
    while [ "$_number" -le $(($2 + $4)) ]; do
        if [ "$_number" -le "$2" ]; then CF_MEMBERS="$CF_MEMBERS m$_number"; else CF_NEW="$CF_NEW m$_number"; fi
        _number=$((_number + 1))
    done
    _number=1
    while [ "$_number" -le "$3" ]; do CF_CLIENTS="$CF_CLIENTS c$_number" _number=$((_number + 1)); done
    CF_HOSTS="$CF_MEMBERS$CF_NEW$CF_CLIENTS"
    CF_USER=$(id -un) CF_PORT=5308
    case $CF_KIND in
        loopback) CFLAB=$(mktemp -d "${TMPDIR:-/tmp}/cfengine.XXXXXX") || return ;;
        nodes) _nodes_of_cfengine || return ;;
        *) echo "cfengine: $CF_KIND is no kind: loopback or nodes" >&2; return 1 ;;
    esac
    export CFLAB
    # Who runs them need not pass the environment on.
    _serverd_program | sed "s,^CFLAB=,&$CFLAB," >"$CFLAB/serverd" && chmod 755 "$CFLAB/serverd" || return
    _policy || return
    : >"$CFLAB/carried"
    mkdir "$CFLAB/digests"
    for _host in $CF_HOSTS; do _host_of_cfengine "$_host" || return; done
    # The pairs at once: each takes a quarter of a second.
    _making=
    for _host in $CF_MEMBERS $CF_CLIENTS; do
        CFENGINE_TEST_OVERRIDE_WORKDIR=$(_disk_work "$_host") cf-key >"$CFLAB/$_host/cf-key.log" 2>&1 &
        _making="$_making $!"
    done
    for _pid in $_making; do wait "$_pid" || { cat "$CFLAB"/*/cf-key.log >&2; return 1; }; done
    for _host in $CF_MEMBERS $CF_CLIENTS; do
        _digest_of=$(_read_digest "$(_disk_work "$_host")/ppkeys/localhost.pub") || return
        echo "$_digest_of" >"$CFLAB/$_host/digest"
    done
    for _host in $CF_MEMBERS; do
        for _other in $CF_MEMBERS $CF_CLIENTS; do
            _give "$_host" "$_other" && _give "$_other" "$_host" || return
        done
    done
    [ "$CF_KIND" = loopback ] || return 0
    mkdir "$CFLAB/state" && _carrier_program | sed "s,^CFLAB=,&$CFLAB," >"$CFLAB/carrier" && chmod 755 "$CFLAB/carrier"
}
_disk_work() { # HOST: where its work directory is before its first boot
    case $CF_KIND in loopback) echo "$CFLAB/$1/cf" ;; nodes) echo "$CFLAB/$1/disk/var/lib/cfengine3" ;; esac
}
_give() { # OF HOST: before the first boot
    _to=$(_disk_work "$2")/ppkeys/$CF_USER-$(cat "$CFLAB/$1/digest").pub
    cp "$(_disk_work "$1")/ppkeys/localhost.pub" "$_to" && chmod 600 "$_to"
}
# cf-key needs a work directory that it can use, even to read a file.
_read_digest() { CFENGINE_TEST_OVERRIDE_WORKDIR=$CFLAB/reader cf-key -p "$1" 2>/dev/null; } # FILE

_host_of_cfengine() { # HOST: cfengine is installed there; where it is not new it has a policy, too
    _work=$(_disk_work "$1")
    mkdir -p "${_work%/*}" && mkdir -m 700 "$_work" "$_work/lastseen" "$_work/state" "$_work/outputs" && ln -s /usr/bin "$_work/bin" || return
    printf '%s' "$(address "$1")" >"$_work/address"
    : >"$_work/outputs/runs"
    # What cf-runagent has a host do.
    printf '#!/bin/sh\necho run >>%s/outputs/runs\necho done on %s\n' "$(work "$1")" "$1" >"$_work/run"
    chmod 700 "$_work/run"
    case " $CF_NEW " in *" $1 "*) return ;; esac
    mkdir -m 700 "$_work/inputs" "$_work/ppkeys" && cp "$CFLAB"/csync/dsau/cfengine_master/inputs/* "$_work/inputs/" && chmod 600 "$_work"/inputs/*
}
_policy() {
    case $CF_KIND in
        loopback) _net=127.0.0.0/8 _bind='bindtointerface => "$(here.address)";' ;;
        nodes) _net=10.77.0.0/24 _bind= ;;
    esac
    _master=$CFLAB/csync/dsau/cfengine_master
    mkdir -p "$_master/inputs" || return
    echo first >"$_master/policy.txt"
    # As on a cluster of DSAU: what is pulled first; it is no part of the policy here.
    echo '# what is pulled first' >"$_master/inputs/update.conf"
    # shellcheck disable=SC2086 # a list
    { echo "# what is managed"; printf '%s\n' $CF_CLIENTS; } >"$_master/inputs/cfrun.hosts"
    cat >"$_master/inputs/promises.cf" <<END
body common control { bundlesequence => { "pull" }; }
bundle common here { vars: "address" string => readfile("\$(sys.workdir)/address", "64"); }
body server control {
    port => "$CF_PORT"; $_bind
    allowconnects => { "$_net" }; allowallconnects => { "$_net" }; allowusers => { "$CF_USER" };
    trustkeysfrom => { }; cfruncommand => "\$(sys.workdir)/run"; }
bundle server access_rules() { access:
    "\$(sys.workdir)/run" admit_ips => { "$_net" };
    "/csync/dsau/cfengine_master/" admit_ips => { "$_net" }; }
body copy_from from(host, file) { servers => { "\$(host)" }; source => "\$(file)"; compare => "digest"; trustkey => "false"; }
bundle agent pull { files: "\$(sys.workdir)/policy.txt" copy_from => from("10.77.0.100", "/csync/dsau/cfengine_master/policy.txt"); }
END
}
_serverd_program() {
    cat <<'END'
#!/bin/sh
# serverd HOST start|stop: its cf-serverd, until it listens, or has gone. The HOST "here" is the one that this is run on.
CFLAB=
host=$1
[ "$host" != here ] || case ${CFENGINE_TEST_OVERRIDE_WORKDIR:-} in '') host=$(hostname) ;; *) host=${CFENGINE_TEST_OVERRIDE_WORKDIR%/cf} ;; esac
at=$CFLAB/${host##*/}
# Dead is enough: who buries it may take its time.
runs() { [ -e "$at/serverd.pid" ] && ps -o stat= -p "$(cat "$at/serverd.pid")" | grep -q '^[^Z]'; }
case $2 in
    start)
        ! runs || exit 0
        : >"$at/serverd.log"
        # Not of the session of who starts it: ssh would wait for it. And without a lock: one that was killed, or whose power went,
        # would keep it for a while.
        setsid cf-serverd -K -F -v >>"$at/serverd.log" 2>&1 </dev/null &
        echo $! >"$at/serverd.pid"
        until grep -q 'Server is starting' "$at/serverd.log"; do
            runs || { grep error: "$at/serverd.log" >&2; exit 1; }
            sleep 0.02
        done
        ;;
    stop)
        # Told to end, it takes two seconds.
        ! runs || kill -KILL "$(cat "$at/serverd.pid")"
        while runs; do sleep 0.02; done
        rm -f "$at/serverd.pid"
        ;;
esac
END
}
_carrier_program() {
    cat <<'END'
#!/bin/sh
# carrier [-l USER] HOST WORD...: runs the words as ssh does on a host, and fails as ssh does where that is down.
CFLAB=
[ "$1" != -l ] || shift 2
host=$1
shift
echo "$host" >>"$CFLAB/carried"
[ -d "$CFLAB/$host" ] || { echo "ssh: Could not resolve hostname $host: Name or service not known" >&2; exit 255; }
if [ -e "$CFLAB/$host/down" ]; then
    case $(cat "$CFLAB/$host/down") in
        refused) echo "ssh: connect to host $host port 22: Connection refused" >&2 ;;
        denied) echo "$host: Permission denied (publickey)." >&2 ;;
        hangs) exec sleep 600 ;;
    esac
    exit 255
fi
CFENGINE_TEST_OVERRIDE_WORKDIR=$CFLAB/$host/cf
export CFENGINE_TEST_OVERRIDE_WORKDIR
cd "$CFLAB/$host" && exec /bin/sh -c "$*"
END
}

_nodes_of_cfengine() {
    NODES_LIST=
    for _host in $CF_HOSTS; do NODES_LIST="$NODES_LIST $_host:$(_number_of "$_host")"; done
    # The tools are where ssh finds them, on the members only.
    # shellcheck disable=SC2034 # nodes.sh reads it
    NODES_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    nodes_new || return
    CFLAB=$CLUSTER CF_PACKAGE=
    : >"$CLUSTER/keep-disks"
    printf '%s\n' /root /etc/ssh /etc/hatools /var/lib/hatools /var/lib/cfengine3 /etc/cfengine3 /etc/cmcluster /csync >"$CLUSTER/hidden"
    _disk=$CLUSTER/disk
    mkdir -p "$_disk/root" "$_disk/etc/ssh" "$_disk/etc/hatools" "$_disk/var/lib/hatools" "$_disk/var/lib" "$_disk/csync" || return
    chmod 700 "$_disk/root" && mkdir -m 700 "$_disk/root/.ssh" || return
    { echo '127.0.0.1 localhost'; for _host in $CF_HOSTS; do echo "$(address "$_host") $_host"; done; } >"$_disk/etc/hosts"
    cat >"$_disk/etc/ssh/sshd_config" <<'END'
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
MaxStartups 100
END
    : >"$_disk/etc/ssh/ssh_config"
    # Each knows each host key, and lets in the root of each member; nobody lets in that of a client but the members.
    for _host in $CF_HOSTS; do
        mkdir -p "$CLUSTER/$_host/disk/etc/ssh" && mkdir -p "$CLUSTER/$_host/disk/root/.ssh" && chmod 700 "$CLUSTER/$_host/disk/root" "$CLUSTER/$_host/disk/root/.ssh" || return
        ssh-keygen -q -t ed25519 -N '' -C "$_host" -f "$CLUSTER/$_host/disk/etc/ssh/ssh_host_ed25519_key" &&
            ssh-keygen -q -t ed25519 -N '' -C "root@$_host" -f "$CLUSTER/$_host/disk/root/.ssh/id_ed25519" || return
        echo "$_host,$(address "$_host") $(cut -d ' ' -f 1,2 "$CLUSTER/$_host/disk/etc/ssh/ssh_host_ed25519_key.pub")" >>"$_disk/root/.ssh/known_hosts"
    done
    for _host in $CF_HOSTS; do cat "$CLUSTER/$_host/disk/root/.ssh/id_ed25519.pub"; done >"$_disk/root/.ssh/authorized_keys" || return
    chmod 600 "$_disk"/root/.ssh/*
    for _host in $CF_MEMBERS $CF_NEW; do
        mkdir -p "$CLUSTER/$_host/disk/usr/bin" "$CLUSTER/$_host/disk/etc/cmcluster/csync" || return
        for _tool in "$HATOOLS_BIN"/ha*; do
            if [ -f "$_tool" ] && [ -x "$_tool" ]; then ln -s "$_tool" "$CLUSTER/$_host/disk/usr/bin/${_tool##*/}" || return; fi
        done
    done
    # What a package's control script is: the same on each member that is set up.
    for _host in $CF_MEMBERS; do printf '#!/bin/sh\necho csync "$1"\n' >"$CLUSTER/$_host/disk/etc/cmcluster/csync/csync.cntl"; done
    cat >"$_disk/etc/rc.d/50-cfengine" <<'END'
#!/bin/sh
case $1 in
    start)
        # One that is not there is missed after a third of a second, and not after three.
        echo 100 >/proc/sys/net/ipv4/neigh/net0/retrans_time_ms
        mkdir -p -m 755 /run/sshd
        /usr/sbin/sshd -E "$CLUSTER/$NODE/sshd.log"
        [ ! -e /var/lib/cfengine3/inputs/promises.cf ] || "$CLUSTER/serverd" "$NODE" start
        ;;
esac
END
    chmod 755 "$_disk/etc/rc.d/50-cfengine"
}

cfengine_up() {
    case $CF_KIND in
        nodes) nodes_up && package_to m1 ;;
        loopback)
            # No port is known to be free: another is tried where a cf-serverd ends at once.
            for _try in 1 2 3 4 5 6 7 8 9 10; do
                CF_PORT=$((20000 + ($$ * 7 + _try * 997) % 12000))
                _policy || return
                _good=yes
                for _host in $CF_MEMBERS $CF_CLIENTS; do
                    cat "$CFLAB/csync/dsau/cfengine_master/inputs/promises.cf" >"$CFLAB/$_host/cf/inputs/promises.cf" &&
                        serverd "$_host" start 2>"$CFLAB/$_host/failed" || { _good=; break; }
                done
                [ -z "$_good" ] || return 0
                for _host in $CF_MEMBERS $CF_CLIENTS; do serverd "$_host" stop; done
            done
            echo "cfengine: no cf-serverd starts:" >&2
            cat "$CFLAB"/*/failed >&2
            return 1
            ;;
    esac
}
cfengine_down() {
    [ -n "${CFLAB:-}" ] || return 0
    case $CF_KIND in
        nodes) nodes_down ;;
        loopback)
            for _host in $CF_HOSTS; do serverd "$_host" stop; done
            rm -rf "$CFLAB"
            ;;
    esac
    CFLAB=
}
serverd() { on "$1" "$CFLAB/serverd" "$1" "$2"; } # HOST start|stop

on() { # HOST COMMAND...
    _on=$1
    shift
    case $CF_KIND in
        loopback) (CFENGINE_TEST_OVERRIDE_WORKDIR=$CFLAB/$_on/cf; export CFENGINE_TEST_OVERRIDE_WORKDIR; exec "$@") ;;
        nodes) node "$_on" "$@" ;;
    esac
}
_number_of() { case $1 in m*) echo $((10 + ${1#m})) ;; c*) echo $((20 + ${1#c})) ;; esac; }
address() { case $CF_KIND in loopback) echo "127.0.0.$(_number_of "$1")" ;; nodes) echo "10.77.0.$(_number_of "$1")" ;; esac; }
work() { case $CF_KIND in loopback) echo "$CFLAB/$1/cf" ;; nodes) echo /var/lib/cfengine3 ;; esac; }

member_entry() { # HOST
    case $CF_KIND in
        loopback) printf '{"name": "%s", "address": "%s", "work_directory": "%s"}' "$1" "$(address "$1")" "$(work "$1")" ;;
        nodes) printf '"%s"' "$1" ;;
    esac
}
_entries() { # HOST...
    _between='['
    for _host; do
        printf '%s%s' "$_between" "$(member_entry "$_host")"
        _between=', '
    done
    echo ']'
}
member_json() { # [KEY=JSON...]
    # shellcheck disable=SC2086 # lists
    _members=$(_entries $CF_MEMBERS) _clients=$(_entries $CF_CLIENTS)
    "$(command -v /usr/bin/python3 || command -v python3)" - "$CF_KIND" "$CFLAB" "$CF_USER" "$CF_PORT" "members=$_members" "clients=$_clients" "$@" <<'END'
import json
import sys

kind, lab, user, port = sys.argv[1:5]
config = {"schema": "hamember-config/1", "layout": "cfengine3", "cfengine_user": user}
given = {}
for argument in sys.argv[5:]:
    key, value = argument.split("=", 1)
    given[key] = json.loads(value)
if kind == "loopback":
    config |= {
        # No host has that one: what goes there is wrong.
        "work_directory": f"{lab}/nobody/cf", "package": None, "port": int(port), "state": f"{lab}/state/hamember.json",
        "master_inputs": f"{lab}/csync/dsau/cfengine_master/inputs",
    }
else:
    inputs = "/csync/dsau/cfengine_master/inputs"
    config |= {
        "package": {"mount": "/csync", "sentinel": f"{inputs}/update.conf"}, "master_inputs": inputs,
        "work_directory": "/var/lib/cfengine3", "cfrun_hosts": f"{inputs}/cfrun.hosts",
        "copies": [{"from": "/etc/cmcluster/csync", "to": "/etc/cmcluster/csync"}],
        "effect": "/var/lib/cfengine3/outputs",
    }
    del given["clients"]
config |= given
print(json.dumps(config, indent=1))
END
}

new_pair() { # HOST
    on "$1" sh -ec 'mkdir -p -m 700 "$1/ppkeys"; rm -f "$1"/ppkeys/localhost.*; cf-key' new "$(work "$1")" >"$CFLAB/$1/cf-key.log" 2>&1 || return
    digest "$1" >"$CFLAB/$1/digest.new" && mv "$CFLAB/$1/digest.new" "$CFLAB/$1/digest"
}
digest() { # HOST
    [ "$CF_KIND" = nodes ] || { _digest_of "$CFLAB/$1/cf/ppkeys/localhost.pub"; return; }
    on "$1" cf-key -p "$(work "$1")/ppkeys/localhost.pub"
}
# What cf-key says of a file; a scene asks for the same ones hundreds of times.
_digest_of() { # FILE
    _sum=$(cksum <"$1") || return
    _kept=$CFLAB/digests/${_sum% *}-${_sum#* }
    [ -e "$_kept" ] || _read_digest "$1" >"$_kept" || { rm "$_kept"; return 1; }
    cat "$_kept"
}
put_key() { # OF HOST [NAME]
    _file=$(work "$2")/ppkeys/${3:-$CF_USER-$(digest "$1").pub} || return
    on "$1" cat "$(work "$1")/ppkeys/localhost.pub" | on "$2" sh -c 'umask 077; cat >"$1"' put "$_file"
}
keys() { # HOST
    if [ "$CF_KIND" = loopback ]; then
        for _file in "$CFLAB/$1"/cf/ppkeys/*.pub; do
            [ ! -f "$_file" ] || [ "${_file##*/}" = localhost.pub ] || echo "${_file##*/} $(_digest_of "$_file" || echo -)"
        done
        return
    fi
    on "$1" sh -c 'cd "$1/ppkeys" || exit
        for name in *.pub; do
            [ ! -f "$name" ] || [ "$name" = localhost.pub ] || echo "$name $(cf-key -p "$PWD/$name" 2>/dev/null || echo -)"
        done' keys "$(work "$1")"
}
trusts() { # HOST OF...
    _who=$1 _has=$(keys "$1")
    shift
    for _of; do
        _digest=$(digest "$_of") || return
        [ "$(echo "$_has" | grep -F -e "$_digest")" = "$CF_USER-$_digest.pub $_digest" ] || { echo "$_of is not trusted by $_who: $_has"; return 1; }
        [ "$(on "$_who" find "$(work "$_who")/ppkeys/$CF_USER-$_digest.pub" -perm 600)" ] || { echo "the mode of the key of $_of on $_who"; return 1; }
    done
}
trusts_not() { # HOST OF...: an OF is a host, or a digest
    _who=$1 _has=$(keys "$1")
    shift
    for _of; do
        case $_of in *=*) _digest=$_of ;; *) _digest=$(digest "$_of") || return ;; esac
        if echo "$_has" | grep -F -e "$_digest"; then return 1; fi
    done
}
unmanage() { # HOST
    _digest=$(digest "$1") || return
    for _host in $CF_HOSTS; do
        if [ "$_host" = "$1" ]; then
            on "$_host" sh -c 'cd "$1/ppkeys" && rm -f "$2"-*.pub' unmanage "$(work "$_host")" "$CF_USER"
        else
            on "$_host" rm -f "$(work "$_host")/ppkeys/$CF_USER-$_digest.pub"
        fi || return
    done
    sed -i "/^$1\$/d" "$CFLAB/csync/dsau/cfengine_master/inputs/cfrun.hosts"
}

_runs() { on "$1" cat "$(work "$1")/outputs/runs" | wc -l; } # HOST
_run() { # MEMBER HOST: prints how many times it did something there
    _before=$(_runs "$2")
    _heard=$(wc -l <"$CFLAB/$2/serverd.log")
    on "$1" timeout 20 cf-runagent -H "$(address "$2"):$CF_PORT" >"$CFLAB/said" 2>&1 </dev/null
    _did=$(($(_runs "$2") - _before))
}
accepted() { # MEMBER HOST...
    _from=$1
    shift
    for _to; do
        _run "$_from" "$_to"
        [ "$_did" -eq 1 ] || { echo "a run from $_from did something on $_to $_did times:"; cat "$CFLAB/said"; return 1; }
    done
}
# The client has gone when the daemon says why.
_heard_of() { tail -n +$((_heard + 1)) "$CFLAB/$1/serverd.log" | grep -a "$2"; } # HOST PATTERN
refused() { # MEMBER HOST...
    _from=$1
    shift
    for _to; do
        _run "$_from" "$_to"
        [ "$_did" -eq 0 ] || { echo "a run from $_from did something on $_to"; return 1; }
        wait_for 5 _heard_of "$_to" 'TRUST FAILED' || { echo "$_to has not refused $_from:"; cat "$CFLAB/said"; return 1; }
    done
}
unanswered() { # MEMBER HOST...
    _from=$1
    shift
    for _to; do
        _run "$_from" "$_to"
        [ "$_did" -eq 0 ] || { echo "a run from $_from did something on $_to"; return 1; }
        grep -q 'Failed to connect' "$CFLAB/said" || { cat "$CFLAB/said"; return 1; }
        if _heard_of "$_to" 'Accepting connection'; then return 1; fi
    done
}
denies() { # HOST COMMAND...
    _denier=$1
    shift
    on "$_denier" sh -ec 'cp -p "$1/promises.cf" "$1/promises.kept"
        sed "s,^    \"\$(sys.workdir)/run\" admit_ips => {[^}]*},    \"\$(sys.workdir)/run\" admit_ips => { \"192.0.2.1\" }," "$1/promises.kept" >"$1/promises.cf"' denies "$(work "$_denier")/inputs" &&
        serverd "$_denier" stop && serverd "$_denier" start || return
    "$@"
    _denied=$?
    on "$_denier" mv "$(work "$_denier")/inputs/promises.kept" "$(work "$_denier")/inputs/promises.cf" && serverd "$_denier" stop && serverd "$_denier" start &&
        return "$_denied"
}

visits_new() {
    case $CF_KIND in
        loopback) : >"$CFLAB/carried" ;;
        nodes) for _host in $CF_HOSTS; do _logins "$_host" >"$CFLAB/$_host/logins" || return; done ;;
    esac
}
_logins() { grep -c 'Accepted publickey' "$CFLAB/$1/sshd.log"; :; } # HOST
visits() {
    case $CF_KIND in
        loopback) sort -u "$CFLAB/carried" ;;
        nodes) for _host in $CF_HOSTS; do [ "$(_logins "$_host")" = "$(cat "$CFLAB/$_host/logins")" ] || echo "$_host"; done ;;
    esac | paste -s -d ' ' -
}
down() { # HOST [HOW]
    case $CF_KIND in
        loopback) echo "${2:-refused}" >"$CFLAB/$1/down" ;;
        nodes)
            kill_node "$1" || return
            # Who spoke with it a moment ago would wait half a minute before it asks where it is.
            _forget_address "$(address "$1")"
            ;;
    esac
}
_forget_address() { for _host in $CF_HOSTS; do is_down "$_host" || node "$_host" ip neigh flush to "$1" dev net0 || return; done; }
up() { # HOST
    case $CF_KIND in
        loopback) rm "$CFLAB/$1/down" ;;
        nodes) boot_node "$1" ;;
    esac
}
trees() { # HOST...
    for _host; do
        echo "$_host"
        # shellcheck disable=SC2046 # words
        on "$_host" sh -c 'for path; do
                [ -e "$path" ] || continue
                # What cfengine itself writes there is no policy.
                find "$path" ! -name "cf_promises_*" ! -name hamember.json ! -path "*/inputs" ! -path /csync/hatools -printf "%p %M %U:%G %T@\n"
                find "$path" -type f ! -name "cf_promises_*" -exec sha256sum {} +
            done | sort' trees "$(work "$_host")/inputs" "$(work "$_host")/ppkeys" \
            $([ "$CF_KIND" = loopback ] || echo /etc/cmcluster /etc/hatools /var/lib/hatools /csync /root/.ssh) || return
    done
    [ "$CF_KIND" != loopback ] || find "$CFLAB/state" "$CFLAB/csync" -type f -exec sha256sum {} + | sort
}

package_to() { # MEMBER
    if [ -n "$CF_PACKAGE" ]; then
        node "$CF_PACKAGE" sh -ec 'umount /csync; ip address del 10.77.0.100/24 dev net0' || return
    fi
    CF_PACKAGE=$1
    node "$1" sh -ec 'mount --bind "$CLUSTER/csync" /csync; ip address add 10.77.0.100/24 dev net0' || return
    # Whom the clients had before has it no more: as after an announcement by ARP.
    _forget_address 10.77.0.100
}
pulls() { # HOST TEXT
    echo "$2" >"$CFLAB/csync/dsau/cfengine_master/policy.txt"
    node "$1" sh -c 'rm -f /var/lib/cfengine3/policy.txt; timeout 30 cf-agent -K -I; cat /var/lib/cfengine3/policy.txt' >"$CFLAB/said" 2>&1
    [ "$(tail -n 1 "$CFLAB/said")" = "$2" ] || { cat "$CFLAB/said"; return 1; }
}
