# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# One virtual machine of the tests: qemu without KVM, so that it runs everywhere; from the image that image.sh made,
# which it leaves as it is; with a copy of this checkout and its programs, at the checkout's own place.

QEMU_TREE=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")

qemu_tree() { # qemu_tree BUILD TO: what the machines see; a copy, so that who goes on building disturbs nobody
	mkdir -p "$2"
	tar -C "$QEMU_TREE" -c --exclude='*.o' --exclude='*.a' --exclude='*.p' --exclude=corpus --exclude=./'build*' \
		--exclude=./.git . | tar -C "$2" -x
	tar -C "$QEMU_TREE" -c --exclude='*.o' --exclude='*.a' --exclude='*.p' "$(realpath --relative-to="$QEMU_TREE" "$1")" |
		tar -C "$2" -x
}

# qemu_start NAME DIR RUN [options of qemu]...: in the background. DIR gets NAME.pid, NAME.console; RUN is a file of
# the tree. qemu_share: the copy of the tree. qemu_nics: devices as "MAC=DEVICE,...". qemu_memory, qemu_cpus, qemu_slow: how
# much, how slow.
qemu_start() {
	local name=$1 dir=$2 run=$3 image=$QEMU_TREE/build-vm
	shift 3
	qemu-system-x86_64 -accel tcg,thread=multi -cpu max,la57=off -M pc -m "${qemu_memory:-512}" \
		-smp "${qemu_cpus:-1}" -nodefaults -no-user-config -display none -no-reboot \
		-kernel "$image/vmlinuz" -initrd "$image/initrd.gz" \
		-append "console=ttyS0 loglevel=4 panic=-1 random.trust_cpu=on mitigations=off no_timer_check nowatchdog rcupdate.rcu_cpu_stall_suppress=1 tree=$QEMU_TREE name=$name run=$run slow=${qemu_slow:-1}${qemu_nics:+ nics=$qemu_nics}" \
		-drive "file=$image/root.ext4,format=raw,if=virtio,snapshot=on" \
		-virtfs "local,path=$qemu_share,mount_tag=tree,security_model=none,readonly=on" \
		-device virtio-rng-pci -chardev "file,id=console,path=$dir/$name.console" -serial chardev:console \
		"$@" </dev/null >"$dir/$name.qemu" 2>&1 9>&- &
	echo $! >"$dir/$name.pid"
}

qemu_stop() { # qemu_stop NAME DIR
	local pid
	pid=$(cat "$2/$1.pid" 2>/dev/null) || return 0
	kill "$pid" 2>/dev/null || true
	rm -f "$2/$1.pid"
}
