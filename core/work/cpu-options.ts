import { z } from 'zod';
import { integerBetween, orNull, textUpTo } from '../bounds.js';

/** Options that mean the same to several runners, so that one name does for all. */
export const threads = orNull(integerBetween(1, 512)).describe(
  'CPU threads; null takes every CPU of the device (llama-bench: -t).',
);

export const cpuBackend = z
  .enum(['shipped', 'native'])
  .default('shipped')
  .describe("The CPU library that ships, or the one built here by the machine's own compiler.");

export const poll = integerBetween(0, 100)
  .default(50)
  .describe('How busily idle threads wait: 0 sleeps, 100 spins (llama-bench: --poll).');

export const batch = integerBetween(1, 1_048_576)
  .default(2048)
  .describe('Tokens of all sequences that are handed over at once, at most (llama-bench: -b).');

export const engine = orNull(textUpTo(100)).describe(
  'Release the node must offer, e.g. `llama.cpp v0.4.0`, as `ridge nodes` prints it; null takes any.',
);
