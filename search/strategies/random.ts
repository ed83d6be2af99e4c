import { drawNew, type Strategy } from '../history.js';

/** Points in a random order, the reference that every other strategy has to beat. */
export const random: Strategy = { choose: drawNew };
