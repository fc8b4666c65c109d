#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The sandbox of a node's two processes as the kernel shows it. That what it forbids fails is tried in
# tests/unit/control_sandbox_test.c and dataplane_sandbox_test.c.

load helper
setup() { use_home; }
teardown() { delete_homes; }

start() { # start NODE [OPTION...]: sets $control and $dataplane, the ids of its processes
	local pids
	ockam node create "$@"
	pids=$(ockam node show "$1" --output json | jq '.pid, .dataplane.pid')
	control=${pids%%$'\n'*} dataplane=${pids##*$'\n'}
}

status() { # status PID FIELD: from /proc/PID/status, of every thread, each value once
	sed -n "s/^$2:[[:space:]]*//p" /proc/"$1"/task/*/status | sort -u
}

sanitized() { grep -q libasan "/proc/$dataplane/maps"; }

log() { cat "$OCKAM_HOME/nodes/$1/stdout.log"; }

@test "no thread of the data plane has a capability, gains one, or is without a filter" {
	start n1
	for set in CapInh CapPrm CapEff CapAmb; do
		[ "$(status "$dataplane" $set)" = 0000000000000000 ]
	done
	[ "$(id -u)" != 0 ] || [ "$(status "$dataplane" CapBnd)" = 0000000000000000 ]
	[ "$(status "$dataplane" NoNewPrivs)" = 1 ]
	[ "$(status "$dataplane" Seccomp)" = 2 ]
	[ "$(ls "/proc/$dataplane/task" | wc -l)" -ge 2 ]
}

@test "control keeps at most the right to a port below 1024" {
	start n1
	local bind=0000000000000400 none=0000000000000000
	for set in CapInh CapAmb; do
		[ "$(status "$control" $set)" = $none ]
	done
	for set in CapPrm CapEff; do
		[[ $(status "$control" $set) == "$none" || $(status "$control" $set) == "$bind" ]]
	done
	[ "$(id -u)" != 0 ] || [ "$(status "$control" CapBnd)" = $none ]
	[ "$(status "$control" NoNewPrivs)" = 1 ]
	[ "$(status "$control" Seccomp)" = 2 ]
}

@test "neither dumps core" {
	start n1
	for pid in "$control" "$dataplane"; do
		[ "$(awk '/^Max core/ { print $5, $6 }' "/proc/$pid/limits")" = "0 0" ]
	done
}

locked() { status "$1" VmLck | sed 's/ kB//'; }

@test "keys are in locked memory" {
	start n1
	sanitized && skip "a sanitizer locks no memory"
	local before=$(locked "$dataplane")
	[ "$(locked "$control")" -gt 0 ]
	ockam node create n2
	ockam secure-channel create --from n2 --to /node/n1/service/api
	[ "$(locked "$dataplane")" -gt "$before" ]
}

@test "once a node has signed its own key, its memory holds no key of its identity" {
	start n1
	head -c 1 "/proc/$control/mem" >/dev/null 2>&1 || [ "$(id -u)" = 0 ] || skip "needs root to read the memory of a process"
	python3 "$HERE/memory.py" secrets "$OCKAM_HOME" >"$BATS_TEST_TMPDIR/secrets"
	expect 0 eval 'grep " secret\." "$BATS_TEST_TMPDIR/secrets" | python3 "$HERE/memory.py" scan "$control" "$dataplane"'
	expect 1 eval 'grep static_key "$BATS_TEST_TMPDIR/secrets" | python3 "$HERE/memory.py" scan "$control"'
	expect 0 eval 'grep static_key "$BATS_TEST_TMPDIR/secrets" | python3 "$HERE/memory.py" scan "$dataplane"'
}

@test "the memory of neither can be read by another program of the same user" {
	[ "$(id -u)" = 0 ] && command -v setpriv >/dev/null || [ "$(id -u)" != 0 ] || skip "needs setpriv"
	local as=()
	if [ "$(id -u)" = 0 ]; then
		as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
		chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "${BATS_TEST_TMPDIR%/*}" 2>/dev/null || true
		export OCKAM_HOME=$(mktemp -d /tmp/ockam.XXXXXX)
		chown 65534:65534 "$OCKAM_HOME"
		other=$OCKAM_HOME
	fi
	"${as[@]}" "$(command -v ockam)" node create n1 || skip "the build directory is not open to others"
	pids=$("${as[@]}" "$(command -v ockam)" node show n1 --output json | jq '.pid, .dataplane.pid')
	control=${pids%%$'\n'*} dataplane=${pids##*$'\n'}
	"${as[@]}" sleep 60 &
	helpers+=($!)
	sleeper=$!
	readable() { "${as[@]}" head -c 0 "/proc/$1/mem" 2>/dev/null; }
	result=0
	eventually readable "$sleeper" || result=1
	if sanitized; then
		result=77
	else
		! readable "$control" && ! readable "$dataplane" || result=1
	fi
	kill "$sleeper"
	"${as[@]}" "$(command -v ockam)" node delete n1 -y
	[ -z "${other-}" ] || rm -rf "$other"
	[ "$result" != 77 ] || skip "a sanitizer is a debugger"
	return $result
}

@test "nothing of the sandbox is missing on this kernel, or show says so" {
	start n1
	local none='{"control":[],"dataplane":[]}' missing
	missing=$(ockam node show n1 --output json | jq -c .sandbox_missing)
	! log n1 | grep "sandbox: " || [ "$missing" != "$none" ]
	[ "$missing" = "$none" ] || skip "missing here: $missing"
}

@test "a vault that is newer than the node is not readable, and the error says what to do" {
	start n1
	ockam vault create late --path "$BATS_TEST_TMPDIR/late.vault"
	ockam identity create i --vault late
	run --separate-stderr ockam secure-channel-listener create l --at n1 --identity i
	if [ "$status" = 0 ]; then # without Landlock
		[[ "$(log n1)" == *"no Landlock"* ]]
		skip "this kernel has no Landlock"
	fi
	[ "$status" = 74 ]
	says "stop and start it"
	one_sentence
	ockam node stop n1
	ockam node start n1
	expect 0 ockam secure-channel-listener create l --at n1 --identity i
}

@test "with little memory to lock a node has what fits, says so, and works" {
	[ "$(id -u)" = 0 ] || skip "the limit counts all processes of a user, and only root can be another"
	command -v setpriv >/dev/null || skip "needs setpriv"
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "${BATS_TEST_TMPDIR%/*}" 2>/dev/null || true
	local id=$((1048576 + $$))
	other=$(mktemp -d /tmp/ockam.XXXXXX)
	export OCKAM_HOME=$other/home
	chown "$id:$id" "$other"
	as() { setpriv --reuid "$id" --regid "$id" --clear-groups "$@"; }
	local ockam=$(command -v ockam)
	as "$ockam" node list >/dev/null 2>&1 || {
		rm -rf "$other"
		skip "the build directory is not open to others"
	}
	result=0
	{
		as bash -c 'ulimit -l 32 && exec "$@"' - "$ockam" node create n1 &&
			as "$ockam" node create n2 &&
			as "$ockam" node show n1 --output json | jq -e '.dataplane.workers > 0' &&
			as "$ockam" message send hello --from n2 --to /node/n1/secure/api/service/uppercase &&
			[ "$(log n1 | grep -c 'memory for rings is short')" -le 1 ]
	} || result=1
	# kernels before 6.14 count no rings
	log n1 | grep -q 'memory for rings is short' ||
		as "$ockam" node show n1 --output json | jq -e ".dataplane.workers > 1 or $(nproc) == 1" || result=1
	as "$ockam" node delete --all -y
	rm -rf "$other"
	return $result
}
