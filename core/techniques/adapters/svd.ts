import type { Matrix } from '../pruning/matrix.js';

/** The r largest singular values of W and their vectors: W ≈ Σ value_k · left_k · right_kᵀ. */
export interface SingularPart {
  /** Descending. */
  readonly values: Float64Array;
  /** One vector after the other, each of `rows` numbers. */
  readonly left: Float64Array;
  /** One vector after the other, each of `columns` numbers. */
  readonly right: Float64Array;
}

/** Up to here every singular vector is computed; above, the leading ones alone. */
const WHOLE = 256;
/** Vectors beside the wanted ones that the search carries along. */
const SPARE = 16;
const MOST_ROUNDS = 100;
/** Rounds end when the share of |W|² that the wanted vectors hold grows by less than this. */
const SETTLED = 1e-9;
const ROTATED = 1e-14;
const MOST_SWEEPS = 60;

/**
 * The leading part of a singular value decomposition, in double precision. Matrices with a side of at most
 * 256 are decomposed whole by one-sided Jacobi rotations (Hestenes 1958; Demmel and Veselić 1992: as accurate
 * as the matrix allows). Larger ones by subspace iteration from random vectors with Jacobi on the projection
 * (Halko, Martinsson and Tropp 2011, algorithm 4.4), until the energy they hold settles: vectors of nearly
 * equal values at the edge of the r may then be mixed with those behind, which changes the product little.
 */
export function leadingSingular(matrix: Matrix, rank: number): SingularPart {
  const { rows, columns } = matrix;
  const wanted = Math.min(rank, rows, columns);
  const wide = columns > rows;
  const values = Float64Array.from(matrix.values);
  // Stored by columns of the taller way round, one vector after the other.
  const tall = wide ? { count: rows, length: columns, values } : turned(values, rows, columns);
  const part =
    tall.count <= WHOLE
      ? jacobiSvd(tall, wanted)
      : leading(tall, wanted, Math.min(tall.count, wanted + Math.max(SPARE, wanted)));
  return wide ? { values: part.values, left: part.right, right: part.left } : part;
}

/** `count` vectors of `length` numbers, one after the other: the columns of a matrix. */
interface Columns {
  readonly count: number;
  readonly length: number;
  readonly values: Float64Array;
}

function turned(values: Float64Array, rows: number, columns: number): Columns {
  const result = new Float64Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < columns; i++) result[i * rows + row] = values[row * columns + i]!;
  return { count: columns, length: rows, values: result };
}

/** Turns pairs of columns until all are orthogonal: their lengths are then the singular values. */
function jacobiSvd({ count, length, values }: Columns, wanted: number): SingularPart {
  const work = values.slice();
  const turns = new Float64Array(count * count);
  for (let i = 0; i < count; i++) turns[i * count + i] = 1;
  for (let sweep = 0, still = true; still && sweep < MOST_SWEEPS; sweep++) {
    still = false;
    for (let p = 0; p < count - 1; p++) {
      for (let q = p + 1; q < count; q++) {
        const [alpha, beta, gamma] = gram(work, length, p, q);
        if (Math.abs(gamma) <= ROTATED * Math.sqrt(alpha * beta) || gamma === 0) continue;
        still = true;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        const cosine = 1 / Math.sqrt(1 + t * t);
        rotate(work, length, p, q, cosine, cosine * t);
        rotate(turns, count, p, q, cosine, cosine * t);
      }
    }
  }
  const lengths = Array.from({ length: count }, (_, i) => Math.sqrt(dot(work, length, i, i)));
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[b]! - lengths[a]!);
  const left = new Float64Array(wanted * length);
  const right = new Float64Array(wanted * count);
  for (let k = 0; k < wanted; k++) {
    const from = order[k]!;
    const size = lengths[from]!;
    for (let i = 0; i < length; i++) left[k * length + i] = size > 0 ? work[from * length + i]! / size : 0;
    right.set(turns.subarray(from * count, (from + 1) * count), k * count);
  }
  return { values: Float64Array.from(order.slice(0, wanted), (i) => lengths[i]!), left, right };
}

