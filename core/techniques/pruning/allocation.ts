/**
 * Logarithms of errors no farther apart than this are one: closer ones differ by rounding, which no ratio may
 * follow.
 */
const ALIKE = 1e-6;

/** A layer that gets a ratio, and how much its output suffers. */
export interface SensitiveLayer {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** ‖(W − W′) X‖ / ‖W X‖ at the overall ratio; null where the dense output is zero. */
  readonly relativeError: number | null;
}

/**
 * Gives each layer a ratio within `spread` of the overall one, lower for layers whose output suffers more:
 * clamp(r + t · (μ − log s), r − spread, r + spread), s the relative output error at ratio r; t makes the
 * layer farthest from the mean of log s reach the spread, μ makes the whole come out at r. The idea that
 * layers deserve ratios of their own within a narrow band is OWL's (arXiv 2310.05175), which ranks them by
 * outliers instead.
 *
 * Ratios are whole weights of a row, the last of them dealt out by largest remainder: all together prune r of
 * all weights, less fewer than one weight for each row of the smallest layer.
 */
export function allocateBySensitivity(
  layers: readonly SensitiveLayer[],
  ratio: number,
  spread: number,
): ReadonlyMap<string, number> {
  const least = Math.max(0, ratio - spread);
  const most = Math.min(1, ratio + spread);
  const wanted = balanced(standings(layers), layers, ratio, spread, least, most);
  const counts = layers.map(({ columns }, i) => Math.trunc(columns * wanted[i]!));
  const pruned = layers.reduce((sum, { rows }, i) => sum + rows * counts[i]!, 0);
  dealOut(layers, wanted, counts, Math.trunc(ratio * weightsOf(layers) + 1e-6) - pruned, most);
  return new Map(layers.map(({ name, columns }, i) => [name, ratioOfCount(counts[i]!, columns)]));
}

const weightsOf = (layers: readonly SensitiveLayer[]) =>
  layers.reduce((sum, { rows, columns }) => sum + rows * columns, 0);

/** log s of every layer; one without an error stands with the least sensitive. */
function standings(layers: readonly SensitiveLayer[]): number[] {
  const logs = layers.map(({ relativeError }) => Math.log(relativeError ?? 0));
  const finite = logs.filter(Number.isFinite);
  const least = finite.length === 0 ? 0 : Math.min(...finite);
  return logs.map((log) => (Number.isFinite(log) ? log : least));
}

function balanced(
  logs: readonly number[],
  layers: readonly SensitiveLayer[],
  ratio: number,
  spread: number,
  least: number,
  most: number,
): number[] {
  const weights = weightsOf(layers);
  const share = layers.map(({ rows, columns }) => (rows * columns) / weights);
  const mean = logs.reduce((sum, log, i) => sum + log * share[i]!, 0);
  const farthest = Math.max(...logs.map((log) => Math.abs(log - mean)));
  if (!(farthest > ALIKE)) return layers.map(() => ratio);
  const steepness = spread / farthest;
  const ratiosAround = (middle: number) =>
    logs.map((log) => Math.min(most, Math.max(least, ratio + steepness * (middle - log))));
  // The overall ratio rises with μ, from `least` to `most`: halving finds the μ that gives r.
  let low = mean - 4 * farthest;
  let high = mean + 4 * farthest;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    const overall = ratiosAround(middle).reduce((sum, r, j) => sum + r * share[j]!, 0);
    if (overall < ratio) low = middle;
    else high = middle;
  }
  return ratiosAround((low + high) / 2);
}

/** Adds one pruned weight a row to layers, largest remainder first, while `missing` weights allow it. */
function dealOut(
  layers: readonly SensitiveLayer[],
  wanted: readonly number[],
  counts: number[],
  missing: number,
  most: number,
): void {
  const remainder = (i: number) => layers[i]!.columns * wanted[i]! - counts[i]!;
  let rest = missing;
  for (;;) {
    const order = layers.map((_, i) => i).sort((a, b) => remainder(b) - remainder(a) || a - b);
    const next = order.find(
      (i) => layers[i]!.rows <= rest && counts[i]! + 1 <= Math.ceil(layers[i]!.columns * most),
    );
    if (next === undefined) return;
    counts[next]! += 1;
    rest -= layers[next]!.rows;
  }
}

/** @returns a ratio of which trunc(columns · ratio), an IEEE double product, is the count. */
export function ratioOfCount(count: number, columns: number): number {
  let ratio = count / columns;
  while (Math.trunc(columns * ratio) < count) ratio *= 1 + Number.EPSILON;
  return Math.min(1, ratio);
}
