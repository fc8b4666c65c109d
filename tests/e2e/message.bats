#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ockam message send

load helper
setup_file() {
	TEST_ROOT=$BATS_FILE_TMPDIR
	export TEST_ROOT
	use_home
	ockam node create n1
	ockam node create n2
	CHANNEL=$(ockam secure-channel create --from n1 --to /node/n2/service/api)
	export CHANNEL
}
setup() { use_home; }
teardown_file() { delete_homes; }

# through_channel FILE [ROUTE]: its bytes to echo and back are the same.
echoes() {
	ockam message send - --from n1 --to "${2:-$CHANNEL/service/echo}" <"$1" >"$BATS_TEST_TMPDIR/reply"
	cmp "$1" "$BATS_TEST_TMPDIR/reply"
}

@test "to a service of the node itself, of another, with and without --from" {
	expect 0 ockam message send hello --from n1 --to /service/uppercase
	is HELLO
	expect 0 ockam message send hello --from /node/n1 --to /node/n2/service/uppercase
	is HELLO
	expect 0 ockam message send hello --to /node/n2/service/uppercase
	is HELLO
	expect 0 ockam message send hello -t /node/n2/service/echo -f n1
	is hello
}

@test "a text reply has one newline, a reply to - none" {
	[ "$(ockam message send hello --to /node/n2/service/uppercase | od -An -c | tr -d ' ')" = 'HELLO\n' ]
	[ "$(printf hello | ockam message send - --to /node/n2/service/uppercase | od -An -c | tr -d ' ')" = HELLO ]
}

@test "--hex in both directions" {
	expect 0 ockam message send --hex 68656c6c6f --from n1 --to "$CHANNEL/service/uppercase"
	is 48454c4c4f
	expect 0 ockam message send 00ff --hex --from n1 --to "$CHANNEL/service/echo"
	is 00ff
	expect 65 ockam message send --hex 123 --from n1 --to "$CHANNEL/service/echo"
	expect 65 ockam message send --hex xy --from n1 --to "$CHANNEL/service/echo"
}

@test "every byte value" {
	for i in {0..255}; do printf "\\x$(printf %02x "$i")"; done >"$BATS_TEST_TMPDIR/bytes"
	echoes "$BATS_TEST_TMPDIR/bytes"
	echoes "$BATS_TEST_TMPDIR/bytes" /node/n2/service/echo
}

@test "bodies of 0 bytes, 64 KiB and 1 MiB through a channel" {
	for size in 0 1 65535 65536 65537 $((1 << 20)); do
		head -c "$size" /dev/urandom >"$BATS_TEST_TMPDIR/body"
		echoes "$BATS_TEST_TMPDIR/body"
	done
}

@test "one byte more than 1 MiB is refused" {
	head -c $(((1 << 20) + 1)) /dev/zero >"$BATS_TEST_TMPDIR/body"
	run --separate-stderr eval 'ockam message send - --from n1 --to "$CHANNEL/service/echo" <"$BATS_TEST_TMPDIR/body"'
	[ "$status" = 65 ]
	says 1048576
	one_sentence
}

@test "one too large for a plain message is refused, with the way out" {
	head -c 100000 /dev/zero >"$BATS_TEST_TMPDIR/body"
	run --separate-stderr eval 'ockam message send - --from n1 --to /node/n2/service/echo <"$BATS_TEST_TMPDIR/body"'
	[ "$status" = 65 ]
	says 'channel'
	one_sentence
}

@test "a body that contains -/ is left alone" {
	for body in -/service/uppercase a/-/b x/- - ; do
		[ "$body" = - ] && continue
		expect 0 ockam message send "$body" --to /node/n2/service/echo
		is "$body"
	done
	expect 0 eval 'echo "$CHANNEL" | ockam message send a/-/b --from n1 --to -/service/echo'
	is a/-/b
}

@test "- in the middle and at the end of a route" {
	expect 0 eval 'echo "/node/n2" | ockam message send hello --from n1 --to -/service/uppercase'
	is HELLO
	expect 0 eval 'echo "/service/uppercase" | ockam message send hello --from n1 --to /node/n2/-'
	is HELLO
	expect 0 eval 'echo "/node/n2" | ockam message send hello --from n1 --to /service/hop/-/service/uppercase'
	is HELLO
}

