# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The topology of tests/netns/topology.sh of virtual machines: five, each with a kernel of its own, whose network
# devices are joined in pairs by Unix sockets. They have no other network. The same functions; P names a directory
# below TOPOLOGY_VM_DIR, and the image is there (image.sh). BUILD has the programs.

TOPOLOGY_MACHINES="relay nat1 nat2 n1 n2"
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/qemu.sh"
. "$QEMU_TREE/tests/netns/machine.sh"
TOPOLOGY_VM_DIR=${TOPOLOGY_VM_DIR:-/tmp}

topology_missing() {
	[ -e "$QEMU_TREE/build-vm/root.made" ] || echo "there is no image for virtual machines: ./dev vm-test"
}

# wire_nic DIR WIRE listen|connect MAC DEVICE: one end of a wire; the options are added to $nics, the name to $qemu_nics
wire_nic() {
	local server=off
	[ "$3" = connect ] || server=on
	nics+=(-netdev "stream,id=$5,server=$server,addr.type=unix,addr.path=$1/$2.wire" -device "virtio-net-pci,netdev=$5,mac=$4,romfile=")
	qemu_nics=${qemu_nics:+$qemu_nics,}$4=$5
}

# vm_start DIR NAME LETTER [WIRE listen|connect DEVICE]...
vm_start() {
	local dir=$1 name=$2 letter=$3 qemu_nics= qemu_share=$1/tree nics=() ports=() i=0
	shift 3
	while [ $# -gt 0 ]; do
		wire_nic "$dir" "$1" "$2" "52:54:00:00:0$letter:0$i" "$3"
		i=$((i + 1))
		shift 3
	done
	mkdir -p "$dir/$name"
	for i in 0 1 2 3; do
		ports+=(-chardev "socket,id=port$i,path=$dir/$name/$i,server=on,wait=off" -device "virtserialport,chardev=port$i")
	done
	qemu_start "$name" "$dir" tests/vm/agent.py "${nics[@]}" -device virtio-serial-pci "${ports[@]}"
}

topology_up() { # topology_up PREFIX
	local dir=$TOPOLOGY_VM_DIR/$1 machine
	mkdir -p "$dir"
	qemu_tree "${BUILD:?}" "$dir/tree"
	vm_start "$dir" relay 1 p1 listen port1 p2 listen port2
	EVENTUALLY_S=60 eventually test -S "$dir/p1.wire" -a -S "$dir/p2.wire"
	vm_start "$dir" nat1 2 p1 connect pub l1 listen lan
	vm_start "$dir" nat2 3 p2 connect pub l2 listen lan
	EVENTUALLY_S=60 eventually test -S "$dir/l1.wire" -a -S "$dir/l2.wire"
	vm_start "$dir" n1 4 l1 connect net0
	vm_start "$dir" n2 5 l2 connect net0
	for machine in $TOPOLOGY_MACHINES; do
		EVENTUALLY_S=900 eventually grep -q '^agent: ready' "$dir/$machine.console" || {
			cat "$dir/$machine".*
			return 1
		}
		topology_in "$1" "$machine" mkdir -p "${TEST_ROOT:-/tmp}"
		topology_in "$1" "$machine" "$QEMU_TREE/tests/netns/machine.sh" "$machine"
	done
}

topology_down() { # topology_down PREFIX
	local machine
	for machine in $TOPOLOGY_MACHINES; do
		qemu_stop "$machine" "$TOPOLOGY_VM_DIR/$1"
	done
	rm -rf "${TOPOLOGY_VM_DIR:?}/${1:?}"
}

# what a command there knows of this environment
AGENT_ENV="OCKAM_HOME OCKAM OCKAM_DEFAULT_TIMEOUT NO_COLOR"
topology_in() { # topology_in PREFIX MACHINE COMMAND...
	(topology_exec "$@")
}
topology_exec() {
	export AGENT_ENV OCKAM_DEFAULT_TIMEOUT=60s
	exec python3 "$QEMU_TREE/tests/vm/agent.py" --call "$TOPOLOGY_VM_DIR/$1/$2" "${@:3}"
}
