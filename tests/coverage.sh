#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Which lines are reached by the tests that run in one process: unit tests, corpora, simulations, storage. A node's own processes write nothing at their end, since their sandbox lets them write no file
# outside of its home: what only they reach counts as not reached here. Builds in build-coverage/.
#
#   coverage.sh                 a table of files, the worst last
#   coverage.sh FILE...         for these files, which lines are not reached
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
out=build-coverage
[ -e $out/build.ninja ] || meson setup $out -Db_coverage=true -Doptimization=1 -Dwerror=false >/dev/null
ninja -C $out --quiet
find $out -name '*.gcda' -delete
meson test -C $out --no-rebuild --suite unit --suite sim --suite storage --suite fuzz --timeout-multiplier 5 >$out/tests.log 2>&1 ||
	{ grep -E '(FAIL|TIMEOUT|ERROR) ' $out/tests.log || true; echo "the figures are of tests that failed"; }
cd $out
report() {
	gcovr --root .. --object-directory . --exclude '.*/tests/' "$@" . 2>gcovr.log
}
if [ $# = 0 ]; then
	report --filter '../(include|lib|home|control|dataplane)/' --sort-uncovered | tee coverage.txt
	report --filter '../(include|lib|home|control|dataplane|tools)/' --html-details coverage.html >/dev/null
	echo "each line: $out/coverage.html"
else
	for file; do
		report --filter "\.\./$file"
	done
fi
