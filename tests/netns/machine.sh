#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the machine that it runs on one of the topology (topology.sh has the picture): relay, nat1, nat2, n1 or n2. It is a
# network namespace, a virtual machine of tests/vm, or one of vagrant/; the devices are there and have their names:
# port1 and port2 at the relay, pub and lan at a NAT, net0 at an end.
#
#   machine.sh NAME

TOPOLOGY_RELAY=203.0.113.1

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

machine_relay() {
	local port
	ip link add br0 type bridge
	ip address add $TOPOLOGY_RELAY/24 dev br0
	ip link set br0 up
	for port in port1 port2; do
		ip link set $port master br0 up
	done
}

machine_nat() { # machine_nat I
	ip address add "203.0.113.1$1/24" dev pub
	ip link set pub up
	ip address add 192.168.1.1/24 dev lan
	ip link set lan up
	echo 1 >/proc/sys/net/ipv4/ip_forward
	topology_nat_rules | nft -f -
}

machine_end() {
	ip address add 192.168.1.2/24 dev net0
	ip link set net0 up
	ip route add 203.0.113.0/24 via 192.168.1.1
}

machine() { # machine NAME
	ip link set lo up
	case $1 in
	relay) machine_relay ;;
	nat[12]) machine_nat "${1#nat}" ;;
	n[12]) machine_end ;;
	*) echo "the topology has no machine $1" >&2; return 2 ;;
	esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -euo pipefail
	machine "${1:?which machine}"
fi
