"""ONNX Runtime's own Python binding, asked line by line: a prompt in one pass, then steps with the cache, all by IO binding.

    python reference.py MODEL THREADS

Reads one JSON object a line, {"tokens": [...], "steps": [...], "runs": n}, and writes one: seconds of the prompt and of the steps of n
runs, after one that wakes threads and is not counted; for no runs the SHA-256 of the logits of the prompt and of each step. The first
line says where the library is.
"""
import glob
import hashlib
import json
import os
import sys
import time

import numpy as np
import onnxruntime as ort

folder = os.path.join(os.path.dirname(ort.__file__), "capi")
library = (glob.glob(os.path.join(folder, "libonnxruntime.so*")) or glob.glob(os.path.join(folder, "libonnxruntime*.dylib")))[0]
options = ort.SessionOptions()
options.intra_op_num_threads = int(sys.argv[2])
options.inter_op_num_threads = 1
session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
pasts = [i for i in session.get_inputs() if i.name.startswith("past_key_values.")]
positions = any(i.name == "position_ids" for i in session.get_inputs())
print(json.dumps({"library": library, "version": ort.__version__}), flush=True)


def value(array):
    return ort.OrtValue.ortvalue_from_numpy(array)


def run(ids, length, cache):
    binding = session.io_binding()
    feeds = {"input_ids": ids, "attention_mask": np.ones((1, length + ids.shape[1]), np.int64)}
    if positions:
        feeds["position_ids"] = np.arange(length, length + ids.shape[1], dtype=np.int64)[None]
    for name, array in feeds.items():
        binding.bind_ortvalue_input(name, value(array))
    for past, held in zip(pasts, cache):
        binding.bind_ortvalue_input(past.name, held)
    binding.bind_output("logits", "cpu")
    for past in pasts:
        binding.bind_output(past.name.replace("past_key_values", "present"), "cpu")
    session.run_with_iobinding(binding)
    outputs = binding.get_outputs()
    return outputs[0], outputs[1:]


def hashed(logits):
    return hashlib.sha256(logits.numpy().tobytes()).hexdigest()


def passes(tokens, steps):
    """Seconds of the prompt, seconds of the steps, and all logits."""
    cache = [value(np.zeros([1, p.shape[1], 0, p.shape[3]], np.float32)) for p in pasts]
    begin = time.perf_counter()
    logits, cache = run(tokens, 0, cache)
    prefilled = time.perf_counter()
    every = [logits]
    for i, token in enumerate(steps):
        logits, cache = run(np.array([[token]], np.int64), tokens.shape[1] + i, cache)
        every.append(logits)
    return prefilled - begin, time.perf_counter() - prefilled, every


for line in sys.stdin:
    asked = json.loads(line)
    tokens = np.array([asked["tokens"]], np.int64)
    every = passes(tokens, asked["steps"])[2]
    if asked["runs"] == 0:
        print(json.dumps({"hashes": [hashed(one) for one in every]}), flush=True)
        continue
    every = None
    timed = [passes(tokens, asked["steps"])[:2] for _ in range(asked["runs"])]
    print(json.dumps({"prefill": [a for a, _ in timed], "decode": [b for _, b in timed]}), flush=True)
