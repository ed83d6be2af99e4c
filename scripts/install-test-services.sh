#!/usr/bin/env bash
# Installs what only some tests need from the system: prometheus with promtool, nats-server, chromium with
# a font, tmux, and cmake with ninja for the benches that build llama.cpp's own tools. Debian and
# derivatives; needs root.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
need=()
for package in prometheus nats-server chromium fonts-dejavu-core tmux cmake ninja-build; do
  dpkg -s "$package" >/dev/null 2>&1 || need+=("$package")
done
if ((${#need[@]} == 0)); then
  echo "install-test-services: everything is there"
  exit 0
fi
echo "install-test-services: installing ${need[*]}"
apt-get -o DPkg::Lock::Timeout=300 update -qq
apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${need[@]}" >/dev/null
