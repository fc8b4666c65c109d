#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Disks that are full, peers that lie or die, clocks that run backwards. Whatever happens, a command
# ends in bounded time, with an exit code other than 0 and one sentence.

load helper
setup() { use_home; }
teardown() { delete_homes; }

within() { # within SECONDS: since $start
	[ $((SECONDS - start)) -le "$1" ] || { echo "took $((SECONDS - start)) s"; return 1; }
}

needs_mounts() {
	unshare -m true 2>/dev/null || skip "needs root for a mount namespace of its own"
}

# In a mount namespace of its own: $OCKAM_HOME is a tmpfs with options $1; then the command.
with_tmpfs() {
	local options=$1
	shift
	mkdir -p "$OCKAM_HOME"
	unshare -m --propagation private bash -c 'mount -t tmpfs -o "$1" tmpfs "$OCKAM_HOME" && shift && "$@"' _ "$options" "$@"
}

@test "a read-only home" {
	needs_mounts
	expect 74 with_tmpfs ro,size=1m ockam identity create
	says "$OCKAM_HOME"
	one_sentence
	expect 74 with_tmpfs ro,size=1m ockam node create n1
	one_sentence
	expect 0 with_tmpfs ro,size=1m ockam node list
	is '[]'
}

@test "a home on a full disk" {
	needs_mounts
	fill_and() { head -c 1M /dev/zero >"$OCKAM_HOME/ballast" 2>/dev/null; "$@"; }
	export -f fill_and
	expect 74 with_tmpfs size=64k bash -c 'fill_and ockam identity create'
	one_sentence
	expect 74 with_tmpfs size=64k bash -c 'fill_and ockam node create n1'
	one_sentence
}

@test "the disk fills up later: nothing is lost, and it works again when there is room" {
	needs_mounts
	cat >"$BATS_TEST_TMPDIR/script" <<-'SCRIPT'
		set -eu
		ockam identity create first >/dev/null
		head -c 64M /dev/zero >"$OCKAM_HOME/ballast" 2>/dev/null || true
		for i in 1 2 3 4 5 6 7 8; do
			ockam identity create "more$i" >/dev/null 2>&1 && continue
			[ $? = 74 ] && full=yes
		done
		[ "${full:-}" = yes ]
		rm "$OCKAM_HOME/ballast"
		ockam identity show first
		ockam identity create second
	SCRIPT
	expect 0 with_tmpfs size=2m bash "$BATS_TEST_TMPDIR/script"
}

@test "a corrupt database" {
	ockam identity create
	head -c 4096 /dev/urandom >"$OCKAM_HOME/database.sqlite3"
	rm -f "$OCKAM_HOME"/database.sqlite3-*
	for command in 'identity list' 'identity create x' 'node create n1' 'node list'; do
		run --separate-stderr ockam $command
		[ "$status" = 78 ] || [ "$status" = 74 ] || [ "$status" = 65 ]
		says database.sqlite3
		one_sentence
	done
}

@test "a database cut in half" {
	ockam identity create
	sqlite=$OCKAM_HOME/database.sqlite3
	truncate -s 5000 "$sqlite"
	rm -f "$sqlite"-*
	run --separate-stderr ockam identity list
	[ "$status" != 0 ]
	one_sentence
}

@test "a home that is a file" {
	touch "$OCKAM_HOME"
	run --separate-stderr ockam node create n1
	[ "$status" = 74 ] || [ "$status" = 78 ]
	one_sentence
}

@test "a peer that accepts and says nothing" {
	ockam node create n1
	peer silent
	start=$SECONDS
	expect 69 ockam secure-channel create --from n1 --to "/ip4/127.0.0.1/tcp/$peer_port/service/api" --timeout 1s
	one_sentence
	expect 69 ockam message send hello --from n1 --to "/ip4/127.0.0.1/tcp/$peer_port/service/echo" --timeout 1s
	one_sentence
	within 5
}

@test "a peer that greets and then says nothing" {
	ockam node create n1
	peer hello
	start=$SECONDS
	expect 69 ockam secure-channel create --from n1 --to "/ip4/127.0.0.1/tcp/$peer_port/service/api" --timeout 1s
	one_sentence
	expect 69 ockam message send hello --from n1 --to "/ip4/127.0.0.1/tcp/$peer_port/service/echo" --timeout 1s
	within 5
}

@test "peers that speak something else" {
	ockam node create n1
	for mode in http garbage close half version; do
		peer $mode
		start=$SECONDS
		expect 69 ockam secure-channel create --from n1 --to "/ip4/127.0.0.1/tcp/$peer_port/service/api" --timeout 2s
		one_sentence
		within 4
	done
	expect 0 ockam message send hello --from n1 --to /service/uppercase
	is HELLO
}

