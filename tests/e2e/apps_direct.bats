#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Unmodified applications through a portal between two nodes of one machine.

load helper
load apps

setup() {
	use_home
	cd "$BATS_TEST_TMPDIR"
	ockam node create n1
	ockam node create n2
}

teardown() {
	delete_homes
}

NEAR=() FAR=()
portal() {
	ockam tcp-outlet create --at n2 --from "$1" --to "$2" >/dev/null
	port=$(ockam tcp-inlet create --at n1 --to "/node/n2/secure/api/service/$1" | sed 's/.*://')
}

@test "PostgreSQL" { app_postgresql; }
@test "Redis" { app_redis; }
@test "nginx, HTTP/1.1 and HTTP/2" { app_nginx; }
@test "ssh and rsync" { app_ssh; }
@test "iperf3" { app_iperf3; }
@test "netcat, with half-close in both orders" { app_netcat; }
