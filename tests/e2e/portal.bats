#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# TCP portals between nodes: real connections, through channels and a relay.

load helper

setup() {
	use_home
	cd "$BATS_TEST_TMPDIR"
	app="python3 $HERE/app.py"
}

teardown() {
	delete_homes
}

# serve MODE [N]: an application on a free port; sets $target.
serve() {
	local file=port.$RANDOM
	background python3 "$HERE/app.py" serve "$file" "$@"
	eventually test -s "$file"
	target=127.0.0.1:$(cat "$file")
}

two_nodes() { # with an outlet to $target, and an inlet: $in
	ockam node create n1
	ockam node create n2
	ockam tcp-outlet create --at n2 --to "$target"
	in=$(ockam tcp-inlet create --at n1 --from 0 --to /node/n2/secure/api/service/outlet "$@")
}

resident_kb() { # of both processes of a node
	local control
	control=$(ockam node show "$1" --jq .pid)
	awk '/VmRSS/ { kb += $2 } END { print kb }' "/proc/$control/status" \
		"/proc/$(ockam node show "$1" --jq .dataplane.pid)/status"
}

@test "bytes go through in both directions, and the same ones" {
	serve echo
	two_nodes
	[[ "$in" =~ ^127\.0\.0\.1:[0-9]+$ ]]
	read -r sent got < <($app send "$in" 20000000)
	[ "$sent" = "$got" ]
	expect 0 ockam tcp-inlet show "$in" --at n1
	json .state up
	json .channels_up "$(jq .channels <<<"$output")"
	counted() { [ "$(ockam tcp-inlet list --at n1 --jq '.[0] | [.connections, .bytes_in, .bytes_out]' --compact-output)" = '[1,20000000,20000000]' ]; }
	eventually counted
	counted() { [ "$(ockam tcp-outlet list --at n2 --jq '.[0] | [.connections, .open, .bytes_in, .bytes_out]' --compact-output)" = '[1,0,20000000,20000000]' ]; }
	eventually counted
}

@test "connections that are open are counted, with what they have moved" {
	serve echo
	two_nodes
	coproc held { exec $app lines "$in"; }
	echo 12345 >&"${held[1]}"
	read -r line <&"${held[0]}"
	[ "$line" = 12345 ]
	counted() { [ "$(ockam tcp-inlet show "$in" --at n1 --jq '[.open, .connections, .bytes_in, .bytes_out]' --compact-output)" = "$1" ]; }
	eventually counted '[1,1,6,6]'
	[ "$(ockam tcp-inlet list --at n1 --jq '.[0].open')" = 1 ]
	served() { [ "$(ockam tcp-outlet list --at n2 --jq '.[0] | [.open, .connections, .bytes_in, .bytes_out]' --compact-output)" = "$1" ]; }
	eventually served '[1,1,6,6]'
	[ "$(ockam tcp-outlet show outlet --at n2 --jq .bytes_in)" = 6 ]
	exec {held[1]}>&-
	eventually counted '[0,1,6,6]'
	eventually served '[0,1,6,6]'
}

@test "small messages come back one by one" {
	serve echo
	two_nodes
	expect 0 bash -c "printf 'one\ntwo\nthree\n' | $app lines $in"
	is "one
two
three"
}

@test "the target speaks first" {
	serve name
	two_nodes
	expect 0 timeout 10 bash -c "$app lines $in <<<ignored"
	is 'hello, I speak first'
}

@test "half-close: each way ends by itself, in both orders" {
	serve sum
	two_nodes
	read -r sent got < <($app send "$in" 3000000)
	[ "$sent" = "$got" ]
	ockam tcp-outlet delete outlet --at n2
	serve pour 5000000
	ockam tcp-outlet create --at n2 --to "$target"
	[ "$($app take "$in")" = "$($app take "$target")" ]
}

@test "through a relay that cannot read, and the shorter spelling" {
	serve echo
	ockam node create relay
	ockam node create n1
	ockam node create n2
	ockam relay create n2 --at relay --to n2
	ockam tcp-outlet create --at n2 --to "$target" --from db
	in=$(ockam tcp-inlet create --at n1 --via /node/relay/service/forward_to_n2 --to db)
	read -r sent got < <($app send "$in" 5000000)
	[ "$sent" = "$got" ]
	# without a secure element there is a channel all the same
	in=$(ockam tcp-inlet create --at n1 --to /node/relay/service/forward_to_n2/service/db)
	read -r sent got < <($app send "$in" 100000)
	[ "$sent" = "$got" ]
	[ "$(ockam tcp-inlet show "$in" --at n1 --jq .peer_identifier)" = "\"$(ockam identity show)\"" ]
}

