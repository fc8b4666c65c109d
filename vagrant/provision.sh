#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs in a machine of the Vagrantfile, as root: installs what the programs and the tests need, names the devices of
# the wires, makes the machine what it is in the topology.
#
#   provision.sh TREE NAME DEVICE...
set -euo pipefail
tree=$1 name=$2
shift 2
packages=$(sed 's/#.*//' "$tree/packages.txt" | awk '$2 == "[guest]" { print $1 }')
libraries="libcap-ng0 libcbor0.8 libjansson4 libmicrohttpd12 libmnl0 libseccomp2 libsodium23 libsqlite3-0 liburing2 libuv1
	libyaml-0-2"
[ "$(dpkg --print-architecture)" != amd64 ] || libraries+=" libipsec-mb1"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages $libraries >/dev/null
# the first device is Vagrant's own; the others come in the order of the wires
mapfile -t devices < <(ls -d /sys/class/net/e* | sort -V | tail -n +2)
[ "${#devices[@]}" = $# ] || { echo "$name has ${#devices[@]} wires, not $#"; exit 1; }
for device in "${devices[@]}"; do
	ip link set "${device##*/}" down
	ip link set "${device##*/}" name "$1"
	shift
done
"$tree/tests/netns/machine.sh" "$name"
