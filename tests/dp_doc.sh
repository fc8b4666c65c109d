#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The manual page of ockam-dp says what its help says, and bash offers what it takes.
#
#   dp_doc.sh OCKAM-DP PAGE OCKAM-DP-DOC
set -euo pipefail
dp=$1 page=$2 doc=$3
bad=0 said=0
complain() {
	echo "$*"
	bad=1
}
page_text=$(sed 's/\\&//g' "$page")
says() { # says WORD WHAT
	said=$((said + 1))
	grep -qwF -- "$1" <<<"$page_text" || complain "the manual page does not say $2 $1"
}
help=$("$dp" help)
for option in $(sed -n '/^OPTIONS/,/^$/p' <<<"$help" | grep -oE '(^| )-[A-Za-z]+' | tr -d ' -'); do
	says "$option" option
done
objects=$(sed -n '/^OBJECT/,/^$/p' <<<"$help" | awk 'NR > 1 && NF { print $1 }')
for object in $objects; do
	says "$object" object
	for value in $("$dp" "$object" help | sed -n '/^  \(key\|values\) /,/^$/p' | tr -s ' ' '\n' | grep -vE '^(key|values|)$'); do
		says "$value" "of $object"
	done
done
[ "$said" -ge 100 ] || complain "only $said words were compared"

offers() { # offers WANTED WORD...: what bash offers for the last one
	local want=$1 got
	shift
	got=$("$doc" bash | bash --norc -c '
		source /dev/stdin
		COMP_WORDS=(ockam-dp "$@") COMP_CWORD=$#
		_ockam_dp
		printf "%s\n" "${COMPREPLY[@]}" | sort | paste -sd " "' bash "$@")
	[ "$got" = "$want" ] || complain "for '$*' bash offers '$got', expected '$want'"
}
offers 'label limit link' l
offers 'del get help monitor set show stats' session ''
offers 'get help show stats' worker ''
offers 'get help show stats' -n n1 worker ''
offers 'epoch_rx epoch_tx eq' session show e
offers '-d -details' -d
offers 'limit link' monitor li
for shell in zsh fish; do
	"$doc" $shell | grep -q ockam-dp || complain "nothing for $shell"
	! command -v $shell >/dev/null || "$doc" $shell | $shell -n /dev/stdin || complain "$shell does not take it"
done
exit $bad
