"""Asks lm-evaluation-harness one task of a model and prints what it found: {"results": {...}, "samples": [...]}.

    python lm-eval.py MODEL_FOLDER TASKS_FOLDER '[{"name": ..., "task": ..., "flags": {"num_fewshot": 2}}]'
"""
import json
import sys

import lm_eval
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from lm_eval.utils import handle_non_serializable

folder, tasks, jobs = sys.argv[1:4]
model = HFLM(pretrained=folder, dtype="float32", device="cpu", batch_size=1)
manager = TaskManager(include_path=tasks, include_defaults=False)
for job in json.loads(jobs):
    found = lm_eval.simple_evaluate(
        model=model, tasks=[job["task"]], task_manager=manager, bootstrap_iters=0, log_samples=True, **job["flags"]
    )
    print("FOUND " + json.dumps(
        {"name": job["name"], "results": found["results"][job["task"]], "samples": found["samples"][job["task"]]},
        default=handle_non_serializable,
    ))
