import type { Curve, Factors, RecordFactors, ThreadFactors } from '../core/result/factors.js';

/** @returns the factor at a number of rows: linear between the neighbours in the logarithms, flat beyond the ends. */
export function factorAt(points: Curve, rows: number): number {
  const after = points.findIndex((point) => point.rows >= rows);
  if (after === -1) return points.at(-1)!.factor;
  const high = points[after]!;
  if (after === 0 || high.rows === rows) return high.factor;
  const low = points[after - 1]!;
  const share = Math.log(rows / low.rows) / Math.log(high.rows / low.rows);
  return Math.exp((1 - share) * Math.log(low.factor) + share * Math.log(high.factor));
}

/** @returns the factors for work on so many threads: those of the nearest number that was fitted. */
export function factorsAt(all: readonly ThreadFactors[], threads: number): ThreadFactors {
  const distance = (one: ThreadFactors) => Math.abs(Math.log(one.threads / threads));
  return all.reduce((best, one) => (distance(one) < distance(best) ? one : best));
}

/** @returns what a record keeps: the products of the types its model has, or all where that is not known. */
export function recordFactorsOf(
  { engine, threads: all, warnings }: Factors,
  id: string,
  threads: number,
  types: ReadonlySet<string> | null,
): RecordFactors {
  const factors = factorsAt(all, threads);
  const products = Object.entries(factors.products);
  const wanted = products.filter(([type]) => types?.has(type) ?? true);
  return {
    id,
    engine,
    warnings: warnings.map((warning) => ({ ...warning })),
    factors: { ...factors, products: Object.fromEntries(wanted.length > 0 ? wanted : products) },
  };
}
