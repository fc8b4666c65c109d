#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Who may talk to whom: homes that do not know each other.

load helper
setup() {
	use_home a
	A=$(ockam identity create)
	use_home b
	B=$(ockam identity create)
}
teardown() { delete_homes; }

in_home() { # in_home NAME COMMAND...
	OCKAM_HOME=$TEST_ROOT/$1 "${@:2}"
}

@test "strangers refuse each other: 77 with the identifier, on both sides" {
	in_home a ockam node create n1
	in_home b ockam node create n2
	port=$(port_of n2 "$TEST_ROOT/b")
	route=/ip4/127.0.0.1/tcp/$port/service/api
	expect 77 in_home a ockam secure-channel create --from n1 --to "$route"
	says "$B"
	one_sentence
	expect 77 in_home a ockam secure-channel create --from n1 --to "$route" --authorized "$B"
	says "$A"
	one_sentence
	expect 77 in_home a ockam secure-channel create --from n1 --to "$route" --authorized any
	says "$A"
	expect 77 in_home a ockam secure-channel create --from n1 --to "$route" --authorized "$A"
	says "$B"
}

@test "authorized by each other they talk" {
	in_home a ockam node create n1
	in_home b ockam node create n2 --authorized "$A"
	port=$(port_of n2 "$TEST_ROOT/b")
	route=/ip4/127.0.0.1/tcp/$port
	channel=$(in_home a ockam secure-channel create --from n1 --to "$route/service/api" -a "$B")
	expect 0 in_home a ockam message send hello --from n1 --to "$channel/service/uppercase"
	is HELLO
	expect 0 in_home a ockam secure-channel show "$channel" --at n1
	json .peer_identifier "$B"
	expect 0 in_home a ockam message send hello --to "$route/secure/api/service/uppercase" --authorized-identifier "$B"
	is HELLO
	expect 0 in_home b ockam secure-channel list --at n2
	json '.[0].peer_identifier' "$A"
}

@test "a wrong identifier is refused, several are tried" {
	in_home a ockam node create n1
	wrong=I$(printf '0%.0s' {1..64})
	in_home b ockam node create n2 --authorized "$wrong" --authorized "$A"
	port=$(port_of n2 "$TEST_ROOT/b")
	expect 77 in_home a ockam secure-channel create --from n1 --to "/ip4/127.0.0.1/tcp/$port/service/api" --authorized "$wrong"
	says "$B"
	expect 0 in_home a ockam secure-channel create --from n1 --to "/ip4/127.0.0.1/tcp/$port/service/api" --authorized "$wrong" --authorized "$B"
}

@test "--authorized any opens a listener, and show says so" {
	in_home a ockam node create n1
	in_home b ockam node create n2 --authorized any
	port=$(port_of n2 "$TEST_ROOT/b")
	expect 0 in_home a ockam secure-channel create --from n1 --to "/ip4/127.0.0.1/tcp/$port/service/api" --authorized any
	expect 0 in_home a ockam secure-channel show "$output" --at n1
	json '.authorized | tostring | test("any")' true
	expect 0 in_home b ockam secure-channel-listener show api --at n2
	json '.authorized | tostring | test("any")' true
}

@test "without a channel a stranger reaches echo and uppercase only" {
	in_home a ockam node create n1
	in_home b ockam node create n2
	in_home b ockam service start uppercase --addr mine --at n2
	route=/ip4/127.0.0.1/tcp/$(port_of n2 "$TEST_ROOT/b")
	expect 0 in_home a ockam message send hello --from n1 --to "$route/service/uppercase"
	is HELLO
	for service in forwarding_service nothing; do
		run --separate-stderr in_home a ockam message send hello --from n1 --to "$route/service/$service"
		[ "$status" = 66 ] || [ "$status" = 77 ]
	done
}

