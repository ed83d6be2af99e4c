#!/usr/bin/env bash
# Packs what a bare machine with an NVIDIA GPU needs to prove all that this machine cannot: no Node.js, no npm and no network are asked of it,
# only bash, tar, gzip and the driver. The kit comes in parts of at most 60 MB, for machines that are reached through a narrow door.
#
#   bash scripts/gpu-kit.sh OUT [--without-engines]
#
# OUT/part-* are to be carried there, with OUT/unpack.sh, which checks and unpacks them. There, `bash gpu-prove.sh` says what can be run.
# What is in it: the checkout at HEAD, its build, packages of npm for this platform, Node.js, CUDA kernels where nvcc is here (else they are
# compiled there), llama.cpp with CUDA and its sources, the models that ship. ONNX Runtime with CUDA, which npm does not have, is taken from
# RIDGEPOINT_ONNXRUNTIME_CUDA, a folder with libonnxruntime and its providers.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'gpu-kit: %s\n' "$*" >&2; }

out=${1:-}
engines=yes
[[ "${2:-}" == --without-engines ]] && engines=no
if [[ -z "$out" || "$out" == -* || ( -n "${2:-}" && "$engines" == yes ) ]]; then
  echo "usage: bash scripts/gpu-kit.sh OUT [--without-engines]" >&2
  exit 2
fi
platform=$(node -p 'process.platform + "-" + process.arch')
if [[ "$platform" != linux-x64 ]]; then
  echo "gpu-kit: it is made on the platform that it is for, linux-x64; this is $platform" >&2
  exit 2
fi
if [[ -n "$(git status --porcelain)" ]]; then
  echo "gpu-kit: there are changes that are not committed: the kit says which commit it is of, so commit them first" >&2
  exit 2
fi
if [[ -e "$out" && -n "$(ls -A "$out")" ]]; then
  echo "gpu-kit: $out is not empty: name a new folder" >&2
  exit 2
fi

node scripts/ready.mjs
node scripts/build-cuda.mjs || say "no nvcc here: the kernels are compiled there (gpu-prove.sh kernels)"

mkdir -p "$out"
kit=$(mktemp -d)
trap 'rm -rf "$kit"' EXIT
mkdir "$kit/ridgepoint" "$kit/cache"
git archive HEAD | tar -x -C "$kit/ridgepoint"
git rev-parse HEAD > "$kit/commit"
cp -a dist "$kit/ridgepoint/dist"
# What only lints, draws or belongs to another platform stays here.
tar -c \
  --exclude='node_modules/@biomejs' --exclude='node_modules/@bufbuild/buf*' --exclude='node_modules/knip' --exclude='node_modules/echarts' \
  --exclude='node_modules/zrender' --exclude='node_modules/dprint-node' --exclude='node_modules/typescript' --exclude='node_modules/playwright-core' \
  --exclude='node_modules/@grafana' --exclude='node_modules/@node-llama-cpp/*arm*' --exclude='node_modules/@node-llama-cpp/mac*' \
  --exclude='node_modules/onnxruntime-node/bin/*/darwin' --exclude='node_modules/onnxruntime-node/bin/*/win32' \
  --exclude='node_modules/onnxruntime-node/bin/*/linux/arm64' --exclude='*.map' \
  node_modules | tar -x -C "$kit/ridgepoint"
install -m 755 "$(node -p process.execPath)" "$kit/node"
install -m 755 scripts/gpu/gpu-prove.sh "$kit/gpu-prove.sh"
if [[ "$engines" == yes ]]; then
  for part in cuda sources; do
    XDG_CACHE_HOME="$kit/cache" node dist/cli/main.js engines install "$part" >&2
  done
fi
if [[ -n "${RIDGEPOINT_ONNXRUNTIME_CUDA:-}" ]]; then
  mkdir "$kit/onnxruntime"
  cp -aL "$RIDGEPOINT_ONNXRUNTIME_CUDA"/lib*.so* "$kit/onnxruntime/"
fi

say "packing $(du -sm "$kit" | cut -f1) MB"
tar -c -C "$kit" . | gzip -6 | split -b 60M -d -a 3 - "$out/part-"
(cd "$out" && sha256sum part-* > parts.sha256)
cat > "$out/unpack.sh" <<'UNPACK'
#!/usr/bin/env bash
# Unpacks the kit that lies beside it into the folder named, and says what is missing or broken.
set -euo pipefail
[[ $# == 1 ]] || { echo "usage: bash unpack.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
cd "$(dirname "$0")"
sha256sum --quiet -c parts.sha256 || { echo "unpack: carry the parts named above again" >&2; exit 1; }
cat part-* | tar -xz -C "$1"
echo "unpacked; next: bash $1/gpu-prove.sh"
UNPACK
say "$(ls "$out"/part-* | wc -l) parts of at most 60 MB, $(du -cm "$out"/part-* | tail -1 | cut -f1) MB in all, in $out"
