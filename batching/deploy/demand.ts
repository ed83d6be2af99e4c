import type { Objective, SloMetric } from '../../core/serving/slo.js';
import type { Step } from '../../roofline/step/compile.js';
import { quantileOfSorted } from '../../statistics/quantile.js';
import type { TokenLoad } from '../load.js';
import type { PredictedServer } from '../predicted-server.js';

/** What a load asks for, without a clock. */
export interface Demand {
  readonly requests: number;
  /** From the first start to the last. */
  readonly seconds: number;
  /** Tokens of prompts that no cache can know, however large, of each request and ascending. */
  readonly freshTokens: Float64Array;
  /** Of prompt and answer together, ascending. */
  readonly contextTokens: Float64Array;
  readonly outputTokens: number;
  readonly mostOutputTokens: number;
  /** That a token of an answer attends to, in the mean over tokens. */
  readonly attendedTokens: number;
}

/** @param load of a trace, or of an open loop. */
export function demandOf(load: TokenLoad): Demand {
  const known = new Set<number>();
  const [fresh, context]: [number[], number[]] = [[], []];
  let [output, mostOutput, attended, last] = [0, 0, 0, 0];
  for (const { promptTokens, outputTokens, beginning, answerId, atSeconds } of load.requests) {
    let [cached, met] = [0, true];
    for (const { id, tokens } of beginning) {
      met &&= known.has(id);
      if (met) cached += tokens;
      known.add(id);
    }
    if (answerId !== null) known.add(answerId);
    fresh.push(Math.max(1, promptTokens - cached));
    context.push(promptTokens + outputTokens);
    output += outputTokens;
    mostOutput = Math.max(mostOutput, outputTokens);
    attended += outputTokens * (promptTokens + outputTokens / 2);
    last = Math.max(last, atSeconds ?? 0);
  }
  const { arrival } = load;
  return {
    requests: fresh.length,
    seconds: arrival.kind === 'open' ? fresh.length / arrival.requestsPerSecond : last,
    freshTokens: Float64Array.from(fresh).sort(),
    contextTokens: Float64Array.from(context).sort(),
    outputTokens: output,
    mostOutputTokens: mostOutput,
    attendedTokens: output === 0 ? 1 : attended / output,
  };
}

/** Why no number of replicas keeps the objectives. */
export interface Hopeless {
  readonly reason: string;
  /** How many times more than its limit the worst takes. */
  readonly times: number;
}

/**
 * What can be said before anything is simulated.
 * @returns the fewest replicas that can keep the objectives, or why no number of them does.
 */
export function leastReplicas(
  { server, step }: PredictedServer,
  demand: Demand,
  objectives: readonly Objective[],
): number | Hopeless {
  const { cacheTokens, scheduler, requestSeconds, replicas: groups } = server;
  const share = Math.max(...objectives.map((one) => one.share));
  const longest = quantileOfSorted(demand.contextTokens, share);
  if (longest > cacheTokens)
    return {
      reason: `its cache has ${cacheTokens} tokens, and a request at the ${percentile(share)} has ${Math.round(longest)}`,
      times: longest / cacheTokens,
    };
  const passTokens = Math.min(scheduler.passTokens, 8192);
  const hopeless = aloneTooSlow(step, demand, objectives, passTokens, requestSeconds);
  if (hopeless !== null) return hopeless;
  const allowed = allowedSeconds(demand, objectives);
  if (allowed === Number.POSITIVE_INFINITY) return 1;
  const decodes = mostDecoding(server.scheduler.mostSequences, cacheTokens, step, demand, objectives);
  const decode = { decodes, contextTokens: demand.attendedTokens, chunks: [] };
  const stepSeconds = step.secondsOf(decode);
  const full = [{ newTokens: passTokens, cachedTokens: 0 }];
  const promptsBeside = step.secondsOf({ ...decode, chunks: full }) - stepSeconds;
  const promptsAlone = step.secondsOf({ decodes: 0, contextTokens: 0, chunks: full });
  const freshTokens = demand.freshTokens.reduce((sum, tokens) => sum + tokens, 0);
  const work =
    (freshTokens * Math.min(promptsBeside, promptsAlone)) / passTokens +
    (demand.outputTokens * stepSeconds) / decodes;
  return Math.max(1, Math.ceil((share * work) / (groups * (demand.seconds + allowed))));
}

/** @returns why not even a lone request on an idle server keeps an objective; null = it keeps them all. */
function aloneTooSlow(
  step: Step,
  { attendedTokens, freshTokens }: Demand,
  objectives: readonly Objective[],
  passTokens: number,
  requestSeconds: number,
): Hopeless | null {
  for (const { metric, share, seconds } of objectives) {
    const tokens = Math.ceil(quantileOfSorted(freshTokens, share));
    const alone =
      metric === 'tpot'
        ? step.secondsOf({ decodes: 1, contextTokens: attendedTokens, chunks: [] })
        : requestSeconds + promptSeconds(step, tokens, passTokens);
    if (alone <= seconds) continue;
    const takes = `takes ${milliseconds(alone)}`;
    const reason =
      metric === 'tpot'
        ? `a lone sequence ${takes} a token`
        : `a lone prompt of ${tokens} tokens ${takes} to its first token`;
    return { reason, times: alone / seconds };
  }
  return null;
}

/** How long after the last start requests that keep the objectives may be computed. */
function allowedSeconds({ mostOutputTokens }: Demand, objectives: readonly Objective[]): number {
  const limitOf = (metric: SloMetric) =>
    Math.max(
      ...objectives.filter((one) => one.metric === metric).map(({ seconds }) => seconds),
      Number.NEGATIVE_INFINITY,
    );
  const [first, token, all] = [limitOf('ttft'), limitOf('tpot'), limitOf('e2e')];
  const whole = first > 0 && token > 0 ? first + mostOutputTokens * token : Number.POSITIVE_INFINITY;
  return all > 0 ? Math.min(all, whole) : whole;
}

/** The most sequences whose common step keeps the time per token. */
function mostDecoding(
  mostSequences: number,
  cacheTokens: number,
  step: Step,
  { attendedTokens }: Demand,
  objectives: readonly Objective[],
): number {
  const limits = objectives.filter(({ metric }) => metric === 'tpot').map(({ seconds }) => seconds);
  let high = Math.max(1, Math.min(mostSequences, Math.floor(cacheTokens / attendedTokens)));
  if (limits.length === 0) return high;
  const limit = Math.max(...limits);
  let low = 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (step.secondsOf({ decodes: middle, contextTokens: attendedTokens, chunks: [] }) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

function promptSeconds(step: Step, tokens: number, passTokens: number): number {
  let seconds = 0;
  for (let cachedTokens = 0; cachedTokens < tokens; cachedTokens += passTokens) {
    const newTokens = Math.min(passTokens, tokens - cachedTokens);
    seconds += step.secondsOf({ decodes: 0, contextTokens: 0, chunks: [{ newTokens, cachedTokens }] });
  }
  return seconds;
}

const percentile = (share: number) => `p${Number((100 * share).toPrecision(6))}`;
const milliseconds = (seconds: number) => `${Number((1e3 * seconds).toPrecision(3))} ms`;
