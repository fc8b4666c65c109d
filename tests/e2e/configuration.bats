#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Configuration files: run, and node create FILE.

load helper

setup() {
	use_home
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	delete_homes
}

# refused LINE SAYS...: stdin is a file for `run` that is refused at that line, and nothing is made
refused() {
	cat >bad.yaml
	expect 65 ockam run bad.yaml
	one_sentence
	says "bad.yaml:$1: "
	for text in "${@:2}"; do
		says "$text"
	done
	[ ! -e "$OCKAM_HOME/nodes" ]
}

@test "the document's example, and a message to what it made" {
	sed -n '/^```yaml$/,/^```$/p' "$HERE/../../docs/configuration.md" | grep -v '^```' >machine.yaml
	port=$(free_port)
	expect 0 ockam run machine.yaml --variable PORT="$port"
	is "relay
api"
	expect 0 ockam message send hi --to /node/relay/service/forward_to_api/secure/guests/service/shout
	is HI
	[ "$(ockam node show relay --jq '.transports[0].socket_address')" = "\"127.0.0.1:$port\"" ]
	expect 0 ockam identity list
	json '.[0].name' alice
	[ "$(ockam node show api --jq .identity)" = "\"$(ockam identity show alice)\"" ]
}

@test "it is run from stdin, and printed as JSON" {
	expect 0 bash -c 'printf "nodes: {a: , b: {workers: 1}}" | ockam run - --output json'
	is '[{"name": "a"}, {"name": "b"}]'
	[ "$(ockam node show b --jq .dataplane.workers)" = 1 ]
}

@test "a step fails: the nodes that were made are gone, others stay" {
	ockam node create other
	cat >m.yaml <<-'FILE'
		nodes:
		  a: {}
		  b:
		    services: {uppercase: }
	FILE
	expect 73 ockam run m.yaml
	one_sentence
	says "m.yaml:4: "
	expect 0 ockam node list --jq '[.[].node_name]'
	is '["other"]'
	[ "$(ls "$OCKAM_HOME/nodes")" = other ]
}

@test "a node that runs already is left alone" {
	ockam node create b
	expect 73 ockam run - <<<'nodes: {a: , b: }'
	expect 0 ockam node list --jq '[.[].node_name]'
	is '["b"]'
	[ "$(ockam node show b --jq .status)" = '"running"' ]
}

@test "node create FILE, and what overrides it" {
	printf 'name: ${N}1\nauthorized: [any]\ntcp_listener_address: 127.0.0.1:0\nservices:\n- uppercase: {addr: shout}\n' >n.yaml
	expect 0 ockam node create n.yaml --variable N=x
	is x1
	expect 0 ockam message send hi --to /node/x1/secure/api/service/shout
	is HI
	N=y expect 0 ockam node create n.yaml --authorized "I$(printf '0%.0s' {1..64})"
	is y1
	[ "$(ockam secure-channel-listener show api --at y1 --jq '.authorized[0][:5]')" = '"I0000"' ]
	expect 0 ockam node create z --configuration 'secure-channel-listeners: guests'
	is z
	expect 0 ockam secure-channel-listener show guests --at z
	expect 0 ockam node create --configuration n.yaml --variable N=w
	is w1
}

@test "a node in the foreground gets its parts" {
	mkfifo in
	exec 8<>in
	background ockam node create f --configuration 'services: {uppercase: {addr: shout}}' --exit-on-eof <in >out 2>&1 8>&-
	eventually grep -qx f out
	expect 0 ockam message send hi --to /node/f/secure/api/service/shout
	is HI
	exec 8>&-
	wait "$helper"
	[ ! -e "$OCKAM_HOME/nodes/f" ]
	expect 73 ockam node create f --foreground --configuration 'services: {uppercase: }'
	[ ! -e "$OCKAM_HOME/nodes/f" ]
}

@test "what is wrong is named with its line, and nothing is made" {
	refused 2 YAML <<<'nodes: ['
	refused 1 'no `nodes`' <<<'variables: {}'
	refused 1 'anchors' <<<'nodes: &a {b: }'
	refused 2 'twice' <<<$'nodes:\n  {a: , a: }'
	refused 2 "unknown key 'node'" nodes <<<$'nodes: {a: }\nnode: {b: }'
	refused 3 "unknown key 'servces'" services relays <<<$'nodes:\n  a:\n    servces: x'
	refused 3 "unknown key 'from' in relays" listener <<<$'nodes:\n  a:\n    relays: {from: x}'
	refused 1 '--at ROUTE|NODE is missing' <<<'nodes: {a: {relays: {r: {timeout: 1s}}}}'
	refused 2 'workers: one value' <<<$'nodes: {a: {\n workers: [1, 2]}}'
	refused 2 "invalid value 'x' for workers" <<<$'nodes: {a: {\n workers: x}}'
	refused 1 "no name for a node" <<<'nodes: {a/b: }'
	refused 1 'stdin' <<<'nodes: {a: {relays: {r: {at: -/service/x}}}}'
	refused 1 "variable 'NOT_SET_X' has no value" <<<'nodes: {a: {identity: $NOT_SET_X}}'
	EMPTY_X='' refused 1 "Empty value for variable 'EMPTY_X'" <<<'nodes: {a: {identity: "${EMPTY_X}"}}'
	refused 1 'nodes: a map of names' <<<'nodes: a'
	refused 2 'a second document' <<<$'--- {nodes: {a: }}\n--- {}'
	refused 1 'too deep' <<<'nodes: [[[[[[[[[[[[x]]]]]]]]]]]]'
	refused 1 'longer than' < <(head -c 1100000 /dev/zero | tr '\0' ' ')
}

@test "a value cannot become more than a value" {
	expect 65 ockam node create --configuration 'identity: $X' --variable X='a, workers: 3'
	says "invalid value 'a, workers: 3' for identity"
	expect 65 ockam node create --configuration 'identity: $X' --variable X='--workers=3'
}

@test "arguments" {
	expect 66 ockam run not-there.yaml
	says NotFound
	expect 2 ockam run
	expect 2 ockam run x --variable 1=2
	expect 66 ockam node create not-there.yaml
	expect 2 ockam node create not/there
	printf 'name: a\n' >a.yaml
	expect 2 ockam node create a.yaml --configuration a.yaml
	expect 74 ockam run .
}

@test "the schema takes what the command takes" {
	ockam run --schema >schema.json
	sed -n '/^```yaml$/,/^```$/p' "$HERE/../../docs/configuration.md" | grep -v '^```' >machine.yaml
	PYTHONPATH='' /usr/bin/python3 - <<-'PROGRAM'
		import json, jsonschema, yaml
		schema = json.load(open("schema.json"))
		jsonschema.Draft7Validator.check_schema(schema)
		check = jsonschema.Draft7Validator(schema).is_valid
		assert check(yaml.safe_load(open("machine.yaml")))
		assert check({"name": "a", "tcp_listener_address": [1, "127.0.0.1:2"], "relays": {"at": "b"}})
		assert check({"nodes": {"a": None, "b": {"services": ["uppercase", {"echo": {"addr": "x"}}]}}})
		assert not check({"nodes": {"a": {"servces": "x"}}})
		assert not check({"nodes": {"a": {"workers": [1, 2]}}})
		assert not check({"name": "a", "relays": {"r": {"form": "x"}}})
		assert not check({"nodes": []})
	PROGRAM
}
