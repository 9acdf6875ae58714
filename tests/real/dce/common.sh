# shellcheck shell=sh
# Sourced by the scripts beside it. What stands for DCE on a node of the lab: krb5kdc for secd, with its database in /krb5,
# and samba-dcerpcd for dced, whose endpoint map really is a file: Ep.db. Both are asked in their own protocols. What a reboot
# takes away, pids and logs, is in /run/dce.
export PATH="$PATH:/usr/sbin:/usr/libexec/samba"
# Pacemaker gives 026, with which samba does not take its own directories.
umask 022

kdc_answers() { # ADDRESS
    KRB5_CONFIG=/opt/dcelocal/etc/krb5-$1.conf timeout 3 kinit -c "MEMORY:" -k -t /opt/dcelocal/etc/probe.keytab probe
}
mapper_answers() {
    timeout 3 rpcclient -s /opt/dcelocal/etc/smb.conf -U% 'ncacn_ip_tcp:127.0.0.1[135]' -c epmlookup | grep -q .
}
journal() { # WHAT [MORE]: with the node's own address, for its name is not always its own
    set -- "$1" "${2-}" "$(ip -o -4 address show dev net0 | awk 'NR == 1 { sub("/.*", "", $4); print $4 }')"
    echo "$(date +%T.%N) $1 at $3 as $(uname -n)$2" >>/var/dce/journal
}
# The lab's scenes break it: a line in this file is what goes wrong on this node.
broken() { [ -e /opt/dcelocal/etc/broken ] && grep -qx "$1" /opt/dcelocal/etc/broken; }
