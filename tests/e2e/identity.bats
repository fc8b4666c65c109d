#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ockam identity create|list|show|delete|default and ockam vault create|list|show|move|delete

load helper
setup() { use_home; }
teardown() { delete_homes; }

@test "the first identity is the default" {
	expect 0 ockam identity create alice
	matches "$IDENTIFIER"
	alice=$output
	expect 0 ockam identity create bob
	[ "$output" != "$alice" ]
	expect 0 ockam identity show
	is "$alice"
	expect 0 ockam identity show alice
	is "$alice"
	expect 0 ockam identity default
	is alice
	expect 0 ockam identity default bob
	expect 0 ockam identity default
	is bob
	expect 66 ockam identity default nobody
	says NotFound
}

@test "list" {
	expect 0 ockam identity list
	is '[]'
	ockam identity create alice
	ockam identity create bob
	expect 0 ockam identity list
	json length 2
	expect 0 ockam identity list --output json --compact-output
	[[ "$output" != *': '* ]]
}

@test "show --full, and as hex" {
	alice=$(ockam identity create alice)
	expect 0 ockam identity show alice --full
	[[ "$output" == *"Identifier:"*"$alice"* ]]
	[[ "$output" == *"Change[0]:"* ]]
	[[ "$output" == *"primary_public_key:"* ]]
	expect 0 ockam identity show alice --full --encoding hex
	matches '[0-9a-f]+'
	expect 66 ockam identity show nobody
	says NotFound
	one_sentence
}

@test "a name that is taken, and bad names" {
	ockam identity create alice
	expect 73 ockam identity create alice
	expect 2 ockam identity create a/b
	expect 2 ockam identity create -- -x
}

@test "delete" {
	ockam identity create alice
	ockam identity create bob
	expect 0 ockam identity delete bob
	is bob
	expect 66 ockam identity delete bob
	says NotFound
	expect 2 ockam identity delete
	expect 2 ockam identity delete --all </dev/null
	expect 0 ockam identity delete --all -y
	expect 0 ockam identity list
	is '[]'
	expect 0 ockam identity delete
	is '[]'
}

@test "one that a node uses stays" {
	ockam identity create alice
	ockam node create n1 --identity alice
	expect 75 ockam identity delete alice
	says "used by"
	ockam node delete n1
	expect 0 ockam identity delete alice
}

@test "vaults" {
	expect 0 ockam vault list
	is '[]'
	ockam vault create one
	expect 73 ockam vault create one
	ockam vault create two --path "$BATS_TEST_TMPDIR/two.vault"
	[ "$(stat -c %a "$BATS_TEST_TMPDIR/two.vault")" = 600 ]
	expect 0 ockam vault show two --output json
	json .vault.name two
	json .vault.path "$BATS_TEST_TMPDIR/two.vault"
	json .vault.use_aws_kms No
	expect 0 ockam vault list
	json 'length' 2
	expect 66 ockam vault show nobody
	says NotFound
}

@test "a vault in use stays, an empty one goes" {
	ockam vault create one
	ockam vault create two
	ockam identity create alice --vault two
	expect 75 ockam vault delete two
	says identit
	expect 0 ockam vault delete one
	is one
	ockam identity delete alice
	expect 0 ockam vault delete two
	expect 66 ockam vault delete two
}

@test "a moved vault keeps its keys" {
	ockam vault create one --path "$BATS_TEST_TMPDIR/one.vault"
	alice=$(ockam identity create alice --vault one)
	expect 0 ockam vault move one --path "$BATS_TEST_TMPDIR/elsewhere.vault"
	[ ! -e "$BATS_TEST_TMPDIR/one.vault" ]
	expect 0 ockam identity show alice
	is "$alice"
	ockam node create n1 --identity alice
	expect 0 ockam node show n1
	json .identity "$alice"
}

@test "parallel creates" {
	pids=()
	for i in {1..8}; do ockam identity create "i$i" >/dev/null 3>&- & pids+=($!); done
	for pid in "${pids[@]}"; do wait "$pid"; done
	expect 0 ockam identity list
	json length 8
}
