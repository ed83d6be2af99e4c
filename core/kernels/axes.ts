import { groupBy } from '../maps.js';
import { OPS } from './gen/ops.js';

/** Parameters whose names are axes of something else in a sweep, or other words for one. */
const TAKEN: ReadonlySet<string> = new Set(['batch', 'depth', 'sparsity']);

/**
 * @returns the axis of a sweep that a parameter of an op is: its name, or `opBatch` where the name is taken.
 */
export function axisOf(parameter: string): string {
  return TAKEN.has(parameter) ? `op${parameter[0]!.toUpperCase()}${parameter.slice(1)}` : parameter;
}

/** A parameter of some ops as an axis: what any of them takes, and what it is in each. */
export interface ShapeAxis {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly help: string;
}

/** Every parameter of every op once, in the order of the ops. */
export const SHAPE_AXES: readonly ShapeAxis[] = shapeAxes();

function shapeAxes(): ShapeAxis[] {
  const used = OPS.flatMap((op) => op.parameters.map((parameter) => ({ op, parameter })));
  const uses = groupBy(used, ({ parameter }) => axisOf(parameter.name));
  return [...uses].map(([name, all]) => ({
    name,
    least: Math.min(...all.map(({ parameter }) => parameter.least)),
    most: Math.max(...all.map(({ parameter }) => parameter.most)),
    help: `Of ${all.map(({ op, parameter }) => `${op.name} (${parameter.fallback})`).join(', ')}: ${all[0]!.parameter.help}.`,
  }));
}
