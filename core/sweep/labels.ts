import type { AxisValue, ExperimentContent } from '../experiment/experiment.js';
import { TECHNIQUES } from '../techniques/index.js';
import { AXIS_NAMES } from './fields.js';
import type { Selector, Sweep } from './spec.js';

/** @returns every axis of a point by name, options included; what tables and pivots group by. */
export function axisValues(content: ExperimentContent): Record<string, AxisValue> {
  return valuesOf(content, { node: content.node });
}

/** @returns the same without the node that was asked for. */
export function axisValuesAnywhere(content: ExperimentContent): Record<string, AxisValue> {
  return valuesOf(content, {});
}

function valuesOf(content: ExperimentContent, node: { readonly node?: string | null }) {
  return {
    model: content.model.name,
    ...content.technique,
    device: content.device,
    powerCapWatts: content.settings?.powerCapWatts ?? null,
    lockedClockHertz: content.settings?.lockedClockHertz ?? null,
    ...node,
    runner: content.runner.kind,
    workload: content.workload.kind,
    ...content.runner.options,
    ...content.workload.options,
  };
}

/** @returns the axes on which points of a sweep differ, in canonical order. */
export function varyingAxes(sweep: Sweep): string[] {
  const values = new Map<string, Set<AxisValue>>();
  const add = (name: string, more: readonly AxisValue[]) => {
    const known = values.get(name) ?? new Set();
    for (const value of more) known.add(value);
    values.set(name, known);
  };
  add(
    'model',
    sweep.models.map((model) => model.name),
  );
  add('device', sweep.placement.devices);
  for (const axis of [...sweep.techniques, ...sweep.settings]) add(axis.name, axis.values);
  for (const [name, blocks] of [
    ['runner', sweep.runners],
    ['workload', sweep.workloads],
  ] as const) {
    add(
      name,
      blocks.map((block) => block.kind),
    );
    for (const axis of blocks.flatMap((block) => block.axes)) add(axis.name, axis.values);
  }
  for (const { at } of [...sweep.include, ...sweep.points])
    for (const [name, more] of Object.entries(at)) add(name, more);
  const varying = AXIS_NAMES.filter((name) => (values.get(name)?.size ?? 0) > 1);
  return sweep.placement.perNode ? [...varying, 'node'] : varying;
}

/** What a sweep calls some of its points: no part of any experiment, which may have other names elsewhere. */
export interface PointName {
  readonly name: string;
  readonly at: Selector;
  /** One point has it, so that nothing else need be said of that. */
  readonly single: boolean;
}

/** @returns the names that a sweep gives, those of single points first. */
export function namesOf({ points, include }: Pick<Sweep, 'points' | 'include'>): PointName[] {
  return [
    ...points.map((point) => ({ ...point, single: true })),
    ...include.flatMap(({ name, at }) => (name === null ? [] : [{ name, at, single: false }])),
  ];
}

/** @returns the first of the names that a point has by the values of its axes. */
export function nameOf(
  names: readonly PointName[],
  values: Readonly<Record<string, AxisValue>>,
): PointName | null {
  const hasAxisValue = ([axis, some]: [string, readonly AxisValue[]]) =>
    axis in values && some.includes(values[axis]!);
  return names.find(({ at }) => Object.entries(at).every(hasAxisValue)) ?? null;
}

/**
 * @returns what points of a sweep are called where there is one line for each: by name, or by what varies.
 */
export function labelsIn(sweep: Sweep): (content: ExperimentContent) => string {
  const names = namesOf(sweep);
  const varying = varyingAxes(sweep);
  return (content) => {
    const named = nameOf(names, axisValues(content));
    if (named?.single === true) return named.name;
    return [...(named === null ? [] : [named.name]), describe(content, varying)].join(' ');
  };
}

/** Techniques whose word for doing nothing says nothing; of a quantization it says `base`. */
const SILENT = new Map(
  TECHNIQUES.filter(({ name }) => name !== 'quantization').map(({ name, fallback }) => [name, fallback]),
);

/** Beside the axes of a row, where its sweep names points. */
export const NAME = 'name';

/** Axes whose value says what it is without its name. */
const BARE = [NAME, 'model', ...TECHNIQUES.map(({ name }) => name), 'device', 'node', 'runner', 'workload'];

/**
 * @returns a short label of what varies: `small q8_0 flashAttention=true parallel=4`; the model always leads,
 * techniques that do nothing are left out.
 * @param varying the axes to show, from varyingAxes.
 */
export function describe(content: ExperimentContent, varying: readonly string[]): string {
  return describeValues(axisValues(content), new Set(['model', ...varying]));
}

/**
 * @param shown the axes to show.
 * @param written how an axis is called, and how its value is written, where not as they are.
 */
export function describeValues(
  values: Readonly<Record<string, AxisValue>>,
  shown: ReadonlySet<string>,
  written: {
    readonly name: (name: string) => string;
    readonly text: (name: string, value: AxisValue) => AxisValue;
  } = { name: (name) => name, text: (_, value) => value },
): string {
  const bare = BARE.filter((name) => shown.has(name) && (values[name] ?? null) !== null)
    .filter((name) => !SILENT.has(name) || SILENT.get(name) !== values[name])
    .map((name) => written.text(name, values[name] ?? null));
  const named = [...shown]
    .filter((name) => !BARE.includes(name) && name in values)
    .map((name) => `${written.name(name)}=${written.text(name, values[name] ?? null)}`);
  return [...bare, ...named].join(' ');
}
