#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ockam secure-channel create|list|show|delete

load helper
setup_file() {
	TEST_ROOT=$BATS_FILE_TMPDIR
	export TEST_ROOT
	use_home
	ockam node create n1
	ockam node create n2
}
setup() { use_home; }
teardown() {
	for hex in $(ockam secure-channel list --at n1 --output json | jq -r '.[].address'); do
		ockam secure-channel delete "$hex" --at n1
	done
}
teardown_file() { delete_homes; }

channels_at() { ockam secure-channel list --at "$1" --output json | jq length; }
has_channels() { [ "$(channels_at "$1")" = "$2" ]; }

@test "create prints the address, and nothing else" {
	expect 0 ockam secure-channel create --from /node/n1 --to /node/n2/service/api
	matches "$ADDRESS"
}

@test "create --output json is one document" {
	expect 0 ockam secure-channel create --from n1 --to /node/n2/service/api --output json
	json '.address | test("^/service/[0-9a-f]{32}$")' true
	[[ "$output" == *'"address": "'* ]]
	expect 0 ockam secure-channel create --from n1 --to /node/n2/service/api --jq .address
	matches "\"?$ADDRESS\"?"
}

@test "a route with a channel in it is refused, and says what to do" {
	expect 2 ockam secure-channel create --from n1 --to /node/n2/secure/api/service/api
	says "create that channel first and go on from its address"
	[ "$(channels_at n1)" = 0 ]
}

@test "the first slash of a route may be missing" {
	expect 0 ockam secure-channel create --from n1 --to node/n2/service/api
	matches "$ADDRESS"
}

@test "list and show, at both ends" {
	expect 0 ockam secure-channel list --at n1
	is '[]'
	channel=$(ockam secure-channel create --from n1 --to /node/n2/service/api)
	ockam message send hello --from n1 --to "$channel/service/echo"
	expect 0 ockam secure-channel list --at /node/n1
	json '.[].address' "$channel"
	json '.[].role' initiator
	expect 0 ockam secure-channel show "$channel" --at n1
	json .address "$channel"
	json .role initiator
	json .peer_identifier "$(ockam identity show)"
	json '.epoch | type' number
	json '.frames_rx > 0 and .frames_tx > 0 and .bytes_rx > 0 and .bytes_tx > 0' true
	json '.replay_drops + .auth_drops' 0
	json '.age_s | type' number
	expect 0 ockam secure-channel show "${channel#/service/}" --node n1
	json .address "$channel"
	expect 0 ockam secure-channel list --at n2
	json '[.[] | select(.state == "up")][0].role' responder
}

@test "delete ends the other end too, without waiting for it" {
	channel=$(ockam secure-channel create --from n1 --to /node/n2/service/api)
	expect 0 ockam secure-channel delete "$channel" --at n1
	is "$channel"
	eventually has_channels n2 0
	expect 66 ockam secure-channel delete "$channel" --at n1
	says NotFound
	expect 66 ockam secure-channel show "$channel" --at n1
	says NotFound
}

@test "delete at the responder" {
	ockam secure-channel create --from n1 --to /node/n2/service/api
	eventually has_channels n2 1
	channel=$(ockam secure-channel list --at n2 --output json | jq -r '.[0].address')
	expect 0 ockam secure-channel delete "$channel" --at n2
	is "$channel"
}

@test "delete without an address" {
	expect 0 ockam secure-channel delete --at n1
	is '[]'
	ockam secure-channel create --from n1 --to /node/n2/service/api
	expect 2 ockam secure-channel delete --at n1
}

@test "a channel from a node to itself is refused in plain words" {
	expect 2 ockam secure-channel create --from n1 --to /node/n1/service/api
	says itself
	one_sentence
}

@test "twenty at once have twenty addresses" {
	pids=()
	for i in {1..20}; do
		ockam secure-channel create --from n1 --to /node/n2/service/api >"$BATS_TEST_TMPDIR/$i" 3>&- & pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	[ "$(cat "$BATS_TEST_TMPDIR"/* | sort -u | grep -cE "^$ADDRESS\$")" = 20 ]
	has_channels n1 20
}

@test "nesting: four channels inside one another, not six" {
	channel=$(ockam secure-channel create --from n1 --to /node/n2/service/api)
	for depth in 2 3 4; do
		channel=$(ockam secure-channel create --from n1 --to "$channel/service/api")
		expect 0 ockam message send "depth $depth" --from n1 --to "$channel/service/uppercase"
		is "DEPTH $depth"
	done
	deeper=$(ockam secure-channel create --from n1 --to "$channel/service/api" --timeout 2s) &&
		deeper=$(ockam secure-channel create --from n1 --to "$deeper/service/api" --timeout 2s) || code=$?
	[ "${code:-0}" != 0 ]
}

@test "the outer channel deleted, the inner one carries nothing" {
	outer=$(ockam secure-channel create --from n1 --to /node/n2/service/api)
	inner=$(ockam secure-channel create --from n1 --to "$outer/service/api")
	ockam secure-channel delete "$outer" --at n1
	run ockam message send hello --from n1 --to "$inner/service/uppercase" --timeout 1s
	[ "$status" != 0 ]
}

@test "unknown node, listener, relay name" {
	expect 66 ockam secure-channel create --from nobody --to /node/n2/service/api
	says NotFound
	expect 66 ockam secure-channel create --from n1 --to /node/nobody/service/api
	says NotFound
	says nobody
	expect 66 ockam secure-channel create --from n1 --to /node/n2/service/nothing
	says NotFound
	expect 66 ockam secure-channel create --from n1 --to /node/n2/service/forward_to_nobody/service/api
	says NotFound
	expect 66 ockam secure-channel show 00112233445566778899aabbccddeeff --at n1
	says NotFound
}

@test "a service that is no listener" {
	expect 66 ockam secure-channel create --from n1 --to /node/n2/service/uppercase
	says NotFound
}

@test "a stopped node is named, at once" {
	ockam node create n9
	ockam node stop n9
	expect 69 ockam secure-channel create --from n1 --to /node/n9/service/api
	says 'node n9 is not running'
	expect 69 ockam secure-channel create --from n9 --to /node/n1/service/api
	says 'node n9 is not running'
	ockam node delete n9
}

@test "nobody listens there" {
	expect 69 ockam secure-channel create --from n1 --to "/ip4/127.0.0.1/tcp/$(free_port)/service/api"
	one_sentence
}

@test "arguments" {
	expect 2 ockam secure-channel create --from n1
	expect 2 ockam secure-channel create --from n1 --to /node/n2/service/api --nonsense
	expect 2 ockam secure-channel create --from n1 --to /node/n2/service/api --timeout soon
	expect 2 ockam secure-channel create --from n1 --to /node/n2/service/api --authorized Ixyz
	expect 2 ockam secure-channel show xyz --at n1
}
