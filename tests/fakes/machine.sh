#!/bin/sh
# A machine of its own for a scene: name spaces of users, processes, mounts, network and host name, and beneath it a root in
# which /etc, /opt, /run, /usr/bin, /var/log and /var/dce are its own. What a scene does there, this machine never sees.
# A scene that wants one begins so, before lib.sh:
#   . "${0%/*}/../fakes/machine.sh"; machine "$@"
# $MACHINE is then yes; or no, with the reason in $NO_MACHINE, where the kernel grants none: neither to root nor to a user.
# It has what DCE has on a node after HACMP took over address and disks: node2 with service address 9.3.240.2 (dcesvc) beside
# 9.3.240.1 and 9.3.240.66, /krb5, /var/dce and /etc/dce mounted, /opt/dcelocal/var on /var/dce, and files left by a dead node.
# DCE itself cannot be had any more: start.dce and the others are fakes. The host name, the mounts, the addresses and the
# processes are real.

machine() {
    [ -z "${MACHINE:-}" ] || return 0
    export MACHINE NO_MACHINE
    _fakes=$(cd "${0%/*}/../fakes" && pwd) || exit
    for _users in '' '--user --map-root-user'; do
        MACHINE=yes
        # shellcheck disable=SC2086 # no word or two
        NO_MACHINE=$(unshare $_users --uts --mount --net --pid --fork --mount-proc --kill-child mount -t tmpfs none /sys 2>&1) &&
            exec unshare $_users --uts --mount --net --pid --fork --mount-proc --kill-child \
                sh "$_fakes/machine.sh" "$_fakes" "$(readlink "/proc/$$/exe")" "${_fakes%/*}/scenes/${0##*/}" "$@"
    done
    MACHINE=no
}

_show() { # DIRECTORY NAME...: its entries are those of the real one; the NAMEs are empty directories
    _from=$1
    shift
    mkdir -p "/sys$_from"
    for _entry in "${_from%/}"/*; do
        _to=/sys$_entry
        case " $* " in *" ${_entry##*/} "*) continue ;; esac
        if [ -L "$_entry" ]; then
            ln -s "$(readlink "$_entry")" "$_to"
        elif [ -d "$_entry" ]; then
            mkdir "$_to" && mount --rbind "$_entry" "$_to"
        fi
    done
    for _name; do mkdir "/sys${_from%/}/$_name"; done
}

_boot() { # FAKES: makes the new root in /sys, which is there on every Linux and which nothing here needs
    mount -t tmpfs -o mode=755 machine /sys
    _show / etc opt run usr var krb5 sys
    _show /usr bin .bin
    _show /var log dce
    # No overlay: not every kernel lays one over another.
    mount --rbind /usr/bin /sys/usr/.bin
    (cd /sys/usr/bin && ln -s ../.bin/* . && ln -s "$1"/*.dce "$1"/*.dfs .)
    [ -e /sys/usr/bin/hostname ] || ln -s "$1/hostname" /sys/usr/bin/
    # A user may not read all of it.
    cp -a /etc/. /sys/etc 2>/dev/null || :
    rm -rf /sys/etc/dce /sys/etc/hatools
    mkdir -p /sys/etc/dce /sys/etc/hatools /sys/opt/dcelocal /sys/run/fake
    for _disk in krb5 var/dce etc/dce; do mount -t tmpfs "$_disk" "/sys/$_disk"; done
    ln -s /var/dce /sys/opt/dcelocal/var
    printf '127.0.0.1 localhost\n9.3.240.1 node2\n9.3.240.2 dcesvc\n' >/sys/etc/hosts
    printf 'TZ=UTC0\nRPC_UNSUPPORTED_NETADDRS=9.3.240.1:9.3.240.66\n' >/sys/etc/environment
    chroot /sys hostname node2
    ip link set lo up
    for _adapter in 'en0 9.3.240.1 9.3.240.2' 'en1 9.3.240.66'; do
        # shellcheck disable=SC2086 # words
        set -- $_adapter
        # Where the kernel has no dummy adapters, a bridge without ports is one.
        ip link add "$1" type dummy 2>/dev/null || ip link add "$1" type bridge
        ip link set "$1" up
        for _address in $2 ${3:-}; do ip address add "$_address/24" dev "$1"; done
    done
}

# Run, not sourced: in the new name spaces, as their first process, which reaps what scenes orphan.
case $0 in
    */fakes/machine.sh)
        fakes=$1
        shift
        set -e
        _boot "$fakes"
        set +e
        chroot /sys "$@"
        exit
        ;;
esac
