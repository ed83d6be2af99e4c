import { search, type Unknown } from '../factors/search.js';
import type { HostTimes } from './setting.js';

/** A time of one's own, and what is predicted in its place. */
export interface CalibrationPoint {
  readonly measuredSeconds: number;
  /** Under other times of the host: of a step, or of whatever is made of steps. */
  secondsUnder(host: HostTimes): number;
}

type Fitted = 'kernelFactor' | 'promptFactor' | 'stepSeconds' | 'tokenSeconds' | 'requestSeconds';

/**
 * Where a number is believed to lie before anything of one's own is measured, and how wide that is: the
 * standard deviation of its logarithm.
 */
interface Belief extends Unknown {
  readonly width: number;
}

/** What is not believed anything of is not fitted. */
type Beliefs = Readonly<Partial<Record<Fitted, Belief>>>;

/**
 * From what was seen of engines (3 to 6 µs a token, 20 to 200 ms of a request, 1 to 5 ms a step); wide, so
 * that three points move them.
 */
const BELIEFS: Beliefs = {
  kernelFactor: { start: 1, least: 0.5, most: 2, width: 0.15 },
  stepSeconds: { start: 1.5e-3, least: 1e-5, most: 5e-2, width: 0.8 },
  tokenSeconds: { start: 4e-6, least: 1e-7, most: 1e-3, width: 1 },
  requestSeconds: { start: 3e-2, least: 1e-4, most: 1, width: 0.8 },
};

/**
 * Of servers on CPUs: kernels may have no factors at all there, or be others than those that factors were
 * fitted to (builds of ggml differ twofold in products of many tokens), and nobody has seen many of them.
 */
export const BELIEFS_ON_CPU: Beliefs = {
  kernelFactor: { start: 1, least: 0.3, most: 6, width: 0.4 },
  promptFactor: { start: 1, least: 0.2, most: 6, width: 0.7 },
  stepSeconds: { start: 1e-3, least: 1e-6, most: 0.2, width: 2 },
  tokenSeconds: { start: 1e-4, least: 1e-7, most: 0.05, width: 2 },
  requestSeconds: { start: 3e-3, least: 1e-5, most: 1, width: 2 },
};

/** What times of whole runs scatter by from run to run. */
const POINT_SPREAD = 0.05;
/** What is believed of the spread before, as if so many points had been seen. */
const BELIEVED_SPREAD = 0.15;
const BELIEVED_POINTS = 3;

/**
 * Fits what an engine takes beside kernels to measured times of one's own: three points, each with its TTFT
 * and its TPOT, are enough, for what they do not tell stays where it is believed to be (least squares of
 * logarithms, with a belief about each number).
 * @param before of the engine, as far as somebody fitted them: where the search starts.
 * @param beliefs of such engines.
 * @throws Error without points.
 */
export function calibrateHost(
  points: readonly CalibrationPoint[],
  before: HostTimes,
  beliefs: Beliefs = BELIEFS,
): HostTimes {
  if (points.length === 0) throw new Error('calibration without points');
  const started = Object.fromEntries(
    Object.entries(beliefs).map(([name, belief]) => [
      name,
      { ...belief, start: before[name as Fitted] || belief.start },
    ]),
  );
  const hostOf = (values: Readonly<Record<string, number>>): HostTimes => ({ ...before, ...values });
  const misses = (host: HostTimes) =>
    points.map((point) => Math.log(point.secondsUnder(host) / point.measuredSeconds));
  const fitted = search(started, (values) => {
    const own = misses(hostOf(values)).reduce((sum, miss) => sum + (miss / POINT_SPREAD) ** 2, 0);
    return Object.entries(started).reduce(
      (sum, [name, { start, width }]) => sum + (Math.log(values[name]! / start) / width) ** 2,
      own,
    );
  });
  const host = hostOf(fitted);
  const squares = misses(host).reduce((sum, miss) => sum + miss ** 2, 0);
  const believed = before.spread ?? BELIEVED_SPREAD;
  return {
    ...host,
    spread: Math.sqrt((squares + BELIEVED_POINTS * believed ** 2) / (points.length + BELIEVED_POINTS)),
    source: `calibrated by ${points.length} measured times`,
  };
}
