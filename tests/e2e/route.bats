#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Routes that are none: exit 2, and the error names the part.

load helper
setup_file() {
	TEST_ROOT=$BATS_FILE_TMPDIR
	export TEST_ROOT
	use_home
	ockam node create n1
}
setup() { use_home; }
teardown_file() { delete_homes; }

refuses() { # refuses ROUTE WORDS
	expect 2 ockam message send hello --from n1 --to "$1"
	says "$2"
	one_sentence
	is ''
}

@test "unknown protocol" { refuses /foo/bar 'unknown protocol "foo"'; }
@test "a port that is none" { refuses /ip4/127.0.0.1/tcp/x/service/api '"tcp" needs a port, got "x"'; }
@test "a port out of range" { refuses /ip4/127.0.0.1/tcp/65536/service/api '"tcp" needs a port, got "65536"'; }
@test "an end after the protocol" { refuses /node 'route ends after "/node"'; }
@test "an end after a host" { refuses /ip4/127.0.0.1 ip4; }
@test "a port without a host" { refuses /tcp/4000/service/echo tcp; }
@test "an address that is none" { refuses /ip4/300.0.0.1/tcp/1/service/echo 300.0.0.1; }
@test "an IPv6 address that is none" { refuses /ip6/::g/tcp/1/service/echo ::g; }
@test "a trailing slash" { refuses /service/echo/ 'ends with "/"'; }
@test "an empty part" { refuses /service//echo service; }
@test "nothing" { refuses '' route; }
@test "a node name that is none" { refuses /node/-x/service/echo -x; }

@test "seventeen hops, naming both limits" {
	route=$(printf '/node/n1%.0s' {1..17})
	refuses "$route/service/echo" 16
	says 512
}

@test "a long loop ends" {
	route=$(printf '/service/hop%.0s' {1..15})
	expect 0 ockam message send hello --from n1 --to "$route/service/echo"
}

@test "the same of --at and --from" {
	expect 2 ockam relay create x --at /foo/bar --to n1
	says 'unknown protocol "foo"'
	expect 2 ockam secure-channel create --from a/b/c --to /node/n1/service/api
}

@test "a home so deep that a socket path would not fit" {
	export OCKAM_HOME=$BATS_TEST_TMPDIR/$(printf 'x%.0s' {1..100})
	run --separate-stderr ockam node create n1
	[ "$status" = 78 ] || [ "$status" = 2 ]
	says 107
	one_sentence
}
