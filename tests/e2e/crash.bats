#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Each plane killed alone, both at once, and in the middle of something. Channels come back under their
# addresses; nothing that is gone is pretended to be there.

load helper
setup() { use_home; }
teardown() { delete_homes; }

field() { ockam node show "$1" --output json | jq -r "$2"; }
control_of() { field "$1" .pid; }
plane_of() { field "$1" .dataplane.pid; }
status_of() { ockam node list --output json | jq -r ".[] | select(.node_name == \"$1\").status"; }
has_status() { [ "$(status_of "$1")" = "$2" ]; }
has_new_plane() { [ "$(plane_of "$1")" != null ] && [ "$(plane_of "$1")" != "$2" ]; }
# A zombie that nobody has reaped yet is dead too.
dies() { ! grep -qs "^State:[[:space:]]*[^ZX]" "/proc/$1/status"; }

kill_plane() { # of NODE; waits until another one runs
	local old
	old=$(plane_of "$1")
	kill -9 "$old"
	eventually has_new_plane "$1" "$old"
}

# says_hello FROM CHANNEL: a message in that channel is answered, perhaps not at the first try.
says_hello() { [ "$(ockam message send hello --from "$1" --to "$2/service/uppercase" --timeout 5s)" = HELLO ]; }

two_nodes_and_a_channel() {
	ockam node create n1
	ockam node create n2
	channel=$(ockam secure-channel create --from n1 --to /node/n2/service/api)
	says_hello n1 "$channel"
}

@test "data plane of the initiator killed: the channel comes back, a message waits for it" {
	two_nodes_and_a_channel
	port=$(port_of n1)
	control=$(control_of n1)
	kill_plane n1
	expect 0 ockam message send hello --from n1 --to "$channel/service/uppercase" --timeout 10s
	is HELLO
	[ "$(port_of n1)" = "$port" ]
	[ "$(control_of n1)" = "$control" ]
	[ "$(field n1 .dataplane.restarts)" = 1 ]
	expect 0 ockam message send hello --to /node/n1/service/uppercase
	is HELLO
	grep -q 'data plane was killed by signal 9' "$OCKAM_HOME/nodes/n1/stdout.log"
}

@test "data plane of the responder killed: the channel comes back with fresh keys" {
	two_nodes_and_a_channel
	kill_plane n2
	eventually says_hello n1 "$channel"
	expect 0 ockam secure-channel show "$channel" --at n1
	json .state up
	[ "$(jq .frames_tx <<<"$output")" -lt 50 ] # a fresh session, counted from 0
	[ "$(port_of n2)" = "$(sed 's/.*://' <<<"$(field n2 '.transports[0].socket_address')")" ]
}

@test "data plane killed: connections and relays are made again" {
	ockam node create relay
	ockam node create n1
	ockam node create n2
	ockam relay create blue --at /node/relay --to n1
	expect 0 ockam tcp-connection create --from n1 --to "127.0.0.1:$(port_of n2)"
	through_relay() { [ "$(ockam message send hello --from n2 --to /node/relay/service/forward_to_blue/secure/api/service/uppercase --timeout 2s 2>/dev/null)" = HELLO ]; }
	through_relay
	for node in n1 relay n2; do
		kill_plane "$node"
		eventually through_relay
	done
	connected() { ockam tcp-connection list --at n1 --output json | jq -e '.[] | select(.mode == "dialled" and .state == "up")'; }
	eventually connected
	json_of_relay() { [ "$(ockam relay list --at n1 --output json | jq -r '.[0].state')" = up ]; }
	eventually json_of_relay
}

@test "the middle of a channel's path is killed and comes back" {
	ockam node create n1
	ockam node create middle
	ockam node create n2
	channel=$(ockam secure-channel create --from n1 --to /node/middle/node/n2/service/api)
	kill_plane middle
	eventually says_hello n1 "$channel"
}

@test "a message to a channel whose other end is gone waits for its time-out and says why" {
	two_nodes_and_a_channel
	ockam node stop n2
	broken() { [ "$(ockam secure-channel show "$channel" --at n1 --output json | jq -r .state)" = broken ]; }
	eventually broken
	expect 69 ockam message send hello --from n1 --to "$channel/service/uppercase" --timeout 1s
	says 'did not come up within 1 s'
	one_sentence
	ockam message send hello --from n1 --to "$channel/service/uppercase" --timeout 20s >"$BATS_TEST_TMPDIR/reply" 3>&- & sender=$!
	ockam node start n2
	wait $sender
	[ "$(cat "$BATS_TEST_TMPDIR/reply")" = HELLO ]
}

