import { runnerNamed } from '../runners/index.js';
import type { RunnerKind } from '../runners/runner.js';
import { workloadNamed } from '../workloads/index.js';
import { type Budget, Diagram, type NodeId, TooLargeError } from './diagram.js';
import type { AxisValue, ModelFacts } from './experiment.js';
import type { Grid } from './grid.js';
import { RUNS } from './ranking.js';
import type { AxisValues, Rule } from './rule.js';
import type { Selector } from './spec.js';

export const EXCLUDED = 1;
export const DUPLICATE = 2;
/** Reasons are numbered from here on. */
export const FIRST_REASON = 3;

/** What the planner collects over all grids of a sweep. */
export interface Findings {
  readonly reasons: Map<string, number>;
  /** Rules that were too large to be checked in advance, as sentences. */
  readonly unchecked: Set<string>;
}

/** @returns every rule of a pair of kinds, those that follow from what the runner can do included. */
export function rulesOf(runnerKind: string, workloadKind: string): Rule[] {
  const runner = runnerNamed(runnerKind);
  const workload = workloadNamed(workloadKind);
  return [...(runner ? [...abilities(runner), ...runner.rules] : []), ...(workload?.rules ?? [])];
}

function abilities(runner: RunnerKind): Rule[] {
  const device: Rule = {
    axes: ['device'],
    reason: (values) =>
      runner.devices.includes(String(values.device).split(':')[0]!)
        ? null
        : `the runner ${runner.kind} cannot use the device ${values.device}: it can use ${runner.devices.join(', ')}`,
  };
  const techniques = Object.entries(runner.techniques).map(
    ([axis, able]): Rule => ({
      axes: [axis],
      reason: (values) =>
        able.includes(String(values[axis]))
          ? null
          : `the runner ${runner.kind} cannot do ${axis} ${values[axis]}`,
    }),
  );
  return [device, ...techniques];
}

/** Writes the verdict over a grid: excluded, or there already, or impossible with its reason, or it runs. */
export class Judge {
  readonly diagram: Diagram;
  readonly #grid: Grid;
  readonly #findings: Findings;

  constructor(grid: Grid, budget: Budget, findings: Findings) {
    this.#grid = grid;
    this.#findings = findings;
    this.diagram = new Diagram(
      grid.dimensions.map((d) => d.size),
      budget,
    );
  }

  /** Verdicts that come first win. */
  firstOf(nodes: readonly NodeId[]): NodeId {
    return nodes.reduce(
      (all, node) => this.diagram.combine(all, node, (a, b) => (a === RUNS ? b : a)),
      this.diagram.leaf(RUNS),
    );
  }

  /** @throws TooLargeError; a sweep whose excludes cannot be obeyed must not run. */
  excluded(selectors: readonly Selector[]): NodeId {
    return this.firstOf(selectors.map((selector) => this.#matching(selector)));
  }

  #matching(selector: Selector): NodeId {
    const clauses = Object.entries(selector).map(([axis, values]) => {
      const kind = axis === 'runner' ? this.#grid.runner : axis === 'workload' ? this.#grid.workload : null;
      if (kind !== null) return this.diagram.leaf(values.includes(kind) ? EXCLUDED : RUNS);
      if (!this.#grid.places.has(axis)) return this.diagram.leaf(RUNS);
      const wanted = new Set(values);
      return this.#compile([axis], (point) => (wanted.has(point[axis]!) ? EXCLUDED : RUNS));
    });
    return this.#allOf(clauses);
  }

  #allOf(clauses: readonly NodeId[]): NodeId {
    return clauses.reduce((all, node) => this.diagram.combine(all, node, (a, b) => (b === RUNS ? RUNS : a)));
  }

  /**
   * Points that an earlier grid of the same kinds holds already. Left out without a word where that is too
   * large to tell: the same point has the same id, so it is measured once in any case.
   */
  duplicates(earlier: Grid, excludes: readonly Selector[]): NodeId {
    if (!overlap(earlier, this.#grid)) return this.diagram.leaf(RUNS);
    try {
      const clauses = earlier.dimensions.map(({ axes, size }) => {
        const tuples = new Set(
          Array.from({ length: size }, (_, i) => JSON.stringify(axes.map((axis) => axis.values[i]))),
        );
        const names = axes.map((axis) => axis.name);
        return this.#compile(names, (point) =>
          tuples.has(JSON.stringify(names.map((name) => point[name]))) ? DUPLICATE : RUNS,
        );
      });
      const there = this.#allOf(clauses);
      if (earlier.included) return there;
      return this.diagram.combine(there, this.excluded(excludes), (a, b) => (b === RUNS ? a : RUNS));
    } catch (error) {
      if (!(error instanceof TooLargeError)) throw error;
      this.#findings.unchecked.add('grids of this sweep overlap in too many ways to count each point once');
      return this.diagram.leaf(RUNS);
    }
  }

  /** Combinations that can never run; a rule over too many values is named in `unchecked` instead. */
  impossible(rule: Rule, facts: ReadonlyMap<AxisValue, ModelFacts | null>): NodeId {
    if (!rule.axes.every((axis) => this.#grid.places.has(axis))) return this.diagram.leaf(RUNS);
    const { reasons, unchecked } = this.#findings;
    const known = factsMatter(this.#grid.runner);
    try {
      return this.#compile(rule.axes, (point) => {
        const reason = rule.reason(point, known ? (facts.get(point.model ?? null) ?? null) : null);
        if (reason === null) return RUNS;
        const code = reasons.get(reason) ?? FIRST_REASON + reasons.size;
        reasons.set(reason, code);
        return code;
      });
    } catch (error) {
      if (!(error instanceof TooLargeError)) throw error;
      unchecked.add(`${rule.axes.join(' × ')} has too many combinations to check before they run`);
      return this.diagram.leaf(RUNS);
    }
  }

  #compile(axes: readonly string[], verdictOf: (point: AxisValues) => number): NodeId {
    const places = axes.map((name) => ({ name, ...this.#grid.places.get(name)! }));
    const dimensions = [...new Set(places.map((place) => place.dimension))].sort((a, b) => a - b);
    const columns = places.map(({ name, values, dimension }) => ({
      name,
      values,
      at: dimensions.indexOf(dimension),
    }));
    const point: Record<string, AxisValue> = {};
    return this.diagram.compile(dimensions, (indices) => {
      for (const { name, values, at } of columns) point[name] = values[indices[at]!]!;
      return verdictOf(point);
    });
  }
}

/** @returns false for runners that open no model. */
export function factsMatter(runnerKind: string): boolean {
  return runnerNamed(runnerKind)?.opensModel ?? false;
}

/** True when some point may be in both grids. */
function overlap(a: Grid, b: Grid): boolean {
  if (a.runner !== b.runner || a.workload !== b.workload) return false;
  return [...a.places].every(([name, { values }]) => {
    const other = new Set(b.places.get(name)?.values);
    return values.some((value) => other.has(value));
  });
}
