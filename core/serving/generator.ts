/** Quantiles of seconds. */
export interface Delay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What a load generator says of itself: whether it was where its numbers say it was. */
export interface GeneratorFacts {
  /**
   * From the intended start of a request, on an absolute schedule, to its socket; null = nothing was sent.
   */
  readonly lag: Delay | null;
  /** How long its event loop was away from its sockets; null = the run was too short to tell. */
  readonly loopDelay: Delay | null;
  /** Of its process, user and system, over the run. */
  readonly cpuSeconds: number;
  /** That the run took. */
  readonly seconds: number;
}

/**
 * What a load generator could do at most for each second of its CPU time, against a server that takes no
 * time; null = not measured.
 */
export interface GeneratorCeiling {
  readonly requestsPerSecond: number | null;
  readonly chunksPerSecond: number | null;
}

/** What the row that it stands beside measured. */
export interface GeneratorTask {
  /** Seconds to the first token; null = none came. */
  readonly medianFirstToken: number | null;
  readonly requestsPerSecond: number | null;
  readonly chunksPerSecond: number | null;
}

/**
 * Delays of the generator are part of every latency it reports. Below 10 ms they are what timers and a busy
 * loop of Node.js do, and servers answer in tens of them; above, they matter where they are more than a
 * twentieth of what is measured.
 */
const LATE_SECONDS = 0.01;
const LATE_SHARE = 0.05;
/**
 * Beyond this share of what it can do, a queue before the generator is as long as its service (utilization
 * 0.8 of M/M/1: four times).
 */
const CEILING_SHARE = 0.8;

/**
 * Share of a CPU, well below `CEILING_SHARE`, and CPU time, below which compiling its own code is most of
 * what a generator did.
 */
const BUSY = { share: 0.5, seconds: 0.5 };

/**
 * A ceiling counts per second of CPU time, of the cheapest requests, so a generator is no nearer to it than
 * by the share of a CPU that it used.
 * @returns whether it used so much that its ceiling has to be known; measuring that takes a second of two
 *   CPUs.
 */
export function needsCeiling({ cpuSeconds, seconds }: GeneratorFacts): boolean {
  return cpuSeconds > BUSY.seconds && cpuSeconds > BUSY.share * seconds;
}

/** An open loop that falls short of its rate by more than this share is another load than the row says. */
const MOST_SHORT = 0.01;

/**
 * How much of the rate that a schedule offers a generator kept up with: the inverse of the slope of
 * dispatches over intended starts (least squares), so that a delay it catches up with is none, and one at
 * either end weighs little.
 * @returns null where all is sent on time, or no two requests were meant for different times.
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
 * @returns why this row's numbers may be the generator's instead of the server's, one sentence each; none =
 *   they are the server's.
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
