#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bulk through a relay: its frames pass without being copied, and arrive as they were sent.

load helper

setup() {
	use_home
	cd "$BATS_TEST_TMPDIR"
	app="python3 $HERE/app.py"
}

teardown() {
	delete_homes
}

# relayed [MODE...]: an application, and an inlet to it by way of a relay: $in.
relayed() {
	local n
	background python3 "$HERE/app.py" serve port "$@"
	eventually test -s port
	for n in near far relay; do
		ockam node create "$n"
	done
	ockam relay create far --at relay --to far
	ockam tcp-outlet create --at far --to "127.0.0.1:$(cat port)"
	in=$(ockam tcp-inlet create --at near --to /node/relay/service/forward_to_far/secure/api/service/outlet)
}

passed() { # how many frames the relay has not copied
	curl -sS --unix-socket "$OCKAM_HOME/run/relay/control.sock" http://localhost/metrics |
		sed -n 's/^ockam_frames_total{stage="passed uncopied"} //p'
}

@test "bulk passes a relay uncopied, both ways, and is the same" {
	local i
	relayed echo
	for i in 1 2 3 4 5; do # a relay that keeps up with small receives sees no bulk
		read -r sent got < <($app send "$in" 60000000)
		[ "$sent" = "$got" ]
		[ "$(passed)" = 0 ] || break
	done
	[ "$(passed)" -gt 0 ]
	expect 0 "$(dirname "$OCKAM")/../ockam-dp/ockam-dp" -n relay -j label show path splice
	json 'map(.why) | unique | .[]' 'it is bulk: large frames pass without being copied'
}

@test "the same without splice, where a data plane is told to do without" {
	export OCKAM_URING_MASK=splice
	relayed echo
	read -r sent got < <($app send "$in" 60000000)
	[ "$sent" = "$got" ]
	[ "$(passed)" = 0 ]
}
