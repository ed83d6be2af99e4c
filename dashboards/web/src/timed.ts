import { useContext, useEffect, useMemo, useState } from 'preact/hooks';
import { isPresent, type ResultRecord } from '../../../core/result/result.js';
import { nearestStart, type Row } from '../../../report/rows.js';
import { WholeTrials } from './whole-trial.js';

/**
 * @returns whether times between tokens are here or can be had: a summary says by their median that there are
 *   some. A server's are gaps between chunks of its requests, which the row's own plots show.
 */
export function isTimed({ tokenSeconds, measurements }: ResultRecord): boolean {
  if (isPresent(measurements.requestsPerSecond)) return false;
  return tokenSeconds.length > 0 || isPresent(measurements.interTokenLatencyP50Seconds);
}

/** @returns those of the rows whose times between tokens are here; the others follow as soon as they are. */
export function useTimes(quoting: readonly Row[]): readonly Row[] {
  const rows = useMemo(() => quoting.map((row) => ({ ...row, trial: nearestStart(row) })), [quoting]);
  const get = useContext(WholeTrials);
  const [got, setGot] = useState<ReadonlyMap<string, ResultRecord>>(new Map());
  useEffect(() => {
    if (get === null) return;
    const gone = new AbortController();
    for (const { trial } of rows) {
      if (trial.tokenSeconds.length > 0 || !isTimed(trial) || got.has(trial.trialId)) continue;
      get(trial.trialId, gone.signal).then(
        (whole) => setGot((before) => new Map(before).set(trial.trialId, whole)),
        // It can be ticked again; its place in the chart stays empty.
        () => undefined,
      );
    }
    return () => gone.abort();
  }, [get, rows]);
  if (rows.every(({ trial }) => trial.tokenSeconds.length > 0)) return rows;
  return rows.map((row) => ({ ...row, trial: got.get(row.trial.trialId) ?? row.trial }));
}
