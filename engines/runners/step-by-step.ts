import { monotonicSeconds } from '../../process/isolation/clock.js';

/**
 * Decode steps, driven from JavaScript: for runners without a loop of their own. Nothing is allocated and one
 * clock is read between steps, so that the loop costs little time.
 * @returns when each step had finished: monotonic seconds.
 */
export function stepByStep(tokens: readonly Int32Array[], step: (tokens: Int32Array) => void): Float64Array {
  const ends = new Float64Array(tokens.length);
  for (let i = 0; i < tokens.length; i++) {
    step(tokens[i]!);
    ends[i] = monotonicSeconds();
  }
  return ends;
}
