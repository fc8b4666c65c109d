#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/architecture.svg is made of docs/architecture.dot as it is now, and the files that it shows exist. Fonts and
# versions of Graphviz make other coordinates, so the picture says which source it is of.
#
#   picture.sh ROOT          checks
#   picture.sh --make ROOT   makes the picture (needs dot)
set -euo pipefail

checksum() {
	sha256sum docs/architecture.dot | cut -d' ' -f1
}

make_picture() {
	local svg
	svg=$(dot -Tsvg docs/architecture.dot)
	# behind the first line, which must stay the first
	sed "1a <!-- docs/architecture.dot, SHA-256 $(checksum) -->" <<<"$svg" >docs/architecture.svg
}

check() {
	local bad=0 file dir=
	grep -q "SHA-256 $(checksum) " docs/architecture.svg || {
		echo "docs/architecture.svg is not of this docs/architecture.dot: ./dev picture"
		bad=1
	}
	# a name without a directory is in that of the name before it
	while read -r file; do
		case $file in
		*/*) dir=${file%/*} ;;
		*) file=$dir/$file ;;
		esac
		[ -f "$file" ] || { echo "docs/architecture.dot shows $file, which is not there"; bad=1; }
	done < <(grep -v '^[[:space:]]*//' docs/architecture.dot | grep -oE '\b([a-z]+/)?[a-z_]+\.[ch]\b')
	[ -n "$dir" ] || { echo "docs/architecture.dot shows no file"; bad=1; }
	return $bad
}

case ${1-} in
--make)
	cd "$2"
	make_picture
	;;
?*)
	cd "$1"
	check
	;;
*) sed -n '3,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
