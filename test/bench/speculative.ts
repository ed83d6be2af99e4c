/**
 * bench:speculative: our loop beside llama.cpp's own example (llama-speculative-simple of the same release,
 * linked with the very libraries that Ridgepoint opens), on the same pairs, one thread each.
 *
 * Claims: step by step the example drafts and accepts as many tokens and goes on with the same token;
 * decoding is at most 2 % slower than the example's, by turns, as the median of the ratios. With
 * `--state=FOLDER`, which keeps this node's roofs and factors, the loads at which drafts pay are predicted
 * beside those that are measured, with and without drafts by turns in one process.
 *
 *   [RIDGEPOINT_SMOLLM2=FILE.gguf] npm run bench -- speculative [--state=FOLDER] [--rounds=15]
 *
 * It takes about three minutes, and ten more where roofs are measured first.
 */
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readText } from '../../artifacts/files/text.js';
import { cutPrompts } from '../../core/speculation/prompts.js';
import { DRAFT_TOKENS, type Drafting } from '../../core/work/generation.js';
import type { GreedyGenerator } from '../../engines/runners/opened.js';
import { tInterval } from '../../statistics/interval.js';
import { median } from '../../statistics/quantile.js';
import { load } from '../models/loading.js';
import { ROOT } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';
import { ownNode } from './served/servers.js';
import { crossing, type Gain, gainAt } from './speculative/crossover.js';
import { buildExample, type Example, runExample } from './speculative/example.js';
import { CONTEXT, openPair, type Pair, pairsIn } from './speculative/pairs.js';

const { values: options } = parseArgs({
  options: {
    state: { type: 'string' },
    smollm2: { type: 'string' },
    rounds: { type: 'string', default: '15' },
  },
});
const ROUNDS = Number(options.rounds);
const PROMPTS = 8;
const PROMPT_TOKENS = 32;
const ANSWER_TOKENS = 96;
/** Of the loads at which drafts pay: a gain is many steps, and larger than the noise of one. */
const GAIN_ROUNDS = 3;
const GAIN_TOKENS = 48;
const SEQUENCES = [1, 2, 4, 8];
const folder = options.state ?? join(tmpdir(), 'ridgepoint-bench-speculative');
mkdirSync(folder, { recursive: true });
const say = (line: string): void => void process.stderr.write(`speculative: ${line}\n`);
const CROSSINGS: readonly (readonly [string, Drafting])[] = [
  ['1 draft token', { by: 'model', tokens: 1, probability: 0 }],
  ['4 draft tokens', { by: 'model', tokens: 4, probability: 0 }],
  ['n-grams', { by: 'ngram', tokens: DRAFT_TOKENS, ngram: 2 }],
];
const DRAFTING = { by: 'model', tokens: DRAFT_TOKENS, probability: 0 } as const;
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

const text = readText(join(ROOT, 'models/sample.txt'));

function promptsOf(model: GreedyGenerator, count: number): Int32Array[] {
  const asked = { promptTokens: PROMPT_TOKENS, sharedTokens: 0, parallel: count };
  const prompts = cutPrompts(model.tokenize(text), model.beginToken, asked);
  if (typeof prompts === 'number') throw new Error('the sample is too short');
  return prompts;
}

/** A prompt, and as a text the same with the first token of its answer, where the example would begin. */
interface SharedPrompt {
  readonly tokens: Int32Array;
  readonly text: string;
}

/** Prompts whose texts become the same tokens again: the example takes texts. */
async function sharedPrompts(pair: Pair, model: GreedyGenerator): Promise<SharedPrompt[]> {
  const prompts = promptsOf(model, 4 * PROMPTS);
  const words = await load(pair.model);
  try {
    const begun = model.beginToken === null ? 0 : 1;
    return prompts
      .flatMap((prompt) => {
        model.read([prompt]);
        const first = model.answer(1, false).tokens[0]![0]!;
        const whole = Int32Array.from([...prompt, first]);
        const said = words.text.detokenize(whole.subarray(begun)).trimStart();
        const again = words.text.tokenize(said, true);
        return again.join() === whole.join() ? [{ tokens: prompt, text: said }] : [];
      })
      .slice(0, PROMPTS);
  } finally {
    words.close();
  }
}

interface Compared {
  readonly prompts: number;
  readonly steps: number;
  readonly alike: number;
  /** Our tokens per second over the example's. */
  readonly ratios: readonly number[];
}

