import type {
  AxisValue,
  DeviceSettings,
  ExperimentContent,
  MeasurePolicy,
  ModelRef,
  Options,
} from '../experiment/experiment.js';
import { TECHNIQUES, techniqueChoice } from '../techniques/index.js';
import { AXIS_NAMES } from './fields.js';
import type { Axis, Block, Selector, Sweep } from './spec.js';

/** One or several axes that walk together: one digit of a point's number. */
export interface Dimension {
  readonly axes: readonly Axis[];
  readonly size: number;
}

/**
 * A product of dimensions over one runner block and one workload block. A sweep is a union of grids: one
 * for every pair of blocks, one for every include entry and every pair it fits, and one for each of `points`.
 */
export interface Grid {
  readonly runner: string;
  readonly workload: string;
  readonly dimensions: readonly Dimension[];
  /** Where each axis stands: its dimension and its values there. */
  readonly places: ReadonlyMap<string, { readonly dimension: number; readonly values: readonly AxisValue[] }>;
  /** True for the grids of include entries and points, which `exclude` does not touch. */
  readonly included: boolean;
  /** Product of the sizes, before anything is left out. */
  readonly size: number;
}

/**
 * @returns every grid of a sweep, in the order their points are numbered; at most `most`, and one to tell.
 */
export function gridsOf(sweep: Sweep, most: number): Grid[] {
  const grids: Grid[] = [];
  for (const selector of [null, ...sweep.include.map(({ at }) => at)]) {
    for (const runner of sweep.runners) {
      for (const workload of sweep.workloads) {
        if (grids.length > most) return grids;
        if (selector === null || fits(sweep, runner, workload, selector)) {
          grids.push(makeGrid(sweep, runner, workload, selector));
        }
      }
    }
    if (selector === null && sweep.points.length > 0 && isOnePoint(grids)) grids.pop();
  }
  const pairs = sweep.runners.flatMap((runner) => sweep.workloads.map((workload) => ({ runner, workload })));
  for (const { at } of sweep.points) {
    // Blocks of one kind have the same axes, of which a point names every value.
    const pair = pairs.find(({ runner, workload }) => fits(sweep, runner, workload, at));
    if (pair !== undefined) grids.push(makeGrid(sweep, pair.runner, pair.workload, at));
  }
  return grids;
}

/** Whoever lists points, and no values, asks for these alone. */
const isOnePoint = ([only, ...others]: readonly Grid[]) => only?.size === 1 && others.length === 0;

function axesOf(sweep: Sweep, runner: Block, workload: Block): Axis[] {
  const order = (axis: Axis) => AXIS_NAMES.indexOf(axis.name);
  return [
    { name: 'model', values: sweep.models.map((model) => model.name) },
    ...sweep.techniques,
    { name: 'device', values: sweep.placement.devices },
    ...sweep.settings,
    ...runner.axes,
    ...workload.axes,
  ].sort((a, b) => order(a) - order(b));
}

function fits(sweep: Sweep, runner: Block, workload: Block, selector: Selector): boolean {
  const names = new Set(axesOf(sweep, runner, workload).map((axis) => axis.name));
  return Object.entries(selector).every(([name, values]) => {
    if (name === 'runner') return values.includes(runner.kind);
    if (name === 'workload') return values.includes(workload.kind);
    return names.has(name);
  });
}

function makeGrid(sweep: Sweep, runner: Block, workload: Block, selector: Selector | null): Grid {
  const named = (axis: Axis) => selector?.[axis.name];
  const axes = axesOf(sweep, runner, workload).map((axis) => ({
    name: axis.name,
    values: named(axis) ?? axis.values,
  }));
  const dimensions: Dimension[] = [];
  const placed = new Set<string>();
  for (const axis of axes) {
    if (placed.has(axis.name)) continue;
    const group = sweep.zip.find(
      (names) => names.includes(axis.name) && !(selector && axis.name in selector),
    );
    const members = group
      ? axes.filter((other) => group.includes(other.name) && !(selector && other.name in selector))
      : [axis];
    for (const member of members) placed.add(member.name);
    dimensions.push({ axes: members, size: axis.values.length });
  }
  return {
    runner: runner.kind,
    workload: workload.kind,
    dimensions,
    places: new Map(
      dimensions.flatMap((d, dimension) =>
        d.axes.map((axis) => [axis.name, { dimension, values: axis.values }] as const),
      ),
    ),
    included: selector !== null,
    size: dimensions.reduce((product, d) => product * d.size, 1),
  };
}

/**
 * @returns a function from the index in each dimension to the experiment's content.
 * @param models those of the sweep by name, which all of its grids share
 */
export function contentBuilder(
  sweep: Sweep,
  grid: Grid,
  models: ReadonlyMap<AxisValue, ModelRef>,
): (indices: Int32Array) => ExperimentContent {
  const runnerAxes = axisNamesOf(sweep.runners, grid.runner);
  const workloadAxes = axisNamesOf(sweep.workloads, grid.workload);
  const modelAt = reader(grid, 'model');
  const wordsAt = new Map(TECHNIQUES.map(({ name }) => [name, reader(grid, name)]));
  const deviceAt = reader(grid, 'device');
  const settingsAt = settingsReader(grid);
  const runnerOptions = optionsBuilder(grid, runnerAxes);
  const workloadOptions = optionsBuilder(grid, workloadAxes);
  const measure: MeasurePolicy = sweep.measure;
  return (indices) => ({
    model: models.get(modelAt(indices))!,
    technique: techniqueChoice(({ name }) => String(wordsAt.get(name)!(indices))),
    runner: { kind: grid.runner, options: runnerOptions(indices) },
    workload: { kind: grid.workload, options: workloadOptions(indices) },
    measure,
    quality: sweep.quality,
    device: deviceAt(indices) as string,
    settings: settingsAt(indices),
    node: null,
  });
}

/** @returns a function that reads what a point asks of its device: null where every value is null. */
function settingsReader(grid: Grid): (indices: Int32Array) => DeviceSettings | null {
  const watts = reader(grid, 'powerCapWatts');
  const hertz = reader(grid, 'lockedClockHertz');
  return (indices) => {
    const powerCapWatts = watts(indices) as number | null;
    const lockedClockHertz = hertz(indices) as number | null;
    return powerCapWatts === null && lockedClockHertz === null ? null : { powerCapWatts, lockedClockHertz };
  };
}

function axisNamesOf(blocks: readonly Block[], kind: string): readonly string[] {
  return blocks.find((block) => block.kind === kind)?.axes.map((axis) => axis.name) ?? [];
}

/** @returns a function that reads one axis of a point of a grid that has it. */
function reader(grid: Grid, axis: string): (indices: Int32Array) => AxisValue {
  const place = grid.places.get(axis);
  if (!place) throw new Error(`this grid has no axis ${axis}`);
  const { dimension, values } = place;
  return (indices) => values[indices[dimension]!]!;
}

/** Copies a template and sets what varies: most options of most sweeps have one value. */
function optionsBuilder(grid: Grid, names: readonly string[]): (indices: Int32Array) => Options {
  const template: Record<string, AxisValue> = {};
  const varying: { name: string; at: (indices: Int32Array) => AxisValue }[] = [];
  for (const name of names) {
    const values = grid.places.get(name)?.values ?? [];
    template[name] = values[0] ?? null;
    if (values.length > 1) varying.push({ name, at: reader(grid, name) });
  }
  return (indices) => {
    const options = { ...template };
    for (const { name, at } of varying) options[name] = at(indices);
    return options;
  };
}
