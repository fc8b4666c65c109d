#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the documents name exists: files and headings that they link to, files in backquotes, `./dev` verbs,
# and the numbers of docs/protocol.md are those of include/wire.h.
#
#   docs.sh ROOT
set -euo pipefail
cd "$1"
bad=0
complain() {
	echo "$*"
	bad=1
}

anchors() { # of a file's headings, as GitHub makes them
	sed -nE 's/^#+ +//p' "$1" | tr '[:upper:]' '[:lower:]' | sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}

for file in *.md docs/*.md; do
	dir=$(dirname "$file")
	while IFS= read -r link; do
		case $link in
		*://*) continue ;;
		\#*) anchors "$file" | grep -qxF -- "${link#\#}" || complain "$file: no heading $link" ;;
		*) [ -e "$dir/${link%%#*}" ] || complain "$file: no file $link" ;;
		esac
	done < <(grep -oE '\]\([^) ]+\)' "$file" | sed -E 's/^\]\((.*)\)$/\1/')
	while IFS= read -r path; do
		[ -e "$path" ] || complain "$file: no file $path"
	done < <(grep -oE '`(include|lib|home|control|dataplane|tools|tests|docs)/[A-Za-z0-9_./-]*`' "$file" | tr -d '`' |
		grep -v '[A-Z]\{4\}' || true)
	while IFS= read -r verb; do
		grep -q "^cmd_${verb//-/_}()" dev || complain "$file: ./dev has no verb $verb"
	done < <(grep -oE '\./dev [a-z-]+' "$file" | sed -E 's/.* //; s/-+$//' | sort -u)
done

# table rows "| NUMBER | NAME" against "PREFIX_NAME = NUMBER"
wire() { # wire CONSTANT NUMBER
	grep -qE "\b$1 = $2\b" include/wire.h || complain "docs/protocol.md: $1 is not $2 in include/wire.h"
}
while read -r number name; do
	wire "WIRE_$name" "$number"
done < <(sed -nE 's/^\| ([1-8]) \| (CONTROL|INIT|RESP|FINISH|DATA|RESET|COOKIE|LINK) \|.*/\1 \2/p' docs/protocol.md)
while read -r number name; do
	wire "LINK_$name" "$number"
done < <(sed -nE 's/^\| ([0-6]) \| (HELLO|BYE|PING|PONG|PAUSE|RESUME|TOOBIG) \| (CBOR|8 b|the s|u32).*/\1 \2/p' docs/protocol.md)
while read -r number name; do
	wire "REC_$name" "$number"
done < <(sed -nE 's/^\| ([0-5]) \| (PAD|PING|PONG|CLOSE|MSG|FRAME) \| (any|u64|the t|u8|a part|one w).*/\1 \2/p' docs/protocol.md)
while read -r number name; do
	wire "ROUTE_${name^^}" "$number"
done < <(sed -nE 's/^\| ([0-9]+) \| (ip4|ip6|dnsaddr|tcp|udp|unix|service|worker) \|.*/\1 \2/p' docs/protocol.md)
exit $bad
