import { failed } from '../../core/errors.js';
import { type LatencyWork, latencyWorkOf } from '../../core/work/latency.js';
import { latency as description } from '../../core/workloads/latency.js';
import type { Generator } from '../../engines/runners/opened.js';
import { median } from '../../statistics/quantile.js';
import { shouldStop, warmingUp } from '../../statistics/stopping.js';
import { type LengthenedWork, lengthen } from './lengthen.js';
import { type TokenPlan, tokenPlan } from './tokens.js';
import { defineWorkload, rest, type WorkloadContext, type WorkloadOutcome } from './workload.js';

/**
 * What llama-bench measures: a repeat is the prefill of `promptTokens` per sequence, then exactly
 * `generateTokens` decode steps; random but seeded tokens, no sampling, the device awaited at every step.
 */
export const latency = defineWorkload(description, (options) => {
  const work = latencyWorkOf(options);
  return {
    demands: demandsOf(work),
    async run(model, context) {
      const plan = tokenPlan(model.facts.vocabularySize, work);
      await model.reset(0);
      if (work.contextDepth > 0) {
        const start = context.now();
        await model.prefill(plan.depth);
        context.stamp('warm-up', null, start, context.now(), work.contextDepth * work.sequences);
      }
      const warmup = await warmUp(model, plan, work, context);
      return { ...(await measure(model, plan, work, context)), ...warmup };
    },
  };
});

/** @throws FailureError `impossible-combination` where there is nothing to measure. */
export function demandsOf({ promptTokens, generateTokens, sequences, contextDepth }: LatencyWork) {
  if (promptTokens + generateTokens > 0)
    return { contextTokens: contextDepth + promptTokens + generateTokens, sequences };
  throw failed(
    'impossible-combination',
    'promptTokens and generateTokens are both 0: there is nothing to measure',
  );
}

/**
 * Rounds of the whole repeat until the last three agree, since one is not enough on a fast device, or half of
 * the repeats' time is over.
 */
async function warmUp(
  model: Generator,
  plan: TokenPlan,
  work: LatencyWork,
  context: WorkloadContext,
): Promise<Pick<WorkloadOutcome, 'warmups' | 'warmupSettled'>> {
  const seconds: number[] = [];
  const begin = context.now();
  for (;;) {
    const { another, settled } = warmingUp(seconds, context.now() - begin, context.measure);
    if (!another) return { warmups: seconds.length, warmupSettled: settled };
    const round = await repeatOnce(model, plan, work, context);
    context.stamp('warm-up', seconds.length, round.start, round.end, tokensOf(work));
    seconds.push(round.end - round.start);
    await rest(context);
  }
}

async function measure(
  model: Generator,
  plan: TokenPlan,
  work: LatencyWork,
  context: WorkloadContext,
): Promise<Omit<WorkloadOutcome, 'warmups' | 'warmupSettled'>> {
  const { promptTokens, generateTokens, sequences } = work;
  const prefillRates: number[] = [];
  const decodeRates: number[] = [];
  const tokenSeconds: number[][] = [];
  const begin = context.now();
  for (let repeat = 0; ; repeat++) {
    const { start, prefilled, end, stepSeconds } = await repeatOnce(model, plan, work, context);
    if (promptTokens > 0) {
      context.stamp('prefill', repeat, start, prefilled, promptTokens * sequences);
      prefillRates.push((promptTokens * sequences) / (prefilled - start));
    }
    if (generateTokens > 0) {
      context.stamp('decode', repeat, prefilled, end, generateTokens * sequences);
      decodeRates.push((generateTokens * sequences) / (end - prefilled));
    }
    tokenSeconds.push(stepSeconds);
    const { decision, halfWidth } = shouldStop({
      policy: context.measure,
      samplesByMetric: {
        ...(promptTokens > 0 && { prefillTokensPerSecond: prefillRates }),
        ...(generateTokens > 0 && { decodeTokensPerSecond: decodeRates }),
      },
      elapsedSeconds: context.now() - begin,
    });
    // Also after the last repeat: the meters get a reading close to its end.
    await rest(context);
    if (decision === 'continue') continue;
    const seconds = (tokens: number, rates: readonly number[]) =>
      rates.length === 0 ? 0 : (tokens * sequences) / median(rates);
    const timed = {
      prefill: seconds(promptTokens, prefillRates),
      decode: seconds(generateTokens, decodeRates),
    };
    await lengthen(lengthened(model, plan, work, timed), context, begin);
    return { repeats: repeat + 1, stop: decision, halfWidth, tokenSeconds, findings: null };
  }
}

/** Both phases as work that begins again where it began: the cache is cut back to what it held then. */
function lengthened(
  model: Generator,
  { prompt, steps }: TokenPlan,
  { promptTokens, generateTokens, sequences, contextDepth }: LatencyWork,
  seconds: { readonly prefill: number; readonly decode: number },
): LengthenedWork[] {
  const prefill = async () => {
    const stayed = await model.reset(contextDepth);
    if (promptTokens > 0) await model.prefill(prompt);
    return stayed;
  };
  const decode = async () => {
    const stayed = await model.reset(contextDepth + promptTokens);
    await model.steps(steps);
    return stayed;
  };
  const cut = () => model.reset(contextDepth);
  const [prefilled, decoded] = [promptTokens * sequences, generateTokens * sequences];
  return [
    { phase: 'energy-prefill', seconds: seconds.prefill, tokens: prefilled, prepare: cut, runOnce: prefill },
    { phase: 'energy-decode', seconds: seconds.decode, tokens: decoded, prepare: prefill, runOnce: decode },
  ];
}

interface Round {
  readonly start: number;
  readonly prefilled: number;
  readonly end: number;
  readonly stepSeconds: number[];
}

/**
 * One repeat. The steps are the runner's to drive and to stamp: what it does between them is in their times.
 */
async function repeatOnce(
  model: Generator,
  { prompt, steps }: TokenPlan,
  work: LatencyWork,
  context: WorkloadContext,
): Promise<Round> {
  await model.reset(work.contextDepth);
  const start = context.now();
  if (work.promptTokens > 0) await model.prefill(prompt);
  const prefilled = context.now();
  const ends = steps.length > 0 ? await model.steps(steps) : new Float64Array(0);
  return { start, prefilled, end: ends.at(-1) ?? prefilled, stepSeconds: gaps(prefilled, ends) };
}

function gaps(start: number, ends: Float64Array): number[] {
  return Array.from(ends, (end, i) => end - (i === 0 ? start : ends[i - 1]!));
}

function tokensOf({ promptTokens, generateTokens, sequences }: LatencyWork): number {
  return (promptTokens + generateTokens) * sequences;
}
