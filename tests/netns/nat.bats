#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two nodes behind two NATs, a relay in public, three homes that trust only whom they were told to. TOPOLOGY is the
# script that makes the machines: network namespaces without it; ./dev vm-test has virtual machines, and PATIENCE.

load ../e2e/helper
source "${TOPOLOGY:-$HERE/../netns/topology.sh}"

setup_file() {
	missing=$(topology_missing)
	[ -z "$missing" ] || return 0
	export NET=ockam-t$BASHPID TEST_ROOT=$BATS_FILE_TMPDIR
	topology_up "$NET"
	use_home homes
	R=$(at relay identity create)
	A=$(at n1 identity create)
	B=$(at n2 identity create)
	at relay node create relay -t $TOPOLOGY_RELAY:4000 --authorized "$B" >/dev/null
	at n1 node create n1 >/dev/null
	at n2 node create n2 --authorized "$A" >/dev/null
	at n2 relay create n2 --at /ip4/$TOPOLOGY_RELAY/tcp/4000 --to n2 --authorized "$R" >/dev/null
	export R A B ROUTE=/ip4/$TOPOLOGY_RELAY/tcp/4000/service/forward_to_n2
}

setup() {
	missing=$(topology_missing)
	[ -z "$missing" ] || skip "$missing"
}

teardown_file() {
	[ -n "${NET:-}" ] || return 0
	delete_homes || left=1
	topology_down "$NET"
	[ -z "${left:-}" ]
}

at() { # at MACHINE ARGUMENTS OF OCKAM...
	OCKAM_HOME=$TEST_ROOT/$1 topology_in "$NET" "$1" "$OCKAM" "${@:2}"
}

@test "the machines cannot reach each other without the relay" {
	run topology_in "$NET" n1 timeout 1 bash -c '</dev/tcp/203.0.113.12/4000'
	[ "$status" != 0 ]
	topology_in "$NET" n1 timeout 30 bash -c '</dev/tcp/203.0.113.1/4000'
}

@test "a channel through the relay" {
	channel=$(at n1 secure-channel create --from n1 --to "$ROUTE/service/api" --authorized "$B")
	expect 0 at n1 message send hello --from n1 --to "$channel/service/uppercase"
	is HELLO
	expect 0 at n1 secure-channel show "$channel" --at n1
	json .peer_identifier "$B"
}

@test "1 MiB there and back" {
	channel=$(at n1 secure-channel create --from n1 --to "$ROUTE/service/api" --authorized "$B")
	head -c 1048576 /dev/urandom >"$BATS_TEST_TMPDIR/body"
	at n1 message send - --from n1 --to "$channel/service/echo" <"$BATS_TEST_TMPDIR/body" | cmp - "$BATS_TEST_TMPDIR/body"
}

@test "the relay is not whom the sender asked for" {
	expect 77 at n1 secure-channel create --from n1 --to "/ip4/$TOPOLOGY_RELAY/tcp/4000/service/api" --authorized "$B"
}

@test "the relay dials nobody for strangers" {
	expect 77 at n1 message send hello --from n1 --to "/ip4/$TOPOLOGY_RELAY/tcp/4000/ip4/203.0.113.12/tcp/4000/service/echo"
	says transit
}

@test "on the relay's wire the frames are the same on both sides, and hold no plaintext" {
	on_relay() { topology_in "$NET" relay "$@"; }
	on_relay mkdir -p "$BATS_TEST_TMPDIR"
	for i in 1 2; do
		background topology_exec "$NET" relay python3 "$HERE/../netns/sniff.py" port$i 4000 "$BATS_TEST_TMPDIR/$i.pcap"
		eventually on_relay test -s "$BATS_TEST_TMPDIR/$i.pcap"
	done
	channel=$(at n1 secure-channel create --from n1 --to "$ROUTE/service/api" --authorized "$B")
	expect 0 at n1 message send 'attack at dawn' --from n1 --to "$channel/service/uppercase"
	is 'ATTACK AT DAWN'
	seen() { on_relay python3 "$HERE/../netns/sniff.py" --frames "$BATS_TEST_TMPDIR/$1.pcap"; }
	# of this channel alone: its labels are those of INIT and FINISH on n1's side
	labels() { seen 1 | sed -nE 's/^.* (INIT|FINISH) .* label ([0-9a-f]+) .*$/\2/p' | sort -u | paste -sd '|'; }
	frames() { seen "$1" | sed -nE "/ DATA .* label ($(labels)) /{s/^.* DATA/DATA/;N;p}" | sort; }
	both() { [ "$(frames 1 | grep -c DATA)" -ge 2 ] && [ "$(frames 1)" = "$(frames 2)" ]; }
	eventually both
	run on_relay grep -iac 'attack at dawn' "$BATS_TEST_TMPDIR/1.pcap" "$BATS_TEST_TMPDIR/2.pcap"
	[ "$status" = 1 ]
	kill "$helper" "${helpers[@]}" 2>/dev/null || true
}

@test "the relay restarts: both ends find it again" {
	at relay node stop relay >/dev/null
	at relay node start relay >/dev/null
	works() { [ "$(at n1 message send hello --from n1 --to "$ROUTE/secure/api/service/uppercase" --authorized "$B" --timeout "${PATIENCE:-2s}" 2>/dev/null)" = HELLO ]; }
	eventually works
}

@test "the NAT forgets a link over UDP: it moves, and the channel goes on" {
	at relay udp-listener create $TOPOLOGY_RELAY:4001 --at relay >/dev/null
	channel=$(at n2 secure-channel create --from n2 --to "/ip4/$TOPOLOGY_RELAY/udp/4001/service/api" --authorized "$R")
	says_hello() { [ "$(at n2 message send hello --from n2 --to "$channel/service/uppercase" --timeout "${PATIENCE:-2s}" 2>/dev/null)" = HELLO ]; }
	says_hello
	link() { at relay udp-connection list --at relay --output json | jq -r ".[] | .$1"; }
	link from | grep -q '^203\.0\.113\.12:'
	address=$(link address)
	session=$(at n2 secure-channel show "$channel" --at n2 --output json | jq .age_s)
	# what the NAT masqueraded with the old address it forgets
	topology_in "$NET" nat2 ip address del 203.0.113.12/24 dev pub
	topology_in "$NET" nat2 ip address add 203.0.113.22/24 dev pub
	moved() { says_hello && link from | grep -q '^203\.0\.113\.22:'; }
	eventually moved || left=1
	[ "$(link address)" = "$address" ] || left=1 # it is the same link
	expect 0 at n2 secure-channel show "$channel" --at n2 --output json
	json ".age_s >= $session" true
	json '.frames_rx > 3' true
	topology_in "$NET" nat2 ip address del 203.0.113.22/24 dev pub
	topology_in "$NET" nat2 ip address add 203.0.113.12/24 dev pub
	[ -z "${left:-}" ]
	eventually says_hello # and it goes back
}
