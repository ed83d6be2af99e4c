/** Quantiles of seconds. */
export interface Delay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What a load generator measures about itself, by which its numbers are judged. */
export interface GeneratorFacts {
  /**
   * From the intended start of a request, on an absolute schedule, to its socket; null = nothing was sent.
   */
  readonly lag: Delay | null;
  /** How long its event loop did not read its sockets; null = the run was too short to measure this. */
  readonly loopDelay: Delay | null;
  /** CPU seconds of its process, user and system, over the run. */
  readonly cpuSeconds: number;
  /** That the run took. */
  readonly seconds: number;
}

/**
 * The highest load that a generator can make for each second of its CPU time, against a server that takes no
 * time; null = not measured.
 */
export interface GeneratorCeiling {
  readonly requestsPerSecond: number | null;
  readonly chunksPerSecond: number | null;
}

/** What was measured in the row that the generator made. */
export interface GeneratorTask {
  /** Seconds to the first token; null = none came. */
  readonly medianFirstToken: number | null;
  readonly requestsPerSecond: number | null;
  readonly chunksPerSecond: number | null;
}

/**
 * Delays of the generator are part of every latency it reports. Delays below 10 ms are normal for timers and
 * a busy event loop of Node.js, and small compared with servers' answers. Longer ones matter if they are more
 * than a twentieth of what is measured.
 */
const LATE_SECONDS = 0.01;
const LATE_SHARE = 0.05;
/**
 * Beyond this share of its ceiling, requests would wait too long for the generator itself (M/M/1 at a
 * utilization of 0.8: four times the service time).
 */
const CEILING_SHARE = 0.8;

/**
 * Share of a CPU (well below `CEILING_SHARE`) and CPU time; below the latter, compiling its own code is most
 * of what a generator does.
 */
const BUSY = { share: 0.5, seconds: 0.5 };

/**
 * A ceiling is per second of CPU time with the cheapest requests, so the share of it that a generator reached
 * is at most the share of a CPU that it used.
 * @returns whether it used so much CPU that its ceiling must be known; measuring that takes a second on two
 *   CPUs.
 */
export function needsCeiling({ cpuSeconds, seconds }: GeneratorFacts): boolean {
  return cpuSeconds > BUSY.seconds && cpuSeconds > BUSY.share * seconds;
}

/** If an open loop is below its rate by more than this share, its load is not the one that the row states. */
const MOST_SHORT = 0.01;

/**
 * The share of the scheduled rate with which a generator kept up: the inverse of the slope of dispatches over
 * intended starts (least squares). A delay that it catches up with does not count, and one at either end has
 * little weight.
 * @returns null if everything was sent on time, or if all requests had the same intended time.
 */
export function rateShortfall(
  requests: readonly { readonly intended: number; readonly dispatched: number | null }[],
): string | null {
  const sent = requests.flatMap(({ intended, dispatched }) =>
    dispatched === null ? [] : [{ intended, lag: dispatched - intended }],
  );
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [middle, usual] = [mean(sent.map((one) => one.intended)), mean(sent.map(({ lag }) => lag))];
  const along = sent.reduce((sum, { intended }) => sum + (intended - middle) ** 2, 0);
  if (!(along > 0)) return null;
  const growth =
    sent.reduce((sum, { intended, lag }) => sum + (intended - middle) * (lag - usual), 0) / along;
  const short = 1 - 1 / (1 + growth);
  if (!(short > MOST_SHORT)) return null;
  return `the load generator sent ${(100 * short).toFixed(1)} % less than the rate that was offered: its requests went out later and later`;
}

/**
 * @returns reasons why this row's numbers may describe the generator and not the server, one sentence each;
 *   empty if there are none.
 */
export function generatorProblems(
  { lag, loopDelay }: GeneratorFacts,
  ceiling: GeneratorCeiling | null,
  task: GeneratorTask,
): string[] {
  const problems: string[] = [];
  const isLate = (seconds: number) =>
    seconds > LATE_SECONDS &&
    (task.medianFirstToken === null || seconds > LATE_SHARE * task.medianFirstToken);
  const shown = (seconds: number) => `${(1000 * seconds).toFixed(1)} ms`;
  if (lag !== null && isLate(lag.p99)) {
    problems.push(
      `the load generator sent requests late: 1 % of them ${shown(lag.p99)} or more after their time; lower the rate, or give it a CPU of its own`,
    );
  }
  if (loopDelay !== null && isLate(loopDelay.p99)) {
    problems.push(
      `the load generator was away from its sockets for ${shown(loopDelay.p99)} or more in 1 % of its turns; lower the concurrency, or give it a CPU of its own`,
    );
  }
  const close = (what: string, used: number | null, most: number | null) => {
    if (used === null || most === null || used <= CEILING_SHARE * most) return;
    problems.push(
      `the load generator did ${used.toFixed(0)} ${what} per second and can do ${most.toFixed(0)} here: the row says what it can do, not what the server can`,
    );
  };
  close('requests', task.requestsPerSecond, ceiling?.requestsPerSecond ?? null);
  close('chunks', task.chunksPerSecond, ceiling?.chunksPerSecond ?? null);
  return problems;
}
