#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs in the machine of check_kernel.sh: the data plane by itself with and without each feature of io_uring, the programs
# for the kernel, the sandboxes, the command line, real NATs. The last line counts.
set -uo pipefail
mkdir -p /tmp/wanted
mount -t 9p -o trans=virtio,version=9p2000.L,ro wanted /tmp/wanted
{ read -r build; mapfile -t names; } </tmp/wanted/wanted
UNIT=(engine engine_keep engine_mail engine_queue engine_session engine_stream engine_window engine_worker session
	session_time stream_hostile label datagram mtu outbox aead locked log_rotate supervisor greeting udp_filter tcp_listener
	dataplane_sandbox control_sandbox udp_relay steer 'admin 2')
DATAPLANE=() # with two workers, and without what an older kernel lacks
for kind in dataplane udp portal 'portal load'; do
	for without in '' multishot multishot,buf-ring,defer-taskrun defer-taskrun; do
		DATAPLANE+=("$kind 2${without:+ without $without}")
	done
done
E2E=(channel message relay udp tcp portal sandbox nat)
wanted() { # wanted NAME...: those of them that were asked for
	local name
	for name; do
		[ "${#names[@]}" = 0 ] || printf '%s\n' "${names[@]}" | grep -qxF -- "$name" || continue
		echo "$name"
	done
}
echo "== $(uname -sr), $(nproc) CPUs, emulated"
export EVENTUALLY_S=$((15 * SLOW)) BATS_TEST_TIMEOUT=$((120 * SLOW)) OCKAM=$build/tools/ockam/ockam
passed=0 failed=0 skipped=0
count() {
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}
programs() { # programs [options of meson test]
	local rc=0 p f s
	rm -f "$build/meson-logs/testlog.junit.xml"
	meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier "$SLOW" --num-processes 1 "$@" 2>&1 | cat || rc=$? # no progress bar
	read -r p f s < <(python3 tests/count.py "$build/meson-logs/testlog.junit.xml" 3>&1 >&2)
	[ "$rc" = 0 ] || [ "$f" -gt 0 ] || f=1
	count "$p" "$f" "$s"
}
mapfile -t units < <(wanted "${UNIT[@]}" "${DATAPLANE[@]}")
[ "${#units[@]}" = 0 ] || programs "${units[@]}"
for name in $(wanted "${E2E[@]}"); do
	file=tests/e2e/$name.bats
	[ -e "$file" ] || file=tests/netns/$name.bats
	echo "== $name"
	bats --tap "$file" 2>&1 | tee /tmp/tap
	s=$(grep -cE '^ok .* # skip' /tmp/tap)
	f=$(grep -c '^not ok ' /tmp/tap)
	p=$(($(grep -c '^ok ' /tmp/tap) - s))
	[ "$(sed -nE '1s/^1\.\.//p' /tmp/tap)" = $((p + f + s)) ] || f=$((f + 1)) # it broke off
	count "$p" "$f" "$s"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
