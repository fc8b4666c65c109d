#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every test. gcc: all; clang: all but those that run whole nodes; asan: all, under AddressSanitizer and
# UBSan; tsan: those of suite `tsan`, the data plane's concurrency. The last line counts the cases.
#
#   check.sh [gcc|clang|asan|tsan]...      only these; all without arguments
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
passed=0 failed=0 skipped=0
builds=" ${*:-gcc clang asan tsan} "

wants() { [[ $builds == *" $1 "* ]]; }

configure() { # configure DIR COMPILER [meson options]
	local dir=$1 compiler=$2
	shift 2
	[ -e "$dir/build.ninja" ] || CC=$compiler meson setup "$dir" "$@" >/dev/null
	ninja -C "$dir" --quiet
}

run() { # run DIR [options of meson test]
	local dir=$1 rc=0 p f s
	shift
	echo "== $dir"
	rm -f "$dir/meson-logs/testlog.junit.xml"
	meson test -C "$dir" --no-rebuild --print-errorlogs "$@" || rc=$?
	read -r p f s < <(python3 tests/count.py "$dir/meson-logs/testlog.junit.xml" 3>&1 >&2)
	[ "$rc" = 0 ] || [ "$f" -gt 0 ] || f=1 # a program that broke off, or no log at all
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

if wants gcc; then
	configure build gcc
	run build
fi
if wants clang; then
	configure build-clang clang
	run build-clang --no-suite e2e --no-suite netns --no-suite bench
fi
if wants asan; then
	export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
	configure build-asan gcc -Db_sanitize=address,undefined -Doptimization=1
	run build-asan --timeout-multiplier 3
fi
if wants tsan; then
	export TSAN_OPTIONS=halt_on_error=1
	configure build-tsan gcc -Db_sanitize=thread -Doptimization=1
	run build-tsan --suite tsan
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
