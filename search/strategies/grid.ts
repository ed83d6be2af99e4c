import type { Strategy } from '../history.js';

/** All points in the order of the file. */
export const grid: Strategy = {
  choose({ space, observations, pending, asked }) {
    // All points before this one were chosen already; skipped points after it are passed over.
    const begun = observations.length + pending.length;
    for (let i = 0; i < space.count; i++) {
      const position = (begun + i) % space.count;
      if (!asked(position)) return position;
    }
    return null;
  },
};