@test "a pipe that carries nothing, or something that is no route" {
	expect 65 eval 'ockam message send hello --from n1 --to -/service/uppercase </dev/null'
	says 'the command before the pipe printed nothing'
	is ''
	expect 65 eval 'echo | ockam message send hello --from n1 --to -/service/uppercase'
	says 'the command before the pipe printed nothing'
	expect 65 eval 'echo "   " | ockam message send hello --from n1 --to -/service/uppercase'
	expect 65 eval 'echo "no route" | ockam message send hello --from n1 --to -/service/uppercase'
	one_sentence
	expect 2 eval 'echo x | ockam message send - --from n1 --to -/service/uppercase'
	expect 65 eval 'ockam secure-channel create --from n1 --to /node/n2/service/nothing 2>/dev/null | ockam message send hello --from n1 --to -/service/uppercase'
	is ''
}

@test "from a temporary node nothing is written to the home" {
	ockam identity show >/dev/null
	before=$(cd "$OCKAM_HOME" && find . -path ./nodes -prune -o -type f ! -name '*-shm' ! -name '*-wal' -print0 | sort -z | xargs -0 sha256sum)
	expect 0 ockam message send hello --to /node/n2/secure/api/service/uppercase
	is HELLO
	after=$(cd "$OCKAM_HOME" && find . -path ./nodes -prune -o -type f ! -name '*-shm' ! -name '*-wal' -print0 | sort -z | xargs -0 sha256sum)
	[ "$before" = "$after" ]
	expect 0 ockam node list
	json length 2
}

@test "from a temporary node in a home that does not exist" {
	port=$(port_of n2)
	use_home nowhere
	expect 0 ockam message send hello --to "/ip4/127.0.0.1/tcp/$port/service/uppercase"
	is HELLO
	[ ! -e "$OCKAM_HOME" ]
	expect 77 ockam message send hello --to "/ip4/127.0.0.1/tcp/$port/secure/api/service/uppercase"
	is ''
	[ ! -e "$OCKAM_HOME" ]
}

@test "unknown nodes and services" {
	expect 66 ockam message send hello --to /node/nobody/service/uppercase
	says NotFound
	one_sentence
	expect 66 ockam message send hello --from nobody --to /service/uppercase
	says NotFound
	expect 66 ockam message send hello --from n1 --to /service/nothing
	says NotFound
	expect 66 ockam message send hello --to /node/n2/service/nothing
	says NotFound
	says nothing
	expect 66 ockam message send hello --from n1 --to "$CHANNEL/service/nothing"
	says NotFound
	expect 66 ockam message send hello --from n1 --to /service/00112233445566778899aabbccddeeff/service/echo
	says NotFound
}

@test "a stopped node is named, at once" {
	ockam node create n9
	ockam node stop n9
	expect 69 ockam message send hello --to /node/n9/service/uppercase
	says 'node n9 is not running'
	expect 69 ockam message send hello --from n9 --to /service/uppercase
	says 'node n9 is not running'
	ockam node delete n9
}

@test "a channel of another node: the error names that node" {
	expect 66 ockam message send hello --from n2 --to "$CHANNEL/service/uppercase"
	says n1
	expect 66 ockam message send hello --to "$CHANNEL/service/uppercase"
	says n1
}

@test "services that need a channel are not found, or refused, without one" {
	run --separate-stderr ockam message send hello --to /node/n2/service/forwarding_service
	[ "$status" = 66 ] || [ "$status" = 77 ]
}

@test "through hop" {
	expect 0 ockam message send hello --from n1 --to /node/n2/service/hop/service/uppercase
	is HELLO
	expect 0 ockam message send hello --from n1 --to /node/n2/service/hop/node/n1/service/uppercase
	is HELLO
}

@test "many at once keep their replies apart" {
	pids=()
	for i in {1..20}; do
		ockam message send "message $i" --from n1 --to "$CHANNEL/service/uppercase" >"$BATS_TEST_TMPDIR/$i" 3>&- & pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	for i in {1..20}; do [ "$(cat "$BATS_TEST_TMPDIR/$i")" = "MESSAGE $i" ]; done
}

@test "arguments" {
	expect 2 ockam message send hello
	expect 2 ockam message send --to /service/echo
	expect 2 ockam message send a b --to /service/echo
	expect 2 ockam message send hello --from a/b --to /service/echo
}
