import { FailureError, failure } from '../../core/errors.js';
import type { Options } from '../../core/experiment/experiment.js';
import { axisOf } from '../../core/kernels/axes.js';
import { OPS } from '../../core/kernels/gen/ops.js';
import { median } from '../../core/statistics/quantile.js';
import { shouldStop, warmupSettled } from '../../core/statistics/stopping.js';
import { kernel as kind } from '../../core/workloads/kernel.js';
import type { KernelRequest } from '../runners/runner.js';
import { type LengthenedWork, lengthen } from './lengthen.js';
import type { Workload } from './workload.js';

/** A repeat is so many calls as take about this long: far above the cost of asking for them. */
const REPEAT_SECONDS = 0.05;
const MOST_CALLS = 1000;

/** An op, again and again: a repeat is a number of calls, each timed by itself. */
export const kernel: Workload<'op'> = {
  kind: 'kernel',
  needs: 'op',

  demands(options) {
    return { kernel: kernelRequest(options) };
  },

  async run(ready, _options, context) {
    const { measure } = context;
    const rest = async (): Promise<void> => {
      if (await context.breathe()) throw new FailureError(failure('cancelled', 'the trial was stopped'));
    };
    const [first = REPEAT_SECONDS] = ready.call(2).slice(-1);
    const calls = Math.min(MOST_CALLS, Math.max(1, Math.ceil(REPEAT_SECONDS / first)));
    const repeatOnce = (phase: 'warm-up' | 'kernel', repeat: number): number[] => {
      const start = context.now();
      const seconds = ready.call(calls);
      context.stamp(phase, repeat, start, context.now(), calls);
      return seconds;
    };

    const warmups: number[] = [];
    let settled = measure.maxWarmups === 0;
    while (!settled && warmups.length < measure.maxWarmups) {
      warmups.push(median(repeatOnce('warm-up', warmups.length)));
      settled = warmupSettled(warmups, measure.warmupSpread);
      await rest();
    }

    const callSeconds: number[][] = [];
    const begin = context.now();
    for (;;) {
      const seconds = repeatOnce('kernel', callSeconds.length);
      callSeconds.push(seconds);
      const { decision, halfWidth } = shouldStop({
        policy: measure,
        samplesByMetric: { kernelSeconds: callSeconds.map((one) => median(one)) },
        elapsedSeconds: context.now() - begin,
      });
      await rest();
      if (decision === 'continue') continue;
      const again: LengthenedWork = {
        phase: 'energy-kernel',
        seconds: calls * median(callSeconds.map((one) => median(one))),
        tokens: calls,
        prepare: () => {},
        once: () => void ready.call(calls),
      };
      await lengthen([again], context, begin);
      return {
        repeats: callSeconds.length,
        warmups: warmups.length,
        warmupSettled: settled,
        stop: decision,
        halfWidth,
        tokenSeconds: [],
        findings: { of: 'op', record: { ...ready.record, callSeconds } },
      };
    }
  },
};

/** @returns what the options of one point ask for, defaults filled in. @throws ZodError */
function kernelRequest(options: Options): KernelRequest {
  const { op, variant, elementType, cacheState, ...sizes } = kind.options.parse(options) as Record<
    string,
    unknown
  >;
  const parameters = OPS.find(({ name }) => name === op)?.parameters ?? [];
  const given = parameters.flatMap(({ name }) => {
    const value = sizes[axisOf(name)];
    return typeof value === 'number' ? [[name, value] as const] : [];
  });
  return {
    op: op as string,
    variant: variant as string,
    type: elementType as KernelRequest['type'],
    cache: cacheState as KernelRequest['cache'],
    shape: Object.fromEntries(given),
  };
}
