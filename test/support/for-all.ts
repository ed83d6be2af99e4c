import fc from 'fast-check';
import { cases } from './cases.js';

/**
 * Tries a property on so many random values, in the long run on all of them.
 * @param holds throws, or gives false, where it does not hold
 */
export function forAll<Values extends [unknown, ...unknown[]]>(
  all: number,
  arbitraries: [...{ [K in keyof Values]: fc.Arbitrary<Values[K]> }],
  holds: (...values: Values) => unknown,
): void {
  fc.assert(fc.property(...arbitraries, holds as (...values: Values) => boolean), { numRuns: cases(all) });
}
