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
  reachableShare: z.number().positive(),
  /** Standard deviation of ln(predicted / measured) on shapes that the fit had not seen. */
  spread: z.number().nonnegative(),
  measurements: z.number().int().positive(),
  aboveRoof: z.number().int().nonnegative(),
  /**
   * ln of how many times longer calls take than launch and roof, at the nodes of the family's grid: `low` and
   * so many steps, one byte each, in base64.
   */
  slowdown: z.object({ low: z.number(), step: z.number().nonnegative(), bytes: z.base64() }),
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
});
export type OperatorFactors = z.infer<typeof operatorFactorsSchema>;

const LEVELS = 255;

/** The decimals that a figure keeps. */
const rounded = (value: number) => Number(value.toPrecision(4));

/** @returns what a file keeps of a fit, without `excessSeconds`, which other engines' tables tell. */
export function encodeFit({
  slowdown,
  ...fit
}: FittedOperators): Omit<OperatorTable, 'engine' | 'release' | 'family' | 'surface' | 'excessSeconds'> {
  const low = slowdown.values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const high = slowdown.values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const kept = { low: rounded(low), step: rounded((high - low) / LEVELS) };
  const bytes = Uint8Array.from(slowdown.values, (value) =>
    kept.step === 0 ? 0 : Math.min(LEVELS, Math.max(0, Math.round((value - kept.low) / kept.step))),
  );
  return {
    launchSeconds: rounded(fit.launchSeconds),
    reachableShare: rounded(fit.reachableShare),
    spread: rounded(fit.spread),
    measurements: fit.measurements,
    aboveRoof: fit.aboveRoof,
    slowdown: { ...kept, bytes: Buffer.from(bytes).toString('base64') },
  };
}

/** @throws Error for a file whose bytes are not one for each node */
export function decodeSlowdown(
  { slowdown, surface }: Pick<OperatorTable, 'slowdown' | 'surface'>,
  grid: Grid,
): Surface {
  const bytes = Buffer.from(slowdown.bytes, 'base64');
  if (bytes.length !== nodesOf(grid))
    throw new Error(`the factors of ${surface} have ${bytes.length} nodes, and their grid ${nodesOf(grid)}`);
  return { grid, values: Float64Array.from(bytes, (level) => slowdown.low + level * slowdown.step) };
}
