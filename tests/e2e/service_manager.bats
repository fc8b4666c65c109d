#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ockam node start --foreground, as systemd runs it: ready, watchdog, end; the data plane outlives control.

load helper
setup() { use_home; }
teardown() { delete_homes; }

managed() { # managed KIND WATCHDOG_USEC COMMAND...: sets $said, the file, and $manager
	said=$BATS_TEST_TMPDIR/said.$RANDOM
	background python3 "$HERE/manager.py" "$said" "$@" >"$said.out" 2>&1
	manager=$helper
}
told() { grep -sqx -- "$1" "$said"; }
told_times() { [ "$(grep -scx -- "$2" "$said")" -ge "$1" ]; }
main_pid() { sed -n 's/^pid //p' "$said"; }
data_plane() { ockam node show n1 --output json | jq .dataplane.pid; }
stored_node() { # n1, which does not run
	ockam node create n1 -t 127.0.0.1:0 "$@"
	ockam node stop n1
}

@test "says that it is ready, that its loop turns, and that it ends" {
	stored_node
	managed path 200000 ockam node start --foreground n1
	eventually told 'READY=1 from main'
	expect 0 ockam node show n1
	json .status running
	json .pid "$(main_pid)"
	eventually told_times 3 'WATCHDOG=1 from main'
	expect 0 ockam message send hello --to /node/n1/service/uppercase
	is HELLO
	kill -TERM "$manager"
	eventually told 'ended 0'
	told 'STOPPING=1 from main'
	run ! grep another "$said"
	expect 0 ockam node list
	json '.[0].status' stopped
}

@test "an abstract address, and no watchdog" {
	stored_node
	managed abstract '' ockam node start --foreground n1
	eventually told 'READY=1 from main'
	kill -TERM "$manager"
	eventually told 'ended 0'
	run ! grep WATCHDOG "$said"
}

@test "the data plane outlives control, and the next start takes it over" {
	stored_node
	managed path 60000000 ockam node start --foreground n1
	eventually told 'READY=1 from main'
	first=$(data_plane)
	kill -9 "$(main_pid)"
	eventually told 'ended -9'
	expect 0 ockam node list
	json '.[0].status' 'control down'
	managed path 60000000 ockam node start --foreground n1
	eventually told 'READY=1 from main'
	[ "$(data_plane)" = "$first" ]
	expect 0 ockam node stop n1
	eventually told 'ended 0'
	gone() { ! kill -0 "$first" 2>/dev/null; }
	eventually gone
}

@test "a failure ends it with the code that the unit knows, and without READY" {
	managed path 60000000 ockam node start --foreground n1
	eventually told 'ended 66'
	ockam node create n1
	managed path 60000000 ockam node start --foreground n1
	eventually told 'ended 73'
	grep -q 'running already' "$said.out"
	ockam node stop n1
	ockam node create n2 -t "127.0.0.1:0"
	port=$(port_of n2)
	ockam node stop n2
	background python3 -c "
import socket, sys, time
s = socket.create_server(('127.0.0.1', $port))
open('$BATS_TEST_TMPDIR/taken', 'w').close()
time.sleep(100)"
	eventually test -e "$BATS_TEST_TMPDIR/taken"
	managed path 60000000 ockam node start --foreground n2
	eventually told 'ended 75'
	run ! grep READY "$said"
}

@test "no other node speaks to the manager: neither a background one nor the data plane" {
	ockam identity create
	managed path 200000 ockam node create n1
	eventually told 'ended 0'
	run ! grep -E 'READY|WATCHDOG|STOPPING' "$said"
}
