"""Replays a task with a search of others: reads the task as JSON, and writes the points that it asked for, in that order.

Points that were asked for before cost nothing: they are listed once.

python with-others.py SAMPLER < task.json    SAMPLER one of Optuna's tpe, nsga2, gp, or smac (SMAC3, its random forest; ParEGO for several objectives)
"""

import json
import sys
import tempfile


class Lookup:
    """The task's points, and which of them were asked for."""

    def __init__(self, job):
        self.axes = job["axes"]
        self.points = {tuple(p["digits"]): p["values"] for p in job["points"]}
        self.order = {}

    def has(self, axis, digits):
        """Whether a point with these first digits has an axis."""
        where = axis.get("where")
        return where is None or digits[where["axis"]] in where["indices"]

    def ask(self, choose):
        """choose gives the index of an axis's value. Returns the costs; None where the trial fails."""
        digits = []
        for axis in self.axes:
            digits.append(choose(axis) if self.has(axis, digits) else -1)
        self.order[tuple(digits)] = None
        return self.points.get(tuple(digits))


def optuna_asks(name, job, lookup):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seed = job["seed"]
    if name == "tpe":
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)
    elif name == "nsga2":
        sampler = optuna.samplers.NSGAIISampler(seed=seed, population_size=40)
    elif name == "gp":
        sampler = optuna.samplers.GPSampler(seed=seed)
    else:
        raise SystemExit(f"no sampler {name}")

    def objective(trial):
        def choose(axis):
            if axis["number"]:
                return trial.suggest_int(axis["name"], 0, axis["size"] - 1)
            return trial.suggest_categorical(axis["name"], list(range(axis["size"])))

        values = lookup.ask(choose)
        if values is None:
            raise optuna.TrialPruned()
        return values

    study = optuna.create_study(directions=["minimize"] * job["objectives"], sampler=sampler)
    study.optimize(objective, n_trials=job["trials"])


def smac_asks(job, lookup):
    from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace, InCondition, UniformIntegerHyperparameter
    from smac import HyperparameterOptimizationFacade as Facade
    from smac import Scenario
    from smac.multi_objective.parego import ParEGO
    from smac.runhistory.dataclasses import TrialValue
    from smac.runhistory.enumerations import StatusType

    space = ConfigurationSpace(seed=job["seed"])
    made = []
    for axis in job["axes"]:
        name, size = axis["name"], axis["size"]
        if axis["number"]:
            made.append(UniformIntegerHyperparameter(name, 0, size - 1))
        else:
            made.append(CategoricalHyperparameter(name, list(range(size))))
        space.add(made[-1])
    for axis, one in zip(job["axes"], made):
        where = axis.get("where")
        if where is not None:
            space.add(InCondition(one, made[where["axis"]], where["indices"]))
    objectives = [f"cost{d}" for d in range(job["objectives"])]
    known = [p["values"] for p in job["points"] if p["values"] is not None]
    # What fails costs as much as the worst point, which nobody could know beforehand.
    worst = [max(column) for column in zip(*known)]
    with tempfile.TemporaryDirectory() as folder:
        scenario = Scenario(
            space,
            objectives=objectives,
            n_trials=job["trials"],
            deterministic=True,
            seed=job["seed"],
            output_directory=folder,
            crash_cost=worst,
        )
        search = Facade(
            scenario,
            lambda config, seed=0: worst,
            multi_objective_algorithm=ParEGO(scenario),
            intensifier=Facade.get_intensifier(scenario, max_config_calls=1),
            logging_level=False,
            overwrite=True,
        )
        for _ in range(job["trials"]):
            asked = search.ask()
            config = dict(asked.config)
            values = lookup.ask(lambda axis: int(config[axis["name"]]))
            status = StatusType.CRASHED if values is None else StatusType.SUCCESS
            search.tell(asked, TrialValue(cost=worst if values is None else values, time=1.0, status=status), save=False)


def main():
    job = json.load(sys.stdin)
    lookup = Lookup(job)
    if sys.argv[1] == "smac":
        smac_asks(job, lookup)
    else:
        optuna_asks(sys.argv[1], job, lookup)
    json.dump([list(digits) for digits in lookup.order], sys.stdout)


main()
