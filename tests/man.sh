#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The manual pages: mandoc finds nothing to complain about, and they say what the help says: there is one of
# each group that the help lists, with every command, argument and option of it.
#
#   man.sh OCKAM DIRECTORY [PAGE]...      PAGE: one that was written by hand
set -euo pipefail
ockam=$1 pages=$2
shift 2
command -v mandoc >/dev/null || { echo "mandoc is not installed: ./dev deps installs it"; exit 77; }
bad=0
complain() {
	echo "$*"
	bad=1
}

lint() { # lint PAGE
	local said
	# what else is installed here decides whether mandoc finds the pages that are referred to
	said=$(cd "$(dirname "$1")" && mandoc -T lint -W style "$(basename "$1")" | grep -v 'referenced manual not found') || true
	[ -z "$said" ] || complain "$said"
}

text() { mandoc -T ascii "$1" | sed 's/.\x08//g'; } # text PAGE, as it is read

has() { # has TEXT WORD WHERE
	grep -qE -- "(^|[^A-Za-z0-9-])$2($|[^A-Za-z0-9-])" <<<"$1" || complain "$3 does not say $2"
}

section() { # section TEXT HEADING: from this subsection to the next heading
	awk -v want="   $2" '$0 == want { on = 1; next } /^   ?[^ ]/ || /^[^ ]/ { on = 0 } on' <<<"$1"
}

options_in() { grep -oE -- '^ +(-[A-Za-z], )? *--[a-z-]+|also --[a-z-]+(, --[a-z-]+)*' | grep -oE -- '--[a-z-]+' | sort -u; }

first_words() { sed -nE 's/^  ([a-z][a-z-]*)  +.*/\1/p'; }

command_said() { # command_said GROUP COMMAND PART OF THE PAGE
	local help option count=0
	help=$("$ockam" "$1" ${2:+"$2"} -h)
	for option in $(options_in <<<"$help"); do
		has "$3" "$option" "the manual page of $1 $2"
		count=$((count + 1))
	done
	while read -r argument; do
		grep -qF -- "$argument" <<<"$3" || complain "the manual page of $1 $2 does not say $argument"
	done < <(sed -n '/^Arguments:/,/^$/p' <<<"$help" | sed -nE 's/^  ([^ ]+) .*/\1/p')
	said=$((said + count))
}

said=0
groups=$("$ockam" --help | first_words)
for page in "$pages"/*.1 "$@"; do
	lint "$page"
done
top=$(text "$pages/ockam.1")
for option in $("$ockam" -h | options_in); do
	has "$top" "$option" "ockam(1)"
done
for variable in $("$ockam" environment --output json | jq -r '.[].name'); do
	has "$top" "$variable" "ockam(1)"
done
for group in $groups; do
	has "$top" "$group" "ockam(1)"
	[ -e "$pages/ockam-$group.1" ] || { complain "no manual page of $group"; continue; }
	page=$(text "$pages/ockam-$group.1")
	commands=$("$ockam" "$group" -h | grep -v '^Usage' | sed '/^Arguments:\|^Options/,$d' | first_words)
	[ -n "$commands" ] || command_said "$group" "" "$page"
	for command in $commands; do
		part=$(section "$page" "$group $command")
		[ -n "$part" ] || complain "no section $group $command"
		command_said "$group" "$command" "$part"
	done
done
for page in "$pages"/ockam-*.1; do
	group=$(basename "$page" .1)
	grep -qx -- "${group#ockam-}" <<<"$groups" || complain "a manual page of no group: $page"
done
# what is compared is there at all
[ "$said" -ge 100 ] || complain "only $said options were compared"
[ "$(wc -w <<<"$groups")" -ge 15 ] || complain "only these groups were compared: $groups"
exit $bad
