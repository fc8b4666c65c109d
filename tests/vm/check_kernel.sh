#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A part of the tests on Debian 12's stock kernel, which is older than the one that most work is done on, in a
# virtual machine. Shows what the machine says; the last line counts.
#
#   check_kernel.sh BUILD [NAME...]      tests by meson's names; without any those of kernel_tests.sh
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
. "$here/qemu.sh"
build=$(readlink -f "$1")
shift
"$here/image.sh" "$build"
dir=$(mktemp -d)
trap 'qemu_stop kernel "$dir"; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM HUP
mkdir "$dir/wanted"
printf '%s\n' "$build" "$@" >"$dir/wanted/wanted"
qemu_tree "$build" "$dir/tree"
qemu_share=$dir/tree qemu_memory=3072 qemu_cpus=2 qemu_slow=20
qemu_start kernel "$dir" tests/vm/kernel_tests.sh \
	-fsdev "local,id=wanted,path=$dir/wanted,security_model=none,readonly=on" -device virtio-9p-pci,fsdev=wanted,mount_tag=wanted
pid=$(cat "$dir/kernel.pid")
touch "$dir/kernel.console"
tail --pid="$pid" -n +1 -f "$dir/kernel.console" | sed -u 's/\r$//'
cat "$dir/kernel.qemu" >&2
tr -d '\r' <"$dir/kernel.console" | grep -qx 'machine: exit 0' || exit 1
