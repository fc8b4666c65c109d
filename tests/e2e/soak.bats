#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Short soaks of portals between real nodes (tests/soak/drive.py); ./dev soak runs them for minutes.

load helper
setup() { use_home; }
teardown() { delete_homes; }

soak() { # soak OPTIONS...
	run python3 "$HERE/../soak/drive.py" "$OCKAM" "$SOAK" "$CROWD" "$TEST_ROOT" --connections 60 "$@"
	echo "$output"
	[ "$status" = 0 ]
}

@test "every byte and every end is the right one, directly and through a relay" {
	soak --only direct,relay --seconds 2
}

@test "what carries the connections breaks: an error on both sides, never a clean end too early" {
	soak --only cuts --seconds 4 --cut-every 1
}

@test "a thousand connections through one portal cost little" {
	soak --only crowd --crowd 1000 --rate-seconds 1
}
