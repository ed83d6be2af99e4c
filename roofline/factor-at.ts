import type { Curve, Factors, RecordFactors, ThreadFactors } from '../core/result/factors.js';
import { bytesPerElement, weightType } from '../core/techniques/tensor-types.js';
import { bracketOf } from './log-grid.js';

/**
 * @returns the factor at a number of rows: linearly interpolated in logarithms, and constant beyond the ends.
 */
export function factorAt(points: Curve, rows: number): number {
  const { low, share } = bracketOf(points, rows, (point) => point.rows);
  const { factor } = points[low]!;
  if (share === 0) return factor;
  return Math.exp((1 - share) * Math.log(factor) + share * Math.log(points[low + 1]!.factor));
}

/** @returns the factors for work on a number of threads: those of the nearest number that was fitted. */
export function factorsAt(all: readonly ThreadFactors[], threads: number): ThreadFactors {
  const distance = (one: ThreadFactors) => Math.abs(Math.log(one.threads / threads));
  return all.reduce((best, one) => (distance(one) < distance(best) ? one : best));
}

/**
 * @param type type of the weights.
 * @returns the type whose fitted products are used for it: the type itself, or else the fitted one with the
 *   most similar bits; null if none was fitted.
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
 * @returns the factors that a record keeps: the products for the types in its model, or all if these types
 *   are not known.
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