async function compare(example: Example, pair: Pair): Promise<Compared> {
  const model = await openPair(pair, { drafting: DRAFTING });
  try {
    const prompts = await sharedPrompts(pair, model);
    const asked = ({ text: prompt }: SharedPrompt) => ({
      ...{ model: pair.model, draft: pair.draft, prompt },
      ...{ draftTokens: DRAFT_TOKENS, answerTokens: ANSWER_TOKENS - 1, contextTokens: CONTEXT },
    });
    const answer = ({ tokens }: SharedPrompt) => {
      model.read([tokens]);
      return model.answer(ANSWER_TOKENS, true);
    };
    let [steps, alike] = [0, 0];
    for (const prompt of prompts) {
      const ours = stepsOf(answer(prompt));
      const theirs = runExample(example, asked(prompt), true).steps;
      // Towards the end of an answer the example drafts more than there is room for.
      const whole = ours.filter((step) => step.end <= ANSWER_TOKENS - DRAFT_TOKENS - 1);
      const same = whole.filter(({ drafted, accepted, token }, i) => {
        const one = theirs[i];
        return one?.drafted === drafted && one.accepted === accepted && one.token === token;
      });
      say(`${pair.name}: ${same.length} of ${whole.length} steps alike`);
      steps += whole.length;
      alike += same.length;
    }
    const ratios = Array.from({ length: ROUNDS }, (_, round) => {
      const prompt = prompts[round % prompts.length]!;
      const theirs = runExample(example, asked(prompt), false).tokensPerSecond;
      const { draftSeconds, verifySeconds } = answer(prompt);
      return (ANSWER_TOKENS - 1) / sum([...draftSeconds, ...verifySeconds]) / theirs;
    });
    return { prompts: prompts.length, steps, alike, ratios };
  } finally {
    model.close();
  }
}

/** @returns of each step how much was drafted and accepted, its last token, and tokens of the answer then. */
function stepsOf({ draftedTokens, acceptedTokens, tokens }: ReturnType<GreedyGenerator['answer']>) {
  let end = 1;
  return draftedTokens.map((drafted, i) => {
    const accepted = acceptedTokens[i]!;
    end += accepted + 1;
    return { drafted, accepted, token: tokens[0]![end - 1]!, end };
  });
}

/** Where drafts stop paying, as it is measured and as it is predicted. */
function crossingFigure(what: string, gains: readonly Gain[]): Figure {
  const measured = crossing(gains.map((one) => ({ sequences: one.sequences, gain: one.measured })));
  const predicted = crossing(gains.map((one) => ({ sequences: one.sequences, gain: one.predicted ?? 1 })));
  const each = gains.map((one) => `${one.sequences}: ${one.measured.toFixed(2)}`).join(', ');
  const foreseen = gains.map((one) => `${one.sequences}: ${one.predicted?.toFixed(2) ?? '-'}`).join(', ');
  const known = gains.every((one) => one.predicted !== null);
  return {
    claim: `${what}: the load at which drafts stop paying`,
    measured: `${measured} at once (${each})`,
    required: known ? `as predicted: ${predicted} (${foreseen})` : 'a prediction with --state=FOLDER',
    holds: !known || measured === predicted,
  };
}

const figures: Figure[] = [];
const pairs = pairsIn(folder);
const example = await buildExample(join(folder, 'example'));
if (example === null) say('no C++ compiler is here: the example is skipped');
for (const pair of example === null ? [] : pairs) {
  const { prompts, steps, alike, ratios } = await compare(example!, pair);
  const [low, high] = tInterval(ratios.map(Math.log))!;
  figures.push(
    {
      claim: `${pair.name}: steps like those of llama.cpp's example (drafted, accepted, token)`,
      measured: `${alike} of ${steps}, ${prompts} prompts`,
      required: 'all',
      holds: alike === steps && steps > 0,
    },
    {
      claim: `${pair.name}: decoding speed over the example's`,
      measured: `${median(ratios).toFixed(3)} [${Math.exp(low).toFixed(3)}, ${Math.exp(high).toFixed(3)}], ${ROUNDS} by turns`,
      required: 'at least 0.98',
      holds: median(ratios) >= 0.98,
    },
  );
}
const node = options.state === undefined ? null : await ownNode({ folder, model: pairs[0]!.model });
for (const pair of pairs) {
  for (const [drafts, drafting] of CROSSINGS) {
    const gains: Gain[] = [];
    for (const sequences of SEQUENCES) {
      const asked = { sequences, drafting, rounds: GAIN_ROUNDS, answerTokens: GAIN_TOKENS, node };
      const gain = await gainAt(pair, (model) => promptsOf(model, sequences), asked);
      const foreseen = gain.predicted === null ? '' : `, predicted ${gain.predicted.toFixed(2)}`;
      say(
        `${pair.name}, ${drafts}, ${sequences} at once: ${gain.measured.toFixed(2)} times as fast${foreseen}, ${gain.acceptanceLength.toFixed(2)} tokens a step`,
      );
      gains.push(gain);
    }
    figures.push(crossingFigure(`${pair.name}, ${drafts}`, gains));
  }
}
conclude('speculative', figures, folder);
