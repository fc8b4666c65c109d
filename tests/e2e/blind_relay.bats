#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A relay in a home of its own, whose operator looks through all that it has: its home, its logs, the
# memory of its processes, the bytes on its network. Neither plaintext nor a key is there.

load helper
setup() {
	use_home sender
	A=$(ockam identity create)
	use_home receiver
	B=$(ockam identity create)
	use_home relay
	R=$(ockam identity create)
	ockam node create relay --authorized "$B"
	at=/ip4/127.0.0.1/tcp/$(port_of relay)
	OCKAM_HOME=$TEST_ROOT/receiver ockam node create n2 --authorized "$A"
	OCKAM_HOME=$TEST_ROOT/receiver ockam relay create n2 --at "$at" --to n2 --authorized "$R"
	OCKAM_HOME=$TEST_ROOT/sender ockam node create n1
	channel=$(OCKAM_HOME=$TEST_ROOT/sender ockam secure-channel create --from n1 \
		--to "$at/service/forward_to_n2/service/api" --authorized "$B")
}
teardown() { delete_homes; }

send() { OCKAM_HOME=$TEST_ROOT/sender ockam message send "$1" --from n1 --to "$channel/service/uppercase"; }

# Sends a text that exists nowhere else in one piece before it is sent: $secret and, as the reply, its upper case.
send_secret() {
	secret=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' | tr 0-9 g-p)
	for i in 1 2 3 4 5; do
		[ "$(send "$secret")" = "${secret^^}" ]
	done
}

secrets() { # hex and name, a line each
	printf '%s the message\n' "$(printf %s "$secret" | od -An -v -tx1 | tr -d ' \n')"
	printf '%s the reply\n' "$(printf %s "${secret^^}" | od -An -v -tx1 | tr -d ' \n')"
	for home in sender receiver; do
		python3 "$HERE/memory.py" secrets "$TEST_ROOT/$home" | sed "s/\$/ of the $home/"
	done
}

pids() { # pids HOME NODE: of both its processes
	OCKAM_HOME=$TEST_ROOT/$1 ockam node show "$2" --output json | jq '.pid, .dataplane.pid'
}

readable() {
	head -c 1 "/proc/$(pids relay relay | head -n 1)/mem" 2>/dev/null || [ "$(id -u)" = 0 ] || skip "needs root to read the memory of a process"
}

@test "the relay's home, logs and memory hold neither plaintext nor key" {
	readable
	send_secret
	secrets >"$BATS_TEST_TMPDIR/secrets"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/secrets")" -ge 6 ]
	expect 0 eval 'python3 "$HERE/memory.py" scan "$TEST_ROOT/relay" $(pids relay relay) <"$BATS_TEST_TMPDIR/secrets"'
}

@test "the same search finds them where they are" {
	readable
	send_secret
	secrets >"$BATS_TEST_TMPDIR/secrets"
	expect 1 eval 'python3 "$HERE/memory.py" scan "$TEST_ROOT/sender" <"$BATS_TEST_TMPDIR/secrets"'
	[[ "$output" == *secret*"of the sender is in"* ]]
	expect 1 eval 'python3 "$HERE/memory.py" scan $(pids sender n1) <"$BATS_TEST_TMPDIR/secrets"'
	[[ "$output" == *"static_key of the sender is in process"* ]]
}

@test "logs and homes of the ends hold no plaintext either" {
	send_secret
	printf '%s the message\n' "$(printf %s "$secret" | od -An -v -tx1 | tr -d ' \n')" >"$BATS_TEST_TMPDIR/secrets"
	expect 0 eval 'python3 "$HERE/memory.py" scan "$TEST_ROOT/sender" "$TEST_ROOT/receiver" <"$BATS_TEST_TMPDIR/secrets"'
}

@test "the bytes on the relay's network hold neither" {
	python3 "$HERE/../netns/sniff.py" --probe 2>/dev/null || skip "needs root to capture"
	background python3 "$HERE/../netns/sniff.py" lo "${at##*/}" "$BATS_TEST_TMPDIR/bytes"
	eventually test -e "$BATS_TEST_TMPDIR/bytes"
	send_secret
	captured() { [ "$(stat -c %s "$BATS_TEST_TMPDIR/bytes")" -gt 500 ]; }
	eventually captured
	secrets >"$BATS_TEST_TMPDIR/secrets"
	expect 0 eval 'python3 "$HERE/memory.py" scan "$BATS_TEST_TMPDIR/bytes" <"$BATS_TEST_TMPDIR/secrets"'
}
