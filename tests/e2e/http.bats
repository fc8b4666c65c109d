#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ockam node create --http-server: the control API on 127.0.0.1, behind a token.

load helper
setup() { use_home; }
teardown() { delete_homes; }

address_of() { ockam node show "$1" --output json | jq -r .http_server_address; }
token_of() { cat "$OCKAM_HOME/nodes/$1/http_token"; }

# call METHOD PATH [curl's options]: with the token of n1; sets $status (of HTTP) and $output (the body).
call() {
	local method=$1 path=$2
	shift 2
	at=${at:-$(address_of n1)}
	curl -sS -X "$method" -H "Authorization: Bearer $(token_of n1)" -o "$BATS_TEST_TMPDIR/body" \
		-w '%{http_code}' "http://$at$path" "$@" >"$BATS_TEST_TMPDIR/code"
	status=$(cat "$BATS_TEST_TMPDIR/code") output=$(cat "$BATS_TEST_TMPDIR/body")
}
# code_of [curl's options]: the status alone, without a token.
code_of() { curl -sS -o /dev/null -w '%{http_code}' "$@"; }

@test "a node has none unless it is asked for" {
	ockam node create n1
	expect 0 ockam node show n1
	json .http_server_address null
	[ ! -e "$OCKAM_HOME/nodes/n1/http_token" ]
}

@test "the API of the Unix socket, and a token that only the user can read" {
	expect 0 ockam node create n1 --http-server
	is n1
	says "http://127.0.0.1:"
	says "$OCKAM_HOME/nodes/n1/http_token"
	[ "$(stat -c %a "$OCKAM_HOME/nodes/n1/http_token")" = 600 ]
	[[ "$(token_of n1)" =~ ^[0-9a-f]{64}$ ]]
	call GET /v1/node
	[ "$status" = 200 ]
	json .name n1
	json .http_server_address "$(address_of n1)"
	call GET /show
	json .name n1
	call POST '/v1/messages?to=/service/uppercase' --data-binary hello
	is HELLO
	call POST /v1/services --data '{"name": "echo", "addr": "again"}'
	json .addr again
	call DELETE /v1/services/again
	[ "$status" = 200 ]
	call GET /v1/nothing
	[ "$status" = 404 ]
	call GET /
	[ "$status" = 405 ]
	call OPTIONS /v1/node
	[ "$status" = 405 ]
	call POST /v1/relays --data-binary nonsense
	[ "$status" = 400 ]
	json .exit 2
}

@test "only HEAD / without the token" {
	ockam node create n1 --http-server
	url=http://$(address_of n1) token=$(token_of n1)
	[ "$(code_of -I "$url/")" = 200 ]
	[ "$(code_of -I "$url/show")" = 401 ]
	[ "$(code_of "$url/")" = 401 ]
	for path in /v1/node /show /metrics /openapi.json /nothing; do
		[ "$(code_of "$url$path")" = 401 ]
	done
	[ "$(code_of -H "Authorization: Bearer ${token%?}x" "$url/show")" = 401 ]
	[ "$(code_of -H "Authorization: Bearer ${token%?}" "$url/show")" = 401 ]
	[ "$(code_of -H "Authorization: Basic $token" "$url/show")" = 401 ]
	[ "$(code_of "$url/show?token=$token")" = 401 ]
	[ "$(code_of -H "Authorization: Bearer $token" "$url/show")" = 200 ]
	run curl -si "$url/show"
	[[ "$output" == *"WWW-Authenticate: Bearer"* && "$output" != *"$token"* ]]
	! grep -q "$token" "$OCKAM_HOME/nodes/n1/stdout.log"
	# nothing is read of a large body, and strangers write nothing into the log
	head -c 3000000 /dev/zero >"$BATS_TEST_TMPDIR/zeros"
	run curl -s -o /dev/null -w '%{http_code}' --data-binary "@$BATS_TEST_TMPDIR/zeros" "$url/v1/messages?to=/service/echo"
	[ "$output" = 401 ]
	! grep -q 'not authorized' "$OCKAM_HOME/nodes/n1/stdout.log"
}

