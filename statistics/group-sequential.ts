const STEP = 0.05;
const ROUNDS = 40;
/** Larger than any bound that is asked for. */
const MOST = 6;

const density = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/**
 * The bound for several looks at results that are still coming in, evenly spaced in time and each with the
 * same bound (Pocock, Biometrika 64, 1977). It is the two-sided bound of a standard normal at which all looks
 * together find a difference by accident with probability `alpha`.
 */
export function pocockBound(alpha: number, looks: number): number {
  let [low, high] = [0, MOST];
  for (let round = 0; round < ROUNDS; round += 1) {
    const middle = (low + high) / 2;
    if (1 - chanceWithin(middle, looks) > alpha) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * @returns the probability that no look exceeds the bound, by the recursion of Armitage, McPherson & Rowe
 *   (JRSS A 132, 1969).
 */
function chanceWithin(bound: number, looks: number): number {
  const pointsOf = (look: number) => {
    const [end, count] = [bound * Math.sqrt(look), Math.ceil((2 * bound * Math.sqrt(look)) / STEP) + 1];
    const step = (2 * end) / (count - 1);
    return Array.from({ length: count }, (_, i) => ({
      at: -end + i * step,
      weight: i === 0 || i === count - 1 ? step / 2 : step,
    }));
  };
  let points = pointsOf(1);
  let densities = points.map(({ at }) => density(at));
  for (let look = 2; look <= looks; look += 1) {
    const next = pointsOf(look);
    densities = next.map(({ at }) =>
      points.reduce((sum, from, i) => sum + from.weight * densities[i]! * density(at - from.at), 0),
    );
    points = next;
  }
  return points.reduce((sum, { weight }, i) => sum + weight * densities[i]!, 0);
}
