import type { AxisValue, ModelFacts } from '../experiment/experiment.js';
import { isEncoder } from '../experiment/known-facts.js';
import type { AxisValues, Rule } from '../experiment/rule.js';
import { getOrMake } from '../maps.js';
import { unopenable } from '../models/conversions.js';
import { opensModels, RUNNERS, runnerNamed } from '../runners/index.js';
import type { RunnerKind } from '../runners/runner.js';
import { formsOf } from '../techniques/graph-quantization.js';
import { TECHNIQUES } from '../techniques/index.js';
import { WORKLOADS, workloadNamed } from '../workloads/index.js';
import type { WorkloadKind } from '../workloads/workload.js';
import { type Budget, Diagram, type NodeId } from './diagram.js';
import { settingFields } from './fields.js';
import type { Grid } from './grid.js';
import { RUNS } from './ranking.js';
import type { Selector } from './spec.js';

/** @returns a, b or c */
const anyOf = (words: readonly string[]) =>
  new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(words);

export const EXCLUDED = 1;
export const DUPLICATE = 2;
/** Reasons are numbered from here on. */
const FIRST_REASON = 3;

/** @returns every rule of a pair of kinds, those that follow from what the runner can do included. */
export function rulesOf(runnerKind: string, workloadKind: string): Rule[] {
  const runner = runnerNamed(runnerKind);
  const workload = workloadNamed(workloadKind);
  return [
    ...(runner && workload ? [meeting(runner, workload), decoding(workload)] : []),
    ...(runner ? [...abilities(runner), ...runner.rules] : []),
    ...(workload?.rules ?? []),
  ];
}

/** Families of devices that a power helper can set. */
const SETTABLE = ['cpu', 'cuda'];

/** `cuda:h100` → `cuda` */
const generalClass = (device: AxisValue | undefined) => String(device).split(':')[0]!;

/** A workload needs one capability, and a runner either offers it or not. */
function meeting(runner: RunnerKind, workload: WorkloadKind): Rule {
  const able = RUNNERS.filter(({ offers }) => offers.includes(workload.needs)).map(({ kind }) => kind);
  const others = WORKLOADS.filter(({ needs }) => runner.offers.includes(needs)).map(({ kind }) => kind);
  return {
    axes: ['device'],
    reason: () =>
      runner.offers.includes(workload.needs)
        ? null
        : `the runner ${runner.kind} cannot do the workload ${workload.kind}: use the workload ${anyOf(others)}, or the runner ${anyOf(able)}`,
  };
}

/**
 * What an encoder gives are states of a text that is there, so that nothing can be asked of it but to read.
 */
function decoding(workload: WorkloadKind): Rule {
  return {
    axes: ['model'],
    reason: ({ model }, facts) =>
      facts === null || ['tensor-graph', 'embedder', 'op'].includes(workload.needs) || !isEncoder(facts)
        ? null
        : `model ${model} is an encoder, which generates nothing: use the workload inference`,
  };
}

function abilities(runner: RunnerKind): Rule[] {
  const device: Rule = {
    axes: ['device'],
    reason: (values) =>
      runner.devices.includes(generalClass(values.device))
        ? null
        : `the runner ${runner.kind} cannot use the device ${values.device}: it can use ${runner.devices.join(', ')}`,
  };
  // A runner without a model file takes any word: there is nothing for a technique to change.
  const techniques = TECHNIQUES.filter(
    ({ name }) => opensModels(runner.kind) && !runner.techniques.includes(name),
  ).map(
    ({ name, fallback }): Rule => ({
      axes: [name],
      reason: (values) =>
        values[name] === fallback ? null : `the runner ${runner.kind} cannot do ${name} ${values[name]}`,
    }),
  );
  const settings = settingFields.map(
    ({ name }): Rule => ({
      axes: ['device', name],
      reason: (values) =>
        values[name] === null || SETTABLE.includes(generalClass(values.device))
          ? null
          : `${name} cannot be set on the device ${values.device}: only on ${SETTABLE.join(', ')}`,
    }),
  );
  const format: Rule = {
    axes: ['model'],
    reason: ({ model }, facts) => {
      const flaw = facts === null ? null : unopenable(facts, runner.formats);
      return flaw === null
        ? null
        : `the runner ${runner.kind} opens ${runner.formats.join(', ')}, and model ${model} ${flaw}`;
    },
  };
  return [device, format, formsOf(runner.formats), ...settings, ...techniques];
}

