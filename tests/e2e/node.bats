#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ockam node create|list|show|start|stop|delete|logs|default

load helper
setup() { use_home; }
teardown() { delete_homes; }

status_of() { ockam node list --output json | jq -r ".[] | select(.node_name == \"$1\").status"; }
pid_of() { ockam node show "$1" --output json | jq .pid; }
has_status() { [ "$(status_of "$1")" = "$2" ]; }

@test "create prints the name, makes vault and identity default, and the node answers" {
	expect 0 ockam node create n1
	is n1
	expect 0 ockam node show n1
	json .name n1
	json .is_default true
	json .status running
	json '.secure_channel_listeners[].address' /service/api
	json '[.services[].addr] | contains(["echo", "uppercase", "hop", "forwarding_service"])' true
	json .http_server_address null
	json '.inlets + .outlets | length' 0
	json '.identity | test("^I[0-9a-f]{64}$")' true
	json '.route.short' /node/n1
	json '.route.verbose | test("^/dnsaddr/localhost/tcp/[0-9]+$")' true
	json '.transports[0].type' tcp
	expect 0 ockam identity list
	json 'length' 1
	expect 0 ockam vault list
	json 'length' 1
	[ "$(stat -c %a "$OCKAM_HOME")" = 700 ]
	[ "$(stat -c %a "$OCKAM_HOME/database.sqlite3")" = 600 ]
	[ "$(stat -c %a "$OCKAM_HOME/run/n1/control.sock")" = 600 ]
}

@test "create without a name picks one" {
	expect 0 ockam node create
	matches '[A-Za-z0-9_][A-Za-z0-9_-]*'
	expect 0 ockam node show "$output"
}

@test "create returns inside \$(...) and leaves no descriptor open" {
	result=$(ockam node create n1)
	[ "$result" = n1 ]
}

@test "create refuses the name of a running node" {
	ockam node create n1
	expect 73 ockam node create n1
	says 'n1'
	one_sentence
}

@test "create makes a stopped node again" {
	ockam node create n1
	ockam node stop n1
	expect 0 ockam node create n1
	is n1
	has_status n1 running
}

@test "two creates of one name at once: one wins" {
	ockam identity create
	ockam node create n1 >"$BATS_TEST_TMPDIR/1" 2>&1 3>&- & first=$!
	ockam node create n1 >"$BATS_TEST_TMPDIR/2" 2>&1 3>&- & second=$!
	one=0 two=0
	wait $first || one=$?
	wait $second || two=$?
	[ "$((one + two))" = 73 ]
	has_status n1 running
}

@test "parallel creates make one identity" {
	pids=()
	for i in 1 2 3 4; do
		ockam node create n$i >/dev/null 2>&1 3>&- & pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	expect 0 ockam identity list
	json length 1
	expect 0 ockam node list
	json '[.[] | select(.status == "running")] | length' 4
	json '[.[] | select(.is_default)] | length' 1
}

@test "a port in use" {
	peer silent
	expect 75 ockam node create n1 -t "127.0.0.1:$peer_port"
	says "$peer_port"
	one_sentence
	expect 0 ockam node list
	json '[.[] | select(.status == "running")] | length' 0
}

@test "bad names and addresses" {
	for name in a/b /node .. -x 'a b' "$(printf 'x%.0s' {1..65})" ''; do
		expect 2 ockam node create -- "$name"
		one_sentence
	done
	for address in 127.0.0.1 127.0.0.1:x 127.0.0.1:65536 nonsense:1:2; do
		expect 2 ockam node create n1 -t "$address"
	done
	expect 2 ockam node create n1 --transit 10.0.0.0/33
	expect 2 ockam node create n1 --authorized Ixyz
	expect 0 ockam node list
	is '[]'
}

@test "list" {
	expect 0 ockam node list
	is '[]'
	ockam node create n1
	ockam node create n2
	ockam node stop n2
	expect 0 ockam node list
	json '[.[].node_name] | sort | join(" ")' 'n1 n2'
	json '.[] | select(.node_name == "n1").status' running
	json '.[] | select(.node_name == "n2").status' stopped
	json '[.[] | select(.is_default)][].node_name' n1
	json '.[] | select(.node_name == "n1").pid | type' number
}

