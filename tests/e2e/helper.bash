# SPDX-License-Identifier: Apache-2.0
# Common to the tests of the command line. Each test works in homes of its own below its own temporary
# directory; nothing outside is touched, ports are picked free. OCKAM is the program under test.

bats_require_minimum_version 1.8.0
HERE=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
PATH=$(dirname "${OCKAM:?the program under test}"):$PATH
export OCKAM PATH NO_COLOR=1
unset OCKAM_HOME OCKAM_LOG OCKAM_LOG_FORMAT OCKAM_DEFAULT_TIMEOUT QUIET NO_INPUT

# What a test file calls in setup: a fresh home. `use_home NAME` changes to another of this test.
use_home() {
	TEST_ROOT=${TEST_ROOT:-$BATS_TEST_TMPDIR}
	export OCKAM_HOME=$TEST_ROOT/${1:-home}
	# sanitizer builds report into files, so that a node that fails in the background is noticed
	mkdir -p "$TEST_ROOT/reports"
	local to=log_path=$TEST_ROOT/reports/report
	export ASAN_OPTIONS=${ASAN_OPTIONS%%:log_path=*}:$to
	export UBSAN_OPTIONS=${UBSAN_OPTIONS%%:log_path=*}:$to
}

# What a test file calls in teardown (or teardown_file, with TEST_ROOT=$BATS_FILE_TMPDIR).
delete_homes() {
	local home pid left=0
	for pid in "${helpers[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	for home in "$TEST_ROOT"/*/; do
		home=${home%/}
		[ -d "$home/run" ] || [ -d "$home/nodes" ] || continue
		OCKAM_HOME=$home ockam node delete --all -y >/dev/null 2>&1 || true
		for pid in $(pgrep -f -- "ockam-control.*--home $home " || true); do
			kill -9 "$pid" 2>/dev/null && left=1
			echo "$home: a control process was left behind: $pid"
		done
		eventually no_dataplane_of "$home" || left=1
	done
	if compgen -G "$TEST_ROOT/reports/*" >/dev/null; then
		head -n 60 "$TEST_ROOT"/reports/*
		left=1
	fi
	return $left
}

# Whose environment can be read only by root, since they hide from other processes of their user.
no_dataplane_of() { # no_dataplane_of HOME
	local pid
	for pid in $(pgrep -f -- 'ockam-dataplane --seam-fd' || true); do
		grep -qzx "OCKAM_HOME=$1" "/proc/$pid/environ" 2>/dev/null || continue
		echo "$1: a data plane is there: $pid"
		return 1
	done
}

# expect CODE COMMAND...: runs it, fails unless it exits with CODE; sets $output (stdout) and $stderr.
expect() {
	local want=$1
	shift
	run --separate-stderr "$@"
	[ "$status" = "$want" ] || {
		echo "$*: exit $status, expected $want"
		echo "stdout: $output"
		echo "stderr: $stderr"
		return 1
	}
}

# is TEXT: $output is exactly TEXT. says TEXT: $stderr contains it. matches REGEX: $output as a whole.
is() {
	[ "$output" = "$1" ] || { echo "got \"$output\", expected \"$1\""; return 1; }
}
says() {
	[[ "$stderr" == *"$1"* ]] || { echo "stderr \"$stderr\" does not say \"$1\""; return 1; }
}
matches() {
	[[ "$output" =~ ^$1$ ]] || { echo "got \"$output\", expected /$1/"; return 1; }
}
one_sentence() { # the error is one line
	[ "${#stderr_lines[@]}" = 1 ] || { echo "not one line: $stderr"; return 1; }
}

# json FILTER VALUE: the jq filter on $output yields VALUE.
json() {
	local got
	got=$(jq -r "$1" <<<"$output") || { echo "not JSON: $output"; return 1; }
	[ "$got" = "$2" ] || { echo "$1 is \"$got\", expected \"$2\" in $output"; return 1; }
}

# eventually COMMAND...: until it succeeds, at most 15 s (EVENTUALLY_S where machines are slow).
eventually() {
	local until=$((SECONDS + ${EVENTUALLY_S:-15}))
	until "$@"; do
		[ "$SECONDS" -lt "$until" ] || { echo "never came true: $*"; return 1; }
		read -r -t 0.05 <> <(:) || true
	done
}

free_port() { # outside the range that the kernel hands out by itself
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		(exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# background COMMAND...: a helper process of this test, ended in teardown. Sets $helper (its id).
background() {
	"$@" <&0 3>&- 4>&- & # without <&0 it would get no input
	helper=$!
	helpers+=("$helper")
}

# peer MODE ARG...: starts tests/e2e/peer.py, waits until it listens; sets $peer_port and $helper.
peer() {
	local file=$BATS_TEST_TMPDIR/peer.$RANDOM
	background python3 "$HERE/peer.py" "$file" "$@"
	eventually test -s "$file"
	peer_port=$(cat "$file")
}

port_of() { # port_of NODE [HOME]: the port of its first TCP listener
	OCKAM_HOME=${2:-$OCKAM_HOME} ockam node show "$1" --output json |
		jq -r '[.transports[] | select(.type == "tcp")][0].socket_address' | sed 's/.*://'
}

identity_of() { # identity_of HOME: its default identity, made when there is none
	OCKAM_HOME=$1 ockam identity show 2>/dev/null || OCKAM_HOME=$1 ockam identity create
}

ADDRESS='/service/[0-9a-f]{32}'
IDENTIFIER='I[0-9a-f]{64}'
