#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The examples of the documentation, as a user types them.

load helper
setup() { use_home; }
teardown() { delete_homes; }

@test "a channel between two nodes and a message through it" {
	ockam node create n1
	ockam node create n2
	result=$(ockam secure-channel create --from /node/n1 --to /node/n2/service/api | ockam message send hello --from /node/n1 --to -/service/uppercase)
	[ "$result" = HELLO ]
}

@test "through a third node" {
	ockam node create n1
	ockam node create n2
	ockam node create n3
	result=$(ockam secure-channel create --from n1 --to /node/n2/node/n3/service/api | ockam message send "hello ockam!" --from n1 --to -/service/uppercase)
	[ "$result" = "HELLO OCKAM!" ]
}

@test "through a third node by its TCP addresses" {
	a=$(free_port) b=$(free_port) c=$(free_port)
	ockam node create a --tcp-listener-address "127.0.0.1:$a"
	ockam node create b --tcp-listener-address "127.0.0.1:$b"
	ockam node create c --tcp-listener-address "127.0.0.1:$c"
	result=$(ockam secure-channel create --from /node/a --to "/ip4/127.0.0.1/tcp/$b/ip4/127.0.0.1/tcp/$c/service/api" |
		ockam message send hello --from /node/a --to -/service/uppercase)
	[ "$result" = HELLO ]
}

@test "through a relay that the other end registered with" {
	ockam node create relay
	ockam node create n2
	expect 0 ockam forwarder create blue --at /node/relay --to /node/n2
	is /service/forward_to_n2
	ockam node create n1
	result=$(ockam secure-channel create --from /node/n1 --to /node/relay/service/forward_to_n2/service/api |
		ockam message send hello --from /node/n1 --to -/service/uppercase)
	[ "$result" = HELLO ]
	result=$(ockam secure-channel create --from /node/n1 --to /node/relay/service/forward_to_blue/service/api |
		ockam message send hello --from /node/n1 --to -/service/uppercase)
	[ "$result" = HELLO ]
}

@test "to a listener of one's own" {
	ockam node create n1
	ockam node create n2
	expect 0 ockam secure-channel-listener create listener --at /node/n2
	is /service/listener
	result=$(ockam secure-channel create --from /node/n1 --to /node/n2/service/listener |
		ockam message send hello --from /node/n1 --to -/service/uppercase)
	[ "$result" = HELLO ]
}

@test "list and delete channels, with --at and --node, HEX and /service/HEX" {
	ockam node create n1
	ockam node create n2
	for node in --at --node; do
		for prefix in '' /service/; do
			channel=$(ockam secure-channel create --from n1 --to /node/n2/service/api)
			hex=${channel#/service/}
			expect 0 ockam secure-channel list $node n1
			json '.[].address' "$channel"
			expect 0 ockam secure-channel delete "$prefix$hex" $node n1
			is "$channel"
			expect 0 ockam secure-channel list $node n1
			is '[]'
		done
	done
}

@test "a message from a temporary node, through a channel made on the way" {
	ockam node create n2
	expect 0 ockam message send hello --to /node/n2/secure/api/service/uppercase
	is HELLO
}

@test "a channel through a channel" {
	ockam node create n1
	ockam node create n2
	ockam node create n3
	outer=$(ockam secure-channel create --from n1 --to /node/n2/service/api)
	inner=$(ockam secure-channel create --from n1 --to "$outer/service/api")
	expect 0 ockam message send hello --from n1 --to "$inner/service/uppercase"
	is HELLO
	onward=$(ockam secure-channel create --from n1 --to "$outer/node/n3/service/api")
	expect 0 ockam message send hello --from n1 --to "$onward/service/uppercase"
	is HELLO
}

@test "many hops" {
	for i in 1 2 3 4 5 6; do ockam node create n$i; done
	result=$(ockam secure-channel create --from n1 --to /node/n2/node/n3/node/n4/node/n5/node/n6/service/api |
		ockam message send hello --from n1 --to -/service/uppercase)
	[ "$result" = HELLO ]
}
