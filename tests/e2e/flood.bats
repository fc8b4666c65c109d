#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Floods against a relay and against an end, while others use them. What they do is measured and bounded
# by tests/flood/drive.py; ./dev flood runs the same for longer and shows the figures.

load helper
setup() { use_home; }
teardown() { delete_homes; }

@test "the honest get through every flood, memory stays bounded, and all is at rest after it" {
	run python3 "$HERE/../flood/drive.py" "$OCKAM" "$FLOOD" "$TEST_ROOT" --seconds 1.5 --paths 2000 --check
	echo "$output"
	[ "$status" = 0 ]
}
