#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A relay between two links over UDP forwards in the kernel: the relay's data plane is stopped (SIGSTOP) and
# what the ends say to each other passes all the same. And when the kernel cannot, user space does it.

load ../e2e/helper
source "$HERE/../netns/topology.sh"

setup() {
	missing=$(topology_missing)
	[ -z "$missing" ] || skip "$missing"
	[ -x "${OCKAM%/*/*}/../bpf/ockam-steer" ] || [ -x "${OCKAM%/*}/ockam-steer" ] || skip "ockam-steer was not built"
	NET=ockam-k$BASHPID
	use_home homes
	topology_up "$NET"
}

teardown() {
	[ -n "${NET:-}" ] || return 0
	[ -z "${stopped:-}" ] || kill -CONT "$stopped" 2>/dev/null || true
	delete_homes || left=1
	topology_down "$NET"
	[ -z "${left:-}" ]
}

at() { # at MACHINE ARGUMENTS OF OCKAM...
	OCKAM_HOME=$TEST_ROOT/$1 topology_in "$NET" "$1" "$OCKAM" "${@:2}"
}

relay_up() { # relay_up [OPTION...]
	R=$(at relay identity create)
	A=$(at n1 identity create)
	B=$(at n2 identity create)
	at relay node create relay --udp-listener-address "$ADDRESS:4000" --authorized "$B" "$@" >/dev/null
}

ends_up() {
	at n1 node create n1 >/dev/null
	at n2 node create n2 --authorized "$A" >/dev/null
	at n2 relay create n2 --at "$TO" --to n2 --authorized "$R" >/dev/null
	channel=$(at n1 secure-channel create --from n1 --to "$TO/service/forward_to_n2/service/api" --authorized "$B")
	says_hello
}

says_hello() {
	[ "$(at n1 message send hello --from n1 --to "$channel/service/uppercase" --timeout 10s)" = HELLO ]
}

kernel() { at relay node show relay --output json | jq -r ".kernel_relay.$1"; }
kernel_is() { [ "$(kernel "$1")" = "$2" ]; }
dataplane() { at relay node show relay --output json | jq .dataplane.pid; }

# Nobody but the kernel can have forwarded it.
passes_without_us() {
	stopped=$(dataplane)
	kill -STOP "$stopped"
	local result=0
	says_hello && says_hello || result=1
	kill -CONT "$stopped"
	stopped=
	return $result
}

v4() { ADDRESS=$TOPOLOGY_RELAY TO=/ip4/$ADDRESS/udp/4000; }

v6() { # the same networks, without NAT
	ADDRESS='[2001:db8::1]' TO=/ip6/2001:db8::1/udp/4000
	local i
	ip -n "$NET-relay" address add 2001:db8::1/64 dev br0 nodad
	for i in 1 2; do
		ip -n "$NET-nat$i" address add 2001:db8::1$i/64 dev pub nodad
		ip -n "$NET-nat$i" address add 2001:db8:$i::1/64 dev lan nodad
		topology_in "$NET" nat$i sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
		ip -n "$NET-n$i" address add 2001:db8:$i::2/64 dev net0 nodad
		ip -n "$NET-n$i" route add default via 2001:db8:$i::1
		ip -n "$NET-relay" route add 2001:db8:$i::/64 via 2001:db8::1$i
	done
}

@test "behind NATs, over IPv4" {
	v4
	relay_up
	ends_up
	eventually kernel_is paths 2
	kernel_is wanted 2
	kernel_is why null
	[ "$(OCKAM_HOME=$TEST_ROOT/relay topology_in "$NET" relay "${OCKAM%/*/*}/ockam-dp/ockam-dp" -j label show path tc | jq length)" = 2 ]
	before=$(kernel frames)
	passes_without_us
	[ "$(kernel frames)" -ge $((before + 4)) ]
	at n1 secure-channel delete "$channel" --at n1
	eventually kernel_is paths 0
}

@test "over IPv6" {
	v6
	relay_up
	ends_up
	eventually kernel_is paths 2
	passes_without_us
}

@test "a link that moves takes its paths along" {
	v4
	relay_up
	ends_up
	eventually kernel_is paths 2
	# what the NAT masqueraded with the old address it forgets
	ip -n "$NET-nat1" address del 203.0.113.11/24 dev pub
	ip -n "$NET-nat1" address add 203.0.113.21/24 dev pub
	moved() { says_hello && at relay udp-connection list --at relay --output json | grep -q '"203\.0\.113\.21:'; }
	eventually moved
	eventually kernel_is paths 2
	eventually passes_without_us
}

@test "a device that goes down and comes again" {
	v4
	relay_up
	ends_up
	eventually kernel_is paths 2
	ip -n "$NET-relay" link set br0 down
	eventually kernel_is paths 0
	[[ $(kernel why) == *route* ]]
	ip -n "$NET-relay" link set br0 up
	eventually kernel_is paths 2
	eventually says_hello
	passes_without_us
}

@test "a table that is full, a program that is refused, no rights, a path that is pinned, and a rate" {
	v4
	OCKAM_STEER_ROWS=1 relay_up
	ends_up
	eventually kernel_is paths 1
	kernel_is wanted 2
	[[ $(kernel why) == *full* ]]
	says_hello
	at relay node delete relay -y
	OCKAM_STEER_ROWS=4294967295 at relay node create relay --udp-listener-address $ADDRESS:4000 --authorized "$B"
	eventually says_hello
	kernel_is paths 0
	[[ $(kernel why) == *refuses* ]]
	at relay node delete relay -y
	OCKAM_HOME=$TEST_ROOT/relay topology_in "$NET" relay setpriv --bounding-set -bpf,-sys_admin --inh-caps -bpf,-sys_admin \
		"$OCKAM" node create relay --udp-listener-address $ADDRESS:4000 --authorized "$B"
	eventually says_hello
	kernel_is paths 0
	[[ $(kernel why) == *CAP_BPF* ]]
	at relay node delete relay -y
	at relay node create relay --udp-listener-address $ADDRESS:4000 --authorized "$B" --path uring
	eventually says_hello
	kernel_is paths 0
	[[ $(kernel why) == *uring* ]]
	at relay node delete relay -y
	at relay node create relay --udp-listener-address $ADDRESS:4000 --authorized "$B" --max-rate 100M
	eventually says_hello
	kernel_is paths 0
	[[ $(kernel why) == *rate* ]]
}

attached() { [ -n "$(topology_in "$NET" relay tc filter show dev br0 ingress)" ]; }
nothing_attached() { ! attached; }

@test "a data plane that is killed leaves nothing attached, nor does a node that is killed or deleted" {
	v4
	OCKAM_STEER_MASK=tcx relay_up # filters stay by themselves
	ends_up
	eventually kernel_is paths 2
	attached
	kill -9 "$(dataplane)"
	eventually nothing_attached
	eventually says_hello
	eventually attached
	pids=$(at relay node show relay --output json | jq '.pid, .dataplane.pid')
	kill -9 $pids
	eventually nothing_attached
	OCKAM_STEER_MASK=tcx at relay node start relay
	eventually says_hello
	eventually attached
	at relay node delete relay -y
	eventually nothing_attached
}
