import { studentCdf } from '../../statistics/distributions.js';
import { moments } from '../../statistics/summary.js';

/**
 * Detects whether an open loop sends more requests than the server finishes. Then the queue grows without
 * limit, and with it every latency from the scheduled start (Little's law), so that the result would depend
 * only on the length of the run.
 *
 * The test uses arrivals minus completions in equal slices of time. If both rates are equal, the length of
 * the queue is a random walk, which may have long excursions, but its steps have mean 0 and are independent.
 * So a one-sided t test of the steps is not misled by an excursion, which a test of the queue's length would
 * take for a trend.
 */
export interface Saturation {
  readonly state: 'too-early' | 'keeping-up' | 'saturated';
  /** One sentence. */
  readonly reason: string;
}

/** Nothing is said before. */
const MINIMUM_SECONDS = 30;
/** Number of slices; when all are used, neighbouring ones are merged. */
const SLICES = 64;
/** A small significance level, because the test is repeated many times during a run. */
const SIGNIFICANT = 0.001;
/** The smallest share of requests by which the server must fall behind; less would take hours to matter. */
const SMALLEST_DEFICIT = 0.05;

/**
 * Watches a running load in constant time for each request and for each query. Times are seconds since the
 * origin of the run and never go back.
 */
export class SaturationWatch {
  #width = MINIMUM_SECONDS / (SLICES / 2);
  readonly #started = new Float64Array(SLICES);
  readonly #ended = new Float64Array(SLICES);
  #outstanding = 0;

  /** Counts the scheduled start of a request, whether or not it could be dispatched. */
  started(seconds: number): void {
    const slice = this.#slice(seconds);
    this.#started[slice]! += 1;
    this.#outstanding += 1;
  }

  /** A request has ended, however it did. */
  ended(seconds: number): void {
    const slice = this.#slice(seconds);
    this.#ended[slice]! += 1;
    this.#outstanding -= 1;
  }

  /** @param seconds now */
  decide(seconds: number): Saturation {
    const whole = this.#slice(seconds);
    // More requests start than end while the server fills up, so the first third is left out.
    const first = Math.ceil(whole / 3);
    const steps = Array.from(
      { length: whole - first },
      (_, i) => this.#started[first + i]! - this.#ended[first + i]!,
    );
    const sum = (counts: Float64Array) => counts.slice(first, whole).reduce((a, b) => a + b, 0);
    const [started, ended] = [sum(this.#started), sum(this.#ended)];
    if (seconds < MINIMUM_SECONDS || started === 0) {
      return { state: 'too-early', reason: `nothing is said before ${MINIMUM_SECONDS} s and a request` };
    }
    const tested = steps.length * this.#width;
    const deficit = (started - ended) / started;
    const saturated = chanceOfGrowth(steps) < SIGNIFICANT && deficit >= SMALLEST_DEFICIT;
    const rates = `${(started / tested).toPrecision(3)} requests a second start and ${(ended / tested).toPrecision(3)} end`;
    const reason = `${rates} over the last ${tested.toFixed(0)} s: ${this.#outstanding} are on their way`;
    return saturated
      ? { state: 'saturated', reason: `${reason}, and ever more` }
      : { state: 'keeping-up', reason };
  }

  /** @returns the slice of a time, after widening slices until the time falls into one of them. */
  #slice(seconds: number): number {
    while (seconds >= SLICES * this.#width) {
      for (const counts of [this.#started, this.#ended]) {
        for (let i = 0; i < SLICES / 2; i++) counts[i] = counts[2 * i]! + counts[2 * i + 1]!;
        counts.fill(0, SLICES / 2);
      }
      this.#width *= 2;
    }
    return Math.floor(seconds / this.#width);
  }
}

/** One-sided t test of steps with mean 0. */
function chanceOfGrowth(steps: readonly number[]): number {
  const { mean, squares } = moments(steps);
  const df = steps.length - 1;
  if (df < 1 || mean <= 0) return 1;
  return squares === 0 ? 0 : 1 - studentCdf(mean / Math.sqrt(squares / df / steps.length), df);
}
