/** Pixels across the largest point and the smallest. */
export const SIZES = { most: 30, least: 6, alike: 10, crowded: 6 } as const;

/** @returns pixels across a point whose area is in proportion to its value. */
export function pixelsOf(value: number, largest: number): number {
  if (!(value > 0) || !(largest > 0)) return SIZES.least;
  return Math.max(SIZES.least, SIZES.most * Math.sqrt(value / largest));
}
