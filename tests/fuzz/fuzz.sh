#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes: builds build-fuzz with clang's libFuzzer under AddressSanitizer and UBSan, and gives each target
# its share of the time. What a target learns is kept in build-fuzz/corpus/TARGET and used by the next run.
# One line per target: executions, coverage, inputs that found something new. On a finding it prints the
# file with the input and fails, when the others had their turn.
#
#   fuzz.sh [--fast] [SECONDS] [TARGET...]    default: 600 s, all targets
#
# --fast searches without the sanitizers, which is several times as fast (build-fuzz-fast): what a target
# states itself still counts. Then everything that it has kept is run once under them.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
seconds=600 fast=
if [ "${1-}" = --fast ]; then
	fast=1
	shift
fi
if [[ ${1-} =~ ^[0-9]+$ ]]; then
	seconds=$1
	shift
fi

configure() { # configure DIR CFLAGS [meson options]
	local dir=$1 flags=$2
	shift 2
	[ -e "$dir/build.ninja" ] || CC=clang meson setup "$dir" -Dfuzzing=true -Db_lundef=false \
		-Doptimization=2 -Dc_args="$flags" "$@" >/dev/null
}
targets=("$@")
if [ $# = 0 ]; then
	for f in tests/fuzz/corpus/*/; do targets+=("$(basename "$f")"); done
fi
for t in "${targets[@]}"; do
	[ -e "tests/fuzz/$t.c" ] || { echo "there is no target $t in tests/fuzz" >&2; exit 2; }
done
dir=build-fuzz search=build-fuzz
configure $dir '-fsanitize=fuzzer-no-link -fno-sanitize-recover=all' -Db_sanitize=address,undefined
ninja -C $dir --quiet "${targets[@]/#/tests/fuzz/fuzz_}"
if [ -n "$fast" ]; then
	search=build-fuzz-fast
	configure $search '-fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp -U_FORTIFY_SOURCE'
	ninja -C $search --quiet "${targets[@]/#/tests/fuzz/fuzz_}"
fi

# Memory that is freed is soon used again: what the kernel has to give afresh costs more than the rest.
export ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=4:allocator_release_to_os_interval_ms=-1:malloc_context_size=6
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824
share=$((seconds / ${#targets[@]}))
[ "$share" -gt 0 ] || share=1
total=0 failed=0

fuzz() { # fuzz DIR TARGET LOG [options of libFuzzer]
	local program=$1/tests/fuzz/fuzz_$2 t=$2 log=$3
	shift 3
	nice -n 15 "$program" -timeout=25 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$dir/findings/$t-" "$@" "$dir/corpus/$t" "tests/fuzz/corpus/$t" >"$log" 2>&1
}

printf '%-16s %12s %9s %8s %9s %6s\n' target executions 'per s' coverage features new
for t in "${targets[@]}"; do
	log=$dir/fuzz-$t.log rc=0
	mkdir -p "$dir/corpus/$t" "$dir/findings"
	fuzz $search "$t" "$log" -max_total_time="$share" || rc=$?
	stat() { sed -nE "s/^stat::$1: *([0-9]+)$/\1/p" "$log" | tail -1; }
	executions=$(stat number_of_executed_units)
	read -r cov ft < <(sed -nE 's/.* cov: ([0-9]+) ft: ([0-9]+) .*/\1 \2/p' "$log" | tail -1) || true
	printf '%-16s %12s %9s %8s %9s %6s\n' "$t" "${executions:-?}" "$(stat average_exec_per_sec)" \
		"${cov:-?}" "${ft:-?}" "$(stat new_units_added)"
	total=$((total + ${executions:-0}))
	if [ -n "$fast" ] && [ "$rc" = 0 ]; then
		log=$dir/fuzz-$t-again.log
		fuzz $dir "$t" "$log" -runs=0 || rc=$?
	fi
	if [ "$rc" != 0 ]; then
		failed=$((failed + 1))
		grep -aE '^[^ ]+\.c:[0-9]+: |runtime error|SUMMARY|Assertion' "$log" | head -3 >&2 || true
		sed -nE 's/.*Test unit written to (.*)/finding: \1/p' "$log" >&2
		echo "log: $log" >&2
	fi
done
echo "$total executions, $failed findings"
[ "$failed" = 0 ]
