import type { AxisValue } from '../experiment/experiment.js';
import type { Path } from '../input/diagnostic.js';
import { nearest } from '../input/suggest.js';
import { getOrMake } from '../maps.js';
import { show } from './expected.js';
import { AXIS_NAMES, FIELDS, KIND_AXES } from './fields.js';
import type { ReadAxis, ReadBlock, Reader } from './reader.js';
import type { Included, NamedPoint, Selector } from './spec.js';

/** The axes of one grid (runner block × workload block) by name. */
export type GridAxes = ReadonlyMap<string, ReadAxis>;

/** Every grid of a sweep. */
export interface Grids {
  readonly all: readonly GridAxes[];
  /** False when a block's kind is not known, so that nothing can be said about axes that are not there. */
  readonly complete: boolean;
  /** Every value an axis has in some grid; null when no grid has it, or not all of its values are known. */
  valuesOf(axis: string): ReadonlySet<AxisValue> | null;
}

/** @returns the grids of a sweep: the axes all points have, and those of each pair of blocks. */
export function gridsOf(
  shared: readonly ReadAxis[],
  runners: readonly ReadBlock[],
  workloads: readonly ReadBlock[],
  complete: boolean,
): Grids {
  const all = runners.flatMap((runner) =>
    workloads.map((workload) => {
      const kinds = [
        kindAxis('runner', runner.kind, !complete),
        kindAxis('workload', workload.kind, !complete),
      ];
      const axes = [...shared, ...runner.axes, ...workload.axes, ...kinds];
      return new Map(axes.map((axis) => [axis.name, axis]));
    }),
  );
  const known = new Map<string, ReadonlySet<AxisValue> | null>();
  const valuesOf = (name: string) =>
    getOrMake(known, name, () => {
      const axes = [...new Set(all.flatMap((grid) => grid.get(name) ?? []))];
      const whole = axes.length > 0 && !axes.some((axis) => axis.damaged);
      return whole ? new Set(axes.flatMap((axis) => axis.values)) : null;
    });
  return { all, complete, valuesOf };
}

const kindAxis = (name: string, kind: string, damaged: boolean): ReadAxis => ({
  name,
  values: [kind],
  places: [],
  damaged,
});

/** Reads `zip`: every group's axes exist together somewhere, once, with as many values each. */
export function readZip(reader: Reader, grids: Grids): string[][] {
  const taken = new Map<string, Path>();
  const groups: string[][] = [];
  for (const { path } of reader.items(['spec', 'zip'])) {
    const names: string[] = [];
    for (const item of reader.items(path)) {
      const name = String(item.value);
      if (taken.has(name)) reader.report(item.path, `the axis ${name} is zipped twice: name it once`);
      else names.push(name);
      taken.set(name, item.path);
    }
    const fitting = grids.all.filter((axes) => names.every((name) => axes.has(name)));
    if (fitting.length === 0 && grids.complete)
      reader.report(path, `no runner and workload of this sweep have all of ${names.join(', ')}`);
    const uneven = fitting.find((axes) => {
      const members = names.map((name) => axes.get(name)!);
      return (
        !members.some((axis) => axis.damaged) && new Set(members.map((axis) => axis.values.length)).size > 1
      );
    });
    if (uneven) {
      const lengths = names.map((name) => `${name} ${uneven.get(name)?.values.length}`).join(', ');
      reader.report(path, `axes that walk together need as many values each, but these have: ${lengths}`);
    }
    groups.push(names.sort((a, b) => AXIS_NAMES.indexOf(a) - AXIS_NAMES.indexOf(b)));
  }
  return groups.sort((a, b) => AXIS_NAMES.indexOf(a[0] ?? '') - AXIS_NAMES.indexOf(b[0] ?? ''));
}

/** Reads `exclude`: every axis is one of this sweep and every value is on it. */
export function readExcludes(reader: Reader, grids: Grids): Selector[] {
  return reader.items(['spec', 'exclude']).map(({ path }) => {
    const selector = readSelector(reader, path);
    const unknown = reportUnknownAxes(reader, path, selector, grids);
    let missing = false;
    for (const [name, values] of Object.entries(selector)) {
      const present = grids.valuesOf(name);
      if (present === null) continue;
      for (const value of values) {
        if (present.has(value)) continue;
        missing = true;
        const guess = () => (typeof value === 'string' ? nearest(value, [...present].map(String)) : null);
        const few = present.size <= 12 ? `; it has ${[...present].map(show).join(', ')}` : '';
        reader.report([...path, name], `${show(value)} is not a value of ${name} in this sweep${few}`, guess);
      }
    }
    const sound = !unknown && !missing && grids.complete && !reader.damaged(path);
    if (sound && !grids.all.some((grid) => touches(grid, selector))) {
      reader.report(
        path,
        'this matches no point: no runner and workload of this sweep have all of these values',
      );
    }
    return selector;
  });
}

