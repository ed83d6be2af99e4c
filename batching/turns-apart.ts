import { isKnown } from '../roofline/step/calls-time.js';
import { type AnsweredTurn, compared, LOADS, type UnansweredTurn } from '../roofline/turns/questions.js';
import type { SteadyLoad } from '../roofline/turns/serving-way.js';
import type { Way } from '../roofline/turns/turn.js';
import { quantile } from '../statistics/quantile.js';
import { type CacheLink, type DisaggregatedServer, disaggregated } from './disaggregated.js';
import { drawnRequests, type TokenLoad } from './load.js';
import { type AskedServer, type PredictedServer, predictedServer } from './predicted-server.js';
import { type BatchingRun, tokenSecondsOf } from './run.js';
import type { BatchingServer } from './server.js';
import { simulateBatching } from './simulate.js';

export interface AskedApart {
  /** One replica; how many devices it has is part of the question. */
  readonly server: Omit<AskedServer, 'parallelism' | 'replicas'>;
  readonly devices: number;
  readonly load: SteadyLoad;
  /** Of each device, to devices of other servers. */
  readonly linkBytesPerSecond: number;
}

/** Of a message between servers, with its handling. */
const LATENCY_SECONDS = 20e-6;
/** Requests of each user, and of all together at least; the first and the last quarter are not counted. */
const ROUNDS = 4;
const FEWEST_REQUESTS = 64;
/** Every fourth load of other questions, as tables have them. */
const APART_LOADS = LOADS.filter((_, place) => place % 4 === 0);

/**
 * Does it pay that some servers compute prompts and the others answers, in place of servers that do both?
 * Both are simulated with users who ask again whenever they are answered, on the same devices: servers of as
 * few as hold the model, shared out between prompts and answers as yields most at each load.
 */
export function answerApart(asked: AskedApart): AnsweredTurn | UnansweredTurn {
  const question = 'apart';
  const { devices, load } = asked;
  if (devices === 1)
    return { question, reason: 'one device cannot be taken apart: name more with --devices' };
  const one = smallestServer(asked);
  if (!isKnown(one)) return { question, reason: one.join('; ') };
  const count = devices / one.devices;
  if (count < 2)
    return {
      question,
      reason: `fewer than ${devices} devices do not hold the model, so that nothing is apart`,
    };
  const link = linkOf(one, asked);
  const splits = Array.from({ length: count - 1 }, (_, place) => splitOf(one, place + 1, count, link));
  const together = { says: '', server: { ...one.server, replicas: count } };
  const [apart, equal] = [splits, [together]].map((choices) =>
    remembered((users) => bestOf(choices, users, load)),
  );
  const wayOf = (name: string, servers: number, yields: (users: number) => Simulated): Way => ({
    name,
    mostSequences: servers * sequencesOf(one.server, load),
    yieldOf: (users) => ({ tokensPerSecond: yields(users).tokensPerSecond / devices, spread: one.spread }),
  });
  const answer = compared(
    { question, subject: 'computing prompts and answers on servers of their own', assumes: [], ownSpread: 0 },
    wayOf('apart', count - 1, apart!),
    wayOf(`${count} servers`, count, equal!),
    APART_LOADS,
  );
  if (!('answer' in answer)) return answer;
  const users = answer.gains.at(-1)!.sequences;
  const [own, other] = [apart!(users), equal!(users)];
  return {
    ...answer,
    answer: `${answer.answer} At ${users} at once one of a hundred gaps between tokens is longer than ${milliseconds(own.gapSeconds)} apart (${own.says}), and than ${milliseconds(other.gapSeconds)} together.`,
    assumes: [
      `${count} servers of ${one.devices === 1 ? 'one device' : `${one.devices} devices`} in all, shared out between prompts and answers as yields most at each load`,
      `keys and values go over ${(asked.linkBytesPerSecond / 1e9).toFixed(0)} GB/s of each device once a prompt is computed, and ${1e6 * LATENCY_SECONDS} µs`,
      `answers of half to one and a half times the tokens, ${ROUNDS} of each user in a simulation; ${one.says}`,
    ],
  };
}