@test "no page that a browser was led to gets through" {
	ockam node create n1 --http-server
	url=http://$(address_of n1)
	port=${url##*:}
	auth="Authorization: Bearer $(token_of n1)"
	[ "$(code_of -H "$auth" -H "Host: localhost:$port" "$url/show")" = 200 ]
	for host in evil.example "evil.example:$port" localhost "localhost.evil.example:$port" "0.0.0.0:$port" "[::1]:$port"; do
		[ "$(code_of -H "$auth" -H "Host: $host" "$url/show")" = 403 ]
		[ "$(code_of -I -H "Host: $host" "$url/")" = 403 ]
	done
	[ "$(code_of -0 -H "$auth" -H 'Host:' "$url/show")" = 403 ]
	exec 5<>"/dev/tcp/127.0.0.1/$port"
	printf 'GET /show HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nHost: evil.example\r\n%s\r\n\r\n' "$port" "$auth" >&5
	read -r answer <&5
	[[ "$answer" == *" 403 "* ]]
	[ "$(code_of -H "$auth" -H 'Origin: http://evil.example' "$url/show")" = 403 ]
	[ "$(code_of -H "$auth" -H 'Origin: null' "$url/show")" = 403 ]
	[ "$(code_of -H "$auth" -H "Origin: $url" "$url/show")" = 200 ]
	run curl -si -X OPTIONS -H 'Origin: http://evil.example' -H 'Access-Control-Request-Method: GET' "$url/show"
	[[ "${output,,}" != *access-control* ]]
	run curl -si -H "$auth" "$url/show"
	[[ "${output,,}" != *access-control* && "$output" == *no-store* ]]
}

@test "it listens on 127.0.0.1 alone" {
	ockam node create n1 --http-server -t 0.0.0.0:0
	port=$(address_of n1 | sed 's/.*://')
	run ss -Hltn "sport = :$port"
	[ "${#lines[@]}" = 1 ]
	[[ "$output" == *"127.0.0.1:$port"* ]]
}

@test "port and token stay, by whatever the node is started" {
	port=$(free_port)
	expect 0 ockam node create n1 --http-server-port "$port"
	[ "$(address_of n1)" = "127.0.0.1:$port" ]
	ockam node create n2 --http-server-port 0
	was=$(address_of n2) token=$(token_of n2)
	ockam node stop n2
	expect 0 ockam node show n2
	json .http_server_address null
	ockam node start n2 >/dev/null
	[ "$(address_of n2)" = "$was" ]
	[ "$(token_of n2)" = "$token" ]
	kill -9 "$(ockam node show n2 --output json | jq .pid)"
	ockam node start n2 >/dev/null
	[ "$(address_of n2)" = "$was" ]
	[ "$(code_of -H "Authorization: Bearer $token" "http://$was/show")" = 200 ]
	expect 75 ockam node create n3 --http-server-port "$port"
	says "127.0.0.1:$port is in use"
	expect 66 ockam node show n3
	expect 0 ockam node delete n2
	[ ! -e "$OCKAM_HOME/nodes/n2" ]
}

@test "what makes no sense, and a token that others can read" {
	expect 2 ockam node create n1 --http-server-port 65536
	expect 2 ockam node create n1 --http-server-port http
	expect 2 ockam node create n1 --http-server=yes
	ockam node create n1 --http-server
	ockam node stop n1
	chmod 644 "$OCKAM_HOME/nodes/n1/http_token"
	expect 78 ockam node start n1
	says http_token
	one_sentence
	rm "$OCKAM_HOME/nodes/n1/http_token"
	expect 0 ockam node start n1
	[ "$(stat -c %a "$OCKAM_HOME/nodes/n1/http_token")" = 600 ]
}

@test "keys of a configuration, and in the foreground" {
	ockam node create --configuration '{name: n1, http-server: true}'
	[[ "$(address_of n1)" == 127.0.0.1:* ]]
	port=$(free_port)
	ockam node create --configuration "{name: n2, http_server_port: $port}"
	[ "$(address_of n2)" = "127.0.0.1:$port" ]
	background ockam node create n3 --foreground --http-server
	up() { [[ "$(address_of n3 2>/dev/null)" == 127.0.0.1:* ]]; }
	eventually up
	[ "$(code_of -H "Authorization: Bearer $(token_of n3)" "http://$(address_of n3)/show")" = 200 ]
	kill "$helper"
	gone() { [ ! -e "$OCKAM_HOME/nodes/n3" ]; }
	eventually gone
}

@test "another user of the machine gets nothing" {
	[ "$(id -u)" = 0 ] || skip "only root can be somebody else"
	ockam node create n1 --http-server
	url=http://$(address_of n1)
	somebody() { setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"; }
	chmod 711 "$BATS_TEST_TMPDIR" # so that it is the home that keeps him out
	[ "$(somebody curl -sS -I -o /dev/null -w '%{http_code}' "$url/")" = 200 ]
	[ "$(somebody curl -sS -o /dev/null -w '%{http_code}' "$url/show")" = 401 ]
	[ "$(somebody curl -sS -o /dev/null -w '%{http_code}' -X DELETE "$url/v1/services/echo")" = 401 ]
	run somebody cat "$OCKAM_HOME/nodes/n1/http_token"
	[ "$status" != 0 ]
	run somebody curl -sS --unix-socket "$OCKAM_HOME/run/n1/control.sock" http://localhost/v1/node
	[ "$status" != 0 ]
	run somebody env OCKAM_HOME="$OCKAM_HOME" "$OCKAM" service stop echo --at n1
	[ "$status" != 0 ]
	expect 0 ockam service list --at n1
	json '[.[].addr] | contains(["echo"])' true
}

@test "slow strangers go, and keep nobody out" {
	ockam node create n1 --http-server
	at=$(address_of n1) token=$(token_of n1)
	run python3 "$HERE/slow_clients.py" "$at" "$token"
	echo "$output"
	[ "$status" = 0 ]
}
