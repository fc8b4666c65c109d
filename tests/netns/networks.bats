#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The same two nodes behind NATs on networks that are slow, lossy, narrow and cut, and a relay that is
# restarted under load. Each case has a topology of its own.

load ../e2e/helper
source "$HERE/../netns/topology.sh"

setup() {
	missing=$(topology_missing)
	[ -z "$missing" ] || skip "$missing"
	NET=ockam-w$BASHPID
	use_home homes
	topology_up "$NET"
}

teardown() {
	[ -n "${NET:-}" ] || return 0
	delete_homes || left=1
	topology_down "$NET"
	[ -z "${left:-}" ]
}

at() { # at MACHINE ARGUMENTS OF OCKAM...
	OCKAM_HOME=$TEST_ROOT/$1 topology_in "$NET" "$1" "$OCKAM" "${@:2}"
}

nodes_up() {
	R=$(at relay identity create)
	A=$(at n1 identity create)
	B=$(at n2 identity create)
	at relay node create relay -t $TOPOLOGY_RELAY:4000 --authorized "$B" >/dev/null
	at n1 node create n1 >/dev/null
	at n2 node create n2 --authorized "$A" >/dev/null
	at n2 relay create n2 --at /ip4/$TOPOLOGY_RELAY/tcp/4000 --to n2 --authorized "$R" >/dev/null
	ROUTE=/ip4/$TOPOLOGY_RELAY/tcp/4000/service/forward_to_n2
	channel=$(at n1 secure-channel create --from n1 --to "$ROUTE/service/api" --authorized "$B")
}

says_hello() { # says_hello TIMEOUT: through the channel
	[ "$(at n1 message send hello --from n1 --to "$channel/service/uppercase" --timeout "$1" 2>/dev/null)" = HELLO ]
}

echoes() { # echoes BYTES TIMEOUT
	head -c "$1" /dev/urandom >"$BATS_TEST_TMPDIR/body"
	at n1 message send - --from n1 --to "$channel/service/echo" --timeout "$2" <"$BATS_TEST_TMPDIR/body" |
		cmp - "$BATS_TEST_TMPDIR/body"
}

wan() { # wan I OPTIONS...: see wan.py
	topology_wan "$NET" "$1"
	background ip netns exec "$NET-wan$1" python3 "$HERE/../netns/wan.py" "$BATS_TEST_TMPDIR/wan$1" near far \
		--seed "$1" "${@:2}" >"$BATS_TEST_TMPDIR/wan$1.out"
	eventually test -s "$BATS_TEST_TMPDIR/wan$1"
}

cut() { # cut MACHINE DEVICE, mend MACHINE DEVICE
	ip -n "$NET-$1" link set "$2" down
}
mend() {
	ip -n "$NET-$1" link set "$2" up
}

@test "200 ms from end to end, and 1 % loss on both sides" {
	wan 1 --delay 100 --loss 1
	wan 2 --delay 100 --loss 1
	nodes_up
	says_hello 10s
	echoes 150000 60s
	started=$(date +%s%N)
	says_hello 20s
	[ $(($(date +%s%N) - started)) -ge 400000000 ] # there and back: the delay is real
	for pid in "${helpers[@]}"; do
		kill "$pid"
	done
	wait "${helpers[@]}" || true
	helpers=()
	lost=$(cat "$BATS_TEST_TMPDIR"/wan?.out)
	[[ "$lost" =~ [1-9][0-9]*\ lost ]] # and so is the loss
}

@test "an MTU of 1280 on the public links" {
	for i in 1 2; do
		ip -n "$NET-relay" link set port$i mtu 1280
		ip -n "$NET-nat$i" link set pub mtu 1280
	done
	topology_in "$NET" n1 ping -c 1 -W 5 -M "do" -s 1200 $TOPOLOGY_RELAY
	run topology_in "$NET" n1 ping -c 1 -W 2 -M "do" -s 1300 $TOPOLOGY_RELAY
	[ "$status" = 1 ] # no answer; 127 would be: no ping
	nodes_up
	says_hello 10s
	echoes 1048576 30s
}

