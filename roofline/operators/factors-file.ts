import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import { z } from 'zod';
import type { FittedOperators } from './fit-operators.js';
import { type Grid, nodesOf, type Surface } from './surface.js';

/**
 * How long operators take on a device under engines, beside its published roofs: what `ridge factors --from`
 * makes of tables of measured operators.
 */
export const OPERATOR_FACTORS_SCHEMA = 'ridgepoint.dev/operator-factors/v1';

const gridSchema = z.array(z.array(z.number().positive()).min(1)).min(1);

/** One surface of one family: calls that behave alike. */
const tableSchema = z.object({
  /** As folders of tables have it: `vllm`. */
  engine: z.string(),
  release: z.string(),
  family: z.string(),
  /** `decode bf16 fp8`. */
  surface: z.string(),
  launchSeconds: z.number().positive(),
  /** Of `launchSeconds`, what lies in how the table was measured and not in the engine. */
  excessSeconds: z.number().nonnegative(),
  /** Of the published bandwidth, that calls reach which no cache holds. */
  reachableShare: z.number().positive(),
  /** Root mean square of ln(predicted / measured) on shapes that the fit had not seen. */
  spread: z.number().nonnegative(),
  measurements: z.number().int().positive(),
  /** Measurements above a published roof, which are left out. */
  aboveRoof: z.number().int().nonnegative(),
  /** ln of how many times longer calls take than launch and roof: `low` and so many steps. */
  low: z.number(),
  step: z.number().positive(),
});
export type OperatorTable = z.infer<typeof tableSchema>;

export const operatorFactorsSchema = z.object({
  schema: z.literal(OPERATOR_FACTORS_SCHEMA),
  /** Of the hardware catalogue. */
  device: z.string(),
  /** Whose measurements these are derived from, and under which licence. */
  source: z.string(),
  /** Nodes of each family's coordinates. */
  grids: z.record(z.string(), gridSchema),
  tables: z.array(tableSchema),
  /**
   * The steps of all tables, one after the other, a byte for each node of their grids: the difference to the
   * node before, modulo 256, compressed by Brotli, in base64.
   */
  steps: z.base64(),
});
export type OperatorFactors = z.infer<typeof operatorFactorsSchema>;

/** A table beside the surface that the file will have of it. */
export interface SurfaceTable {
  readonly table: Omit<OperatorTable, 'low' | 'step'>;
  readonly slowdown: Surface;
}

/** A step of 2 % is far below what any fit knows. */
const LEAST_STEP = 0.02;
const LEVELS = 255;

/** The digits that a figure keeps. */
const rounded = (value: number) => Number(value.toPrecision(4));

/** @returns what a file keeps of a fit beside its surface. */
export function figuresOf(
  fit: FittedOperators,
): Pick<OperatorTable, 'launchSeconds' | 'reachableShare' | 'spread' | 'measurements' | 'aboveRoof'> {
  return {
    launchSeconds: rounded(fit.launchSeconds),
    reachableShare: rounded(fit.reachableShare),
    spread: rounded(fit.spread),
    measurements: fit.measurements,
    aboveRoof: fit.aboveRoof,
  };
}

/** @returns tables and steps of a file. */
export function encodeSurfaces(all: readonly SurfaceTable[]): Pick<OperatorFactors, 'tables' | 'steps'> {
  const coded = all.map(({ table, slowdown }) => ({ table, ...levelsOf(slowdown) }));
  const bytes = Buffer.concat(
    coded.map(({ levels }) => levels.map((level, index) => level - (levels[index - 1] ?? 0))),
  );
  return {
    tables: coded.map(({ table, low, step }) => ({ ...table, low, step })),
    steps: brotliCompressSync(bytes).toString('base64'),
  };
}

function levelsOf({ values }: Surface) {
  const low = rounded(values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY));
  const high = values.reduce((most, value) => Math.max(most, value), low);
  const step = rounded(Math.max(LEAST_STEP, (high - low) / LEVELS));
  const level = (value: number) => Math.min(LEVELS, Math.max(0, Math.round((value - low) / step)));
  return { low, step, levels: Uint8Array.from(values, level) };
}

/**
 * @returns the surfaces of a file's tables, in their order.
 * @throws Error for a file whose steps are not one for each node
 */
export function decodeSurfaces({ tables, steps, grids }: OperatorFactors): Surface[] {
  const bytes = brotliDecompressSync(Buffer.from(steps, 'base64'));
  const sizes = tables.map(({ family }) => nodesOf(gridOf(grids, family)));
  const size = sizes.reduce((sum, nodes) => sum + nodes, 0);
  if (bytes.length !== size)
    throw new Error(`the factors have ${bytes.length} steps, and their grids ${size} nodes`);
  let start = 0;
  return tables.map(({ family, low, step }, index) => {
    let level = 0;
    const end = start + sizes[index]!;
    const levels = bytes.subarray(start, end);
    start = end;
    return {
      grid: gridOf(grids, family),
      values: Float64Array.from(levels, (difference) => {
        level = (level + difference) & 0xff;
        return low + level * step;
      }),
    };
  });
}

function gridOf(grids: OperatorFactors['grids'], family: string): Grid {
  const grid = grids[family];
  if (grid === undefined) throw new Error(`the factors have no grid of ${family}`);
  return grid;
}
