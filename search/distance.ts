import type { AxisValue } from '../core/experiment/experiment.js';

/** Numbers whose largest is more than this many times their smallest are compared by their ratios. */
const WIDE = 4;
/** Of the distance between two words, what their letters make; their numbers make the rest. */
const LETTERS = 0.5;

/** What is compared of a value: letters, and a number where it has one. */
interface Features {
  readonly letters: string;
  readonly number: number | null;
}

/**
 * How far apart the values of an axis are, so that what was measured at one says something of its neighbours: numbers by where they lie
 * between the smallest and the largest (by their logarithms where these are far apart), words by whether their letters are the same and
 * how far apart their numbers are (`q4_0` is nearer to `q5_0` than to `f16`, `wanda:0.5` to `wanda:0.6`).
 * @param values of each value of the axis what it is on each of the axes that walk together.
 * @returns 0 to 1 for each pair, row by row; 0 on the diagonal alone.
 */
export function distancesOf(values: readonly (readonly AxisValue[])[]): Float64Array {
  const size = values.length;
  const distances = new Float64Array(size * size);
  const members = values[0]?.length ?? 0;
  for (let member = 0; member < members; member++) {
    const features = values.map((value) => featuresOf(value[member]!));
    const between = numberDistance(features.map(({ number }) => number));
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const letters = features[i]!.letters === features[j]!.letters ? 0 : 1;
        const words = features.some((one) => one.letters !== '');
        const distance = words ? LETTERS * letters + (1 - LETTERS) * between(i, j) : between(i, j);
        distances[i * size + j]! += distance / members;
      }
    }
  }
  return distances;
}

function featuresOf(value: AxisValue): Features {
  if (typeof value === 'number') return { letters: '', number: value };
  if (typeof value === 'boolean' || value === null) return { letters: String(value), number: null };
  const number = /\d+(?:\.\d+)?/.exec(value)?.[0];
  const letters = value.replaceAll(/\d+(?:\.\d+)?/g, '');
  // A size that stands for nothing else: `16`, `0.5`.
  return { letters, number: number === undefined ? null : Number(number) };
}

/** @returns the distance of two of the numbers by their indices; those that are none are at the other end from every number. */
function numberDistance(numbers: readonly (number | null)[]): (i: number, j: number) => number {
  const known = numbers.filter((number) => number !== null);
  const low = Math.min(...known);
  const high = Math.max(...known);
  const place = low > 0 && high > WIDE * low ? Math.log : (number: number) => number;
  const range = place(high) - place(low);
  return (i, j) => {
    const a = numbers[i]!;
    const b = numbers[j]!;
    if (a === null || b === null) return a === b ? 0 : 1;
    return range > 0 ? Math.abs(place(a) - place(b)) / range : 0;
  };
}
