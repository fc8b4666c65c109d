#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The second process of a machine of the tests, its init: mounts what a system has, names its network devices, runs
# what it was started for (run=FILE of the tree), says how that ended, and switches the machine off.
#
# On the kernel's command line: tree=DIRECTORY name=NAME run=FILE [nics=MAC=DEVICE,...] [slow=FACTOR]
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb
option() {
	sed -nE "s/(^|.* )$1=([^ ]+).*/\2/p" /proc/cmdline
}
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t bpf bpf /sys/fs/bpf
chmod 1777 /tmp /dev/shm
ln -sfn /proc/self/fd /dev/fd
tree=$(option tree)
hostname "$(option name)"
[ -s /etc/hosts ] || echo '127.0.0.1 localhost' >/etc/hosts
export SLOW
SLOW=$(option slow)
ip link set lo up
for driver in virtio_net virtio_console virtio_rng bridge veth tun; do
	modprobe $driver
done
IFS=, read -ra nics < <(option nics)
for nic in "${nics[@]}"; do
	for device in /sys/class/net/*; do
		[ "$(cat "$device/address")" = "${nic%=*}" ] && ip link set "${device##*/}" name "${nic#*=}"
	done
done
cd "$tree"
setsid -w "$tree/$(option run)" </dev/null
echo "machine: exit $?"
echo b >/proc/sysrq-trigger
