#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ockam relay|forwarder create|list|show|delete

load helper
setup() {
	use_home
	ockam node create relay
	ockam node create n2
}
teardown() { delete_homes; }

reaches() { # reaches ADDRESS-AT-RELAY [LISTENER]
	[ "$(ockam message send hello --to "/node/relay/service/$1/secure/${2:-api}/service/uppercase" --timeout 3s 2>/dev/null)" = HELLO ]
}
relays_of() { ockam relay list --at "$1" --output json; }
is_gone() { ! reaches "$1"; }

@test "relay create prints forward_to_NAME, and claims the node's name too" {
	expect 0 ockam relay create blue --at /node/relay --to n2
	is /service/forward_to_blue
	reaches forward_to_blue
	reaches forward_to_n2
}

@test "forwarder create prints the node's name; --at takes a name" {
	expect 0 ockam forwarder create blue --at relay --to n2
	is /service/forward_to_n2
	reaches forward_to_n2
	reaches forward_to_blue
}

@test "without a name it is default" {
	expect 0 ockam relay create --at /node/relay --to n2
	is /service/forward_to_default
}

@test "list, show, delete" {
	expect 0 ockam relay list --at n2
	is '[]'
	ockam relay create blue --at /node/relay --to n2
	expect 0 ockam relay list --to n2
	json '.[].name' blue
	json '.[].remote_address' forward_to_blue
	expect 0 ockam relay show blue --at n2
	json .name blue
	json .state up
	expect 0 ockam worker list --at relay
	json '[.[].addr] | contains(["forward_to_blue", "forward_to_n2"])' true
	expect 0 ockam relay delete blue --at n2
	is blue
	eventually is_gone forward_to_blue
	expect 66 ockam relay show blue --at n2
	says NotFound
	expect 66 ockam relay delete blue --at n2
	says NotFound
	expect 0 ockam relay create blue --at /node/relay --to n2
	is /service/forward_to_blue
}

@test "a name that is taken on the node" {
	ockam relay create blue --at /node/relay --to n2
	expect 73 ockam relay create blue --at /node/relay --to n2
	one_sentence
}

@test "a name that another node of the same identity holds" {
	ockam node create n3
	ockam relay create blue --at /node/relay --to n2
	expect 73 ockam relay create blue --at /node/relay --to n3
	expect 0 ockam relay list --at n3
	is '[]'
	reaches forward_to_blue
}

@test "a message without a channel through a relay name" {
	ockam relay create blue --at /node/relay --to n2
	expect 0 ockam message send hello --to /node/relay/service/forward_to_blue/service/uppercase
	is HELLO
	expect 66 ockam message send hello --to /node/relay/service/forward_to_blue/service/nothing
}

@test "--listener restricts it" {
	ockam secure-channel-listener create extra --at n2
	ockam relay create blue --at /node/relay --to n2 --listener extra
	reaches forward_to_blue extra
	run ockam secure-channel create --from relay --to /service/forward_to_blue/service/api --timeout 3s
	[ "$status" != 0 ]
}

@test "listeners made later are reached too" {
	ockam relay create blue --at /node/relay --to n2
	ockam secure-channel-listener create later --at n2
	eventually reaches forward_to_blue later
}

@test "a relay behind another node" {
	ockam node create middle
	expect 0 ockam relay create blue --at /node/middle/node/relay --to n2
	is /service/forward_to_blue
	reaches forward_to_blue
	body=$BATS_TEST_TMPDIR/body
	head -c 300000 /dev/urandom >"$body"
	ockam node create n1
	channel=$(ockam secure-channel create --from n1 --to /node/relay/service/forward_to_blue/service/api)
	ockam message send - --from n1 --to "$channel/service/echo" <"$body" | cmp - "$body"
}

@test "the relay restarts: the registration comes back by itself" {
	ockam relay create blue --at /node/relay --to n2
	ockam node stop relay
	ockam node start relay
	eventually reaches forward_to_blue
}

@test "the registrant restarts" {
	ockam relay create blue --at /node/relay --to n2
	ockam node stop n2
	is_gone forward_to_blue
	ockam node start n2
	eventually reaches forward_to_blue
}

@test "a relay that is not there: refused; --no-connection-wait returns at once and connects later" {
	port=$(free_port)
	expect 69 ockam relay create blue --at "/ip4/127.0.0.1/tcp/$port" --to n2 --timeout 2s
	expect 0 ockam relay list --at n2
	is '[]'
	expect 0 ockam relay create blue --at "/ip4/127.0.0.1/tcp/$port" --to n2 --no-connection-wait
	is /service/forward_to_blue
	ockam node create late -t "127.0.0.1:$port"
	late_reaches() { [ "$(ockam message send hello --to /node/late/service/forward_to_blue/service/uppercase --timeout 2s 2>/dev/null)" = HELLO ]; }
	eventually late_reaches
}

@test "a relay that does not run is named" {
	ockam node stop relay
	expect 69 ockam relay create blue --at /node/relay --to n2
	says 'node relay is not running'
}

@test "--node would mean two things" {
	expect 2 ockam relay create blue --node relay --to n2
	expect 2 ockam relay create blue --to n2
	expect 2 ockam relay create a/b --at /node/relay --to n2
	expect 66 ockam relay create blue --at /node/relay --to nobody
	says NotFound
	expect 66 ockam relay create blue --at /node/nobody --to n2
	says NotFound
}
