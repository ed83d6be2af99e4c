"""Runs the published DSnoT on dumped weights and statistics, timed by its own stopwatch.

usage: published.py SOURCE FOLDER THREADS

SOURCE is a checkout of github.com/zyxxmu/DSnoT; FOLDER holds layers.json and, for each layer, its weights and the three
statistics as float32. For every line on stdin the mask step of all layers is run once on fresh weights; a line of JSON
with the seconds that prune_DSnoT counted goes to stdout. With `masks` on the line, masks are written beside the weights.
"""

import argparse
import contextlib
import io
import json
import sys
import types

import numpy
import torch

source, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)

# Imported by the published code and not needed for its mask step.
transformers = types.ModuleType("transformers")
transformers.Conv1D = type("Conv1D", (), {})
sys.modules["transformers"] = transformers
data = types.ModuleType("lib.data")
data.get_loaders = lambda *_, **__: (None, None)
sys.path.insert(0, source)
import lib  # noqa: E402

sys.modules["lib.data"] = data
from lib import prune  # noqa: E402

with open(f"{folder}/layers.json") as file:
    layers = json.load(file)


def read(name, shape):
    return torch.from_numpy(numpy.fromfile(f"{folder}/{name}", dtype=numpy.float32).reshape(shape))


class Statistics:
    """Stands for WrappedGPT after all calibration sequences."""

    def __init__(self, layer, initial_method=None):
        self.scaler_row, self.sum_metric_row, self.var = layer.statistics

    def add_batch(self, inp, out):
        pass


class Block(torch.nn.Module):
    """Layers by the names that prune_DSnoT takes apart; its outputs do not matter."""

    def __init__(self, entries):
        super().__init__()
        self.all = torch.nn.ModuleDict()
        for entry in entries:
            linear = torch.nn.Linear(1, 1, bias=False)
            linear.weight = torch.nn.Parameter(
                read(entry["weights"], (entry["rows"], entry["columns"])), requires_grad=False
            )
            linear.dense = linear.weight.data.clone()
            linear.statistics = [
                read(entry[key], (entry["columns"],)) for key in ("squares", "sums", "variance")
            ]
            linear.entry = entry
            self.all[entry["key"]] = linear

    def forward(self, x, **_):
        return (x,)


blocks = [Block([entry for entry in layers if entry["block"] == b]) for b in sorted({e["block"] for e in layers})]
model = types.SimpleNamespace(
    config=types.SimpleNamespace(use_cache=False),
    hf_device_map={},
    model=types.SimpleNamespace(layers=blocks),
)
arguments = argparse.Namespace(
    nsamples=1,
    seed=0,
    initial_method="wanda",
    sparsity_ratio=float(layers[0]["ratio"]),
    skip_layer="none",
    skip_sub_layer="none",
    without_DSnoT=False,
    pow_of_var_regrowing=1,
    max_cycle_time=50,
    update_threshold=0.1,
    without_same_sign=True,
    get_time_overhead=True,
    output_results_file="",
)
counted = []
prune.WrappedGPT = Statistics
prune.prepare_calibration_input = lambda *_: (torch.zeros(1, 1, 1), torch.zeros(1, 1, 1), None, None)
prune.save_time_result = lambda _args, _file, seconds: counted.append(seconds)

for line in sys.stdin:
    for block in blocks:
        for linear in block.all.values():
            linear.weight.data.copy_(linear.dense)
    with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        prune.prune_DSnoT(arguments, model, None, torch.device("cpu"))
    if line.strip() == "masks":
        for block in blocks:
            for linear in block.all.values():
                pruned = (linear.weight.data == 0).numpy()
                numpy.packbits(pruned, axis=1, bitorder="little").tofile(f"{folder}/{linear.entry['mask']}")
    print(json.dumps({"seconds": counted[-1]}), flush=True)
