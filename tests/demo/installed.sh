#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# installed.sh BUILD: shows the demo with the programs of a build directory, as they are when installed.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
DESTDIR=$programs meson install -C "$1" --no-rebuild --quiet
"$here/demo.sh" "$(dirname "$(find "$programs" -path '*/bin/ockam' -type f)")"
