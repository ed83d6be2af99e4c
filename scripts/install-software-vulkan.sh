#!/usr/bin/env bash
# install-software-vulkan.sh FOLDER: unpacks Mesa's lavapipe, a Vulkan driver that computes on the CPU, with the Vulkan loader into FOLDER, and fetches
# llama.cpp's Vulkan backend beside it. `source FOLDER/environment` shows them to a shell. Debian and derivatives. The system's own packages are left
# alone, so no root is needed, only lists of packages (`apt-get update`). What is there already is left alone.
set -euo pipefail
[[ $# == 1 ]] || { echo "usage: install-software-vulkan.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")/.." && pwd)

if [[ ! -e $folder/environment ]]; then
  packages=(mesa-vulkan-drivers libvulkan1)
  # Beside them what they need and the system lacks; a third word in brackets is a release that is installed.
  mapfile -t lacking < <(apt-get install --simulate --no-install-recommends "${packages[@]}" | awk '$1 == "Inst" && $3 !~ /^\[/ { print $2 }')
  echo "install-software-vulkan: unpacking mesa-vulkan-drivers and libvulkan1 into $folder"
  archives=$(mktemp -d)
  trap 'rm -rf "$archives"' EXIT
  (cd "$archives" && printf '%s\n' "${packages[@]}" "${lacking[@]}" | sort -u | xargs apt-get -o APT::Sandbox::User=root -qq download)
  for archive in "$archives"/*.deb; do dpkg-deb -x "$archive" "$folder"; done
  libraries=$(dirname "$(find "$folder/usr/lib" -name libvulkan_lvp.so)")
  description=$(find "$folder/usr/share/vulkan/icd.d" -name 'lvp_icd*.json')
  # It names the library where the package would have put it.
  sed -i "s#\"library_path\": *\"[^\"]*\"#\"library_path\": \"$libraries/libvulkan_lvp.so\"#" "$description"
  cat >"$folder/environment.new" <<LINES
export LD_LIBRARY_PATH=$libraries
export VK_ICD_FILENAMES=$description
export GGML_VK_VISIBLE_DEVICES=0
export XDG_CACHE_HOME=$folder/cache
LINES
  mv "$folder/environment.new" "$folder/environment"
fi
XDG_CACHE_HOME=$folder/cache node "$here/dist/cli/main.js" engines install vulkan
