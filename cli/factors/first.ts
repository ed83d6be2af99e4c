import { lackingHere } from '../../agent/door/roofs.js';
import type { Sweep } from '../../core/sweep/spec.js';
import type { ThisNode } from '../this-node.js';
import { askedOfFactors } from './asked.js';

/** Roofs and factors of a first run together, on a machine of its own. */
const FIRST_RUN_SECONDS = 25;
/** Of them roofs, and what comes behind the last bench: both take longer beside others. */
const ROOFS_SECONDS = 8;
export const BEHIND_SECONDS = 4;
/** Few benches are better than none. */
export const LEAST_FIT_SECONDS = 4;

interface FirstAsked {
  readonly sweep: Sweep;
  /** With the devices alone that the sweep asks for. */
  readonly here: ThisNode;
  /** Where models are looked for. */
  readonly folders: readonly string[];
}

/**
 * @param crowded seconds that this machine takes for a second of CPU.
 * @returns seconds that roofs and factors take that this machine lacks, at most, before a run; 0 where it
 *   lacks none, or measures none.
 */
export async function firstSeconds({ sweep, here, folders }: FirstAsked, crowded: number): Promise<number> {
  // The same word of the environment keeps a node's agent from measuring them.
  if ((process.env.RIDGE_ROOFS ?? 'auto') !== 'auto') return 0;
  const { roofs, factors } = await lackingHere(here, askedOfFactors(sweep, folders));
  if (!roofs && !factors) return 0;
  return Math.max(
    FIRST_RUN_SECONDS,
    crowded * ((roofs ? ROOFS_SECONDS : 0) + LEAST_FIT_SECONDS + BEHIND_SECONDS),
  );
}
