import type { SearchSpec } from '../../core/sweep/spec.js';
import { drawNew, type Strategy } from '../history.js';
import { nsga2 } from './nsga2.js';
import { sobol } from './sobol.js';
import { tpe } from './tpe.js';

/** Points in a random order: what every other strategy has to beat. */
const random: Strategy = { ask: drawNew };

/** All points in the order of the file. */
const grid: Strategy = {
  ask({ space, observations, pending, asked }) {
    // Those before were asked for; what was skipped behind is passed over.
    const begun = observations.length + pending.length;
    for (let i = 0; i < space.count; i++) {
      const position = (begun + i) % space.count;
      if (!asked(position)) return position;
    }
    return null;
  },
};

/** Every strategy by the word that a sweep names it with. */
export const STRATEGIES = { tpe, nsga2, sobol, random, grid } as const satisfies Record<
  SearchSpec['strategy'],
  Strategy
>;
