import type { Strategy } from '../history.js';

/** All points in the order of the file. */
export const grid: Strategy = {
  choose({ space, observations, pending, asked }) {
    // Those before were asked for; what was skipped behind is passed over.
    const begun = observations.length + pending.length;
    for (let i = 0; i < space.count; i++) {
      const position = (begun + i) % space.count;
      if (!asked(position)) return position;
    }
    return null;
  },
};
