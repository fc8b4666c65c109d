#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ockam udp-listener and udp-connection, and what goes over them

load helper
setup_file() {
	TEST_ROOT=$BATS_FILE_TMPDIR
	export TEST_ROOT
	use_home
	ockam node create n1
	ockam node create n2 --udp-listener-address 127.0.0.1:0
	ockam node create relay --udp-listener-address 127.0.0.1:0
}
setup() { use_home; }
teardown_file() { delete_homes; }
teardown() {
	for pid in "${helpers[@]}"; do kill "$pid" 2>/dev/null || true; done
}

udp_of() { ockam node show "$1" --output json | jq -r '[.transports[] | select(.type == "udp")][0].route'; }
tcp_of() { ockam node show "$1" --output json | jq -r '[.transports[] | select(.type == "tcp")][0].route'; }

@test "a listener" {
	expect 0 ockam udp-listener create 127.0.0.1:0 --at n2
	matches '/dnsaddr/localhost/udp/[1-9][0-9]*'
	port=${output##*/}
	expect 0 ockam message send hello --from n1 --to "$output/service/uppercase"
	is HELLO
	expect 0 ockam udp-listener list --at n2
	json '[.[].address] | contains(["127.0.0.1:'"$port"'"])' true
	expect 0 ockam udp-listener show "127.0.0.1:$port" --at n2
	json .route "/dnsaddr/localhost/udp/$port"
	expect 66 ockam tcp-listener show "127.0.0.1:$port" --at n2
	expect 75 ockam udp-listener create "127.0.0.1:$port" --at n1
	expect 73 ockam udp-listener create "127.0.0.1:$port" --at n2
	expect 0 ockam udp-listener delete "127.0.0.1:$port" --at n2
	expect 66 ockam udp-listener show "127.0.0.1:$port" --at n2
	says NotFound
	expect 2 ockam udp-listener create unix:/tmp/x --at n2
	one_sentence
}

@test "TCP and UDP may have the same port" {
	port=$(free_port)
	expect 0 ockam tcp-listener create "127.0.0.1:$port" --at n2
	expect 0 ockam udp-listener create "127.0.0.1:$port" --at n2
	expect 0 ockam tcp-listener delete "127.0.0.1:$port" --at n2
	expect 0 ockam message send hello --from n1 --to "/ip4/127.0.0.1/udp/$port/service/uppercase"
	is HELLO
	expect 0 ockam udp-listener delete "127.0.0.1:$port" --at n2
}

@test "a channel" {
	channel=$(ockam secure-channel create --from n1 --to "$(udp_of n2)/service/api")
	expect 0 ockam message send hello --from n1 --to "$channel/service/uppercase"
	is HELLO
	expect 0 ockam secure-channel delete "$channel" --at n1
	expect 66 ockam message send hello --from n1 --to "$channel/service/uppercase"
}

@test "from a temporary node" {
	expect 0 ockam message send hello --to "$(udp_of n2)/secure/api/service/uppercase"
	is HELLO
}

@test "IPv6" {
	[ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 || skip "no IPv6 on loopback"
	expect 0 ockam udp-listener create '[::1]:0' --at n2
	port=${output##*/}
	expect 0 ockam message send hello --from n1 --to "/ip6/::1/udp/$port/secure/api/service/uppercase"
	is HELLO
}

@test "an address of any interface: answers come from where the peer sends to" {
	port=$(free_port)
	expect 0 ockam udp-listener create "0.0.0.0:$port" --at n2
	expect 0 ockam message send hello --from n1 --to "/ip4/127.0.0.77/udp/$port/service/uppercase"
	is HELLO
}

@test "one frame is what a message may have" {
	to=$(udp_of n2)/secure/api/service/echo
	head -c 900 /dev/urandom >"$BATS_TEST_TMPDIR/body"
	ockam message send - --from n1 --to "$to" <"$BATS_TEST_TMPDIR/body" | cmp - "$BATS_TEST_TMPDIR/body"
	head -c 70000 /dev/urandom >"$BATS_TEST_TMPDIR/body"
	expect 65 ockam message send - --from n1 --to "$to" <"$BATS_TEST_TMPDIR/body"
	says "lossy path"
	one_sentence
}

@test "a relay with TCP on one side and UDP on the other" {
	expect 0 ockam message send hello --from n1 --to "$(udp_of relay)$(tcp_of n2)/secure/api/service/uppercase"
	is HELLO
	expect 0 ockam message send hello --from n1 --to "$(tcp_of relay)$(udp_of n2)/secure/api/service/uppercase"
	is HELLO
	expect 0 ockam message send hello --from n1 --to "$(udp_of relay)$(udp_of n2)/secure/api/service/uppercase"
	is HELLO
	expect 65 ockam message send "$(head -c 3000 /dev/zero | tr '\0' a)" --from n1 --to "$(tcp_of relay)$(udp_of n2)/secure/api/service/echo"
	says "lossy path"
}

@test "a relay name behind UDP" {
	expect 0 ockam relay create behind --at "$(udp_of relay)" --to n2
	address=$output
	expect 0 ockam message send hello --from n1 --to "$(tcp_of relay)$address/secure/api/service/uppercase"
	is HELLO
	expect 0 ockam message send hello --from n1 --to "$(udp_of relay)$address/secure/api/service/uppercase"
	is HELLO
	expect 0 ockam relay delete behind --at n2
}

@test "a connection, and a route over it" {
	route=$(udp_of n2)
	port=${route##*/}
	expect 0 ockam udp-connection create --from n1 --to "127.0.0.1:$port"
	matches "$ADDRESS"
	connection=$output
	expect 0 ockam message send hello --from n1 --to "$connection/secure/api/service/uppercase"
	is HELLO
	expect 0 ockam udp-connection show "$connection" --at n1
	json .state up
	json .mode dialled
	expect 0 ockam udp-connection show "127.0.0.1:$port" --at n1
	json .address "$connection"
	expect 0 ockam tcp-connection list --at n1
	json "[.[] | select(.to == \"127.0.0.1:$port\")] | length" 0
	expect 0 ockam udp-connection list --at n2
	json '[.[] | select(.mode == "accepted")] | length > 0' true
	expect 0 ockam udp-connection delete "$connection" --at n1
	expect 66 ockam udp-connection show "$connection" --at n1
	says NotFound
}

@test "nobody there, and nobody who speaks" {
	expect 69 ockam udp-connection create --from n1 --to "127.0.0.1:$(free_port)"
	says refused
	one_sentence
	background python3 -c 'import socket,sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
open(sys.argv[1], "w").write(str(s.getsockname()[1]))
while True:
	data, peer = s.recvfrom(65536)
	s.sendto(b"what?" * 20, peer)' "$BATS_TEST_TMPDIR/port"
	eventually test -s "$BATS_TEST_TMPDIR/port"
	expect 69 ockam udp-connection create --from n1 --to "127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")" --timeout 1s
	says "does not answer over UDP"
	expect 2 ockam udp-connection create --from n1 --to 127.0.0.1
	expect 2 ockam udp-connection create --from n1 --to unix:/tmp/x
}

@test "a tcp-inlet over UDP says why it cannot be" {
	expect 0 ockam tcp-outlet create --at n2 --to 127.0.0.1:9
	run --separate-stderr ockam tcp-inlet create --at n1 --from 127.0.0.1:0 --alias lossy --to "$(udp_of n2)/secure/api/service/outlet"
	expect 0 ockam tcp-inlet show lossy --at n1
	json '.last_error | contains("loses frames")' true
	ockam tcp-inlet delete lossy --at n1
	ockam tcp-outlet delete outlet --at n2
}

@test "a node that starts again has its UDP listeners and connections" {
	route=$(udp_of n2)
	expect 0 ockam udp-listener create 127.0.0.1:0 --at n2
	second=$output
	expect 0 ockam udp-connection create --from n1 --to "127.0.0.1:${route##*/}"
	ockam node stop n2
	ockam node start n2 >/dev/null
	[ "$(udp_of n2)" = "$route" ]
	works() { [ "$(ockam message send hello --from n1 --to "$1/secure/api/service/uppercase" --timeout 2s 2>/dev/null)" = HELLO ]; }
	eventually works "$route"
	eventually works "$second"
	ockam node stop n1
	ockam node start n1 >/dev/null
	there() { [ "$(ockam udp-connection list --at n1 --output json | jq '[.[] | select(.state == "up")] | length')" = 1 ]; }
	eventually there
}

@test "either plane dies: the links come back" {
	channel=$(ockam secure-channel create --from n1 --to "$(udp_of n2)/service/api")
	kill -9 "$(ockam node show n2 --output json | jq .pid)"
	ockam node start n2 >/dev/null
	works() { [ "$(ockam message send hello --from n1 --to "$channel/service/uppercase" --timeout 2s 2>/dev/null)" = HELLO ]; }
	eventually works
	kill -9 "$(ockam node show n2 --output json | jq .dataplane.pid)"
	again() { [ "$(ockam message send hello --from n1 --to "$(udp_of n2)/secure/api/service/uppercase" --timeout 8s 2>/dev/null)" = HELLO ]; }
	eventually again
}

@test "frames grow to what the path carries" {
	channel=$(ockam secure-channel create --from n1 --to "$(udp_of n2)/service/api")
	wide() { [ "$(ockam secure-channel show "$channel" --at n1 --output json | jq .path_max)" -gt 60000 ]; }
	eventually wide # on one machine
	head -c 30000 /dev/urandom >"$BATS_TEST_TMPDIR/body"
	sent() { ockam message send - --from n1 --to "$channel/service/echo" --timeout 2s <"$BATS_TEST_TMPDIR/body" | cmp - "$BATS_TEST_TMPDIR/body"; }
	wide_back() { sent 2>/dev/null; } # the other end has to have found out too
	eventually wide_back
}
