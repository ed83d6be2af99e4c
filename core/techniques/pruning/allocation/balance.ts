/**
 * Numbers no farther apart than this share of the largest are one: closer ones differ by rounding, which no
 * ratio may follow.
 */
export const ALIKE = 1e-6;

/** A layer that gets a ratio. */
export interface SizedLayer {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
}

/** Between what ratios are. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
}

/**
 * Gives each layer the ratio clamp(x − demand), with the one x for which all together prune `ratio` of their
 * weights. Ratios are whole weights of a row, the last of them dealt out by largest remainder: what is
 * missing is fewer than one weight for each row of the smallest layer.
 * @param demands by how much a layer's ratio is to be below another's, one for each layer.
 */
export function balance(
  layers: readonly SizedLayer[],
  demands: readonly number[],
  ratio: number,
  { least, most }: Bounds,
): ReadonlyMap<string, number> {
  const wanted = clamped(layers, demands, ratio, { least, most });
  const counts = layers.map(({ columns }, i) => Math.trunc(columns * wanted[i]!));
  const pruned = layers.reduce((sum, { rows }, i) => sum + rows * counts[i]!, 0);
  dealOut(layers, wanted, counts, Math.trunc(ratio * weightsOf(layers) + 1e-6) - pruned, most);
  return new Map(layers.map(({ name, columns }, i) => [name, ratioOfCount(counts[i]!, columns)]));
}

export const weightsOf = (layers: readonly SizedLayer[]) =>
  layers.reduce((sum, { rows, columns }) => sum + rows * columns, 0);

function clamped(
  layers: readonly SizedLayer[],
  demands: readonly number[],
  ratio: number,
  { least, most }: Bounds,
): number[] {
  const [lowest, highest] = [Math.min(...demands), Math.max(...demands)];
  if (!(highest > lowest)) return layers.map(() => ratio);
  const weights = weightsOf(layers);
  const share = layers.map(({ rows, columns }) => (rows * columns) / weights);
  const ratiosAt = (x: number) => demands.map((demand) => Math.min(most, Math.max(least, x - demand)));
  // The overall ratio rises with x, from `least` to `most`: halving finds the x that gives `ratio`.
  let low = least + lowest;
  let high = most + highest;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    const overall = ratiosAt(middle).reduce((sum, r, j) => sum + r * share[j]!, 0);
    if (overall < ratio) low = middle;
    else high = middle;
  }
  return ratiosAt((low + high) / 2);
}

/** Adds one pruned weight a row to layers, largest remainder first, while `missing` weights allow it. */
function dealOut(
  layers: readonly SizedLayer[],
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