@test "a clean stop closes what the node opened, not what others opened to it" {
	two_nodes_and_a_channel
	back=$(ockam secure-channel create --from n2 --to /node/n1/service/api)
	[ "$(ockam secure-channel list --at n1 --output json | jq length)" = 2 ]
	ockam node stop n2
	left() { [ "$(ockam secure-channel list --at n1 --output json | jq -r '.[].address')" = "$channel" ]; }
	eventually left
	ockam node start n2
	eventually says_hello n1 "$channel"
	expect 66 ockam secure-channel show "$back" --at n2
}

@test "a crash loop ends in status failed, and start tries again" {
	two_nodes_and_a_channel
	control=$(control_of n2)
	for i in 1 2 3 4; do
		kill_plane n2
	done
	kill -9 "$(plane_of n2)"
	eventually has_status n2 failed
	eventually dies "$control"
	expect 0 ockam node list
	json '.[] | select(.node_name == "n2").reason | test("5 times within 30 seconds.*signal 9")' true
	expect 0 ockam node show n2
	json .status failed
	json '.reason | test("5 times")' true
	expect 0 ockam status
	json '.nodes[] | select(.name == "n2").status' failed
	expect 69 ockam secure-channel list --at n2
	says 'has failed'
	one_sentence
	grep -q '5 times within 30 seconds' "$OCKAM_HOME/nodes/n2/stdout.log"
	expect 0 ockam node start n2
	json .status running
	eventually says_hello n1 "$channel"
}

@test "stop and delete of a failed node" {
	ockam node create n1
	for i in 1 2 3 4; do
		kill_plane n1
	done
	kill -9 "$(plane_of n1)"
	eventually has_status n1 failed
	expect 0 ockam node stop n1
	has_status n1 stopped
	expect 0 ockam node delete n1
	is n1
	[ ! -e "$OCKAM_HOME/run/n1" ]
}

# The programs without a data plane, or with one that is not one.
without_dataplane() {
	local bin=$BATS_TEST_TMPDIR/bin build
	mkdir -p "$bin"
	build=$(dirname "$OCKAM")
	cp "$OCKAM" "$bin/ockam"
	if [ -e "$build/ockam-control" ]; then
		cp "$build/ockam-control" "$bin/"
	else
		cp "$build/../../control/ockam-control" "$bin/"
	fi
	PATH=$bin:$PATH
}

@test "no data plane to start: one sentence, nothing left behind" {
	ockam identity create
	without_dataplane
	expect 78 ockam node create n1
	one_sentence
	says ockam-dataplane
	[ ! -e "$OCKAM_HOME/run/n1" ] && [ ! -e "$OCKAM_HOME/nodes/n1" ]
	expect 0 ockam node list
	is '[]'
}

@test "a data plane that ends at once: one sentence, nothing left behind" {
	ockam identity create
	without_dataplane
	cp "$(type -P false)" "$BATS_TEST_TMPDIR/bin/ockam-dataplane"
	run --separate-stderr ockam node create n1
	[ "$status" = 78 ] || [ "$status" = 70 ]
	one_sentence
	says 'data plane'
	printf 'this is no program' >"$BATS_TEST_TMPDIR/bin/ockam-dataplane"
	run --separate-stderr ockam node create n1
	[ "$status" = 78 ] || [ "$status" = 70 ]
	one_sentence
	expect 0 ockam node list
	is '[]'
}

