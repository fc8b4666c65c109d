#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Vagrantfile is Ruby, its machines and their devices are those that tests/netns/machine.sh knows, and the scripts
# around it are bash. Nothing is started.
#
#   vagrant.sh ROOT
set -euo pipefail
cd "$1"
for script in vagrant/*.sh tests/vm/*.sh tests/netns/*.sh; do
	bash -n "$script"
done
. tests/netns/machine.sh
bad=0
for device in $(sed -nE '/^MACHINES/,/^}/s/\["[a-z0-9]+", "([a-z0-9]+)"\]/\n\1\n/gp' vagrant/Vagrantfile | grep -xE '[a-z0-9]+' | sort -u); do
	declare -f machine_relay machine_nat machine_end | grep -qw "$device" ||
		{ echo "tests/netns/machine.sh knows no device $device"; bad=1; }
done
[ -n "${device-}" ] || { echo "vagrant/Vagrantfile has no devices"; bad=1; }
[ "$bad" = 0 ]
command -v ruby >/dev/null || { echo "the Vagrantfile was not parsed: ruby is not installed"; exit 77; }
ruby -c vagrant/Vagrantfile >/dev/null
