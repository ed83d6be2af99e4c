/**
 * Whether this is the long run (`npm run test:long`): it tries every case, and has what is too long for each
 * change.
 */
export const LONG = process.env.RIDGEPOINT_LONG === '1';

/** @returns how many of so many random cases a run tries: a fifth, or all of them in the long run. */
export function cases(all: number): number {
  return LONG ? all : Math.ceil(all / 5);
}