@test "the node's data plane is replaced by one that ends at once: failed, then back" {
	ockam identity create
	without_dataplane
	real=$(dirname "$OCKAM")/ockam-dataplane
	[ -e "$real" ] || real=$(dirname "$OCKAM")/../../dataplane/ockam-dataplane
	cp "$real" "$BATS_TEST_TMPDIR/bin/ockam-dataplane"
	ockam node create n1
	plane=$(plane_of n1)
	printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/bin/new"
	chmod +x "$BATS_TEST_TMPDIR/bin/new"
	mv "$BATS_TEST_TMPDIR/bin/new" "$BATS_TEST_TMPDIR/bin/ockam-dataplane"
	kill -9 "$plane"
	eventually has_status n1 failed
	expect 0 ockam node show n1
	# the sandbox starts no other file than the one that was there
	json '.reason | test("status 3|is not the file")' true
	cp "$real" "$BATS_TEST_TMPDIR/bin/new"
	mv "$BATS_TEST_TMPDIR/bin/new" "$BATS_TEST_TMPDIR/bin/ockam-dataplane"
	expect 0 ockam node start n1
	expect 0 ockam message send hello --to /node/n1/service/uppercase
	is HELLO
}

@test "both killed: start makes the node again at once" {
	two_nodes_and_a_channel
	port=$(port_of n2)
	kill -9 "$(plane_of n2)" "$(control_of n2)"
	expect 0 ockam node start n2
	json .status running
	[ "$(port_of n2)" = "$port" ]
	eventually says_hello n1 "$channel"
}

@test "start while the node is just ending" {
	ockam node create n1
	for i in 1 2 3; do
		kill "$(control_of n1)"
		expect 0 ockam node start n1
		json .status running
	done
	expect 0 ockam message send hello --to /node/n1/service/uppercase
	is HELLO
}

@test "start right after kill -9 of control, data plane, both" {
	ockam node create n1
	for i in 1 2 3; do
		kill -9 "$(control_of n1)"
		expect 0 ockam node start n1
		json .status running
		kill -9 "$(control_of n1)" "$(plane_of n1)"
		expect 0 ockam node start n1
		json .status running
	done
	kill_plane n1
	expect 0 ockam node start n1
	expect 0 ockam message send hello --to /node/n1/service/uppercase
	is HELLO
}

@test "two starts at once" {
	ockam node create n1
	for i in 1 2 3; do
		kill -9 "$(control_of n1)"
		ockam node start n1 >"$BATS_TEST_TMPDIR/1" 2>&1 3>&- & first=$!
		ockam node start n1 >"$BATS_TEST_TMPDIR/2" 2>&1 3>&- & second=$!
		wait $first
		wait $second
		has_status n1 running
	done
	expect 0 ockam message send hello --to /node/n1/service/uppercase
	is HELLO
}

@test "data plane killed in the middle of a handshake" {
	ockam node create n1
	ockam node create n2
	plane=$(plane_of n2)
	peer proxy "$(port_of n2)" 3 "kill -9 $plane; touch $BATS_TEST_TMPDIR/killed"
	run --separate-stderr ockam secure-channel create --from n1 --to "/ip4/127.0.0.1/tcp/$peer_port/service/api" --timeout 2s
	[ -e "$BATS_TEST_TMPDIR/killed" ]
	[ "$status" = 0 ] || [ "$status" = 69 ]
	eventually has_new_plane n2 "$plane"
	expect 0 ockam secure-channel create --from n1 --to /node/n2/service/api
}

# --- control alone ---

kill_control() { # of NODE
	kill -9 "$(control_of "$1")"
	eventually has_status "$1" 'control down'
}

frames_of() { ockam secure-channel show "$2" --at "$1" --output json | jq .frames_tx; }

@test "control of a relay killed: what passes through goes on, new connections are closed at once" {
	ockam node create relay
	ockam node create n1
	ockam node create n2
	channel=$(ockam secure-channel create --from n1 --to /node/relay/node/n2/service/api)
	port=$(port_of relay)
	plane=$(plane_of relay)
	kill_control relay
	expect 0 ockam node show relay
	json .status 'control down'
	json .pid null
	expect 69 ockam secure-channel list --at relay
	says 'control plane of node relay is down'
	one_sentence
	expect 0 ockam message send hello --from n1 --to "$channel/service/uppercase"
	is HELLO
	# accepted, and closed without a byte
	[ "$(timeout 10 socat -u "TCP:127.0.0.1:$port" - | wc -c)" = 0 ]
	expect 69 ockam message send hello --from n1 --to /node/relay/service/uppercase
	expect 69 ockam secure-channel create --from n2 --to "/ip4/127.0.0.1/tcp/$port/service/api" --timeout 2s
	one_sentence
	expect 0 ockam node start relay
	json .status running
	json .dataplane.pid "$plane"
	[ "$(port_of relay)" = "$port" ]
	expect 0 ockam message send hello --from n1 --to "$channel/service/uppercase"
	is HELLO
	expect 0 ockam message send hello --from n1 --to /node/relay/service/uppercase
	expect 0 ockam secure-channel create --from n2 --to /node/relay/service/api
	grep -q 'adopted 2 connections, 0 channels and 1 paths; 0 half-made' "$OCKAM_HOME/nodes/relay/stdout.log"
}

