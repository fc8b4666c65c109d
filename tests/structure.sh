#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# No source file has more than 500 lines, and no function more than 60, but those below, each with the reason.
#
#   structure.sh ROOT
#   structure.sh --stale ROOT   which of those below need no reason any more
#   structure.sh --self-test
set -euo pipefail
LIMIT=500 stale= FUNCTION_LIMIT=60

# file: why it is long
long_files() {
	cat <<-'LIST'
		control/channel.c: the table of channels and their common life; its two roles have files of their own
		control/initiator.c: one state machine, by little
		control/link.c: the table of links, its limits and their life; dialling and HELLO have files of their own
		control/loop.c: the node's door, one function for each thing outside
		control/message.c: requests of this node, by little
		control/registration.c: one state machine
		dataplane/admin_srv.c: the operator's door, an entry for each object
		dataplane/app.c: sockets of applications, all that happens to one
		dataplane/kernel_path.c: what a path needs to be taken by the kernel, and why it is not
		dataplane/link_socket.c: sockets of links, each way in which a receive or a send ends
		dataplane/rx.c: the walk over received frames, what every frame may turn into
		dataplane/seam_srv.c: the seam's server, an entry for each command
		dataplane/worker.c: one thread's loop, and what its engine asks of sockets
		dataplane/tx.c: what leaves, in each of the three ways it can wait
		dataplane/udp.c: sockets of datagrams, by little
		dataplane/worker.c: one loop, each thing that can complete in it
		tests/admin_test.c: one fixture, one case for each object of the operator's door
		tests/bpf/steer_test.c: one fixture, one case for each kind of packet
		tests/bpf/udp_relay_test.c: one fixture, one case for each decision of the program
		tests/dataplane_test.c: one fixture, one case for each thing that a link may do
		tests/e2e/crash.bats: each process killed at each point
		tests/fuzz/world.c: the steps that a program of the fuzzer is made of
		tests/portal_test.c: one fixture
		tests/sim/sim_node.c: a node's door in the simulator, one function for each thing outside
		tests/unit/engine_session_test.c: one fixture of three nodes
		tests/unit/path_test.c: one fixture, one case for each thing that may happen to a path
		tests/unit/relay_test.c: one fixture, by little
		tools/ockam/table.c: the table of commands
	LIST
}

# file:function: why it is long
long_functions() {
	cat <<-'LIST'
		dataplane/main.c:run: the order in which a process becomes what it is
		tests/fuzz/control.c:step: a switch, one line for each thing a program can do
		tests/sim/sim_test.c:random_world: one story
		tests/unit/engine_worker_test.c:frames_cross_workers: one story
	LIST
}

# Lines "LINES FILE:FUNCTION" of C functions that are too long.
functions() {
	sources | grep '\.[ch]$' | sort | xargs -d '\n' awk -v max=$FUNCTION_LIMIT '
		FNR == 1 { start = 0 }
		/^\{/ { start = FNR; name = head }
		/^\}/ {
			if (start && FNR - start - 1 > max) {
				sub(/\(.*/, "", name)
				sub(/.*[ *]/, "", name)
				print FNR - start - 1, FILENAME ":" name
			}
			start = 0
		}
		/^[a-zA-Z_].*\(/ { head = $0 }'
}

sources() {
	find include lib home control dataplane bpf tools tests vagrant -type f \
		\( -name '*.[ch]' -o -name '*.py' -o -name '*.sh' -o -name '*.bash' -o -name '*.bats' -o -name '*.lua' \) \
		! -path '*/corpus/*' ! -path '*/__pycache__/*' ! -path 'tests/vectors/*' 2>/dev/null || true # not all are there
}

check() { # check ROOT [LIST [FUNCTIONS]]: complaints on stdout
	cd "$1"
	local list=${2-$(long_files)} names=${3-$(long_functions)} bad=0 n file listed found
	while read -r n file; do
		[ "$file" = total ] && continue
		listed=$(grep -c "^$file: ..*" <<<"$list" || true)
		if [ "$n" -gt "$LIMIT" ] && [ "$listed" = 0 ]; then
			echo "$file has $n lines: split it by noun, or give the reason in tests/structure.sh"
			bad=1
		elif [ "$n" -le "$LIMIT" ] && [ "$listed" != 0 ] && [ -n "$stale" ]; then
			echo "$file has $n lines: it needs no reason in tests/structure.sh any more"
			bad=1
		fi
	done < <(sources | sort | xargs -d '\n' wc -l)
	found=$(functions)
	while read -r n file; do
		[ -z "$file" ] || grep -q "^$file: ..*" <<<"$names" ||
			{ echo "$file has $n lines: more than $FUNCTION_LIMIT"; bad=1; }
	done <<<"$found"
	while read -r file; do
		[ -z "$file" ] || [ -z "$stale" ] || grep -q " $file$" <<<"$found" ||
			{ echo "$file needs no reason in tests/structure.sh any more"; bad=1; }
	done < <(cut -d: -f1,2 <<<"$names")
	return $bad
}

self_test() {
	local tree bad=0 out
	tree=$(mktemp -d)
	trap "rm -rf '$tree'" EXIT
	mkdir "$tree/lib"
	seq 501 >"$tree/lib/long.c"
	seq 500 >"$tree/lib/short.c"
	{ echo 'int f(int a)'; echo '{'; seq 60; echo '}'; echo 'static void *g(int a,'; echo '	int b)'; echo '{'; seq 61; echo '}'; } >"$tree/lib/f.c"
	expects() { # expects TEXT LIST [FUNCTIONS]; an empty text: nothing to complain of
		out=$(check "$tree" "$2" "${3-lib/f.c:g: a table}") && [ -n "$1" ] && bad=1
		[ -n "$1" ] || [ -z "$out" ] || bad=1
		[[ "$out" == *"$1"* ]] || { echo "self-test: \"$out\" instead of \"$1\""; bad=1; }
	}
	expects 'lib/long.c has 501 lines: split' ''
	expects '' 'lib/long.c: a table'
	expects 'lib/long.c has 501 lines: split' 'lib/long.c:'
	expects '' $'lib/long.c: a table\nlib/short.c: none'
	stale=yes
	expects 'needs no reason' $'lib/long.c: a table\nlib/short.c: none'
	expects 'lib/f.c:g has 61 lines' 'lib/long.c: a table' ''
	expects 'lib/f.c:f needs no reason' 'lib/long.c: a table' $'lib/f.c:g: a table\nlib/f.c:f: none'
	return $bad
}

case ${1-} in
--self-test) self_test ;;
--stale)
	stale=yes
	check "$2"
	;;
?*) check "$1" ;;
*) sed -n '3,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
