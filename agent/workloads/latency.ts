import { failed } from '../../core/errors.js';
import type { Options } from '../../core/experiment/experiment.js';
import { LATENCY_DEFAULTS, type LatencyWork } from '../../core/work/latency.js';
import type { Generator } from '../../engines/runners/opened.js';
import { median } from '../../statistics/quantile.js';
import { shouldStop, warmingUp } from '../../statistics/stopping.js';
import { type LengthenedWork, lengthen } from './lengthen.js';
import { type TokenPlan, tokenPlan } from './tokens.js';
import { rest, type Workload, type WorkloadContext, type WorkloadOutcome } from './workload.js';

/**
 * What llama-bench measures: a repeat is the prefill of `promptTokens` per sequence, then exactly
 * `generateTokens` decode steps; random but seeded tokens, no sampling, the device awaited at every step.
 */
export const latency = {
  kind: 'latency',
  needs: 'generator',

  demands(options) {
    const { promptTokens, generateTokens, parallel, contextDepth } = readLatencyWork(options);
    return { contextTokens: contextDepth + promptTokens + generateTokens, sequences: parallel };
  },

  async run(model, options, context) {
    const wanted = readLatencyWork(options);
    const plan = tokenPlan(model.facts.vocabularySize, wanted);
    await model.reset(0);
    if (wanted.contextDepth > 0) {
      const start = context.now();
      await model.prefill(plan.depth);
      context.stamp('warm-up', null, start, context.now(), wanted.contextDepth * wanted.parallel);
    }
    const warmup = await warmUp(model, plan, wanted, context);
    return { ...(await measure(model, plan, wanted, context)), ...warmup };
  },
} satisfies Workload<'generator'>;

/** Rounds of the whole repeat until the last three agree, since one is not enough on a fast device, or half of the repeats' time is over. */
async function warmUp(
  model: Generator,
  plan: TokenPlan,
  options: LatencyWork,
  context: WorkloadContext,
): Promise<Pick<WorkloadOutcome, 'warmups' | 'warmupSettled'>> {
  const seconds: number[] = [];
  const begin = context.now();
  for (;;) {
    const { another, settled } = warmingUp(seconds, context.now() - begin, context.measure);
    if (!another) return { warmups: seconds.length, warmupSettled: settled };
    const round = await repeatOnce(model, plan, options, context);
    context.stamp('warm-up', seconds.length, round.start, round.end, tokensOf(options));
    seconds.push(round.end - round.start);
    await rest(context);
  }
}

async function measure(
  model: Generator,
  plan: TokenPlan,
  options: LatencyWork,
  context: WorkloadContext,
): Promise<Omit<WorkloadOutcome, 'warmups' | 'warmupSettled'>> {
  const { promptTokens, generateTokens, parallel } = options;
  const prefillRates: number[] = [];
  const decodeRates: number[] = [];
  const tokenSeconds: number[][] = [];
  const begin = context.now();
  for (let repeat = 0; ; repeat++) {
    const { start, prefilled, end, stepSeconds } = await repeatOnce(model, plan, options, context);
    if (promptTokens > 0) {
      context.stamp('prefill', repeat, start, prefilled, promptTokens * parallel);
      prefillRates.push((promptTokens * parallel) / (prefilled - start));
    }
    if (generateTokens > 0) {
      context.stamp('decode', repeat, prefilled, end, generateTokens * parallel);
      decodeRates.push((generateTokens * parallel) / (end - prefilled));
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
      rates.length === 0 ? 0 : (tokens * parallel) / median(rates);
    const timed = {
      prefill: seconds(promptTokens, prefillRates),
      decode: seconds(generateTokens, decodeRates),
    };
    await lengthen(lengthened(model, plan, options, timed), context, begin);
    return { repeats: repeat + 1, stop: decision, halfWidth, tokenSeconds, findings: null };
  }
}

/** Both phases as work that begins again where it began: the cache is cut back to what it held then. */
function lengthened(
  model: Generator,
  { prompt, steps }: TokenPlan,
  { promptTokens, generateTokens, parallel, contextDepth }: LatencyWork,
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
  const [prefilled, decoded] = [promptTokens * parallel, generateTokens * parallel];
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

/** One repeat. The steps are the runner's to drive and to stamp: what it does between them is in their times. */
async function repeatOnce(
  model: Generator,
  { prompt, steps }: TokenPlan,
  options: LatencyWork,
  context: WorkloadContext,
): Promise<Round> {
  await model.reset(options.contextDepth);
  const start = context.now();
  if (options.promptTokens > 0) await model.prefill(prompt);
  const prefilled = context.now();
  const ends = steps.length > 0 ? await model.steps(steps) : new Float64Array(0);
  return { start, prefilled, end: ends.at(-1) ?? prefilled, stepSeconds: gaps(prefilled, ends) };
}

function gaps(start: number, ends: Float64Array): number[] {
  return Array.from(ends, (end, i) => end - (i === 0 ? start : ends[i - 1]!));
}

function tokensOf(options: LatencyWork): number {
  return (options.promptTokens + options.generateTokens) * options.parallel;
}

/** @returns what the options of one point ask, defaults filled in. @throws FailureError `impossible-combination` */
export function readLatencyWork(options: Options): LatencyWork {
  const read = {
    promptTokens: count(options, 'promptTokens', 0),
    generateTokens: count(options, 'generateTokens', 0),
    parallel: count(options, 'parallel', 1),
    contextDepth: count(options, 'contextDepth', 0),
  };
  if (read.promptTokens + read.generateTokens > 0) return read;
  return refuse('promptTokens and generateTokens are both 0: there is nothing to measure');
}

function count(options: Options, name: keyof LatencyWork, least: number): number {
  const value = options[name] ?? LATENCY_DEFAULTS[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= least) return value;
  return refuse(`${name} is ${value}; it has to be a whole number of at least ${least}`);
}

function refuse(message: string): never {
  throw failed('impossible-combination', message);
}