/** @returns a server of as few devices as hold the model and the load. */
function smallestServer({ server, devices, load }: AskedApart): PredictedServer | readonly string[] {
  let reasons: readonly string[] = [];
  for (let tensor = 1; tensor <= devices; tensor *= 2) {
    if (devices % tensor !== 0) continue;
    const parallelism = { tensor, pipeline: 1, expert: 1 };
    const found = predictedServer({ ...server, parallelism, replicas: 1 });
    if (!isKnown(found)) {
      reasons = found;
      continue;
    }
    const { scheduler, cacheTokens } = found.server;
    const refusal = scheduler.refusal(load.promptTokens, longestAnswer(load), cacheTokens);
    if (refusal === null) return found;
    reasons = [refusal];
  }
  return reasons;
}

const longestAnswer = ({ answerTokens }: SteadyLoad) => Math.ceil(1.5 * answerTokens);

/** Requests of the load that run at once on one server. */
function sequencesOf({ scheduler, cacheTokens }: BatchingServer, load: SteadyLoad): number {
  const fit = Math.floor(cacheTokens / (load.promptTokens + load.answerTokens));
  return Math.min(scheduler.mostSequences, fit);
}

function linkOf(
  { devices, residency }: PredictedServer,
  { load, linkBytesPerSecond }: AskedApart,
): CacheLink {
  return {
    bytesPerSecond: devices * linkBytesPerSecond,
    latencySeconds: LATENCY_SECONDS,
    bytesPerToken: (devices * residency.bytesOf(load.promptTokens)) / load.promptTokens,
  };
}

interface Choice {
  readonly says: string;
  readonly server: BatchingServer | DisaggregatedServer;
}

function splitOf({ server }: PredictedServer, prompts: number, count: number, link: CacheLink): Choice {
  const [prefill, decode] = [prompts, count - prompts].map((replicas) => ({ ...server, replicas }));
  return {
    says: `${prompts} for prompts, ${count - prompts} for answers`,
    server: disaggregated(prefill!, decode!, link),
  };
}

interface Simulated {
  readonly says: string;
  readonly tokensPerSecond: number;
  /** That one of a hundred gaps between tokens is longer than. */
  readonly gapSeconds: number;
}

/** @returns what yields most of them. */
function bestOf(choices: readonly Choice[], users: number, load: SteadyLoad): Simulated {
  return choices
    .map(({ says, server }) => ({ says, ...measured(simulateBatching(usersOf(users, load), server)) }))
    .reduce((best, one) => (one.tokensPerSecond > best.tokensPerSecond ? one : best));
}

function remembered(ask: (users: number) => Simulated): (users: number) => Simulated {
  const known = new Map<number, Simulated>();
  return (users) => {
    const found = known.get(users) ?? ask(users);
    known.set(users, found);
    return found;
  };
}

/** Answers differ in length, so that users do not ask in step. */
function usersOf(users: number, { promptTokens, answerTokens }: SteadyLoad): TokenLoad {
  const count = Math.max(FEWEST_REQUESTS, ROUNDS * users);
  const from = Math.max(1, Math.floor(answerTokens / 2));
  return {
    requests: drawnRequests({
      count,
      seed: 1,
      promptTokens: { kind: 'fixed', tokens: promptTokens },
      outputTokens: { kind: 'uniform', from, to: 2 * answerTokens - from },
    }),
    arrival: { kind: 'closed', concurrency: users },
    seed: 1,
    maxSeconds: null,
    maxRequests: null,
    maxConcurrency: null,
    says: `${users} users`,
  };
}

/** Of the middle half of the run, by when answers are whole. */
function measured(run: BatchingRun): Omit<Simulated, 'says'> {
  const { requests } = run;
  const ends = [...requests.done.values()].sort((a, b) => a - b);
  const [from, to] = [ends[Math.floor(ends.length / 4)]!, ends[Math.floor((3 * ends.length) / 4)]!];
  let tokens = 0;
  const gaps: number[] = [];
  for (let request = 0; request < requests.count; request++) {
    const seconds = tokenSecondsOf(run, request);
    for (const [place, at] of seconds.entries()) {
      if (at <= from || at > to) continue;
      tokens += 1;
      if (place > 0) gaps.push(at - seconds[place - 1]!);
    }
  }
  return { tokensPerSecond: tokens / (to - from), gapSeconds: quantile(gaps, 0.99) };
}

const milliseconds = (seconds: number) => `${(1000 * seconds).toPrecision(3)} ms`;