@test "show of an unknown node" {
	expect 66 ockam node show nobody
	says NotFound
	one_sentence
}

@test "stop, and stop again" {
	ockam node create n1
	expect 0 ockam node stop n1
	is 'node n1 was stopped'
	has_status n1 stopped
	expect 0 ockam node stop n1
	expect 66 ockam node stop nobody
	says NotFound
}

@test "start restores listeners, relays and services, on the same port" {
	ockam node create relay
	ockam node create n1
	ockam secure-channel-listener create extra --at n1
	ockam service start uppercase --addr upper --at n1
	ockam relay create blue --at /node/relay --to n1
	port=$(port_of n1)
	ockam node stop n1
	expect 0 ockam node start n1
	json .name n1
	[ "$(port_of n1)" = "$port" ]
	expect 0 ockam node show n1
	json '[.secure_channel_listeners[].address] | contains(["/service/api", "/service/extra"])' true
	json '[.services[].addr] | contains(["upper"])' true
	json '.relays | length' 1
	through_relay() { ockam message send hello --to /node/relay/service/forward_to_blue/secure/extra/service/upper --timeout 2s 2>/dev/null; }
	eventually through_relay
	[ "$(through_relay)" = HELLO ]
	expect 0 ockam node start n1
	expect 66 ockam node start nobody
	says NotFound
}

@test "delete" {
	ockam node create n1
	ockam node create n2
	ockam node create n3
	expect 0 ockam node delete n1
	is n1
	[ ! -e "$OCKAM_HOME/nodes/n1" ]
	[ ! -e "$OCKAM_HOME/run/n1" ]
	expect 66 ockam node delete n1
	says NotFound
	expect 2 ockam node delete
	expect 2 ockam node delete --all </dev/null
	expect 0 ockam node delete --all --force
	expect 0 ockam node list
	is '[]'
	expect 0 ockam node delete
	is '[]'
	expect 0 ockam node delete --all -y
}

@test "delete of a stopped node" {
	ockam node create n1
	ockam node stop n1
	expect 0 ockam node delete n1
	expect 0 ockam node list
	is '[]'
}

@test "logs" {
	ockam node create n1
	expect 0 ockam node logs n1
	is "$OCKAM_HOME/nodes/n1/stdout.log"
	[ -s "$output" ]
	expect 66 ockam node logs nobody
}

@test "default" {
	ockam node create n1
	ockam node create n2
	expect 0 ockam node default
	is n1
	expect 0 ockam node default n2
	expect 0 ockam node default
	is n2
	expect 66 ockam node default nobody
	ockam node delete n2
	expect 0 ockam node default
	is n1
}

@test "commands that create make node default, those that read do not" {
	expect 0 ockam secure-channel list
	is '[]'
	expect 0 ockam node list
	is '[]'
	ockam node create n2
	ockam node delete n2
	expect 0 ockam secure-channel-listener create extra
	says default
	expect 0 ockam node show default
	json .name default
}

@test "foreground logs to stdout and leaves no directory" {
	ockam identity create
	background ockam node create n1 --foreground >"$BATS_TEST_TMPDIR/log"
	eventually grep -q "is ready" "$BATS_TEST_TMPDIR/log"
	kill "$helper"
	wait "$helper" || true
	[ ! -e "$OCKAM_HOME/nodes/n1" ]
	[ ! -e "$OCKAM_HOME/run/n1" ]
}

@test "foreground with --exit-on-eof ends with its input" {
	ockam identity create
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 7<>"$BATS_TEST_TMPDIR/in"
	background ockam node create n1 --foreground --exit-on-eof <"$BATS_TEST_TMPDIR/in" 7>&-
	eventually has_status n1 running
	exec 7>&-
	wait "$helper" || true
	[ "$(status_of n1)" != running ]
}

@test "control killed: list says so, create replaces it, port included" {
	ockam node create n1
	ockam node create n2
	port=$(port_of n1)
	pid=$(pid_of n1)
	kill -9 "$pid"
	eventually eval '[ "$(status_of n1)" != running ]'
	expect 69 ockam message send hello --to /node/n1/service/uppercase --timeout 2s
	expect 0 ockam node create n1
	has_status n1 running
	[ "$(pid_of n1)" != "$pid" ]
	expect 0 ockam message send hello --to /node/n1/service/uppercase
	is HELLO
}

