import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { ResultRecord } from '../../../core/result/result.js';

/** Gets a stored record whole, by trial id. */
export type GetTrial = (trialId: string, signal: AbortSignal) => Promise<ResultRecord>;

/** null = the page holds all that there is to show (report.html). */
export const WholeTrials = createContext<GetTrial | null>(null);

export interface WholeTrial {
  /**
   * The record with its raw readings as soon as they are here; until then, and where they cannot be had,
   * without.
   */
  readonly trial: ResultRecord;
  /** Why the readings cannot be had; null otherwise. */
  readonly missing: string | null;
}

/**
 * A trial with its raw readings (`samples`): live pages get them when somebody looks, for most trials are
 * never looked at.
 */
export function useWholeTrial(trial: ResultRecord): WholeTrial {
  const get = useContext(WholeTrials);
  const [got, setGot] = useState<WholeTrial | null>(null);
  useEffect(() => {
    if (get === null) return;
    const gone = new AbortController();
    get(trial.trialId, gone.signal).then(
      (whole) => setGot({ trial: whole, missing: null }),
      (error: unknown) => {
        if (!gone.signal.aborted) setGot({ trial, missing: (error as Error).message });
      },
    );
    return () => gone.abort();
  }, [get, trial.trialId]);
  return get !== null && got?.trial.trialId === trial.trialId ? got : { trial, missing: null };
}
