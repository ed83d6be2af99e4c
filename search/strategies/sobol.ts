import type { Strategy } from '../history.js';
import { sobol as coordinate, MOST_DIMENSIONS } from '../sobol.js';
import { nextOfDesign } from './design.js';

/**
 * A space-filling design: values of every axis, and of every pair of axes, occur equally often. Axes beyond
 * the sequence's dimensions are drawn at random.
 */
export const sobol: Strategy = {
  choose: (history, draws) =>
    nextOfDesign(history, draws, (index, axis) =>
      axis < MOST_DIMENSIONS ? coordinate(index, axis) : draws.next(),
    ),
};