@test "control killed: a fixed port is taken over" {
	port=$(free_port)
	ockam node create n1 -t "127.0.0.1:$port"
	kill -9 "$(pid_of n1)"
	eventually eval '[ "$(status_of n1)" != running ]'
	expect 0 ockam node create n1 -t "127.0.0.1:$port"
	[ "$(port_of n1)" = "$port" ]
	expect 0 ockam message send hello --to "/ip4/127.0.0.1/tcp/$port/service/uppercase"
	is HELLO
}

@test "control killed: start" {
	ockam node create n1
	port=$(port_of n1)
	kill -9 "$(pid_of n1)"
	eventually eval '[ "$(status_of n1)" != running ]'
	expect 0 ockam node start n1
	[ "$(port_of n1)" = "$port" ]
	expect 0 ockam message send hello --to /node/n1/service/uppercase
	is HELLO
}

@test "control killed: delete" {
	ockam node create n1
	plane=$(ockam node show n1 --output json | jq .dataplane.pid)
	kill -9 "$(pid_of n1)"
	expect 0 ockam node delete n1
	gone() { ! kill -0 "$plane" 2>/dev/null; }
	eventually gone
	expect 0 ockam node list
	is '[]'
}

@test "data plane killed: the node does not pretend to run, and comes back" {
	ockam node create n1
	port=$(port_of n1)
	kill -9 "$(ockam node show n1 --output json | jq .dataplane.pid)"
	answers() { ockam node start n1 >/dev/null 2>&1 && ockam message send hello --to /node/n1/service/uppercase --timeout 2s >/dev/null 2>&1; }
	eventually answers
	[ "$(port_of n1)" = "$port" ]
	grep -q 'data plane' "$OCKAM_HOME/nodes/n1/stdout.log"
}

@test "workers" {
	expect 0 ockam node create n1 --workers 1
	expect 0 ockam node show n1
	json .dataplane.workers 1
	expect 2 ockam node create n2 --workers x
}

@test "what a node waits for, and lets others have, is chosen at the start and while it runs" {
	expect 0 ockam node create n1 --busy-poll 0 --max-rate 10M
	expect 0 ockam node show n1
	json .settings.busy_poll_us 0
	json .settings.max_rate 10485760
	json .settings.max_paths 0
	expect 0 ockam node set n1 --busy-poll 20 --max-paths 7 --max-queue 1M --max-burst 128K
	json '[.busy_poll_us, .max_paths, .max_queue, .max_rate, .max_burst] | tostring' '[20,7,1048576,10485760,131072]'
	ockam node stop n1
	ockam node start n1
	expect 0 ockam node set n1 --max-rate 0
	json '[.busy_poll_us, .max_paths, .max_queue, .max_rate, .max_burst] | tostring' '[20,7,1048576,0,131072]'
	expect 2 ockam node set n1 --max-rate 10X
	says "a size is like 65536, 64K, 10M or 1G"
	expect 2 ockam node create n2 --busy-poll 5000
	says "--busy-poll is a number from 0 to 1000"
	printf 'max-paths: 3\nbusy-poll: 5\n' >"$BATS_TEST_TMPDIR/n3.yaml"
	expect 0 ockam node create n3 --configuration "$BATS_TEST_TMPDIR/n3.yaml"
	expect 0 ockam node show n3
	json '[.settings.max_paths, .settings.busy_poll_us] | tostring' '[3,5]'
}

@test "a relay lets one neighbour have no more paths than its operator says" {
	ockam node create relay --max-paths 2
	ockam node create n1
	ockam node create n2
	ockam relay create n2 --at relay --to n2
	local to=/node/relay/service/forward_to_n2/service/api
	ockam secure-channel create --from n1 --to "$to" >/dev/null
	ockam secure-channel create --from n1 --to "$to" >/dev/null
	expect 77 ockam secure-channel create --from n1 --to "$to"
	says "no more paths"
	ockam node set relay --max-paths 0 >/dev/null
	expect 0 ockam secure-channel create --from n1 --to "$to"
}