@test "through a relay each session has links of its own, on both sides" {
	serve echo
	ockam node create relay
	ockam node create n1 --workers 2
	ockam node create n2 --workers 2
	ockam relay create n2 --at relay --to n2
	ockam tcp-outlet create --at n2 --to "$target"
	links() { ockam tcp-connection list --at relay --jq "[.[] | select(.mode == \"accepted\" and .state == \"up\" and .paths >= $1)] | length"; }
	# the registration has three, each with its channel to the relay; then each has a session more
	registered() { [ "$(links 0)" = 3 ]; }
	eventually registered
	works() {
		in=$(ockam tcp-inlet create --at n1 --alias in --parallel 3 --to /node/relay/service/forward_to_n2/secure/api/service/outlet)
		[ "$(ockam tcp-inlet show in --at n1 --jq .channels_up)" = 3 ] && [ "$(links 1)" = 6 ] && [ "$(links 2)" = 3 ] && return
		ockam tcp-inlet delete in --at n1
		return 1
	}
	eventually works # once the ways have joined
	for i in 1 2 3 4 5 6; do
		read -r sent got < <($app send "$in" 500000)
		[ "$sent" = "$got" ]
	done
	# a registrant that comes back has them again
	ockam node stop n2
	ockam node start n2
	again() { [ "$(ockam tcp-inlet show in --at n1 --jq .channels_up)" = 3 ] && read -r sent got < <($app send "$in" 1000 2>/dev/null) && [ "$sent" = "$got" ]; }
	eventually again
	ockam relay delete n2 --at n2
	let_go() { [ "$(ockam worker list --at relay --jq '[.[] | select(.addr | startswith("forward_to"))] | length')" = 0 ]; }
	eventually let_go
}

@test "many connections at once" {
	serve echo
	two_nodes
	for i in $(seq 40); do
		background bash -c "$app send $in $((i * 10000)) >sums.$i"
		clients+=("$helper")
	done
	wait "${clients[@]}"
	for i in $(seq 40); do
		read -r sent got <sums.$i
		[ -n "$sent" ] && [ "$sent" = "$got" ]
	done
}

@test "a reset is a reset on the other side" {
	serve reset
	two_nodes
	[ "$($app fate "$in")" = reset ]
}

@test "a target that refuses, and an outlet that is not there, are a reset" {
	target=127.0.0.1:$(free_port)
	two_nodes
	[ "$($app fate "$in")" = reset ]
	expect 0 ockam tcp-inlet show "$in" --at n1
	json .failures 1
	[[ "$(jq -r .last_error <<<"$output")" == *"refused the connection"* ]]
	expect 0 ockam tcp-outlet show outlet --at n2
	json .failures 1
	ockam tcp-outlet delete /service/outlet --at n2
	[ "$($app fate "$in")" = reset ]
	[[ "$(ockam tcp-inlet show "$in" --at n1 --jq .last_error)" == *NotFound* ]]
}

@test "a name that is resolved for each connection, and one that is not known" {
	serve echo
	ockam node create n1
	ockam node create n2
	ockam tcp-outlet create --at n2 --to "localhost:${target#*:}"
	ockam tcp-outlet create --at n2 --to no-such-host.invalid:80 --from lost
	in=$(ockam tcp-inlet create --at n1 --to /node/n2/secure/api/service/outlet)
	read -r sent got < <($app send "$in" 1000)
	[ "$sent" = "$got" ]
	in=$(ockam tcp-inlet create --at n1 --to /node/n2/secure/api/service/lost)
	[ "$($app fate "$in")" = reset ]
	[[ "$(ockam tcp-outlet show lost --at n2 --jq .last_error)" == *"not resolved"* ]]
}

@test "Unix sockets on both sides" {
	background $app serve "unix:$PWD/target.sock" echo
	eventually test -S target.sock
	ockam node create n1
	ockam node create n2
	ockam tcp-outlet create --at n2 --to unix:target.sock
	expect 0 ockam tcp-inlet create --at n1 --from unix:in.sock --to /node/n2/secure/api/service/outlet
	is "unix:$PWD/in.sock"
	read -r sent got < <($app send unix:in.sock 100000)
	[ "$sent" = "$got" ]
	ockam tcp-inlet delete "unix:$PWD/in.sock" --at n1
	[ ! -e in.sock ]
}

