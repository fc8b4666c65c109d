#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# The first process of a machine, in its initial RAM disk: loads the drivers of the disk, and goes on from there.
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
for module in /modules/*; do
	$bb insmod "$module"
done
until $bb mount -t ext4 /dev/vda /root 2>/dev/null; do
	$bb sleep 0.1
done
$bb mount --move /proc /root/proc
$bb mount --move /sys /root/sys
$bb mount --move /dev /root/dev
$bb mkdir -p /root/tree
# what the tree of the host has is in the machine from its second process on
for module in 9pnet_virtio 9p overlay; do
	$bb chroot /root /sbin/modprobe $module
done
tree=$($bb sed -nE 's/.* tree=([^ ]+).*/\1/p' /root/proc/cmdline)
$bb mount -t tmpfs tmpfs /root/tree
$bb mkdir -p /root/tree/host /root/tree/up /root/tree/work "/root/$tree"
$bb mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro tree /root/tree/host
$bb mount -t overlay -o "lowerdir=/root/tree/host,upperdir=/root/tree/up,workdir=/root/tree/work" overlay "/root$tree"
exec $bb switch_root /root /bin/bash "$tree/tests/vm/guest.sh"
