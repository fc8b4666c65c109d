#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes: builds build-fuzz with clang's libFuzzer under AddressSanitizer and UBSan, and gives each target
# its share of the time. What a target learns is kept in build-fuzz/corpus/TARGET and used by the next run.
# One line per target: executions, coverage, inputs that found something new. On a finding it prints the
# file with the input and fails, when the others had their turn.
#
#   fuzz.sh [SECONDS] [TARGET...]    default: 600 s, all targets
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
seconds=600
if [[ ${1-} =~ ^[0-9]+$ ]]; then
	seconds=$1
	shift
fi
dir=build-fuzz
[ -e "$dir/build.ninja" ] || CC=clang meson setup "$dir" -Dfuzzing=true -Db_sanitize=address,undefined \
	-Db_lundef=false -Doptimization=2 -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=all' >/dev/null
ninja -C "$dir" --quiet fuzzers
targets=("$@")
if [ $# = 0 ]; then
	for f in tests/fuzz/corpus/*/; do targets+=("$(basename "$f")"); done
fi
for t in "${targets[@]}"; do
	[ -x "$dir/tests/fuzz/fuzz_$t" ] || { echo "there is no target $t in tests/fuzz" >&2; exit 2; }
done

export ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
share=$((seconds / ${#targets[@]}))
[ "$share" -gt 0 ] || share=1
total=0 failed=0
printf '%-16s %12s %9s %8s %9s %6s\n' target executions 'per s' coverage features new
for t in "${targets[@]}"; do
	log=$dir/fuzz-$t.log rc=0
	mkdir -p "$dir/corpus/$t" "$dir/findings"
	nice -n 15 "$dir/tests/fuzz/fuzz_$t" -max_total_time="$share" -timeout=25 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="$dir/findings/$t-" \
		"$dir/corpus/$t" "tests/fuzz/corpus/$t" >"$log" 2>&1 || rc=$?
	stat() { sed -nE "s/^stat::$1: *([0-9]+)$/\1/p" "$log" | tail -1; }
	executions=$(stat number_of_executed_units)
	read -r cov ft < <(sed -nE 's/.* cov: ([0-9]+) ft: ([0-9]+) .*/\1 \2/p' "$log" | tail -1) || true
	printf '%-16s %12s %9s %8s %9s %6s\n' "$t" "${executions:-?}" "$(stat average_exec_per_sec)" \
		"${cov:-?}" "${ft:-?}" "$(stat new_units_added)"
	total=$((total + ${executions:-0}))
	if [ "$rc" != 0 ]; then
		failed=$((failed + 1))
		grep -aE '^[^ ]+\.c:[0-9]+: |runtime error|SUMMARY|Assertion' "$log" | head -3 >&2 || true
		sed -nE 's/.*Test unit written to (.*)/finding: \1/p' "$log" >&2
		echo "log: $log" >&2
	fi
done
echo "$total executions, $failed findings"
[ "$failed" = 0 ]