@test "control of an end killed and started: the same sessions, both roles, nested, at a relay" {
	ockam node create relay
	ockam node create n1
	ockam node create n2
	ockam relay create blue --at /node/relay --to n2
	direct=$(ockam secure-channel create --from n1 --to /node/n2/service/api)
	hop=$(ockam secure-channel create --from n1 --to /node/relay/node/n2/service/api)
	named=$(ockam secure-channel create --from n1 --to /node/relay/service/forward_to_blue/service/api)
	nested=$(ockam secure-channel create --from n1 --to "$direct/service/api")
	all=("$direct" "$hop" "$named" "$nested")
	for node in n1 n2 relay; do
		before=()
		for channel in "${all[@]}"; do
			says_hello n1 "$channel"
			before+=("$(frames_of n1 "$channel")")
		done
		plane=$(plane_of "$node")
		peers=$(field n2 '[.secure_channels[] | [.address, .role, .peer_identifier, .listener]] | sort')
		kill_control "$node"
		expect 0 ockam node start "$node"
		json .dataplane.pid "$plane"
		for i in "${!all[@]}"; do
			says_hello n1 "${all[i]}"
			# a fresh session would count from 0
			[ "$(frames_of n1 "${all[i]}")" -gt "${before[i]}" ]
		done
		[ "$(field n2 '[.secure_channels[] | [.address, .role, .peer_identifier, .listener]] | sort')" = "$peers" ]
		expect 0 ockam message send hello --from n1 --to /node/relay/service/forward_to_blue/secure/api/service/uppercase
		is HELLO
		[ "$(ockam relay list --at n2 --output json | jq -r '.[0].state')" = up ]
	done
	# what was adopted ends as anything else
	expect 0 ockam secure-channel delete "$nested" --at n1
	expect 0 ockam secure-channel delete "$hop" --at n1
	fewer() { [ "$(field n2 '.secure_channels | length')" = 2 ]; }
	eventually fewer
}

@test "control killed: a message while it is down gets one clear error, a channel of another identity survives" {
	ockam identity create other
	ockam node create n1
	ockam node create n2
	channel=$(ockam secure-channel create --from n1 --to /node/n2/service/api --identity other)
	peer=$(field n2 '.secure_channels[0].peer_identifier')
	kill_control n1
	expect 69 ockam message send hello --from n1 --to "$channel/service/uppercase"
	one_sentence
	ockam node start n1
	says_hello n1 "$channel"
	# and its next handshake is made with the same identity
	kill_plane n2
	eventually says_hello n1 "$channel"
	[ "$(field n2 '.secure_channels[0].peer_identifier')" = "$peer" ]
	[ "$(ockam identity show other)" = "$peer" ]
}

