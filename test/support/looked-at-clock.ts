import { vi } from 'vitest';

/** How long looking at the clock takes. */
const LOOK_SECONDS = 1e-5;

/**
 * Lets the time of this process pass when somebody looks at its monotonic clock or waits, and not otherwise,
 * until `vi.restoreAllMocks()`. A machine that is busy meanwhile changes nothing.
 * @param passed is told the time whenever it has changed.
 * @returns what waits for so many milliseconds.
 */
export function lookedAtClock(passed: (seconds: number) => void = () => undefined) {
  let seconds = 0;
  const pass = (more: number) => {
    seconds += more;
    passed(seconds);
  };
  vi.spyOn(process.hrtime, 'bigint').mockImplementation(() => {
    pass(LOOK_SECONDS);
    return BigInt(Math.round(seconds * 1e9));
  });
  return async (milliseconds: number): Promise<void> => pass(milliseconds / 1000);
}
