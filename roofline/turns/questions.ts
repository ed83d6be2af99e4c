import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { NumberFormat } from '../../core/work/operator-call.js';
import type { ServedBits } from '../analysis/bits.js';
import type { Acceptance } from './acceptance.js';
import { type ServedOn, type SteadyLoad, servingWay, type WaySetting } from './serving-way.js';
import { type Comparison, compareWays, type Way } from './turn.js';

/** What steps alone answer, in the order in which it is answered. */
export const QUESTIONS = ['speculative', 'weights', 'cache', 'parallel'] as const;
export type Question = (typeof QUESTIONS)[number];

export interface AskedTurns {
  readonly architecture: ModelArchitecture;
  /** Of which the alternatives differ in one thing each. */
  readonly bits: ServedBits;
  readonly tensor: number;
  readonly on: ServedOn;
  readonly load: SteadyLoad;
  readonly draftTokens: number;
  readonly acceptance: Acceptance;
  /** Weights to compare with the model's. */
  readonly weights: NumberFormat;
  readonly questions: readonly Question[];
}

export interface AnsweredTurn extends Comparison {
  readonly question: string;
  /** One sentence. */
  readonly answer: string;
  /** What it is assumed by: a clause each. */
  readonly assumes: readonly string[];
}

export interface UnansweredTurn {
  readonly question: string;
  readonly reason: string;
}

/** Sequences at once, each a fifth more than the one before. */
export const LOADS: readonly number[] = loadsUpTo(1024, 1.2);

function loadsUpTo(most: number, ratio: number): number[] {
  const loads = [1];
  for (let load = 1; load < most; loads.push(load))
    load = Math.min(most, Math.max(load + 1, Math.round(load * ratio)));
  return loads;
}

/** @returns each question's answer, or why there is none. */
export function answerTurns(asked: AskedTurns): (AnsweredTurn | UnansweredTurn)[] {
  const plain = wayOf(asked, {});
  return asked.questions.map((question) => {
    if (!('yieldOf' in plain)) return { question, reason: plain.join('; ') };
    return ANSWERS[question](asked, plain);
  });
}

type Answer = (asked: AskedTurns, plain: Way) => AnsweredTurn | UnansweredTurn;

const ANSWERS: Readonly<Record<Question, Answer>> = {
  speculative: (asked, plain) => {
    const { draftTokens, acceptance } = asked;
    const draft = { tokens: draftTokens, acceptedTokens: acceptance.length };
    return compared(
      {
        question: 'speculative',
        subject: `speculative decoding (${draftTokens} draft tokens, ${acceptance.length.toFixed(2)} tokens a step)`,
        assumes: [
          `${acceptance.length.toFixed(2)} tokens a step: ${acceptance.source}`,
          'the draft is a head of one layer of the model, as MTP and EAGLE-3 have it',
        ],
        ownSpread: acceptance.spread,
      },
      wayOf(asked, { name: `${draftTokens} draft tokens`, draft }),
      plain,
    );
  },
  weights: (asked, plain) => {
    const { weights, bits } = asked;
    const question = 'weights';
    if (weights === bits.matrices) return { question, reason: `the model is served in ${weights} already` };
    return compared(
      { question, subject: `serving with weights in ${weights}`, assumes: [], ownSpread: 0 },
      wayOf(asked, { name: `weights in ${weights}`, bits: { ...bits, matrices: weights } }),
      plain,
    );
  },
  cache: (asked, plain) => {
    const { bits } = asked;
    const question = 'cache';
    if (bits.cache === 'fp8') return { question, reason: 'the cache is kept in fp8 already' };
    return compared(
      { question, subject: 'keeping the cache in fp8', assumes: [], ownSpread: 0 },
      wayOf(asked, { name: 'cache in fp8', bits: { ...bits, cache: 'fp8' } }),
      plain,
    );
  },
  parallel: (asked, plain) => {
    const { tensor } = asked;
    const question = 'parallel';
    if (tensor === 1)
      return { question, reason: 'one device has nothing to share: name more with --devices' };
    const apart = fewestApart(asked);
    if (apart === null)
      return {
        question,
        reason: `fewer than ${tensor} devices do not hold the model, so that servers of fewer are no choice`,
      };
    return compared(
      {
        question,
        subject: `one server over ${tensor} devices in place of ${apart.name}`,
        assumes: ['requests are shared out evenly between servers'],
        ownSpread: 0,
      },
      plain,
      apart,
    );
  },
};