@test "a reader that stops: memory stays bounded, others go on" {
	serve hold
	two_nodes
	serve echo
	ockam tcp-outlet create --at n2 --to "$target" --from other
	other=$(ockam tcp-inlet create --at n1 --to /node/n2/secure/api/service/other)
	before=$(($(resident_kb n1) + $(resident_kb n2)))
	taken=$($app stuff "$in")
	[ "$taken" -lt 60000000 ] # it was stopped
	read -r sent got < <($app send "$other" 1000000)
	[ "$sent" = "$got" ]
	after=$(($(resident_kb n1) + $(resident_kb n2)))
	[ $((after - before)) -lt 100000 ]
}

@test "an inlet before its outlet, and before its node" {
	ockam node create n1
	port=$(free_port)
	expect 0 ockam tcp-inlet create --at n1 --to "/ip4/127.0.0.1/tcp/$port/secure/api/service/outlet" --alias early
	in=$output
	says 'not connected yet'
	expect 0 ockam tcp-inlet create --at n1 --to "/ip4/127.0.0.1/tcp/$port/secure/api/service/outlet" --no-connection-wait
	[ -z "$stderr" ]
	refused() { [ "$($app fate "$in")" = reset ]; }
	eventually refused
	serve echo
	ockam node create n2 -t "127.0.0.1:$port"
	ockam tcp-outlet create --at n2 --to "$target"
	up() { [ "$(ockam tcp-inlet show early --at n1 --jq .state)" = '"up"' ]; }
	until up; do :; done
	read -r sent got < <($app send "$in" 1000)
	[ "$sent" = "$got" ]
}

@test "--retry-wait: as long between attempts, after a restart too, and in a file" {
	ockam node create n1
	port=$(free_port)
	expect 0 ockam tcp-inlet create --at n1 --to "/ip4/127.0.0.1/tcp/$port/secure/api/service/outlet" --alias slow --retry-wait 1h --parallel 1
	says 'not connected yet'
	expect 0 ockam tcp-inlet show slow --at n1
	json .retry_wait_ms 3600000
	ockam node stop n1
	ockam node start n1
	[ "$(ockam tcp-inlet show slow --at n1 --jq .retry_wait_ms)" = 3600000 ]
	# the other one finds its outlet, and this one has not looked again
	cat >n3.yaml <<-FILE
		tcp-inlets:
		  quick: {from: 0, to: /ip4/127.0.0.1/tcp/$port/secure/api/service/outlet, retry-wait: 50ms}
	FILE
	expect 0 ockam node create n3 --configuration n3.yaml
	[ "$(ockam tcp-inlet show quick --at n3 --jq .retry_wait_ms)" = 50 ]
	serve echo
	ockam node create n2 -t "127.0.0.1:$port"
	ockam tcp-outlet create --at n2 --to "$target"
	up() { [ "$(ockam tcp-inlet show quick --at n3 --jq .state)" = '"up"' ]; }
	eventually up
	[ "$(ockam tcp-inlet show slow --at n1 --jq .state)" = '"connecting"' ]
	expect 2 ockam tcp-inlet create --at n1 --to /node/n2/secure/api/service/outlet --retry-wait 0
	expect 2 ockam tcp-inlet create --at n1 --to /node/n2/secure/api/service/outlet --retry-wait soon
}

@test "stop and start: inlets and outlets are there again, on the same port" {
	serve echo
	two_nodes
	ockam node stop n2
	ockam node stop n1
	ockam node start n2
	ockam node start n1
	works() { read -r sent got < <($app send "$in" 1000 2>/dev/null) && [ "$sent" = "$got" ]; }
	eventually works
	ockam node stop n2
	eventually test "$($app fate "$in")" = reset
	ockam node start n2
	works() { read -r sent got < <($app send "$in" 1000 2>/dev/null) && [ "$sent" = "$got" ]; }
	eventually works
}

@test "the path breaks in mid-transfer: an error on both sides, no clean end" {
	serve hold
	two_nodes
	$app fate "$in" >fate &
	reader=$!
	open() { [ "$(ockam tcp-outlet show outlet --at n2 --jq .open)" = 1 ]; }
	eventually open
	kill -9 "$(ockam node show n2 --jq .dataplane.pid)"
	wait "$reader"
	[ "$(cat fate)" = reset ]
	closed() { [ "$(ockam tcp-outlet show outlet --at n2 --jq .open)" = 0 ]; }
	eventually closed
}

