"""Replays a task with Optuna: reads it as JSON, and writes for each seed what every trial asked for. Points that were asked for before cost nothing.

python with-optuna.py SAMPLER < task.json
"""

import json
import sys

import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


def sampler_of(name, seed):
    if name == "tpe":
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=seed, population_size=40)
    if name == "gp":
        return optuna.samplers.GPSampler(seed=seed)
    raise SystemExit(f"no sampler {name}")


def main():
    job = json.load(sys.stdin)
    axes, points = job["axes"], {tuple(p["digits"]): p for p in job["points"]}
    runs = []
    for seed in job["seeds"]:
        study = optuna.create_study(directions=["minimize"] * job["objectives"], sampler=sampler_of(sys.argv[1], seed))
        seen, order = set(), []

        def objective(trial):
            digits = []
            for axis in axes:
                where = axis.get("where")
                if where is not None:
                    other = digits[where["axis"]]
                    if other < 0 or other not in where["indices"]:
                        digits.append(-1)
                        continue
                size = axis["size"]
                if axis["number"]:
                    digits.append(trial.suggest_int(axis["name"], 0, size - 1))
                else:
                    digits.append(trial.suggest_categorical(axis["name"], list(range(size))))
            key = tuple(digits)
            point = points.get(key)
            if key not in seen:
                seen.add(key)
                order.append(digits)
            if point is None or point["values"] is None:
                raise optuna.TrialPruned()
            return point["values"]

        study.optimize(objective, n_trials=job["trials"])
        runs.append(order)
    json.dump(runs, sys.stdout)


main()
