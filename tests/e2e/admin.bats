#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ockam-dp: what it shows of real nodes with a channel, a relay and a portal; and what it does when it
# cannot.

load helper

setup() {
	use_home
	cd "$BATS_TEST_TMPDIR"
	PATH=$(dirname "$OCKAM")/../ockam-dp:$PATH
	SCHEMA=$HERE/../../tools/ockam-dp/ockam-dp.schema.json
}

teardown() { delete_homes; }

# keep OBJECT: $output is such rows (an array, or one line for each), to be looked at by `valid`.
keep() {
	printf '%s' "$output" >"kept.$1.$((kept += 1)).json"
}

# valid [OBJECT]: what was kept, and (of OBJECT) what $output has, is as the schema says; $rows: how many
# rows the latter has.
valid() {
	[ -z "${1-}" ] || keep "$1"
	rows=$(python3 - "$SCHEMA" kept.*.json <<-'END'
		import json, jsonschema, sys
		schema = json.load(open(sys.argv[1]))
		jsonschema.Draft7Validator.check_schema(schema)
		whole = jsonschema.Draft7Validator(schema)
		for name in sorted(sys.argv[2:], key=lambda n: int(n.split('.')[2])):
		    what, text = name.split('.')[1], open(name).read()
		    rows = json.loads(text) if text.startswith('[') else [json.loads(l) for l in text.splitlines()]
		    one = jsonschema.Draft7Validator(dict(schema['definitions'][what], definitions=schema['definitions']))
		    for r in rows:
		        one.validate(r)
		    if what != 'event':
		        whole.validate(rows)
		print(len(rows))
	END
	)
	rm kept.*.json
}

nodes() { # n1 and n2 with a channel between them, through a relay, and a portal with one connection open
	local file=port
	ockam node create relay
	ockam node create n1
	ockam node create n2
	ockam relay create blue --at /node/relay --to n2
	background python3 "$HERE/app.py" serve "$file" echo
	eventually test -s "$file"
	ockam tcp-outlet create --at n2 --to "127.0.0.1:$(cat "$file")"
	inlet=$(ockam tcp-inlet create --at n1 --from 0 \
		--to /node/relay/service/forward_to_blue/secure/api/service/outlet)
	coproc held { exec python3 "$HERE/app.py" lines "$inlet"; }
	exec {to}>&"${held[1]}" {from}<&"${held[0]}" # subshells do not get those of a coprocess
	echo hello >&"$to"
	read -r line <&"$from"
	[ "$line" = hello ]
}

@test "every object of nodes that work is shown, as the schema says" {
	nodes
	local node object
	for node in n1 n2 relay; do
		for object in worker link session label stream portal counter limit; do
			expect 0 ockam-dp -j -n $node $object show
			keep $object
			expect 0 ockam-dp -j -d -p -ts -n $node $object
			keep $object
			expect 0 ockam-dp -s -d -n $node $object
		done
	done
	expect 0 ockam-dp -j -a link show
	valid link
	json '[.[].node] | unique | join(" ")' 'n1 n2 relay'
	# the portal and its connection
	expect 0 ockam-dp -j -n n1 portal
	valid portal
	[ "$rows" -ge 1 ]
	json '.[0].service' outlet
	json '.[0].streams' 1
	expect 0 ockam-dp -j -n n1 stream show state established
	valid stream
	[ "$rows" = 1 ]
	json '.[0].bytes_tx' 6
	json '.[0].bytes_rx' 6
	# the session's peer is who the identity is
	expect 0 ockam-dp -j -n n1 session show peer "$(identity_of "$OCKAM_HOME" | cut -c1-12)"
	valid session
	[ "$rows" -ge 1 ]
	json '[.[].state] | unique[]' established
	# what the relay forwards, and why so
	expect 0 ockam-dp -j -n relay label show state used
	valid label
	[ "$rows" -ge 2 ]
	json '[.[] | has("path") and has("why")] | all' true
	local out
	out=$(jq '.[0].egress' <<<"$output")
	expect 0 ockam-dp -j -n relay label show egress "$out"
	json "[.[].egress == $out] | all" true
	# what was sent is what was counted
	expect 0 ockam-dp -j -d -n relay stats
	json '[.[] | select(.stage == "in") | .value] | add - ([.[]] | 0)' \
		"$(jq '[.[] | select(.stage == "used" or .stage == "on" or .stage == "dropped") | .value] | add' <<<"$output")"
}

