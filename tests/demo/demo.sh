#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh DIR: with the programs in DIR, two nodes that do not know each other's network talk through a
# relay that cannot read them. As root each of the three is a machine of its own (a network namespace),
# and two of them are behind NATs; without root all three are on loopback. Cleans up on every exit.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
. "$here/../netns/topology.sh"
programs=$(readlink -f "$1")
work=$(mktemp -d /tmp/ockam-demo.XXXXXX)
net=ockam-demo-$$
sniffer=
export NO_COLOR=1
unset OCKAM_HOME OCKAM_LOG QUIET

clean_up() {
	local code=$? machine
	trap - EXIT
	[ -z "$sniffer" ] || kill "$sniffer" 2>/dev/null || true
	for machine in n1 n2 relay; do
		[ ! -d "$work/$machine" ] || OCKAM_HOME=$work/$machine "$programs/ockam" node delete --all -y >/dev/null 2>&1 || true
	done
	[ -n "$missing" ] || topology_down "$net"
	rm -rf "$work"
	exit $code
}

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# on MACHINE COMMAND LINE: shows it and runs it there, as its user would; the output stays in $result.
on() {
	local machine=$1 line=$2 shell=(bash -c)
	[ -n "$missing" ] || shell=(ip netns exec "$net-$machine" bash -c)
	printf '\033[32m%s$\033[0m %s\n' "$machine" "$line"
	if ! OCKAM_HOME=$work/$machine PATH=$programs:$PATH "${shell[@]}" "set -o pipefail; $line" >"$work/result" 2>"$work/error"; then
		cat "$work/result" "$work/error"
		echo "demo: this command failed" >&2
		exit 1
	fi
	cat "$work/error" "$work/result"
	result=$(<"$work/result")
}

missing=$(topology_missing)
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

if [ -z "$missing" ]; then
	say "Three machines: n1 and n2 behind NATs of their own, a relay in public between them."
	topology_up "$net"
	relay_address=$TOPOLOGY_RELAY
	listen=-t\ $relay_address:4000
else
	say "Three homes on loopback, because $missing."
	relay_address=127.0.0.1
	listen=
fi

say "Each has its own home and identity; nobody trusts anybody yet."
on relay 'ockam identity create'; relay_id=$result
on n1 'ockam identity create'; n1_id=$result
on n2 'ockam identity create'; n2_id=$result

say "The relay lets n2 register with it. It will hold no key of theirs."
on relay "ockam node create relay${listen:+ $listen} --authorized $n2_id"
on relay "ockam node show relay --jq .route.verbose"
on relay "ockam node show relay --jq '.transports[0].socket_address'"
port=$(sed -E 's/.*:([0-9]+)"?$/\1/' <<<"$result")
at=/ip4/$relay_address/tcp/$port

say "n2 accepts channels from n1 alone, and is reached by a name at the relay."
on n2 "ockam node create n2 --authorized $n1_id"
on n2 "ockam relay create n2 --at $at --to n2 --authorized $relay_id"
name=$result

if [ -z "$missing" ]; then
	say "n1 cannot reach n2 by itself: its NAT lets nothing in."
	on n1 "timeout 1 bash -c '</dev/tcp/203.0.113.12/4000' 2>/dev/null || echo 'no connection to 203.0.113.12'"
fi

say "n1 opens a channel to n2, through the relay, end to end."
on n1 'ockam node create n1'
on n1 "ockam secure-channel create --from n1 --to $at$name/service/api --authorized $n2_id"
channel=$result

if python3 "$here/../netns/sniff.py" --probe 2>/dev/null; then
	iface=lo
	[ -n "$missing" ] || iface=br0
	capture=(python3 "$here/../netns/sniff.py" "$iface" "$port" "$work/capture.pcap")
	[ -n "$missing" ] || capture=(ip netns exec "$net-relay" "${capture[@]}")
	"${capture[@]}" &
	sniffer=$!
	for _ in {1..200}; do
		[ -s "$work/capture.pcap" ] && break
		read -r -t 0.02 <> <(:) || true
	done
fi

say "A message, and its answer from n2's uppercase service."
on n1 "ockam message send 'attack at dawn' --from n1 --to $channel/service/uppercase"
[ "$result" = 'ATTACK AT DAWN' ]

say "The same in one line: a channel, and a message into it."
on n1 "ockam secure-channel create --from n1 --to $at$name/service/api --authorized $n2_id | ockam message send 'hello ockam!' --from n1 --to -/service/uppercase"
[ "$result" = 'HELLO OCKAM!' ]

say "n1 wants n2 and nobody else: the relay cannot stand in for it."
on n1 "ockam secure-channel create --from n1 --to $at/service/api --authorized $n2_id || echo \"exit \$?\""
[ "$result" = 'exit 77' ]

say "What n1 knows about its channel:"
on n1 "ockam secure-channel show $channel --at n1"

if [ -n "$sniffer" ]; then
	say "What the relay saw of the first message: lengths, labels, counters; no plaintext, no identity."
	kill "$sniffer" 2>/dev/null || true
	wait "$sniffer" 2>/dev/null || true
	sniffer=
	python3 "$here/../netns/sniff.py" --frames "$work/capture.pcap" | awk '/^[0-9]/ { n += / DATA / } n > 4 { exit } { print }'
	if grep -qai -e 'attack at dawn' -e 'hello ockam' "$work/capture.pcap"; then
		echo "demo: the plaintext is in the capture" >&2
		exit 1
	fi
	echo "\"attack at dawn\" and \"ATTACK AT DAWN\" are nowhere in the $(stat -c %s "$work/capture.pcap") bytes captured at the relay."
else
	say "Capturing what the relay sees needs root; run the demo as root to see it."
fi
