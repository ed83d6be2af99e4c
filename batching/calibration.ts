import type { CalibrationPoint } from '../roofline/step/calibrate.js';
import type { HostTimes } from '../roofline/step/setting.js';

/** Of a load, means over its requests, in seconds. */
export interface LoadMeans {
  readonly ttftSeconds: number;
  /** null where answers have one token. */
  readonly tpotSeconds: number | null;
}

/**
 * @param measured of a server under a load.
 * @param simulate says the same of its simulation under times of the host.
 * @returns what `calibrateHost` fits: a time to the first token, queues included, and one between two tokens.
 */
export function calibrationPoints(
  measured: LoadMeans,
  simulate: (host: HostTimes) => LoadMeans,
): CalibrationPoint[] {
  // Both times are asked under the same host, one after the other.
  let last: { readonly host: string; readonly means: LoadMeans } | null = null;
  const meansUnder = (host: HostTimes): LoadMeans => {
    const key = JSON.stringify(host);
    if (last?.host !== key) last = { host: key, means: simulate(host) };
    return last.means;
  };
  const { ttftSeconds, tpotSeconds } = measured;
  return [
    { measuredSeconds: ttftSeconds, secondsUnder: (host) => meansUnder(host).ttftSeconds },
    ...(tpotSeconds === null
      ? []
      : [{ measuredSeconds: tpotSeconds, secondsUnder: (host: HostTimes) => meansUnder(host).tpotSeconds! }]),
  ];
}
