import { drawNew, type Strategy } from '../history.js';

/** Points in a random order: what every other strategy has to beat. */
export const random: Strategy = { choose: drawNew };