@test "a node that is sent garbage goes on" {
	ockam node create n1
	port=$(port_of n1)
	for i in 1 2 3; do
		head -c 100000 /dev/urandom | timeout 5 socat -u - "TCP:127.0.0.1:$port" 2>/dev/null || true
	done
	printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' | timeout 5 socat - "TCP:127.0.0.1:$port" >/dev/null 2>&1 || true
	# a header alone, whole frames of every type before a greeting, an impossible length
	printf '\x18\x00\x00\x10' | timeout 5 socat -u - "TCP:127.0.0.1:$port" 2>/dev/null || true
	for type in 0 1 2 3 4 5 6 7 8 9 f; do
		printf "\\x1$type\\x00\\x00\\x20%028d" 0 | timeout 5 socat -u - "TCP:127.0.0.1:$port" 2>/dev/null || true
	done
	printf '\x15\x00\x00\x00' | timeout 5 socat -u - "TCP:127.0.0.1:$port" 2>/dev/null || true
	expect 0 ockam message send hello --to /node/n1/service/uppercase
	is HELLO
}

@test "the other side is killed in the middle of the handshake" {
	ockam node create n1
	ockam node create n2
	control=$(ockam node show n2 --output json | jq .pid)
	plane=$(ockam node show n2 --output json | jq .dataplane.pid)
	peer proxy "$(port_of n2)" 3 "kill -9 $control $plane; touch $BATS_TEST_TMPDIR/killed"
	start=$SECONDS
	expect 69 ockam secure-channel create --from n1 --to "/ip4/127.0.0.1/tcp/$peer_port/service/api" --timeout 2s
	one_sentence
	within 5
	[ -e "$BATS_TEST_TMPDIR/killed" ]
	expect 0 ockam node create n2
	expect 0 ockam secure-channel create --from n1 --to /node/n2/service/api
}

@test "a frozen peer" {
	ockam node create n1
	ockam node create n2
	control=$(ockam node show n2 --output json | jq .pid)
	kill -STOP "$control"
	start=$SECONDS
	run --separate-stderr ockam secure-channel create --from n1 --to /node/n2/service/api --timeout 1s
	kill -CONT "$control"
	[ "$status" = 69 ]
	within 4
	expect 0 ockam secure-channel create --from n1 --to /node/n2/service/api
}

@test "the middle of a path dies: the message fails, and the channel comes back with it" {
	ockam node create n1
	ockam node create middle
	ockam node create n2
	channel=$(ockam secure-channel create --from n1 --to /node/middle/node/n2/service/api)
	kill -9 "$(ockam node show middle --output json | jq .pid)" "$(ockam node show middle --output json | jq .dataplane.pid)"
	run --separate-stderr ockam message send hello --from n1 --to "$channel/service/uppercase" --timeout 1s
	[ "$status" = 69 ]
	ockam node start middle
	works() { [ "$(ockam message send hello --from n1 --to "$channel/service/uppercase" --timeout 1s 2>/dev/null)" = HELLO ]; }
	eventually works
}

@test "the command is interrupted: the node goes on" {
	ockam node create n1
	peer silent
	ockam secure-channel create --from n1 --to "/ip4/127.0.0.1/tcp/$peer_port/service/api" --timeout 20s >/dev/null 2>&1 3>&- &
	command=$!
	dialled() { ockam tcp-connection list --at n1 --output json | jq -e 'length > 0' >/dev/null || kill -0 $command; }
	eventually dialled
	kill $command
	code=0
	wait $command || code=$?
	[ "$code" != 0 ]
	expect 0 ockam message send hello --from n1 --to /service/uppercase
	is HELLO
}

@test "a clock that is a day behind: neither side accepts what is from its future" {
	cc -shared -fPIC -O1 -o "$BATS_TEST_TMPDIR/clock.so" "$HERE/clock.c" -ldl
	in_the_past() {
		ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=$BATS_TEST_TMPDIR/clock.so CLOCK_OFFSET=-86400 "$@"
	}
	ockam node create n1 --authorized any
	now=/ip4/127.0.0.1/tcp/$(port_of n1)
	# a home whose identity is from today cannot start a node yesterday
	run --separate-stderr in_the_past ockam node create n2
	[ "$status" != 0 ]
	one_sentence
	use_home past
	expect 0 in_the_past ockam node create past --authorized any
	start=$SECONDS
	expect 77 ockam secure-channel create --from past --to "$now/service/api" --authorized any --timeout 5s
	says clock
	one_sentence
	past=/ip4/127.0.0.1/tcp/$(port_of past)
	use_home home
	expect 77 ockam secure-channel create --from n1 --to "$past/service/api" --authorized any --timeout 5s
	one_sentence
	within 8
	expect 0 ockam message send hello --from n1 --to "$past/service/uppercase"
	is HELLO
}

@test "many commands at once" {
	ockam node create n1
	pids=()
	for i in {1..30}; do
		ockam message send "m$i" --from n1 --to /service/uppercase >/dev/null 3>&- & pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
}
