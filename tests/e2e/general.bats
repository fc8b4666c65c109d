#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What holds for every command: help, output, exit codes; status, reset, completion, environment.

load helper
setup() { use_home; }
teardown() { delete_homes; }

@test "help in every spelling" {
	for words in '' --help -h help 'help node create' 'node' 'node --help' 'node create --help' 'node create -h' \
		'help secure-channel create' 'message send --help' 'relay --help' 'forwarder create --help'; do
		expect 0 ockam $words
		[ -n "$output" ]
	done
	expect 0 ockam node create --help
	[[ "$output" == *--tcp-listener-address* ]]
}

@test "version" {
	expect 0 ockam --version
	[[ "$output" =~ [0-9]+\.[0-9]+\.[0-9]+ ]]
	expect 0 ockam -V
}

@test "unknown commands and options" {
	expect 2 ockam nonsense
	expect 2 ockam node nonsense
	expect 2 ockam node list --nonsense
	expect 2 ockam node create n1 extra
	expect 2 ockam help nonsense
	expect 0 ockam node list
	is '[]'
}

@test "--quiet silences hints, not results and errors" {
	expect 0 ockam node create n1 --quiet
	is n1
	[ -z "$stderr" ]
	expect 66 ockam --quiet node show nobody
	says NotFound
	QUIET=1 expect 0 ockam node create n2
	[ -z "$stderr" ]
}

@test "global options anywhere on the line" {
	expect 0 ockam --output json node list
	is '[]'
	expect 0 ockam node --output json list
	is '[]'
	expect 0 ockam node list --output json --no-color --no-input -v
	is '[]'
	expect 2 ockam node list --output xml
}

@test "--output json and --jq" {
	ockam node create n1
	expect 0 ockam node list --output json
	json '.[0].node_name' n1
	[[ "$output" == *'": '* ]]
	expect 0 ockam node list --output json --compact-output
	[[ "$output" != *'": '* ]]
	expect 0 ockam node list --jq '.[0].node_name'
	[[ "$output" == n1 || "$output" == '"n1"' ]]
	expect 2 ockam node list --jq '.[' </dev/null
	expect 0 ockam node show n1 --output json --pretty
	json .name n1
}

@test "plain output on a terminal is for people" {
	command -v script >/dev/null || skip "script(1) is not installed"
	ockam node create n1
	run script -qec 'ockam node list' /dev/null
	[ "$status" = 0 ]
	[[ "$output" == *n1* ]]
	[[ "$output" != *'[{'* ]]
}

@test "status" {
	expect 0 ockam status
	ockam node create n1
	expect 0 ockam status
	[[ "$output" == *n1* ]]
}

@test "reset" {
	expect 0 ockam reset -y
	ockam node create n1
	expect 2 ockam reset </dev/null
	expect 0 ockam node show n1
	pid=$(jq .pid <<<"$output")
	expect 0 ockam reset -y
	gone() { ! kill -0 "$pid" 2>/dev/null; }
	eventually gone
	[ -d "$OCKAM_HOME" ]
	[ -z "$(ls -A "$OCKAM_HOME")" ]
	expect 0 ockam reset --yes
	expect 0 ockam node list
	is '[]'
}

@test "environment" {
	expect 0 ockam environment
	[[ "$output" == *OCKAM_HOME* && "$output" == *OCKAM_DEFAULT_TIMEOUT* ]]
}

@test "default time-out from the environment, and an explicit one" {
	ockam node create n1
	peer silent
	start=$SECONDS
	OCKAM_DEFAULT_TIMEOUT=1s expect 69 ockam message send hello --from n1 --to "/ip4/127.0.0.1/tcp/$peer_port/service/echo"
	[ $((SECONDS - start)) -le 5 ]
	expect 69 ockam message send hello --from n1 --to "/ip4/127.0.0.1/tcp/$peer_port/service/echo" --timeout 500ms
	OCKAM_DEFAULT_TIMEOUT=nonsense expect 78 ockam message send hello --from n1 --to /service/echo
}

@test "the home is ~/.ockam without OCKAM_HOME" {
	mkdir "$BATS_TEST_TMPDIR/user"
	HOME=$BATS_TEST_TMPDIR/user
	unset OCKAM_HOME
	export HOME
	expect 0 ockam identity create
	[ -s "$HOME/.ockam/database.sqlite3" ]
}

@test "output to a full device is an error" {
	ockam node create n1
	run eval 'ockam node list >/dev/full'
	[ "$status" = 74 ]
}
