import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { fullAnswer, letterOf } from '../../../core/ranking/order.js';
import { listwisePrompt } from '../../../core/ranking/prompts.js';

/** Passages of one list. */
export const PASSAGES = 5;

const VALUABLES = 'gold silver jewel pearl crown ring coin ruby'.split(' ');
const QUERIES = ['treasure', 'riches', 'something valuable'];
const THINGS =
  'apple basket bell boat bottle bridge bucket button candle chair cheese coat cup desk door dress drum fence flag fork garden gate glove hammer hat horse jacket jar kettle key knife ladder lamp letter mouse nest oven owl paint pencil pillow pipe plate pocket potato rabbit rope scarf shell shoe spoon stone sugar table tent tower tree umbrella wagon wheel whistle window wolf'.split(
    ' ',
  );
const PLACES =
  'behind the barn,near the road,under the tree,in the kitchen,on the hill,by the wall,at the market,beside the well'.split(
    ',',
  );

export interface List {
  readonly query: string;
  readonly passages: readonly string[];
  /** Which of them is relevant. */
  readonly right: number;
}

/**
 * Lists with a simple lexical relation: one passage is of something valuable, and that is what is asked for.
 */
export function listsOf(count: number, seed: number): List[] {
  const random = xoroshiro128plus(seed);
  const pick = <T>(all: readonly T[]): T => all[uniformInt(random, 0, all.length - 1)]!;
  return Array.from({ length: count }, () => {
    const things = new Set<string>();
    while (things.size < PASSAGES) things.add(pick(THINGS));
    const right = uniformInt(random, 0, PASSAGES - 1);
    const all = [...things].map((thing, i) => (i === right ? pick(VALUABLES) : thing));
    return { query: pick(QUERIES), passages: all.map((thing) => `The ${thing} is ${pick(PLACES)}.`), right };
  });
}

/** Writes lists as BEIR keeps them, with a run file of candidates in the order of the lists. */
export function writeLists(folder: string, lists: readonly List[]): void {
  mkdirSync(join(folder, 'qrels'), { recursive: true });
  const each = (line: (list: List, i: number) => string) => lists.map(line).join('');
  const json = (record: object) => `${JSON.stringify(record)}\n`;
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write(
    'corpus.jsonl',
    each(({ passages }, i) => passages.map((text, k) => json({ _id: `d${i}-${k}`, text })).join('')),
  );
  write(
    'queries.jsonl',
    each(({ query }, i) => json({ _id: `q${i}`, text: query })),
  );
  write(
    'qrels/test.tsv',
    `query-id\tcorpus-id\tscore\n${each(({ right }, i) => `q${i}\td${i}-${right}\t1\n`)}`,
  );
  write(
    'run.trec',
    each(({ passages }, i) => passages.map((_, k) => `q${i} Q0 d${i}-${k} ${k + 1} ${-k} lists\n`).join('')),
  );
}

/** The ranking file of such a folder. */
export function rankingOf(folder: string): string {
  const spec = {
    data: { layout: 'beir', folder },
    candidates: { from: 'run', file: join(folder, 'run.trec') },
    measures: ['ndcg@10', 'mrr@10'],
    contextTokens: 512,
    ways: {
      found: { by: 'candidates' },
      'first-token': { by: 'first-token', window: PASSAGES, chat: false },
      generate: { by: 'generate', window: PASSAGES, chat: false },
    },
  };
  return `apiVersion: ridgepoint.dev/v1\nkind: Ranking\nmetadata: { name: lists }\nspec: ${JSON.stringify(spec)}\n`;
}

/**
 * What a reranker is trained on: the same prompts with their answers, the right passage first and the others
 * in their order.
 * @param answer `best` = the name of the right passage alone.
 */
export function trainingExamples(lists: readonly List[], answer: 'best' | 'order'): string {
  return lists
    .map(({ query, passages, right }) => {
      const order = [right, ...passages.map((_, i) => i).filter((i) => i !== right)];
      const named = order.map((i) => `[${letterOf(i)}]`);
      const whole = named.join(' > ');
      if (whole.length !== fullAnswer(passages.length).length) throw new Error(whole);
      const completion = answer === 'best' ? named[0]! : whole;
      const example = { prompt: `${listwisePrompt(query, passages)}\n`, completion };
      return `${JSON.stringify(example)}\n`;
    })
    .join('');
}
