/**
 * Passes on the progress of each trial, at most once a period: every message takes time from the trial that
 * it is about. Of what comes within a period, the newest is passed on at its end. So the last word of a trial
 * that then falls silent is known.
 */
export class ProgressPace<T> {
  readonly #periodSeconds: number;
  readonly #pass: (progress: T) => void;
  /** Trials within a period, with what has come since it began. */
  readonly #trials = new Map<string, { end: NodeJS.Timeout; newest: T | null }>();

  constructor(periodSeconds: number, pass: (progress: T) => void) {
    this.#periodSeconds = periodSeconds;
    this.#pass = pass;
  }

  say(trialId: string, progress: T): void {
    const trial = this.#trials.get(trialId);
    if (trial !== undefined) {
      trial.newest = progress;
      return;
    }
    this.#pass(progress);
    const end = setTimeout(() => this.#endPeriod(trialId), 1000 * this.#periodSeconds).unref();
    this.#trials.set(trialId, { end, newest: null });
  }

  /** The trial is over: where it was is of no interest any more. */
  forget(trialId: string): void {
    clearTimeout(this.#trials.get(trialId)?.end);
    this.#trials.delete(trialId);
  }

  #endPeriod(trialId: string): void {
    const newest = this.#trials.get(trialId)?.newest ?? null;
    this.#trials.delete(trialId);
    if (newest !== null) this.say(trialId, newest);
  }
}
