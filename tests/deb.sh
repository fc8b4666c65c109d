#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the Debian package in build-deb/, has lintian look at it, installs it into a bare Debian 12 in a directory
# of its own, as `apt install ./ockam_*.deb` does it, and uses what was installed. The last part needs root, else
# it is skipped.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
out=$PWD/build-deb
say() { echo "== $*"; }

say "build"
rm -rf "$out"
mkdir -p "$out/ockam"
git ls-files -z | tar --null -T - -c | tar -x -C "$out/ockam"
(cd "$out/ockam" && dpkg-buildpackage -b -us -uc -j"${JOBS:-2}") >"$out/build.log" 2>&1 || {
	tail -n 30 "$out/build.log"
	exit 1
}
deb=$(echo "$out"/ockam_*.deb)
ls -l "$deb"

say "lintian"
lintian --allow-root --no-cfg --fail-on error,warning,info --tag-display-limit 0 "$out"/ockam_*.changes

version=$(sed -nE "s/^ *version: '(.*)',/\1/p" meson.build)
[ "$(dpkg-deb -f "$deb" Version)" = "$version" ] || {
	echo "debian/changelog and meson.build have different versions"
	exit 1
}

[ "$(id -u)" = 0 ] || {
	echo "not installed anywhere: only root can make a bare Debian"
	exit 0
}
say "a bare Debian 12"
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
# from where this machine has its packages
mmdebstrap --quiet --mode=root --variant=minbase --skip=check/empty bookworm "$root" \
	$(for f in /etc/apt/sources.list /etc/apt/sources.list.d/*; do [ -f "$f" ] && echo "$f"; done) \
	>"$out/mmdebstrap.log" 2>&1 || {
	tail -n 20 "$out/mmdebstrap.log"
	exit 1
}
cp "$deb" "$root/tmp/"
install -m 755 tests/deb_inside.sh "$root/tmp/inside.sh"

say "install and use"
# processes of their own, which end with the command
in_root() { unshare --mount --pid --fork --kill-child --mount-proc="$root/proc" chroot "$root" "$@"; }
cp /etc/resolv.conf "$root/etc/resolv.conf"
in_root sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	/tmp/ockam_*.deb' >"$out/install.log" 2>&1 || {
	tail -n 30 "$out/install.log"
	exit 1
}
in_root /tmp/inside.sh
say "remove"
in_root sh -c 'DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq ockam' >>"$out/install.log" 2>&1
left=$(cd "$root" && find usr lib etc -name '*ockam*' ! -path '*/apt/*' ! -path '*/dpkg/*')
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
say "all is well: $deb"