@test "only whom the other side admits" {
	serve echo
	use_home other
	B=$(identity_of "$OCKAM_HOME")
	ockam node create n2
	port=$(port_of n2)
	ockam tcp-outlet create --at n2 --to "$target"
	use_home home
	ockam node create n1
	expect 0 ockam tcp-inlet create --at n1 --to "/ip4/127.0.0.1/tcp/$port/secure/api/service/outlet" --alias a
	says 'not authorized'
	[ "$(ockam tcp-inlet show a --at n1 --jq .state)" = '"refused"' ]
	A=$(identity_of "$OCKAM_HOME")
	OCKAM_HOME=$TEST_ROOT/other ockam secure-channel-listener create guests --at n2 --authorized "$A"
	in=$(ockam tcp-inlet create --at n1 --to "/ip4/127.0.0.1/tcp/$port/secure/guests/service/outlet" --authorized "$B" --alias b)
	read -r sent got < <($app send "$in" 1000)
	[ "$sent" = "$got" ]
	[ "$(ockam tcp-inlet show b --at n1 --jq .peer_identifier)" = "\"$B\"" ]
}

@test "list, show, delete" {
	serve echo
	two_nodes --alias web --parallel 2
	expect 0 ockam tcp-inlet list --at n1
	json '.[0].alias' web
	json '.[0].channels' 2
	expect 0 ockam node show n1
	json '.inlets[0].bind_addr' "$in"
	expect 0 ockam node show n2
	json '.outlets[0].worker_address' /service/outlet
	expect 0 ockam worker list --at n2
	json '.[] | select(.type == "tcp_outlet").addr' outlet
	expect 0 ockam tcp-inlet delete web --at n1
	is web
	[ "$($app fate "$in")" = refused ]
	expect 0 ockam tcp-inlet list --at n1
	is '[]'
	expect 0 ockam tcp-outlet delete outlet --at n2
	is /service/outlet
	expect 0 ockam secure-channel list --at n2
	gone() { [ "$(ockam secure-channel list --at n2)" = '[]' ]; }
	eventually gone
	expect 66 ockam tcp-inlet show web --at n1
	says NotFound
	expect 66 ockam tcp-outlet delete outlet --at n2
}

@test "in a configuration file" {
	serve echo
	cat >m.yaml <<-FILE
		nodes:
		  n2:
		    tcp-outlets:
		      db: {to: ${target#*:}}
		  n1:
		    tcp-inlets:
		      to-db: {from: 0, via: /node/n2, to: db}
	FILE
	expect 0 ockam run m.yaml
	in=$(ockam tcp-inlet show to-db --at n1 --jq .bind_addr | tr -d '"')
	read -r sent got < <($app send "$in" 1000)
	[ "$sent" = "$got" ]
}

@test "what is taken, and arguments" {
	ockam node create n1
	ockam node create n2
	expect 0 ockam tcp-outlet create --at n2 --to 5432
	is /service/outlet
	[ "$(ockam tcp-outlet show outlet --at n2 --jq .to)" = '"127.0.0.1:5432"' ]
	expect 0 ockam tcp-outlet create --at n2 --to 5432
	matches '/service/[0-9a-f]{8}'
	expect 73 ockam tcp-outlet create --at n2 --to 5432 --from outlet
	expect 73 ockam tcp-outlet create --at n2 --to 5432 --from echo
	in=$(ockam tcp-inlet create --at n1 --to /node/n2/secure/api/service/outlet --alias a)
	expect 73 ockam tcp-inlet create --at n1 --from "$in" --to /node/n2/secure/api/service/outlet
	expect 73 ockam tcp-inlet create --at n1 --to /node/n2/secure/api/service/outlet --alias a
	serve echo
	expect 75 ockam tcp-inlet create --at n1 --from "$target" --to /node/n2/secure/api/service/outlet
	expect 2 ockam tcp-inlet create --at n1 --to outlet
	says --via
	expect 2 ockam tcp-inlet create --at n1 --to /node/n2
	expect 2 ockam tcp-inlet create --at n1 --to /node/n2/secure/api
	expect 2 ockam tcp-inlet create --at n1 --via /node/n2 --to /service/outlet
	expect 2 ockam tcp-inlet create --at n1 --to /node/n2/secure/api/service/outlet --parallel 17
	expect 2 ockam tcp-inlet create --at n1 --to /service/outlet
	expect 2 ockam tcp-outlet create --at n2 --to nowhere
	expect 2 ockam tcp-outlet create --at n2
	expect 66 ockam tcp-inlet create --at n1 --to /node/n9/secure/api/service/outlet
	expect 0 ockam tcp-inlet list --at n1 --jq length
	is 1
}
