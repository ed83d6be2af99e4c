import { drawNew, type History, type Strategy } from '../history.js';
import { sobol as coordinate, MOST_DIMENSIONS } from '../sobol.js';
import { ABSENT } from '../space.js';

/** Points of the sequence that may have been asked for already, or run nowhere, before one is drawn at random instead. */
const TRIES = 256;

/** A space-filling design: values of every axis, and of every pair, come equally often. Axes beyond the sequence's dimensions are drawn. */
export const sobol: Strategy = {
  begin(history, draws) {
    const { space, asked } = history;
    const first = begun(history);
    return () => {
      for (let i = 0; i < TRIES; i++) {
        const digits = Int32Array.from(space.axes, ({ size }, axis) => {
          const place = axis < MOST_DIMENSIONS ? coordinate(first + i, axis) : draws.next();
          return size === 0 ? ABSENT : Math.floor(place * size);
        });
        const position = space.positionOf(digits);
        if (position !== null && !asked(position)) return position;
      }
      return drawNew(history, draws);
    };
  },
};

/** Where in the sequence a search stands. */
const begun = ({ observations, pending }: History) => observations.length + pending.length;
