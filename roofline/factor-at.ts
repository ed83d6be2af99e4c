import type { Curve, Factors, RecordFactors, ThreadFactors } from '../core/result/factors.js';
import { bytesPerElement, weightType } from '../core/techniques/tensor-types.js';
import { bracketOf } from './log-grid.js';

/**
 * @returns the factor at a number of rows: linear between the neighbours in the logarithms, flat beyond the
 *   ends.
 */
export function factorAt(points: Curve, rows: number): number {
  const { low, share } = bracketOf(
    points.map((point) => point.rows),
    rows,
  );
  const { factor } = points[low]!;
  return share === 0 ? factor : factor ** (1 - share) * points[low + 1]!.factor ** share;
}

/** @returns the factors for work on so many threads: those of the nearest number that was fitted. */
export function factorsAt(all: readonly ThreadFactors[], threads: number): ThreadFactors {
  const distance = (one: ThreadFactors) => Math.abs(Math.log(one.threads / threads));
  return all.reduce((best, one) => (distance(one) < distance(best) ? one : best));
}

/**
 * @param type of weights.
 * @returns the type whose products stand for it: itself, or of those that were fitted the one with the
 *   nearest bits; null where none were.
 */
export function substituteFor(type: string, { products }: ThreadFactors): string | null {
  if (type in products) return type;
  const bytes = bytesPerElement(type);
  const distance = (other: string) => Math.abs(Math.log(bytesPerElement(other) / bytes));
  const fitted = Object.keys(products).filter((name) => weightType(name) !== null);
  const [nearest] = fitted.sort((a, b) => distance(a) - distance(b));
  return nearest ?? null;
}

/**
 * @returns what a record keeps: the products that stand for the types its model has, or all where those are
 *   not known.
 */
export function recordFactorsOf(
  { engine, environment, threads: all, warnings }: Factors,
  id: string,
  threads: number,
  types: ReadonlySet<string> | null,
): RecordFactors {
  const factors = factorsAt(all, threads);
  const known = [...(types ?? [])].filter((type) => weightType(type) !== null);
  const wanted = new Set(known.map((type) => substituteFor(type, factors)));
  const products = Object.entries(factors.products).filter(([type]) => wanted.size === 0 || wanted.has(type));
  return {
    id,
    engine,
    engineBuild: environment.engineBuild,
    warnings: warnings.map((warning) => ({ ...warning })),
    factors: { ...factors, products: Object.fromEntries(products) },
  };
}
