"""PyTorch beside our kernels: one process that holds tensors and times what it is asked, one JSON line for each line it gets.

{"prepare": id, "op": ..., ...} makes inputs; {"time": id, "repeats": n} gives {"nanoseconds": [...]}, by events of the device.
"""
import json
import sys

import torch

ready = {}
DEVICE = "cuda"


def rotating(make, bytes_of_one):
    """Sets of inputs that together do not fit the last cache, so that each comes from memory."""
    cache = torch.cuda.get_device_properties(0).L2_cache_size
    count = max(1, min(64, int(4 * cache / max(1, bytes_of_one)) + 1))
    return [make() for _ in range(count)]


def halves(*shape):
    return torch.randn(*shape, device=DEVICE, dtype=torch.float16)


def prepare(job):
    op = job["op"]
    if op == "copy":
        count = job["bytes"] // 2 // 4
        a, b = torch.ones(count, device=DEVICE), torch.empty(count, device=DEVICE)
        return [lambda: b.copy_(a)]
    if op == "matmul":
        n = job["size"]
        kind = job["type"]
        if kind == "int8":
            a = torch.randint(-8, 8, (n, n), device=DEVICE, dtype=torch.int8)
            b = torch.randint(-8, 8, (n, n), device=DEVICE, dtype=torch.int8).t()
            return [lambda: torch._int_mm(a, b)]
        dtype = {"f16": torch.float16, "bf16": torch.bfloat16, "tf32": torch.float32}[kind]
        torch.backends.cuda.matmul.allow_tf32 = kind == "tf32"
        a, b = (torch.randn(n, n, device=DEVICE).to(dtype) for _ in range(2))
        return [lambda: torch.mm(a, b)]
    if op == "linear":
        rows, columns, batch = job["rows"], job["columns"], job["batch"]

        def linear():
            w, x = halves(rows, columns), halves(columns, batch)
            return lambda: torch.mm(w, x)

        return rotating(linear, 2 * rows * columns)
    if op == "linear-2of4":
        from torch.sparse import to_sparse_semi_structured

        rows, columns, batch = job["rows"], job["columns"], job["batch"]
        mask = torch.tensor([1, 0, 1, 0], device=DEVICE, dtype=torch.float16).repeat(rows, columns // 4)
        w = to_sparse_semi_structured(halves(rows, columns) * mask)
        x = halves(columns, batch)
        return [lambda: torch.mm(w, x)]
    if op == "attention":
        batch, heads, kv, length = job["batch"], job["heads"], job["kvHeads"], job["length"]
        queries, context = job["queries"], job["context"]

        def attention():
            q, k, v = halves(batch, heads, queries, length), halves(batch, kv, context, length), halves(batch, kv, context, length)
            causal = queries > 1
            return lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True)

        return rotating(attention, 2 * 2 * batch * kv * context * length)
    raise ValueError(f"there is no op {op}")


def time(works, repeats):
    for work in works:
        work()
    out = []
    for i in range(repeats):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        # As our own timing does: what is timed is queued before the first of it starts.
        torch.cuda._sleep(40000)
        begin.record()
        works[i % len(works)]()
        end.record()
        end.synchronize()
        out.append(1e6 * begin.elapsed_time(end))
    return out


for line in sys.stdin:
    job = json.loads(line)
    try:
        if "prepare" in job:
            ready[job["prepare"]] = prepare(job)
            answer = {"ready": job["prepare"], "torch": torch.__version__}
        elif "drop" in job:
            ready.pop(job["drop"], None)
            torch.cuda.empty_cache()
            answer = {}
        else:
            answer = {"nanoseconds": time(ready[job["time"]], job["repeats"])}
    except Exception as error:  # the bench says why a peer is not there
        answer = {"problem": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