@test "words may be shortened, options stand anywhere, filters are those of ss" {
	ockam node create n1
	ockam node create n2
	ockam secure-channel create --from n1 --to /node/n2/service/api
	expect 0 ockam-dp -n n1 link show -j transport tcp
	json length 1
	local id link
	id=$(jq '.[0].link' <<<"$output")
	expect 0 ockam-dp -j -n n1 li sh
	json length 2
	expect 0 ockam-dp -j li sh # the default node
	json length 2
	expect 0 ockam-dp -j link show $id
	json '.[0].link' $id
	expect 0 ockam-dp -j link get $id
	json '.[0].link' $id
	expect 0 ockam-dp -j session show bytes gt 1 and not role responder
	json length 1
	expect 0 ockam-dp -j session show bytes gt 1M
	json length 0
	expect 0 ockam-dp session show bytes gt 1M
	is ''
	expect 0 ockam-dp -o link show $id
	matches "link $id state up transport tcp peer 127\.0\.0\.1:[0-9]+ labels 1 queued 0"
	expect 0 ockam-dp stats value gt 0
	[[ "${lines[0]}" =~ ^stage\ +name\ +value$ ]]
	[[ "${lines[1]}" =~ ^in\ +received\ +[1-9] ]]
	expect 0 ockam-dp -d worker
	matches $'worker .*version.*'
}

@test "what is not there, or not understood, is one sentence and its exit code" {
	expect 66 ockam-dp link
	one_sentence
	says NotFound
	ockam node create n1
	expect 66 ockam-dp -n nobody link
	one_sentence
	says 'there is no node nobody'
	expect 66 ockam-dp link get 4000
	one_sentence
	says 'node n1 has no link 4000'
	expect 66 ockam-dp label del 2 3
	says 'has no such link 2 label 3'
	expect 2 ockam-dp colour
	one_sentence
	expect 2 ockam-dp link paint
	one_sentence
	expect 2 ockam-dp link show colour red
	one_sentence
	says 'no value "colour"'
	expect 2 ockam-dp -q link
	one_sentence
	expect 2 ockam-dp link get
	one_sentence
	expect 2 ockam-dp -n n1 -a link
	one_sentence
	expect 2 ockam-dp -a link del 2
	one_sentence
	ockam node stop n1
	expect 69 ockam-dp -n n1 link
	one_sentence
	says 'node n1 is not running'
	expect 0 ockam-dp -j -a link
	is '[]'
	expect 78 env -u OCKAM_HOME -u HOME "$(command -v ockam-dp)" link
	one_sentence
}

@test "help states the grammar at every level, and needs no node" {
	expect 0 ockam-dp
	[[ "$output" == *'OBJECT :='*'COMMAND :='*'OPTIONS :='*'FILTER :='* ]]
	expect 0 ockam-dp help
	expect 0 ockam-dp -h
	local object
	for object in worker link session label stream portal counter limit; do
		expect 0 ockam-dp $object help
		[[ "$output" == *"ockam-dp $object show [FILTER]"*'FILTER :='* ]]
	done
	expect 0 ockam-dp session help
	[[ "$output" == *'session set [session] NUMBER ping'*'session del [session] NUMBER'* ]]
	expect 0 ockam-dp -V
	matches 'ockam-dp [0-9.]+'
}

