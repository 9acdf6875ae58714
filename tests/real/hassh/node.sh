#!/bin/sh
# A node of its own for hassh-two-nodes.t: run in new name spaces of mounts, host name and network. /root, /etc/ssh, /run and the
# password of root ("secret") are the node's own.
# node.sh DIRECTORY NAME: what the node is made of; node.sh sshd: its sshd, anew.
set -e
if [ "$1" = sshd ]; then
    [ ! -f /run/sshd.pid ] || kill "$(cat /run/sshd.pid)" 2>/dev/null || :
    rm -f /run/sshd.pid
    /usr/sbin/sshd -E /run/sshd.log </dev/null >/dev/null 2>&1
    tries=0
    until [ -s /run/sshd.pid ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || exit 1
        sleep 0.05
    done
    exit
fi
directory=$1 name=$2
hostname "$name"
mount -t tmpfs -o mode=700 root /root
mount -t tmpfs -o mode=755 ssh /etc/ssh
mount -t tmpfs -o mode=755 run /run
mkdir -m 755 /run/sshd
# By way of a copy: nothing in the scene's directory is to be mounted anywhere.
for file in hosts shadow; do
    cp -p "$directory/$file" /run/ && mount --bind "/run/$file" "/etc/$file"
done
ip link set lo up
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
ssh-keygen -q -t ecdsa -N '' -f /etc/ssh/ssh_host_ecdsa_key
cat >/etc/ssh/sshd_config <<END
HostKey /etc/ssh/ssh_host_ed25519_key
HostKey /etc/ssh/ssh_host_ecdsa_key
PidFile /run/sshd.pid
PermitRootLogin yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
MaxStartups 100
SetEnv "PATH=$PATH"
END
: >/etc/ssh/ssh_config