/** Servers of as few devices as hold the model. */
function fewestApart(asked: AskedTurns): Way | null {
  for (let tensor = 1; tensor < asked.tensor; tensor *= 2) {
    const servers = asked.tensor / tensor;
    if (!Number.isInteger(servers)) continue;
    const name = `${servers} servers of ${tensor === 1 ? 'one device' : `${tensor} devices`}`;
    const way = wayOf(asked, { name, parallelism: { tensor, pipeline: 1, expert: 1 }, servers });
    if ('yieldOf' in way) return way;
  }
  return null;
}

function wayOf(
  { architecture, bits, tensor, on, load }: AskedTurns,
  changed: Partial<WaySetting>,
): Way | readonly string[] {
  const plain: WaySetting = {
    name: tensor === 1 ? 'one device' : `tensor ${tensor}`,
    bits,
    parallelism: { tensor, pipeline: 1, expert: 1 },
    servers: 1,
    draft: null,
  };
  return servingWay(architecture, { ...plain, ...changed }, on, load);
}

export interface ComparedWay {
  readonly question: string;
  /** As the sentence begins: `keeping the cache in fp8`. */
  readonly subject: string;
  readonly assumes: readonly string[];
  /** Of what tells of the way alone (`compareWays`). */
  readonly ownSpread: number;
}

/** @param way or why there is none, in clauses. */
export function compared(
  { question, subject, assumes, ownSpread }: ComparedWay,
  way: Way | readonly string[],
  instead: Way,
  loads: readonly number[] = LOADS,
): AnsweredTurn | UnansweredTurn {
  if (!('yieldOf' in way)) return { question, reason: way.join('; ') };
  const comparison = compareWays(way, instead, loads, ownSpread);
  return { question, ...comparison, assumes, answer: sentence(subject, comparison, way, instead) };
}

/** `Weights in fp8 pay at every load up to 412 sequences at once, as many as fit.` */
function sentence(subject: string, { turn, gains }: Comparison, way: Way, instead: Way): string {
  const named = subject[0]!.toUpperCase() + subject.slice(1);
  const most = Math.min(way.mostSequences, instead.mostSequences);
  const last = gains.at(-1)!.sequences;
  const room =
    way.mostSequences > instead.mostSequences && most < LOADS.at(-1)!
      ? `, and has room for ${way.mostSequences} in place of ${instead.mostSequences}`
      : '';
  if (gains.every(({ low, high }) => low < 1 && high > 1)) {
    const ratios = gains.map(({ ratio }) => ratio);
    const between = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2)).join(' to ');
    return `It is not decided whether ${subject} pays up to ${last} sequences at once: it yields ${between} times as much, within what predictions are off by${room}.`;
  }
  if (turn.sequences !== null) {
    const interval = `[${turn.low ?? `below ${gains[0]!.sequences}`}, ${turn.high ?? `above ${last}`}]`;
    const verb = turn.begins === 'gain' ? 'stops paying' : 'begins to pay';
    return `${named} ${verb} at ${turn.sequences} ${interval} sequences at once${room}.`;
  }
  const upTo = `up to ${last} sequences at once${last < LOADS.at(-1)! ? ', as many as fit' : ''}`;
  const sure = turn.low === null ? '' : ` (for sure below ${turn.low})`;
  const pays = turn.begins === 'gain' ? 'pays at every load' : 'pays at no load';
  return `${named} ${pays} ${upTo}${sure}${room}.`;
}