@test "control killed: connections through an inlet go on, new ones are made, on either side" {
	ockam node create n1
	ockam node create n2
	target=$(free_port)
	background socat "TCP-LISTEN:$target,bind=127.0.0.1,fork,reuseaddr" EXEC:cat
	eventually eval "(exec 9<>/dev/tcp/127.0.0.1/$target) 2>/dev/null"
	ockam tcp-outlet create --at n2 --to "127.0.0.1:$target"
	inlet=$(free_port)
	ockam tcp-inlet create --at n1 --from "127.0.0.1:$inlet" --to /node/n2/service/outlet
	echoes() { # echoes FD TEXT
		local line
		echo "$2" >&"$1"
		read -r -t 15 -u "$1" line
		[ "$line" = "$2" ]
	}
	exec 7<>"/dev/tcp/127.0.0.1/$inlet"
	echoes 7 first
	kill_control n1
	echoes 7 'the inlet goes on'
	exec 8<>"/dev/tcp/127.0.0.1/$inlet" # and takes more: control has no part in that
	echoes 8 'a new one'
	expect 0 ockam node start n1
	json '.inlets[0].bind_addr' "127.0.0.1:$inlet"
	echoes 7 'after the start'
	kill_control n2
	echoes 7 'the outlet goes on'
	exec 9<>"/dev/tcp/127.0.0.1/$inlet"
	echo 'asked when nobody answers' >&9
	expect 0 ockam node start n2
	read -r -t 15 -u 9 line
	[ "$line" = 'asked when nobody answers' ]
	echoes 7 'all the time one connection'
	up() { [ "$(field n1 '.inlets[0].state')" = up ]; }
	eventually up
	exec 7>&- 8>&- 9>&-
	# a fresh data plane: a connection may come before a channel is back
	kill_plane n1
	again() { (exec 7<>"/dev/tcp/127.0.0.1/$inlet" && echo x >&7 && read -r -t 2 -u 7 line && [ "$line" = x ]) 2>/dev/null; }
	eventually again
}

@test "an adopted data plane is looked after as any other" {
	two_nodes_and_a_channel
	kill_control n1
	ockam node start n1
	plane=$(plane_of n1)
	kill_plane n1
	eventually says_hello n1 "$channel"
	kill_control n1
	ockam node start n1
	plane=$(plane_of n1)
	control=$(control_of n1)
	kill "$control"
	eventually has_status n1 stopped
	eventually dies "$plane"
}

@test "control down: create replaces, stop and delete end what is left" {
	port=$(free_port)
	ockam node create n1 -t "127.0.0.1:$port"
	plane=$(plane_of n1)
	kill_control n1
	expect 0 ockam node create n1 -t "127.0.0.1:$port"
	[ "$(plane_of n1)" != "$plane" ]
	eventually dies "$plane"
	plane=$(plane_of n1)
	kill_control n1
	expect 0 ockam node stop n1
	is 'node n1 was stopped'
	has_status n1 stopped
	eventually dies "$plane"
	ockam node start n1
	plane=$(plane_of n1)
	kill_control n1
	expect 0 ockam node delete n1
	eventually dies "$plane"
	[ ! -e "$OCKAM_HOME/run/n1" ]
	expect 0 ockam node list
	is '[]'
}

@test "control down, then the data plane is killed too: stopped, and start makes it again" {
	two_nodes_and_a_channel
	plane=$(plane_of n2)
	kill_control n2
	kill -9 "$plane"
	eventually has_status n2 stopped
	expect 0 ockam node start n2
	eventually says_hello n1 "$channel"
}

@test "control killed in the middle of the adoption, before each message of it" {
	cc -shared -fPIC -O1 -D_GNU_SOURCE -o "$BATS_TEST_TMPDIR/die.so" "$HERE/die.c" -ldl
	two_nodes_and_a_channel
	back=$(ockam secure-channel create --from n2 --to /node/n1/service/api)
	plane=$(plane_of n1)
	before=$(frames_of n1 "$channel")
	kill_control n1
	start_and_die() { # at message $1
		ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=$BATS_TEST_TMPDIR/die.so DIE_AT=$1 \
			ockam node start n1 >/dev/null 2>&1
	}
	died=0
	while ! start_and_die $((died + 1)); do
		died=$((died + 1))
		eventually has_status n1 'control down'
		[ "$died" -lt 100 ]
	done
	[ "$died" -ge 10 ] # greeting, dump with its answers, listeners
	kill -9 "$(cat "$OCKAM_HOME/run/n1/pid")" || true # it still counts
	eventually has_status n1 'control down'
	expect 0 ockam node start n1
	json .dataplane.pid "$plane"
	says_hello n1 "$channel"
	says_hello n2 "$back"
	[ "$(frames_of n1 "$channel")" -gt "$before" ]
}

@test "a temporary or foreground node leaves no data plane behind when its control is killed" {
	ockam identity create
	background ockam node create n1 --foreground >"$BATS_TEST_TMPDIR/log"
	eventually has_status n1 running
	plane=$(plane_of n1)
	kill -9 "$(control_of n1)"
	eventually dies "$plane"
	wait "$helper" || true
	[ ! -e "$OCKAM_HOME/run/n1" ]
}
