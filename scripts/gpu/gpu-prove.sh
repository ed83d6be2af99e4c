#!/usr/bin/env bash
# Runs, on a machine with an NVIDIA GPU, what only such a machine can prove: one stage a call, each ended after 9 minutes, so that whoever is given
# the machine for ten loses at most the stage that was running. It comes in the kit of scripts/gpu-kit.sh and needs nothing but it.
#
#   bash gpu-prove.sh                 the stages, and how each ended
#   bash gpu-prove.sh next            the first that has not run
#   bash gpu-prove.sh STAGE           one of them
#
# What each says lands in RESULTS (./results): STAGE.log, STAGE.status (ran, failed, not run), and files of its own: roofs, rows, recorded
# traces of the meters. Exit code: 0 it ran, 1 it failed, 2 there is no such stage, 4 not run, with the reason.
set -uo pipefail
kit=$(cd "$(dirname "$0")" && pwd)
results=${RESULTS:-$kit/results}
export PATH="$kit:$PATH" XDG_CACHE_HOME="$kit/cache" XDG_STATE_HOME="$kit/state"
export RIDGEPOINT_PYTHON=${RIDGEPOINT_PYTHON:-python3}
mkdir -p "$results"
cd "$kit/ridgepoint" || exit 1
ridge() { node dist/cli/main.js "$@"; }
bench() { node --import tsx "test/bench/$1.ts" "${@:2}"; }
skip() { echo "not run: $*"; exit 4; }

need_gpu() {
  [[ -e /dev/nvidiactl ]] || skip "no NVIDIA GPU: /dev/nvidiactl is not there"
}

# What the machine is: the first thing to bring back.
stage_machine() {
  cat "$kit/commit"
  node --version
  ridge doctor || true
  need_gpu
  nvidia-smi -q > "$results/nvidia-smi.txt" 2>&1 || true
  ridge doctor > "$results/doctor.txt"
}
# The CUDA kernels, where the kit was made without nvcc.
stage_kernels() {
  if [[ ! -d dist/kernels/cuda ]]; then
    node scripts/build-cuda.mjs
    case $? in 0) ;; 4) skip "the kit has no CUDA kernels, and there is no nvcc here: name one in RIDGEPOINT_NVCC" ;; *) return 1 ;; esac
  fi
  need_gpu
  ridge kernels check --device cuda
}
# Every kernel of ours against its reference, and the driver's faults.
stage_checks() { need_gpu; node node_modules/vitest/vitest.mjs run test/gpu; }
# The ceilings of the GPU, kept for the rows of later stages.
stage_roofs() { need_gpu; ridge roofs --out "$results/roofs.json" | tee "$results/roofs.txt"; }
# Ours beside PyTorch's.
stage_peers() {
  need_gpu
  "$RIDGEPOINT_PYTHON" -c 'import torch' 2>/dev/null || skip "no torch in $RIDGEPOINT_PYTHON: name a Python that has it in RIDGEPOINT_PYTHON"
  bench gpu --quick
}
# The meters against the driver's own counter: what they read stands in the records, as traces that tests can replay.
stage_meters() { need_gpu; ridge run scripts/gpu/meters.yaml --quick --out "$results/meters"; }
# Prefill and decode beside llama-bench, which is built here from the sources in the kit.
stage_fidelity() { need_gpu; bench fidelity --device=cuda --only=small --pairs=8; }
# One sweep with quality, energy and the roofs under its rows.
stage_sweep() { need_gpu; ridge run scripts/gpu/sweep.yaml --out "$results/sweep"; }
# A served model under load, on the GPU.
stage_serving() {
  need_gpu
  ridge engines build server || skip "llama-server could not be built, see above"
  ridge run scripts/gpu/serving.yaml --out "$results/serving"
}
# ONNX Runtime with CUDA.
stage_onnx() {
  need_gpu
  [[ -d "$kit/onnxruntime" ]] || skip "the kit has no ONNX Runtime with CUDA: make it with RIDGEPOINT_ONNXRUNTIME_CUDA"
  ridge run scripts/gpu/onnx.yaml --config "$(onnx_config)" --out "$results/onnx"
}
onnx_config() {
  local file="$results/onnx-agent.yaml"
  printf 'onnxruntime:\n  libraries:\n    cuda: %s\n' "$kit/onnxruntime/$(cd "$kit/onnxruntime" && ls | grep -E '^libonnxruntime\.so' | head -1)" > "$file"
  echo "$file"
}

STAGES=(machine kernels checks roofs peers meters fidelity sweep serving onnx)

run_stage() {
  local stage=$1 code
  echo "== $stage"
  timeout_after "stage_$stage" 2>&1 | tee "$results/$stage.log"
  code=${PIPESTATUS[0]}
  case $code in
    0) echo ran ;;
    4) grep -m1 '^not run:' "$results/$stage.log" || echo "not run" ;;
    124) echo "failed: ended after 9 minutes" ;;
    *) echo "failed: exit code $code" ;;
  esac > "$results/$stage.status"
  echo "== $stage: $(cat "$results/$stage.status")"
  case $code in 0 | 4) return "$code" ;; *) return 1 ;; esac
}

# `timeout` runs programs, not functions: the stage runs in a group of its own, which is ended with all that it started.
timeout_after() {
  set -m
  ( "$1" ) &
  local job=$!
  set +m
  ( sleep 540; kill -TERM -- "-$job" 2>/dev/null; sleep 10; kill -KILL -- "-$job" 2>/dev/null ) >/dev/null 2>&1 &
  local guard=$!
  local code=0
  wait "$job" || code=$?
  if kill -0 "$guard" 2>/dev/null; then pkill -P "$guard" 2>/dev/null; kill "$guard" 2>/dev/null; else code=124; fi
  [[ $code == 143 || $code == 137 ]] && code=124
  return "$code"
}

status_of() { cat "$results/$1.status" 2>/dev/null || echo "-"; }

case "${1:-}" in
  '')
    for stage in "${STAGES[@]}"; do printf '%-10s %s\n' "$stage" "$(status_of "$stage")"; done
    ;;
  next)
    for stage in "${STAGES[@]}"; do
      [[ -e "$results/$stage.status" ]] || { run_stage "$stage"; exit $?; }
    done
    echo "every stage has run; what they found is in $results"
    ;;
  *)
    for stage in "${STAGES[@]}"; do [[ "$stage" == "$1" ]] && { run_stage "$stage"; exit $?; }; done
    echo "gpu-prove: there is no stage $1; there are: ${STAGES[*]}" >&2
    exit 2
    ;;
esac