@test "it fits narrow terminals, pipes, and people without colours" {
	ockam node create n1
	ockam node create n2
	ockam secure-channel create --from n1 --to /node/n2/service/api
	local line
	COLUMNS=40 expect 0 ockam-dp -s link show transport tcp
	for line in "${lines[@]}"; do
		[ "${#line}" -le 40 ]
	done
	[ "${lines[0]}" = 'link 2 state up transport tcp' ]
	COLUMNS=200 expect 0 ockam-dp -s link show transport tcp
	[ "${#lines[@]}" = 2 ]
	unset NO_COLOR
	expect 0 ockam-dp -c link
	[[ "$output" == *$'\033['* ]]
	expect 0 ockam-dp link
	[[ "$output" != *$'\033['* ]]
	expect 0 script -qec 'ockam-dp link' /dev/null
	[[ "$output" == *$'\033['* ]]
	NO_COLOR=1 expect 0 script -qec 'ockam-dp link' /dev/null
	[[ "$output" != *$'\033['* ]]
	# a reader that has enough, and a disk that is full
	ockam-dp -d link | true
	expect 74 bash -c 'ockam-dp link >/dev/full'
	one_sentence
	says 'could not write'
}

@test "a batch runs line by line and says where it fails" {
	ockam node create n1
	printf '%s\n' '# comment' '' 'worker show -j' 'link show # none' '-o limit show "name" "path queues"' >cmds
	expect 0 ockam-dp -b cmds
	[[ "${lines[0]}" == '[{"worker":'* ]]
	[[ "${lines[-1]}" == 'name path queues'* ]]
	printf '%s\n' 'worker show' 'colour' 'link show -j' >cmds
	expect 2 ockam-dp -b cmds
	says 'cmds:2: there is no "colour"'
	[[ "$output" != *'[]'* ]]
	expect 2 ockam-dp -b cmds -force
	[[ "$output" == *'[]' ]]
	expect 0 ockam-dp -b - <<<'worker show'
	expect 66 ockam-dp -b missing
	one_sentence
}

@test "watch shows rates, the busiest first" {
	nodes
	(for i in {1..400}; do echo "$i"; read -r -t 0.02 <> <(:) || true; done >&"$to") 3>&- 4>&- &
	helpers+=($!)
	cat <&"$from" >/dev/null 3>&- 4>&- &
	helpers+=($!)
	moving() {
		expect 0 ockam-dp -n n1 -j -w 0.2 -count 2 stream
		[ "${#lines[@]}" = 2 ] && [ "$(jq '.[0].bytes_tx > 0' <<<"${lines[1]}")" = true ]
	}
	eventually moving
	expect 0 ockam-dp -n n1 -w 0.1 -count 1 link
	[[ "${lines[0]}" == 'per second, over '* ]]
}

@test "what is deleted goes, and what was told of it is kept" {
	ockam node create n1
	ockam node create n2
	local address
	address=$(ockam secure-channel create --from n1 --to /node/n2/service/api)
	expect 0 ockam-dp -j session
	local id
	id=$(jq '.[0].session' <<<"$output")
	expect 0 ockam-dp session set $id ping
	expect 0 ockam-dp session del $id
	is ''
	gone() { [ "$(ockam-dp -j session)" = '[]' ]; }
	eventually gone
	closed() { [ "$(ockam secure-channel list --at n1)" = '[]' ]; }
	eventually closed
	expect 66 ockam-dp session del $id
	# the link too; control sees it end, and the channel comes back by another
	ockam secure-channel create --from n1 --to /node/n2/service/api
	id=$(ockam-dp -j link show transport tcp | jq '.[0].link')
	expect 0 ockam-dp link del $id
	expect 66 ockam-dp link get $id
	again() { [ "$(ockam-dp -j session show state established | jq length)" = 1 ]; }
	eventually again
}

