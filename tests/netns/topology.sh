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

TOPOLOGY_RELAY=203.0.113.1
TOPOLOGY_MACHINES="relay nat1 nat2 n1 n2"
TOPOLOGY_DIR=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

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

topology_nat_rules() {
	cat <<-'RULES'
		table ip nat {
			chain out {
				type nat hook postrouting priority 100
				oifname "pub" masquerade
			}
		}
		table ip guard {
			chain across {
				type filter hook forward priority 0; policy drop
				iifname "lan" accept
				ct state established,related accept
			}
			chain to_me {
				type filter hook input priority 0
				iifname "pub" ct state new drop
			}
		}
	RULES
}

topology_up() { # topology_up PREFIX
	local p=$1 i machine
	for machine in $TOPOLOGY_MACHINES; do
		ip netns add "$p-$machine"
		ip -n "$p-$machine" link set lo up
	done
	ip -n "$p-relay" link add br0 type bridge
	ip -n "$p-relay" address add $TOPOLOGY_RELAY/24 dev br0
	ip -n "$p-relay" link set br0 up
	for i in 1 2; do
		ip -n "$p-relay" link add port$i type veth peer name pub netns "$p-nat$i"
		topology_plug "$p" $i
		ip -n "$p-nat$i" link add lan type veth peer name eth0 netns "$p-n$i"
		ip -n "$p-nat$i" address add 192.168.1.1/24 dev lan
		ip -n "$p-nat$i" link set lan up
		ip netns exec "$p-nat$i" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
		topology_nat_rules | ip netns exec "$p-nat$i" nft -f -
		ip -n "$p-n$i" address add 192.168.1.2/24 dev eth0
		ip -n "$p-n$i" link set eth0 up
		ip -n "$p-n$i" route add default via 192.168.1.1
	done
}

# topology_plug PREFIX I: sets up both ends of the public link of nat I
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

# topology_in PREFIX MACHINE COMMAND...
topology_in() {
	ip netns exec "$1-$2" "${@:3}"
}
