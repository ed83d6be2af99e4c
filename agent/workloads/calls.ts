import { median } from '../../statistics/quantile.js';
import { shouldStop, warmingUp } from '../../statistics/stopping.js';
import { type LengthenedWork, lengthen } from './lengthen.js';
import { rest, type WorkloadContext, type WorkloadOutcome } from './workload.js';

/** A repeat is so many calls as take about this long: far above the cost of asking for them. */
const REPEAT_SECONDS = 0.05;
const MOST_CALLS = 1000;

/** Work that is one call, the same each time. */
export interface Called {
  /** Runs it so many times. @returns seconds of each call. */
  readonly call: (times: number) => number[];
  readonly phase: 'kernel' | 'infer';
  /** What a call counts for in a phase's tokens. */
  readonly each: number;
  /** The metric whose interval ends the repeats: the median of a repeat's calls. */
  readonly metric: 'kernelSeconds' | 'inferenceP50Seconds';
}

/**
 * Calls again and again: a repeat is a number of calls, each timed by itself.
 * @returns seconds of each, one list per repeat.
 */
export async function repeatCalls(
  { call, phase, each, metric }: Called,
  context: WorkloadContext,
): Promise<Omit<WorkloadOutcome, 'findings'> & { readonly callSeconds: number[][] }> {
  const { measure } = context;
  const [first = REPEAT_SECONDS] = call(2).slice(-1);
  const calls = Math.min(MOST_CALLS, Math.max(1, Math.ceil(REPEAT_SECONDS / first)));
  const repeatOnce = (name: 'warm-up' | Called['phase'], repeat: number): number[] => {
    const start = context.now();
    const seconds = call(calls);
    context.stamp(name, repeat, start, context.now(), calls * each);
    return seconds;
  };

  const warmups: number[] = [];
  const warmed = context.now();
  let warming = warmingUp(warmups, 0, measure);
  while (warming.another) {
    warmups.push(median(repeatOnce('warm-up', warmups.length)));
    await rest(context);
    warming = warmingUp(warmups, context.now() - warmed, measure);
  }

  const callSeconds: number[][] = [];
  const begin = context.now();
  for (;;) {
    callSeconds.push(repeatOnce(phase, callSeconds.length));
    const { decision, halfWidth } = shouldStop({
      policy: measure,
      samplesByMetric: { [metric]: callSeconds.map((one) => median(one)) },
      elapsedSeconds: context.now() - begin,
    });
    await rest(context);
    if (decision === 'continue') continue;
    const again: LengthenedWork = {
      phase: `energy-${phase}`,
      seconds: calls * median(callSeconds.map((one) => median(one))),
      tokens: calls * each,
      prepare() {},
      runOnce() {
        call(calls);
        return true;
      },
    };
    await lengthen([again], context, begin);
    return {
      repeats: callSeconds.length,
      warmups: warmups.length,
      warmupSettled: warming.settled,
      stop: decision,
      halfWidth,
      tokenSeconds: [],
      callSeconds,
    };
  }
}
