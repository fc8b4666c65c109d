#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The layers: which directory may include headers of which. Fails on a forbidden include, on a quoted
# one that no directory has, and on a project header in angle brackets (that would hide from the test).
#
#   includes.sh ROOT         checks a tree
#   includes.sh --self-test  proves on trees made for it that each of these faults is found
set -euo pipefail

declare -A allowed=(
	[include]="include"
	[lib]="include lib"
	[bpf]="include lib bpf"
	[home]="include lib home"
	[control]="include lib home control"
	[dataplane]="include lib dataplane"
	[tools]="include lib home tools"
	[tools/ockam-bench]="include lib home control dataplane tools/ockam-bench" # measures both planes
)

# Lines "FILE LINE KIND NAME" for each #include; KIND is q or a.
list_includes() {
	find "${!allowed[@]}" -name '*.[ch]' -print0 2>/dev/null | sort -zu | xargs -0 -r \
		sed -s -nE -e '/^[[:space:]]*#[[:space:]]*include[[:space:]]/{F;=;s/^[^"<]*(["<])([^">]*).*/\1\2/p}' |
		paste - - - | sed -e 's/\t"/\tq\t/' -e 's/\t</\ta\t/'
}

# The layer that FILE belongs to: its longest directory that is one.
layer() {
	local dir=${1%/*}
	until [[ -v allowed[$dir] ]] || [[ $dir != */* ]]; do
		dir=${dir%/*}
	done
	echo "$dir"
}

# Where the compiler would find NAME included by FILE: beside the file, from the root, or by its plain
# name. Sets found, the candidates.
resolve() {
	local beside=${1%/*}/$2
	found=()
	if [ -e "$beside" ]; then
		found=("$beside")
		[[ $2 != */* ]] || found=("$(realpath --relative-to=. "$beside")")
	elif [[ $2 == */* ]]; then
		[ ! -e "$2" ] || found=("$(realpath --relative-to=. "$2")")
	else
		read -ra found <<<"${headers[$2]-}"
	fi
}

permits() { # permits LAYER FILE...: one of the files lies in a layer that LAYER may use
	local from=$1 file
	shift
	for file; do
		[[ " ${allowed[$from]} " == *" $(layer "$file") "* ]] && return 0
	done
	return 1
}

check() { # check ROOT: complaints on stdout; fails when there are any
	cd "$1"
	local file line kind name from found bad=0
	local -A headers=()
	while read -r file; do
		headers[${file##*/}]+="$file "
	done < <(find "${!allowed[@]}" -name '*.[ch]' 2>/dev/null | sort -u)
	[ "${#headers[@]}" -gt 0 ] || { echo "$1: no headers here"; return 1; }
	while IFS=$'\t' read -r file line kind name; do
		from=$(layer "$file")
		resolve "$file" "$name"
		if [ "$kind" = a ]; then
			[ "${#found[@]}" = 0 ] || [ -e "/usr/include/$name" ] ||
				{ echo "$file:$line: <$name> is a header of the project: quote it"; bad=1; }
		elif [ "${#found[@]}" = 0 ]; then
			echo "$file:$line: \"$name\" is in no directory of the project"
			bad=1
		elif ! permits "$from" "${found[@]}"; then
			echo "$file:$line: $from may not include ${found[0]}"
			bad=1
		fi
	done < <(list_includes)
	return $bad
}

# self_test_case EXPECTED FILE LINE: on a small tree with FILE holding LINE. EXPECTED: ok, or part of the complaint.
self_test_case() {
	local tree out rc=0
	tree=$(mktemp -d)
	mkdir -p "$tree"/{include,lib,home,control,dataplane,tools/ockam,tools/ockam-bench}
	touch "$tree"/{include/wire.h,lib/cbor.h,home/home.h,control/link.h,dataplane/link.h,dataplane/ring.h,control/api.h,tools/ockam/args.h,tools/ockam-bench/via.h}
	echo "$3" >"$tree/$2"
	out=$(check "$tree") || rc=$?
	rm -rf "$tree"
	if [ "$1" = ok ]; then
		[ "$rc" = 0 ] || { echo "self-test: $2 with $3 was refused: $out"; return 1; }
	elif [ "$rc" = 0 ] || [[ "$out" != *"$1"* ]]; then
		echo "self-test: $2 with $3 gave \"$out\", not \"$1\""
		return 1
	fi
}

self_test() {
	local bad=0
	self_test_case ok control/a.c '#include "link.h"' || bad=1
	self_test_case ok dataplane/a.c '#include "link.h"' || bad=1
	self_test_case ok control/a.c '#include "home.h"' || bad=1
	self_test_case ok tools/ockam/a.c '#include "args.h"' || bad=1
	self_test_case ok lib/a.c '#include <stdio.h>' || bad=1
	self_test_case 'control may not include dataplane/ring.h' control/a.c '#include "ring.h"' || bad=1
	self_test_case 'control may not include dataplane/link.h' control/a.c '#include "../dataplane/link.h"' || bad=1
	self_test_case 'dataplane may not include control/api.h' dataplane/a.h '  #  include "api.h" /* x */' || bad=1
	self_test_case 'dataplane may not include home/home.h' dataplane/a.c '#include "home.h"' || bad=1
	self_test_case 'dataplane may not include tools/ockam/args.h' dataplane/a.c '#include "tools/ockam/args.h"' || bad=1
	self_test_case 'home may not include control/api.h' home/a.c '#include "api.h"' || bad=1
	self_test_case 'lib may not include home/home.h' lib/a.c '#include "home.h"' || bad=1
	self_test_case 'include may not include lib/cbor.h' include/a.h '#include "cbor.h"' || bad=1
	self_test_case 'tools may not include control/api.h' tools/ockam/a.c '#include "api.h"' || bad=1
	self_test_case ok tools/ockam-bench/a.c '#include "ring.h"' || bad=1
	self_test_case ok tools/ockam-bench/a.c '#include "via.h"' || bad=1
	self_test_case 'tools may not include tools/ockam-bench/via.h' tools/ockam/a.c '#include "via.h"' || bad=1
	self_test_case 'tools/ockam-bench may not include tools/ockam/args.h' tools/ockam-bench/a.c '#include "args.h"' || bad=1
	self_test_case 'is in no directory' control/a.c '#include "nowhere.h"' || bad=1
	self_test_case 'quote it' control/a.c '#include <ring.h>' || bad=1
	return $bad
}

case ${1-} in
--self-test) self_test ;;
?*) check "$1" ;;
*) sed -n '3,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
