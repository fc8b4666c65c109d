# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Two machines, each behind a NAT of its own, and a public network with a third machine between them:
#
#   P-n1 192.168.1.2 -- P-nat1 203.0.113.11 --+
#                                             +-- P-relay 203.0.113.1 (a bridge)
#   P-n2 192.168.1.2 -- P-nat2 203.0.113.12 --+
#
# P is the prefix. The NATs masquerade what goes out and let nothing in that was not asked for, as home
# routers do; both private networks even use the same addresses. All of it lives in network
# namespaces: nothing of the machine's own network is touched.

TOPOLOGY_MACHINES="relay nat1 nat2 n1 n2"
TOPOLOGY_DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
. "$TOPOLOGY_DIR/machine.sh"

# Why it cannot be made here, or nothing.
topology_missing() {
	local probe=ockam-probe-$$
	[ "$(id -u)" = 0 ] || { echo "making network namespaces needs root"; return; }
	command -v nft >/dev/null || { echo "nft is not installed"; return; }
	ip netns add "$probe" 2>/dev/null || { echo "network namespaces are not allowed here"; return; }
	{ ip -n "$probe" link add br0 type bridge && ip netns exec "$probe" nft -f - <<<"$(topology_nat_rules)"; } 2>/dev/null ||
		echo "the kernel has no bridge or no nftables masquerade"
	ip netns del "$probe"
}

topology_up() { # topology_up PREFIX
	local p=$1 i machine
	for machine in $TOPOLOGY_MACHINES; do
		ip netns add "$p-$machine"
	done
	for i in 1 2; do
		ip -n "$p-relay" link add port$i type veth peer name pub netns "$p-nat$i"
		ip -n "$p-nat$i" link add lan type veth peer name net0 netns "$p-n$i"
	done
	for machine in $TOPOLOGY_MACHINES; do
		topology_in "$p" "$machine" "$TOPOLOGY_DIR/machine.sh" "$machine"
	done
}

# topology_plug PREFIX I: sets up both ends of the public link of nat I when it was made anew
topology_plug() {
	ip -n "$1-relay" link set port$2 master br0 up
	ip -n "$1-nat$2" address add 203.0.113.1$2/24 dev pub
	ip -n "$1-nat$2" link set pub up
}

# topology_wan PREFIX I: takes the public link of nat I apart, so that what passes it passes wan.py between
# the devices `near` and `far` of a namespace P-wanI
topology_wan() {
	ip netns add "$1-wan$2"
	ip -n "$1-relay" link del port$2
	ip -n "$1-wan$2" link add near type veth peer name port$2 netns "$1-relay"
	ip -n "$1-wan$2" link add far type veth peer name pub netns "$1-nat$2"
	ip -n "$1-wan$2" link set near up
	ip -n "$1-wan$2" link set far up
	topology_plug "$1" "$2"
	topology_in "$1" relay python3 "$TOPOLOGY_DIR/wan.py" --plain port$2
	topology_in "$1" nat$2 python3 "$TOPOLOGY_DIR/wan.py" --plain pub
}

topology_down() { # topology_down PREFIX; what is not there is no error
	local machine
	for machine in $TOPOLOGY_MACHINES wan1 wan2; do
		ip netns del "$1-$machine" 2>/dev/null || true
	done
}

# topology_in PREFIX MACHINE COMMAND...; topology_exec: instead of this shell, so that who ends it ends the command
topology_in() {
	ip netns exec "$1-$2" "${@:3}"
}
topology_exec() {
	exec ip netns exec "$1-$2" "${@:3}"
}