/** Q ← orth(Wᵀ(W Q)) again and again, then the whole decomposition of W Q. */
function leading(tall: Columns, wanted: number, width: number): SingularPart {
  const { count } = tall;
  let seed = 12_345;
  const basis: Columns = { count: width, length: count, values: new Float64Array(width * count) };
  for (let i = 0; i < basis.values.length; i++) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
    basis.values[i] = seed / 2 ** 31;
  }
  orthonormalize(basis);
  let held = 0;
  let part: SingularPart | null = null;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const image = times(tall, basis);
    // W Q = U S Vᵀ, so that W ≈ U S (Q V)ᵀ.
    part = jacobiSvd(image, width);
    const energy = part.values.subarray(0, wanted).reduce((sum, value) => sum + value * value, 0);
    if (round > 0 && energy - held <= SETTLED * energy) break;
    held = energy;
    basis.values.set(timesTransposed(tall, { ...image, values: part.left }).values);
    orthonormalize(basis);
  }
  const { values, left, right } = part!;
  const inner = { count: width, length: width, values: right };
  return {
    values: values.slice(0, wanted),
    left: left.slice(0, wanted * tall.length),
    right: times(basis, inner).values.slice(0, wanted * count),
  };
}

/** M · X, both by columns. */
function times(m: Columns, x: Columns): Columns {
  const values = new Float64Array(x.count * m.length);
  for (let k = 0; k < x.count; k++) {
    const to = values.subarray(k * m.length, (k + 1) * m.length);
    for (let j = 0; j < m.count; j++) {
      const factor = x.values[k * x.length + j]!;
      const from = j * m.length;
      for (let i = 0; i < m.length; i++) to[i]! += factor * m.values[from + i]!;
    }
  }
  return { count: x.count, length: m.length, values };
}

/** Mᵀ · X, both by columns. */
function timesTransposed(m: Columns, x: Columns): Columns {
  const values = new Float64Array(x.count * m.count);
  for (let k = 0; k < x.count; k++) {
    for (let j = 0; j < m.count; j++) {
      let sum = 0;
      for (let i = 0; i < m.length; i++) sum += m.values[j * m.length + i]! * x.values[k * x.length + i]!;
      values[k * m.count + j] = sum;
    }
  }
  return { count: x.count, length: m.count, values };
}

/** Gram–Schmidt, twice: once leaves vectors that are only nearly orthogonal. */
function orthonormalize({ count, length, values }: Columns): void {
  for (let k = 0; k < count; k++) {
    const vector = values.subarray(k * length, (k + 1) * length);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < k; j++) {
        const projection = dot(values, length, j, k);
        for (let i = 0; i < length; i++) vector[i]! -= projection * values[j * length + i]!;
      }
    }
    const size = Math.sqrt(dot(values, length, k, k));
    for (let i = 0; i < length; i++) vector[i] = size > 0 ? vector[i]! / size : 0;
  }
}

function gram(values: Float64Array, length: number, p: number, q: number): [number, number, number] {
  let alpha = 0;
  let beta = 0;
  let gamma = 0;
  for (let i = p * length, j = q * length; i < (p + 1) * length; i++, j++) {
    const [x, y] = [values[i]!, values[j]!];
    alpha += x * x;
    beta += y * y;
    gamma += x * y;
  }
  return [alpha, beta, gamma];
}

function dot(values: Float64Array, length: number, p: number, q: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += values[p * length + i]! * values[q * length + i]!;
  return sum;
}

function rotate(
  values: Float64Array,
  length: number,
  p: number,
  q: number,
  cosine: number,
  sine: number,
): void {
  for (let i = p * length, j = q * length; i < (p + 1) * length; i++, j++) {
    const [x, y] = [values[i]!, values[j]!];
    values[i] = cosine * x - sine * y;
    values[j] = sine * x + cosine * y;
  }
}
