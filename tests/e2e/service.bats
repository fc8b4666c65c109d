#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ockam service list|start|stop and ockam worker list

load helper
setup_file() {
	TEST_ROOT=$BATS_FILE_TMPDIR
	export TEST_ROOT
	use_home
	ockam node create n1
}
setup() { use_home; }
teardown_file() { delete_homes; }

@test "the default ones, and nothing else" {
	expect 0 ockam service list --at n1
	json '[.[].addr] | sort | join(" ")' 'api echo forwarding_service hop uppercase'
	json '.[] | select(.addr == "echo").route' /service/echo
}

@test "start and stop" {
	expect 0 ockam service start uppercase --addr upper --at n1
	is /service/upper
	channel=$(ockam secure-channel create --from "$(ockam node create helper)" --to /node/n1/service/api)
	expect 0 ockam message send hello --from helper --to "$channel/service/upper"
	is HELLO
	expect 73 ockam service start echo --addr upper --at n1
	expect 73 ockam service start uppercase --at n1
	expect 0 ockam service stop upper --at n1
	expect 66 ockam service stop upper --at n1
	says NotFound
	expect 66 ockam message send hello --from n1 --to /service/upper
	expect 66 ockam service start nonsense --at n1
	ockam node delete helper
}

@test "stop a default one and start it again" {
	ockam service stop uppercase --at n1
	expect 66 ockam message send hello --to /node/n1/service/uppercase
	expect 0 ockam service start uppercase --at n1
	is /service/uppercase
	expect 0 ockam message send hello --to /node/n1/service/uppercase
	is HELLO
}

@test "worker list" {
	expect 0 ockam worker list --at n1
	json '[.[].addr] | contains(["api", "echo", "uppercase"])' true
	expect 66 ockam worker list --at nobody
	says NotFound
}
