"""Matrix products of numpy and torch, timed: prints the best rate of each as one line of JSON.

Usage: products.py THREADS SIZE REPEATS. A multiply and an add are two operations.
"""

import json
import os
import sys
import time

threads, size, repeats = (int(word) for word in sys.argv[1:4])
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(threads)


def best(product):
    product()
    took = []
    for _ in range(repeats):
        begin = time.perf_counter()
        product()
        took.append(time.perf_counter() - begin)
    return 2 * size**3 / min(took)


rates = {}
try:
    import numpy

    a, b = (numpy.random.default_rng(seed).random((size, size), dtype="f4") for seed in (1, 2))
    c = numpy.empty((size, size), dtype="f4")
    rates["f32 numpy"] = best(lambda: numpy.matmul(a, b, out=c))
except ImportError as error:
    print(f"goes without numpy: {error}", file=sys.stderr)

try:
    import torch

    torch.set_num_threads(threads)
    x, y = torch.rand(size, size), torch.rand(size, size)
    out = torch.empty(size, size)
    rates["f32 torch"] = best(lambda: torch.mm(x, y, out=out))
    xb, yb = x.bfloat16(), y.bfloat16()
    rates["bf16 torch"] = best(lambda: torch.mm(xb, yb))
    xi, yi = (torch.randint(-4, 4, (size, size), dtype=torch.int8) for _ in range(2))
    try:
        rates["int8 torch"] = best(lambda: torch._int_mm(xi, yi))
    except (AttributeError, RuntimeError) as error:
        print(f"goes without int8 of torch: {error}", file=sys.stderr)
except ImportError as error:
    print(f"goes without torch: {error}", file=sys.stderr)

print(json.dumps(rates))
