import { getOrMake } from '../core/maps.js';

/**
 * Primitive polynomials and first direction numbers of dimensions from the second on (Joe and Kuo,
 * "Constructing Sobol Sequences with Better Two-Dimensional Projections", SIAM J. Sci. Comput. 30(5), 2008):
 * degree, coefficients, m₁ … m_degree.
 */
const DIRECTIONS: readonly (readonly [degree: number, coefficients: number, numbers: readonly number[]])[] = [
  [1, 0, [1]],
  [2, 1, [1, 3]],
  [3, 1, [1, 3, 1]],
  [3, 2, [1, 1, 1]],
  [4, 1, [1, 1, 3, 3]],
  [4, 4, [1, 3, 5, 13]],
  [5, 2, [1, 1, 5, 5, 17]],
  [5, 4, [1, 1, 5, 5, 5]],
  [5, 7, [1, 1, 7, 11, 19]],
  [5, 11, [1, 1, 5, 1, 1]],
  [5, 13, [1, 1, 1, 3, 11]],
  [5, 14, [1, 3, 5, 5, 31]],
  [6, 1, [1, 3, 3, 9, 7, 49]],
  [6, 13, [1, 1, 1, 15, 21, 21]],
  [6, 16, [1, 3, 1, 13, 27, 49]],
  [6, 19, [1, 1, 1, 15, 7, 5]],
  [6, 22, [1, 3, 1, 15, 13, 25]],
  [6, 25, [1, 1, 5, 5, 19, 61]],
  [7, 1, [1, 3, 7, 11, 23, 15, 103]],
  [7, 4, [1, 3, 7, 13, 13, 15, 69]],
];

/** Most dimensions of a sequence here. */
export const MOST_DIMENSIONS = DIRECTIONS.length + 1;
const BITS = 32;

/**
 * One coordinate of a point of Sobol's sequence (Bratley and Fox, ACM TOMS Algorithm 659, 1988), without Gray
 * code. The order follows the bits of the index, and visits the same points in blocks of powers of two.
 * @param index index of the point, from 0.
 * @param dimension from 0 to MOST_DIMENSIONS − 1.
 * @returns a coordinate from 0 to less than 1.
 */
export function sobol(index: number, dimension: number): number {
  const numbers = getOrMake(known, dimension, () => computeNumbers(dimension));
  let word = 0;
  for (let bit = 0; bit < BITS && 2 ** bit <= index; bit++) {
    if (Math.floor(index / 2 ** bit) % 2 === 1) word ^= numbers[bit]!;
  }
  return (word >>> 0) / 2 ** BITS;
}

/** Direction numbers by dimension. */
const known = new Map<number, Uint32Array>();

function computeNumbers(dimension: number): Uint32Array {
  const numbers = new Uint32Array(BITS);
  if (dimension === 0) {
    for (let i = 0; i < BITS; i++) numbers[i] = 2 ** (BITS - 1 - i);
    return numbers;
  }
  const [degree, coefficients, first] = DIRECTIONS[dimension - 1]!;
  for (let i = 0; i < BITS; i++) {
    if (i < degree) {
      numbers[i] = first[i]! * 2 ** (BITS - 1 - i);
      continue;
    }
    let word = numbers[i - degree]! ^ (numbers[i - degree]! >>> degree);
    for (let k = 1; k < degree; k++) {
      if ((coefficients >> (degree - 1 - k)) & 1) word ^= numbers[i - k]!;
    }
    numbers[i] = word;
  }
  return numbers;
}
