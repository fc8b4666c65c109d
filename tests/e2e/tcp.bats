#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ockam tcp-listener and tcp-connection: create|list|show|delete

load helper
setup_file() {
	TEST_ROOT=$BATS_FILE_TMPDIR
	export TEST_ROOT
	use_home
	ockam node create n1
	ockam node create n2
}
setup() { use_home; }
teardown_file() { delete_homes; }
teardown() {
	for pid in "${helpers[@]}"; do kill "$pid" 2>/dev/null || true; done
}

@test "a second listener" {
	port=$(free_port)
	expect 0 ockam tcp-listener create "127.0.0.1:$port" --at n2
	is "/dnsaddr/localhost/tcp/$port"
	expect 0 ockam message send hello --from n1 --to "/dnsaddr/localhost/tcp/$port/service/uppercase"
	is HELLO
	expect 0 ockam tcp-listener list --at n2
	json '[.[].address] | contains(["127.0.0.1:'"$port"'"])' true
	expect 0 ockam tcp-listener show "127.0.0.1:$port" --at n2
	json .address "127.0.0.1:$port"
	expect 75 ockam tcp-listener create "127.0.0.1:$port" --at n1
	expect 0 ockam tcp-listener delete "127.0.0.1:$port" --at n2
	expect 66 ockam tcp-listener delete "127.0.0.1:$port" --at n2
	says NotFound
	expect 66 ockam tcp-listener show "127.0.0.1:$port" --at n2
}

@test "port 0" {
	expect 0 ockam tcp-listener create 127.0.0.1:0 --at n2
	matches '/dnsaddr/localhost/tcp/[1-9][0-9]*'
}

@test "IPv6" {
	[ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6 || skip "no IPv6 on loopback"
	expect 0 ockam tcp-listener create '[::1]:0' --at n2
	port=${output##*/}
	expect 0 ockam message send hello --from n1 --to "/ip6/::1/tcp/$port/service/uppercase"
	is HELLO
}

@test "a Unix socket" {
	path=$BATS_TEST_TMPDIR/socket
	expect 0 ockam tcp-listener create "unix:$path" --at n2
	is "/unix/${path//\//%2F}"
	route=$output
	expect 0 ockam message send hello --from n1 --to "$route/service/uppercase"
	is HELLO
	channel=$(ockam secure-channel create --from n1 --to "$route/service/api")
	expect 0 ockam message send hello --from n1 --to "$channel/service/uppercase"
	is HELLO
}

@test "a connection, and a route over it" {
	port=$(port_of n2)
	expect 0 ockam tcp-connection create --from n1 --to "127.0.0.1:$port"
	matches "$ADDRESS"
	connection=$output
	expect 0 ockam message send hello --from n1 --to "$connection/service/uppercase"
	is HELLO
	channel=$(ockam secure-channel create --from n1 --to "$connection/service/api")
	expect 0 ockam message send hello --from n1 --to "$channel/service/uppercase"
	is HELLO
	expect 0 ockam tcp-connection show "$connection" --at n1
	json .state up
	json .mode dialled
	expect 0 ockam tcp-connection show "127.0.0.1:$port" --at n1
	json .address "$connection"
	expect 0 ockam tcp-connection list --at n1
	json '[.[].address] | contains(["'"$connection"'"])' true
	expect 0 ockam tcp-connection delete "$connection" --at n1
	expect 66 ockam tcp-connection show "$connection" --at n1
	says NotFound
}

@test "create --output json" {
	port=$(port_of n2)
	expect 0 ockam tcp-connection create --from n1 --to "127.0.0.1:$port" --output json
	json '.address | test("^/service/[0-9a-f]{32}$")' true
	json '(.to | type) + (.from | type)' stringstring
	ockam tcp-connection delete "127.0.0.1:$port" --at n1
}

@test "something that accepts and does not speak: created, and show says so" {
	peer silent
	expect 0 ockam tcp-connection create --from n1 --to "127.0.0.1:$peer_port" --timeout 500ms
	matches "$ADDRESS"
	connection=$output
	expect 0 ockam tcp-connection show "$connection" --at n1
	json .state 'no hello'
	expect 0 ockam tcp-connection delete "$connection" --at n1
}

@test "nobody there" {
	expect 69 ockam tcp-connection create --from n1 --to "127.0.0.1:$(free_port)"
	one_sentence
	expect 2 ockam tcp-connection create --from n1 --to 127.0.0.1
	expect 2 ockam tcp-connection create --from n1 --to 127.0.0.1:x
	expect 2 ockam tcp-listener create nonsense --at n1
	expect 66 ockam tcp-connection create --from nobody --to 127.0.0.1:1
}