@test "a link is cut for a moment: nobody notices" {
	nodes_up
	cut nat1 pub
	background at n1 message send patience --from n1 --to "$channel/service/uppercase" --timeout 30s >"$BATS_TEST_TMPDIR/out"
	up_since=$(at n1 secure-channel show "$channel" --at n1 --jq .age_s)
	waits() { [ "$(ip netns exec "$NET-n1" ss -Htno state established dst $TOPOLOGY_RELAY | grep -c 'timer:(on')" -ge 1 ]; }
	eventually waits # it is on its way, and is not acknowledged
	mend nat1 pub
	wait "$helper"
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = PATIENCE ]
	[ "$(at n1 secure-channel show "$channel" --at n1 --jq .state)" = '"up"' ]
	[ "$(at n1 secure-channel show "$channel" --at n1 --jq .age_s)" -ge "$up_since" ]
}

@test "a link is cut for long: the channel says so, and comes back by itself" {
	nodes_up
	cut nat1 pub
	expect 69 at n1 message send hello --from n1 --to "$channel/service/uppercase" --timeout 1s
	down() { [ "$(at n1 secure-channel show "$channel" --at n1 --jq .state)" != '"up"' ]; }
	until down; do :; done # the test's own time-out bounds it
	mend nat1 pub
	eventually says_hello 5s
	eventually says_hello 5s
}

@test "the registrant's link is cut for long: its name comes back" {
	nodes_up
	cut nat2 pub
	# the other end is not there, and the sender learns it
	expect 69 at n1 message send hello --from n1 --to "$channel/service/uppercase" --timeout 1s
	down() { [ "$(at n1 secure-channel show "$channel" --at n1 --jq .state)" != '"up"' ]; }
	until down; do :; done
	mend nat2 pub
	until says_hello 5s; do :; done
	[ "$(at n2 relay list --at n2 --jq '.[0].state')" = '"up"' ]
}

@test "the relay is restarted, and killed, under load: no wrong answer, no end" {
	nodes_up
	relay_pid() { at relay node show relay --jq .pid; }
	load_of() { # load_of I: counts of good answers and of failures; a wrong answer ends it
		local n=0 good=0 failed=0 answer
		while [ ! -e "$BATS_TEST_TMPDIR/enough" ]; do
			n=$((n + 1))
			if answer=$(at n1 message send "load-$1-$n" --from n1 --to "$channel/service/uppercase" --timeout 2s 2>/dev/null); then
				[ "$answer" = "LOAD-$1-$n" ] || { echo "wrong: $answer" >"$BATS_TEST_TMPDIR/wrong"; return 1; }
				good=$((good + 1))
				echo "$good" >"$BATS_TEST_TMPDIR/good$1"
			else
				failed=$((failed + 1))
			fi
		done
		echo "$good $failed" >"$BATS_TEST_TMPDIR/load$1"
	}
	loads=()
	for i in 1 2 3; do
		background load_of $i
		loads+=("$helper")
	done
	for how in stop kill stop; do
		rm -f "$BATS_TEST_TMPDIR"/good?
		flows() { compgen -G "$BATS_TEST_TMPDIR/good?" >/dev/null; }
		until flows; do :; done
		if [ $how = kill ]; then
			kill -9 "$(relay_pid)"
			at relay node delete relay >/dev/null
			at relay node create relay -t $TOPOLOGY_RELAY:4000 --authorized "$B" >/dev/null
		else
			at relay node stop relay >/dev/null
			at relay node start relay >/dev/null
		fi
	done
	rm -f "$BATS_TEST_TMPDIR"/good?
	until flows; do :; done
	touch "$BATS_TEST_TMPDIR/enough"
	wait "${loads[@]}"
	[ ! -e "$BATS_TEST_TMPDIR/wrong" ]
	cat "$BATS_TEST_TMPDIR"/load?
}
