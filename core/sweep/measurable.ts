import type { AxisValue } from '../experiment/experiment.js';
import type { Path, UnlocatedDiagnostic } from '../input/diagnostic.js';
import { metricNamed, type SweepGroup, type WorkloadGroup } from '../metrics/catalogue.js';
import { isSynthetic, NO_QUALITY } from '../models/synthetic.js';
import { opensModels, runnerOffers } from '../runners/index.js';
import { UNCHANGED } from '../techniques/index.js';
import { WORKLOADS, workloadNamed } from '../workloads/index.js';
import type { ValuesOf } from '../workloads/workload.js';
import type { Block, Objective, Sweep } from './spec.js';

/** What decides which metrics rows of a sweep may have. */
type Asked = Omit<Sweep, 'objectives'>;

/** A metric, or a budget, that a sweep counts on, and the key that says so. */
export interface Counted {
  readonly path: Path;
  /** A metric; of a budget of joules the energy that it adds up. */
  readonly metric: string;
}

/**
 * @returns everything of a sweep that needs a metric: objectives, bounds of its search, and its budget of
 *   joules.
 */
export function countedOn({ objectives, search }: Pick<Sweep, 'objectives' | 'search'>): Counted[] {
  const named = (path: Path) => (one: { readonly metric: string }) => ({
    path: [...path, one.metric],
    metric: one.metric,
  });
  return [
    ...objectives.map(named(['spec', 'objectives'])),
    ...(search?.constraints ?? []).map(named(['spec', 'search', 'constraints'])),
    ...(search?.budget.joules == null
      ? []
      : [{ path: ['spec', 'search', 'budget', 'joules'], metric: 'energyJoules' }]),
  ];
}

/**
 * @returns an error for each metric or budget for which no row of a sweep can have a number, by what the file
 *   alone says.
 */
export function unmeasuredFindings(sweep: Sweep): UnlocatedDiagnostic[] {
  return countedOn(sweep).flatMap(({ path, metric }) => {
    const why = whyUnmeasured(metric, sweep);
    return why === null
      ? []
      : [{ path, message: `no row will have a number for it: ${why}`, suggestion: null, at: 'key' as const }];
  });
}

/**
 * @returns what rows are best at where a file does not say: what the first workload names, of which rows have
 *   a number; or else the first of its key metrics that they have; nothing where its rows have none of them.
 */
export function defaultObjectives(sweep: Asked): Objective[] {
  const first = workloadNamed(sweep.workloads[0]?.kind ?? '');
  if (first === undefined) return [];
  const isMeasurable = (metric: string) => whyUnmeasured(metric, sweep) === null;
  const objectives = first.objectives.filter(({ metric }) => isMeasurable(metric));
  if (objectives.length > 0) return objectives;
  const key = first.keyMetrics.find(isMeasurable);
  const better = key === undefined ? null : metricNamed(key)!.better;
  return key === undefined || better === null ? [] : [{ metric: key, better }];
}

/** @returns why no row can have a metric, and what to do about it, as a clause; null where one may. */
function whyUnmeasured(name: string, sweep: Asked): string | null {
  const groups = metricNamed(name)?.of ?? [];
  const ofSweep = groups.filter((group): group is SweepGroup => group in BY_SWEEP);
  for (const group of ofSweep) {
    const why = BY_SWEEP[group](sweep);
    if (why !== null) return why;
  }
  const ofWorkload = groups.filter((group): group is WorkloadGroup => !(group in BY_SWEEP));
  return ofWorkload.length === 0 ? null : whyNoWorkload(ofWorkload, sweep);
}

/** A row is of one workload, which has to give all the groups. */
function whyNoWorkload(groups: readonly WorkloadGroup[], sweep: Asked): string | null {
  let options: string | null = null;
  for (const block of sweep.workloads) {
    const { gives = {} } = workloadNamed(block.kind) ?? {};
    if (groups.some((group) => gives[group] === undefined)) continue;
    const lacking = groups.map((group) => gives[group]!(valuesOf(block, sweep)));
    const why = lacking.find((one) => one !== null) ?? null;
    if (why === null) return null;
    options ??= `${why} in the workload ${block.kind}; change that, or remove it here`;
  }
  if (options !== null) return options;
  const able = WORKLOADS.filter(({ gives }) => groups.every((group) => gives[group] !== undefined));
  const here = [...new Set(sweep.workloads.map(({ kind }) => kind))];
  const key = workloadNamed(here[0] ?? '')?.keyMetrics[0];
  return `only the workload ${anyOf(able.map(({ kind }) => kind))} has it, and this sweep has ${here.join(', ')}; name a metric of that, such as ${key}`;
}

const anyOf = (words: readonly string[]) =>
  new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(words);

/** Entries of `include` and `points` may have values that are not on the axis. */
function valuesOf({ axes }: Block, { include, points }: Asked): ValuesOf {
  return (option) => [
    ...(axes.find(({ name }) => name === option)?.values ?? []),
    ...[...include, ...points].flatMap(({ at }): readonly AxisValue[] => at[option] ?? []),
  ];
}

const answers = (kind: string) => opensModels(kind) || runnerOffers(kind, 'endpoint');

const FOR_TEXT = 'the sweep asks for no text: set quality.text, such as builtin:sample, or remove it here';
const FOR_TASKS = 'the sweep asks no tasks: name some under quality.tasks, or remove it here';
const FOR_BASE = 'quality.base is false: set it to true, or remove it here';
const FOR_QUALITY = 'the sweep asks for no quality: add quality with a text or tasks, or remove it here';

/** Why nobody is asked, whatever the sweep says under `quality`. */
function whyNobody({ runners, models }: Asked): string | null {
  if (!runners.some(({ kind }) => answers(kind)))
    return `the runner ${runners.map(({ kind }) => kind).join(', ')} has no answers to judge; remove it here`;
  if (models.every(({ source }) => isSynthetic(source)))
    return `${NO_QUALITY}; name another model, or remove it here`;
  return null;
}

const textOf = (sweep: Asked) => whyNobody(sweep) ?? (sweep.quality?.text == null ? FOR_TEXT : null);
const tasksOf = (sweep: Asked) => whyNobody(sweep) ?? (sweep.quality?.tasks.length ? null : FOR_TASKS);
const baseOf = ({ quality }: Asked) => (quality?.base === false ? FOR_BASE : null);

const BY_SWEEP: Readonly<Record<SweepGroup, (sweep: Asked) => string | null>> = {
  quality: (sweep) => whyNobody(sweep) ?? (sweep.quality === null ? FOR_QUALITY : null),
  text: textOf,
  textBase: (sweep) => textOf(sweep) ?? baseOf(sweep),
  tasks: tasksOf,
  tasksBase: (sweep) => tasksOf(sweep) ?? baseOf(sweep),
  performance: (sweep) =>
    textOf(sweep) === null || tasksOf(sweep) === null ? baseOf(sweep) : (whyNobody(sweep) ?? FOR_QUALITY),
  pruning: ({ techniques, include, points }) => {
    const values = [
      ...(techniques.find(({ name }) => name === 'sparsity')?.values ?? []),
      ...[...include, ...points].flatMap(({ at }) => at.sparsity ?? []),
    ];
    return values.every((value) => value === UNCHANGED.sparsity)
      ? 'the sweep prunes nothing: list a method under techniques.sparsity, or remove it here'
      : null;
  },
  energy: ({ measure }) =>
    measure.meters === 'off'
      ? 'measure.meters is off, so that no energy is read; turn them on, or remove it here'
      : null,
};