@test "transit: a node dials onward for others only where it may" {
	in_home a ockam node create n1
	in_home b ockam node create n2
	use_home c
	ockam node create third --authorized any
	third=$(port_of third)
	second=$(port_of n2 "$TEST_ROOT/b")
	route=/ip4/127.0.0.1/tcp/$second/ip4/127.0.0.1/tcp/$third
	expect 77 in_home a ockam message send hello --from n1 --to "$route/service/uppercase"
	says transit
	one_sentence
	expect 77 in_home a ockam secure-channel create --from n1 --to "$route/service/api" --authorized any
	says transit
	# naming a connection that it has is the same as dialling
	connection=$(in_home b ockam tcp-connection create --from n2 --to "127.0.0.1:$third")
	expect 77 in_home a ockam message send hello --from n1 --to "/ip4/127.0.0.1/tcp/$second$connection/service/uppercase"
	# its own commands are not asked
	expect 0 in_home b ockam message send hello --from n2 --to "/ip4/127.0.0.1/tcp/$third/service/uppercase"
	is HELLO
}

@test "transit: --transit allows a range of addresses and ports" {
	in_home a ockam node create n1
	use_home c
	ockam node create third --authorized any
	third=$(port_of third)
	in_home b ockam node create n2 --transit "127.0.0.0/8:$third"
	in_home b ockam node create n3 --transit 127.0.0.0/8:1-2
	second=$(port_of n2 "$TEST_ROOT/b")
	narrow=$(port_of n3 "$TEST_ROOT/b")
	onward=/ip4/127.0.0.1/tcp/$third/service/uppercase
	expect 0 in_home a ockam message send hello --from n1 --to "/ip4/127.0.0.1/tcp/$second$onward"
	is HELLO
	expect 77 in_home a ockam message send hello --from n1 --to "/ip4/127.0.0.1/tcp/$narrow$onward"
	says transit
}

@test "transit: hop does not help" {
	in_home a ockam node create n1
	in_home b ockam node create n2
	use_home c
	ockam node create third
	expect 77 in_home a ockam message send hello --from n1 \
		--to "/ip4/127.0.0.1/tcp/$(port_of n2 "$TEST_ROOT/b")/service/hop/ip4/127.0.0.1/tcp/$(port_of third)/service/uppercase"
	says transit
}

@test "a relay name belongs to an identity" {
	use_home c
	C=$(ockam identity create)
	ockam node create relay --authorized "$A" --authorized "$B"
	at=/ip4/127.0.0.1/tcp/$(port_of relay)
	in_home a ockam node create n1
	in_home b ockam node create n2
	expect 0 in_home a ockam relay create blue --at "$at" --to n1 --authorized "$C"
	is /service/forward_to_blue
	expect 73 in_home b ockam relay create blue --at "$at" --to n2 --authorized "$C"
	one_sentence
	# reserved for its owner even when the owner is away
	in_home a ockam node stop n1
	expect 73 in_home b ockam relay create blue --at "$at" --to n2 --authorized "$C"
	# but not for ever: the owner gives it back
	in_home a ockam node start n1
	state_is_up() { [ "$(in_home a ockam relay show blue --at n1 --jq .state | tr -d '"')" = up ]; }
	eventually state_is_up
	in_home a ockam relay delete blue --at n1
	taken() { in_home b ockam relay create blue --at "$at" --to n2 --authorized "$C" >/dev/null 2>&1; }
	eventually taken
}

@test "a relay that is not authorized, and one that does not authorize" {
	use_home c
	C=$(ockam identity create)
	ockam node create relay
	at=/ip4/127.0.0.1/tcp/$(port_of relay)
	in_home a ockam node create n1
	expect 77 in_home a ockam relay create blue --at "$at" --to n1
	says "$C"
	expect 77 in_home a ockam relay create blue --at "$at" --to n1 --authorized "$C"
	says "$A"
	expect 0 in_home a ockam relay list --at n1
	is '[]'
}

@test "a relay is no man in the middle: it cannot stand in for who is behind it" {
	use_home c
	C=$(ockam identity create)
	ockam node create relay --authorized any
	at=/ip4/127.0.0.1/tcp/$(port_of relay)
	in_home a ockam node create n1
	# the relay answers in place of n2, with a listener of its own
	expect 77 in_home a ockam secure-channel create --from n1 --to "$at/service/api" --authorized "$B"
	says "$C"
}
