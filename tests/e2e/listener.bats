#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ockam secure-channel-listener create|list|show|delete

load helper
setup_file() {
	TEST_ROOT=$BATS_FILE_TMPDIR
	export TEST_ROOT
	use_home
	ockam node create n1
	ockam node create n2
}
setup() { use_home; }
teardown_file() { delete_homes; }

@test "create, list, show" {
	expect 0 ockam secure-channel-listener create one --at /node/n2
	is /service/one
	expect 0 ockam secure-channel-listener list --at n2
	json '[.[].address] | sort | join(" ")' '/service/api /service/one'
	expect 0 ockam secure-channel-listener show one --at n2
	json .address /service/one
	expect 0 ockam secure-channel-listener show /service/one --node n2
	json .address /service/one
}

@test "a name that is taken, by a listener or by a service" {
	expect 73 ockam secure-channel-listener create api --at n2
	expect 73 ockam secure-channel-listener create uppercase --at n2
	one_sentence
}

@test "delete really stops it, and the name is free at once" {
	ockam secure-channel-listener create two --at n2
	expect 0 ockam secure-channel-listener delete two --at n2
	is /service/two
	expect 66 ockam secure-channel create --from n1 --to /node/n2/service/two
	says NotFound
	expect 0 ockam secure-channel-listener create two --at n2
	expect 0 ockam secure-channel create --from n1 --to /node/n2/service/two
	matches "$ADDRESS"
	expect 66 ockam secure-channel-listener delete nothing --at n2
	says NotFound
	expect 66 ockam secure-channel-listener show nothing --at n2
	says NotFound
}

@test "its channels outlive the listener" {
	ockam secure-channel-listener create three --at n2
	channel=$(ockam secure-channel create --from n1 --to /node/n2/service/three)
	ockam secure-channel-listener delete three --at n2
	expect 0 ockam message send hello --from n1 --to "$channel/service/uppercase"
	is HELLO
}

@test "with an identity of its own" {
	other=$(ockam identity create other)
	ockam secure-channel-listener create four --at n2 --identity other
	channel=$(ockam secure-channel create --from n1 --to /node/n2/service/four)
	expect 0 ockam secure-channel show "$channel" --at n1
	json .peer_identifier "$other"
	expect 66 ockam secure-channel-listener create five --at n2 --identity nobody
	says NotFound
}

@test "--authorized any is shown" {
	ockam secure-channel-listener create six --at n2 --authorized any
	expect 0 ockam secure-channel-listener show six --at n2
	json '.authorized | tostring | test("any")' true
}

@test "bad names" {
	expect 2 ockam secure-channel-listener create a/b --at n2
	expect 2 ockam secure-channel-listener create
	expect 66 ockam secure-channel-listener create x --at nobody
	says NotFound
}
