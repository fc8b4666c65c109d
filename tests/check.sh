#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every test, in every build: gcc, clang, and gcc under AddressSanitizer and UBSan. The last line counts the cases.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
passed=0 failed=0 skipped=0

run() { # run DIR COMPILER [meson options]
	local dir=$1 compiler=$2 log
	shift 2
	echo "== $dir ($compiler $*)"
	[ -e "$dir/build.ninja" ] || CC=$compiler meson setup "$dir" "$@" >/dev/null
	ninja -C "$dir" --quiet
	log=$dir/meson-logs/testlog.txt
	local rc=0
	meson test -C "$dir" --no-rebuild --print-errorlogs || rc=$?
	passed=$((passed + $(sed -nE 's/^Ok: +([0-9]+).*/\1/p' "$log" | tail -n 1)))
	failed=$((failed + $(sed -nE 's/^(Fail|Timeout): +([0-9]+).*/\2/p' "$log" | paste -sd+ | bc)))
	skipped=$((skipped + $(sed -nE 's/^Skipped: +([0-9]+).*/\1/p' "$log" | tail -n 1)))
	[ "$rc" = 0 ] || [ "$failed" -gt 0 ] || failed=$((failed + 1))
}

run build gcc
run build-clang clang
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
run build-asan gcc -Db_sanitize=address,undefined -Doptimization=1
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