@test "events are told as they happen" {
	ockam node create n1
	ockam node create n2
	background ockam-dp -n n1 -j monitor >events
	listening() { ockam-dp -n n1 -j worker >/dev/null && [ -d "/proc/$helper" ] && [ "$(ls -l "/proc/$helper/fd" | grep -c socket)" -ge 1 ]; }
	eventually listening
	local channel
	seen() { grep -q "$1" events; }
	opened() {
		channel=$(ockam secure-channel create --from n1 --to /node/n2/service/api)
		seen '"name":"session".*"event":"established"\|"event":"established".*"name":"session"'
	}
	eventually opened
	ockam secure-channel delete "$channel" --at n1
	eventually seen '"event":"closed"'
	seen '"event":"up"'
	seen '"reason":"done"'
	output=$(cat events)
	valid event
	[ "$rows" -ge 4 ]
	# only of one object, and only what the filter takes
	background ockam-dp -n n1 -j monitor session event closed >closings
	watching() {
		ockam secure-channel delete "$(ockam secure-channel create --from n1 --to /node/n2/service/api)" --at n1
		[ -s closings ]
	}
	eventually watching
	[ -z "$(jq -r 'select(.name != "session" or .event != "closed")' closings)" ]
	# a refused one, with who and why
	OCKAM_HOME=$BATS_TEST_TMPDIR/other
	mkdir -p "$OCKAM_HOME"
	ockam identity create >/dev/null
	refused() {
		ockam secure-channel create --from x --to "/dnsaddr/localhost/tcp/$(port_of n1 "$BATS_TEST_TMPDIR/home")/service/api" --authorized any --timeout 5s 2>/dev/null || true
		seen '"event":"refused"'
	}
	ockam node create x
	eventually refused
	seen '"reason":"not authorized"'
	OCKAM_HOME=$BATS_TEST_TMPDIR/home
	# the data plane ends: so does the monitor
	ockam node stop n1
	gone() { [ ! -d "/proc/$helper" ] || grep -q Z "/proc/$helper/stat"; }
	eventually gone
}

@test "it works when control is dead, and after it was taken over" {
	nodes
	kill -9 "$(ockam node show n1 --jq .pid)"
	down() { [ "$(ockam node show n1 --output json | jq -r .status)" = 'control down' ]; }
	eventually down
	expect 0 ockam-dp -n n1 -j session show state established
	valid session
	[ "$rows" -ge 1 ]
	echo again >&"$to"
	read -r line <&"$from"
	[ "$line" = again ]
	ockam node start n1
	expect 0 ockam-dp -n n1 -j session show state established
	json '[.[] | has("peer")] | all' true
	# a data plane that ended has another after it
	kill -9 "$(ockam node show n2 --jq .dataplane.pid)"
	back() { ockam-dp -n n2 -j worker 2>/dev/null; }
	eventually back
}

@test "another user can look at nothing" {
	[ "$(id -u)" = 0 ] || skip "only root can become another user"
	ockam node create n1
	[ "$(stat -c %a "$OCKAM_HOME/run/n1/admin.sock")" = 600 ]
	# the directories, and the programs, in the way of others
	local dir=$BATS_TEST_TMPDIR
	for program in ockam-dp; do cp "$(command -v $program)" "$BATS_TEST_TMPDIR/$program"; done
	while [ "$dir" != / ]; do
		[ "$(stat -c %a "$dir" | tail -c 2)" -ge 5 ] || chmod o+rx "$dir"
		dir=$(dirname "$dir")
	done
	expect 77 setpriv --reuid 65534 --regid 65534 --clear-groups env OCKAM_HOME="$OCKAM_HOME" "$BATS_TEST_TMPDIR/ockam-dp" -n n1 link
	one_sentence
	says "another user's"
	# even where the files would let them
	chmod -R o+rwx "$OCKAM_HOME"
	expect 77 setpriv --reuid 65534 --regid 65534 --clear-groups env OCKAM_HOME="$OCKAM_HOME" "$BATS_TEST_TMPDIR/ockam-dp" -n n1 link
	one_sentence
	says "another user's"
	chmod -R o-rwx "$OCKAM_HOME"
}
