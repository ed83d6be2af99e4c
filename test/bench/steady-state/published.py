"""Asks steady_state_diagnostics.py of mlcommons/endpoints about event logs: one JSON line {path, superPassRequests} in, one line out."""

import importlib.util
import json
import sys

spec = importlib.util.spec_from_file_location("diagnostics", sys.argv[1])
diagnostics = importlib.util.module_from_spec(spec)
sys.modules["diagnostics"] = diagnostics
spec.loader.exec_module(diagnostics)


def count_tokens(texts):
    """The logs write every token as a word."""
    return [len(text.split()) for text in texts]


for line in sys.stdin:
    asked = json.loads(line)
    result = diagnostics.run(asked["path"], asked["superPassRequests"], count_tokens, window_sizes=())
    print(json.dumps({name: result[name] for name in ("n_super_passes", "warmup", "steady_state")}), flush=True)
