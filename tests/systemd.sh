#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The systemd unit is one that systemd understands, and leaves a node little that it does not need.
#
#   systemd.sh UNIT OCKAM SYSUSERS      the installed unit, the program that is to stand for the installed one
set -euo pipefail
unit=$1 ockam=$(readlink -f "$2") sysusers=$3
systemd-analyze security --help 2>/dev/null | grep -q -- --offline || {
	echo "systemd-analyze is not installed, or too old to judge a file"
	exit 77
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
sed "s,^ExecStart=[^ ]*,ExecStart=$ockam," "$unit" >"$dir/ockam@.service"

said=$(systemd-analyze verify --man=no "$dir/ockam@.service" 2>&1) || { echo "$said"; exit 1; }
if grep -F 'ockam@' <<<"$said"; then exit 1; fi # other units of this machine are not ours

exposure() { # exposure UNIT: ten times what systemd-analyze says, of 100
	systemd-analyze security --offline=true --no-pager "$1" |
		sed -nE 's/.*exposure level for .*: ([0-9]+)\.([0-9]).*/\1\2/p'
}
level=$(exposure "$dir/ockam@.service")
echo "exposure: ${level}/100"
[ "$level" -lt 25 ] || exit 1
# it does judge the file
sed '/^\(Protect\|Private\|Restrict\|SystemCall\|Capability\)/d' "$dir/ockam@.service" >"$dir/bare@.service"
[ "$(exposure "$dir/bare@.service")" -ge 50 ] || { echo "systemd-analyze does not look at the file"; exit 1; }

said=$(systemd-sysusers --root="$dir" --dry-run - <"$sysusers" 2>&1) || { echo "$said"; exit 1; }
[[ "$said" == *"ockam"* ]] || { echo "no user ockam would be made: $said"; exit 1; }
