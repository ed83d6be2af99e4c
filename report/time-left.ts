/** What the time left of a sweep follows from. */
export interface Pace {
  readonly points: number;
  readonly complete: number;
  readonly invalid: number;
  readonly failed: number;
  /** Valid starts that points lack, at least. */
  readonly trialsLeft: number;
  /** Seconds that each running trial has taken so far. */
  readonly running: readonly { readonly elapsedSeconds: number }[];
  /** Median seconds of a finished trial; null before the first. */
  readonly trialSeconds: number | null;
}

/** @returns points that nothing more will happen to. */
export function settledOf({
  complete,
  invalid,
  failed,
}: Pick<Pace, 'complete' | 'invalid' | 'failed'>): number {
  return complete + invalid + failed;
}

/**
 * @returns seconds until the sweep is done at the pace so far when no trial has to be done again, or null
 *   when there is no pace yet.
 */
export function secondsLeft(progress: Pace): number | null {
  const left = progress.trialsLeft;
  if (left <= 0) return 0;
  if (progress.trialSeconds === null) return null;
  const lanes = Math.max(1, progress.running.length);
  // What runs has used up part of its time; a trial that is late counts as nearly done.
  const spent = progress.running.reduce(
    (sum, t) => sum + Math.min(t.elapsedSeconds, progress.trialSeconds ?? 0),
    0,
  );
  return (left * progress.trialSeconds - spent) / lanes;
}

/**
 * @returns what a pause leaves going on, of so many trials that run: `the 2 trials that run are finished`.
 */
export function stillRuns(running: number): string {
  if (running === 0) return 'nothing of it runs';
  return running === 1 ? 'the trial that runs is finished' : `the ${running} trials that run are finished`;
}

/** @returns `45 s`, `12 min`, `3 h 05 min`, `2 d 4 h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60)
    return minutes < 10
      ? `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`
      : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, '0')} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