/** Writes the verdict over a grid: excluded, or there already, or impossible with its reason, or it runs. */
export class Judge {
  readonly diagram: Diagram;
  readonly #grid: Grid;
  readonly #reasons: Map<string, number>;

  /** @param reasons the codes of all reasons so far, shared by the grids of a sweep. */
  constructor(grid: Grid, budget: Budget, reasons: Map<string, number>) {
    this.#grid = grid;
    this.#reasons = reasons;
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
      return this.#holding(axis, values, EXCLUDED);
    });
    return this.#allOf(clauses);
  }

  #holding(axis: string, values: readonly AxisValue[], verdict: number): NodeId {
    const wanted = new Set(values);
    return this.#compile([axis], (point) => (wanted.has(point[axis]!) ? verdict : RUNS));
  }

  #allOf(clauses: readonly NodeId[]): NodeId {
    return clauses.reduce((all, node) => this.diagram.combine(all, node, (a, b) => (b === RUNS ? RUNS : a)));
  }

  /** Points that an earlier grid of the same kinds holds already. @throws TooLargeError */
  duplicates(earlier: Grid, excludes: readonly Selector[]): NodeId {
    if (!overlap(earlier, this.#grid)) return this.diagram.leaf(RUNS);
    const clauses = earlier.dimensions.map(({ axes, size }) => {
      const [axis] = axes;
      if (axes.length === 1 && axis) return this.#holding(axis.name, axis.values, DUPLICATE);
      const tuples = new Set(
        Array.from({ length: size }, (_, i) => JSON.stringify(axes.map(({ values }) => values[i]))),
      );
      const names = axes.map(({ name }) => name);
      return this.#compile(names, (point) =>
        tuples.has(JSON.stringify(names.map((name) => point[name]))) ? DUPLICATE : RUNS,
      );
    });
    const there = this.#allOf(clauses);
    if (earlier.included) return there;
    return this.diagram.combine(there, this.excluded(excludes), (a, b) => (b === RUNS ? a : RUNS));
  }

  /** Combinations that can never run, each with the code of its reason. @throws TooLargeError */
  impossible(rule: Rule, facts: ReadonlyMap<AxisValue, ModelFacts | null>): NodeId {
    if (!rule.axes.every((axis) => this.#grid.places.has(axis))) return this.diagram.leaf(RUNS);
    const aboutModel = rule.axes.includes('model');
    const known = opensModels(this.#grid.runner) && [...facts.values()].some((model) => model !== null);
    if (aboutModel && !known) return this.diagram.leaf(RUNS);
    return this.#compile(rule.axes, (point) => {
      const model = aboutModel ? (facts.get(point.model ?? null) ?? null) : null;
      if (aboutModel && model === null) return RUNS;
      const reason = rule.reason(point, model);
      if (reason === null) return RUNS;
      return getOrMake(this.#reasons, reason, () => FIRST_REASON + this.#reasons.size);
    });
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

/** True when some point may be in both grids. */
function overlap(a: Grid, b: Grid): boolean {
  if (a.runner !== b.runner || a.workload !== b.workload) return false;
  return [...a.places].every(([name, { values }]) => {
    const other = b.places.get(name)?.values ?? [];
    if (other === values) return true;
    const there = new Set(other);
    return values.some((value) => there.has(value));
  });
}
