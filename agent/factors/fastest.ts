import type { Retaking } from '../cores/retake.js';

/** @returns what is timed on so many threads, of as many turns as it took to find them undisturbed: the fastest of each, for what disturbs only adds. */
export async function fastest<T extends { readonly seconds: number }>(
  retaking: Retaking,
  threads: number,
  work: () => T[] | Promise<T[]>,
): Promise<T[]> {
  const turns = await retaking.take(threads, work);
  return turns.reduce((best, turn) =>
    best.map((one, i) => (turn[i]!.seconds < one.seconds ? turn[i]! : one)),
  );
}