/** Reads `include`: values need not be on the axes, but models and kinds are those of this sweep. */
export function readIncludes(reader: Reader, grids: Grids, taken: Set<string>): Included[] {
  return reader.items(['spec', 'include']).map(({ path }) => {
    const at = readSelector(reader, path);
    const wrong = reportForeign(reader, path, at, grids);
    const together = grids.all.some((grid) => Object.keys(at).every((name) => grid.has(name)));
    if (!wrong && grids.complete && !reader.damaged(path) && !together) {
      reader.report(path, 'this adds no point: no runner and workload of this sweep have all of these axes');
    }
    return { name: readName(reader, path, taken), at };
  });
}

/**
 * Reads `points`: as `include`, one value each, and what an entry leaves out is the first value of the first
 * blocks that it fits.
 */
export function readPoints(reader: Reader, grids: Grids, taken: Set<string>): NamedPoint[] {
  const known = new Map<string, string>();
  return reader.items(['spec', 'points']).flatMap(({ path }) => {
    const name = readName(reader, path, taken) ?? '';
    const selector = readSelector(reader, path);
    let wrong = reportForeign(reader, path, selector, grids);
    for (const [axis, values] of Object.entries(selector)) {
      if (values.length <= 1) continue;
      wrong = true;
      reader.report(
        [...path, axis],
        `${axis} has ${values.length} values, and a point has one: write a point for each, or an include`,
      );
    }
    if (wrong || !grids.complete || reader.damaged(path)) return [];
    const fitting = grids.all.find((grid) => belongs(grid, selector));
    if (fitting === undefined) {
      reader.report(path, 'this is no point: no runner and workload of this sweep have all of these axes');
      return [];
    }
    const at = Object.fromEntries(
      [...fitting].map(([axis, { values }]) => [axis, selector[axis] ?? values.slice(0, 1)]),
    );
    const key = JSON.stringify(at);
    const other = known.get(key);
    if (other !== undefined)
      reader.report(path, `${show(name)} is the same point as ${show(other)}: remove one`);
    known.set(key, name);
    return [{ name, at }];
  });
}

/** @param taken names of the sweep so far */
function readName(reader: Reader, path: Path, taken: Set<string>): string | null {
  const at = [...path, 'name'];
  const name = reader.value(at);
  if (typeof name !== 'string') return null;
  if (taken.has(name)) reader.report(at, `two entries have the name ${show(name)}: give each one of its own`);
  taken.add(name);
  return name;
}

/** True where a grid has all of these axes, and is of these kinds. */
function belongs(grid: GridAxes, selector: Selector): boolean {
  const isKind = (axis: string, value: AxisValue | undefined) =>
    !KIND_AXES.includes(axis) || grid.get(axis)?.values[0] === value;
  return Object.entries(selector).every(([axis, values]) => grid.has(axis) && isKind(axis, values[0]));
}

/** Reports axes, models and kinds that are none of this sweep. @returns whether there are any. */
function reportForeign(reader: Reader, path: Path, selector: Selector, grids: Grids): boolean {
  let wrong = reportUnknownAxes(reader, path, selector, grids);
  for (const name of ['model', 'runner', 'workload']) {
    // Models and kinds are words, and every grid has them.
    const present = grids.valuesOf(name);
    if (present === null) continue;
    for (const value of selector[name] ?? []) {
      if (present.has(String(value))) continue;
      wrong = true;
      reader.report([...path, name], `${show(value)} is no ${name} of this sweep`, () =>
        nearest(String(value), [...present].map(String)),
      );
    }
  }
  return wrong;
}

/** The values of an axis to look them up in; an axis is in as many grids as there are pairs of blocks. */
const valuesOfAxis = new WeakMap<ReadAxis, ReadonlySet<AxisValue>>();

function axisHas(axis: ReadAxis, value: AxisValue): boolean {
  return getOrMake(valuesOfAxis, axis, () => new Set(axis.values)).has(value);
}

function touches(grid: GridAxes, selector: Selector): boolean {
  return Object.entries(selector).every(([name, values]) => {
    const axis = grid.get(name);
    return axis !== undefined && (axis.damaged || values.some((value) => axisHas(axis, value)));
  });
}

function reportUnknownAxes(reader: Reader, path: Path, selector: Selector, grids: Grids): boolean {
  if (!grids.complete) return false;
  const unknown = Object.keys(selector).filter((name) => !grids.all.some((grid) => grid.has(name)));
  for (const name of unknown) {
    reader.report([...path, name], `no runner or workload of this sweep has the axis ${name}`, null, 'key');
  }
  return unknown.length > 0;
}

function readSelector(reader: Reader, path: Path): Selector {
  const axes = reader.entries(path).filter(([name]) => name !== 'name');
  const entries = axes.map(([name, at]): [string, readonly AxisValue[]] => {
    const field = FIELDS.get(name);
    if (field) return [name, reader.axis(field, at).values];
    return [name, [...new Set(reader.items(at).map((item) => String(item.value)))]];
  });
  if (entries.length === 0 && !reader.damaged(path)) {
    reader.report(path, 'this names no axis: name one, or remove it');
  }
  return Object.fromEntries(entries);
}
