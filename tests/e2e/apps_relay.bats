#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Unmodified applications through a portal between two machines behind NATs, and a relay that cannot read.

load helper
load apps
source "$HERE/../netns/topology.sh"

setup_file() {
	missing=$(topology_missing)
	[ -z "$missing" ] || return 0
	export NET=ockam-a$BASHPID TEST_ROOT=$BATS_FILE_TMPDIR
	topology_up "$NET"
	use_home homes
	R=$(at relay identity create)
	A=$(at n1 identity create)
	B=$(at n2 identity create)
	at relay node create relay -t $TOPOLOGY_RELAY:4000 --authorized "$B" >/dev/null
	at n1 node create n1 >/dev/null
	at n2 node create n2 --authorized "$A" >/dev/null
	at n2 relay create n2 --at /ip4/$TOPOLOGY_RELAY/tcp/4000 --to n2 --authorized "$R" >/dev/null
	export R A B
}

setup() {
	missing=$(topology_missing)
	[ -z "$missing" ] || skip "$missing"
	cd "$BATS_TEST_TMPDIR"
	NEAR=(ip netns exec "$NET-n1") FAR=(ip netns exec "$NET-n2")
}

teardown() {
	local pid
	for pid in "${helpers[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
}

teardown_file() {
	[ -n "${NET:-}" ] || return 0
	delete_homes || left=1
	topology_down "$NET"
	[ -z "${left:-}" ]
}

at() { # at MACHINE ARGUMENTS OF OCKAM...
	OCKAM_HOME=$TEST_ROOT/$1 topology_in "$NET" "$1" "$OCKAM" "${@:2}"
}

portal() {
	at n2 tcp-outlet create --at n2 --from "$1" --to "$2" >/dev/null
	port=$(at n1 tcp-inlet create --at n1 --via /ip4/$TOPOLOGY_RELAY/tcp/4000/service/forward_to_n2 --to "$1" \
		--authorized "$B" | sed 's/.*://')
}

@test "PostgreSQL" { app_postgresql; }
@test "Redis" { app_redis; }
@test "nginx, HTTP/1.1 and HTTP/2" { app_nginx; }
@test "ssh and rsync" { app_ssh; }
@test "iperf3" { app_iperf3; }
@test "netcat, with half-close in both orders" { app_netcat; }
