import { createHash } from 'node:crypto';
import { failed } from '../../../core/errors.js';
import {
  ANSWER_SCHEMA,
  type AnswerRecord,
  type GivenAnswer,
  type RankingAnswer,
} from '../../../core/quality/answers/record.js';
import { ASKED_BY, type AskedBy, type TaskOutcome } from '../../../core/quality/outcome.js';
import { retention, scoreOf } from '../../../core/quality/scores.js';
import type { Document, Query } from '../../../core/ranking/data.js';
import { measure, type Ranked } from '../../../core/ranking/measures.js';
import type { RankingTask } from '../../../core/ranking/task.js';
import { monotonicSeconds, wholeNanoseconds } from '../../../process/isolation/clock.js';
import type { Journal } from '../asking/journal.js';
import { spentOn } from '../asking/spent.js';
import type { JudgedScores } from '../scoring/judged.js';
import type { Watch } from '../watch.js';
import { type RankingData, readRankingData } from './data.js';
import { type FirstStage, firstStage } from './first-stage.js';
import { listwise } from './listwise.js';
import type { RankingModels } from './models.js';
import { pairwise, pointwise } from './one-by-one.js';
import { type Candidate, NO_FACTS, type Reranker, UNSAID, wholeList } from './reranker.js';
import { byHead, byVectors } from './vectors.js';

/** Who ranks, and where it is kept as it comes. */
export interface RankingAsking {
  readonly model: RankingModels;
  /** null = nothing to compare with. */
  readonly base: RankingModels | null;
  /** Of the file that finds candidates; asked where a task names one. */
  readonly finder: (path: string) => RankingModels;
  readonly sets: RankingSets;
  readonly journal: Journal;
  readonly watch: Watch;
}

/** A model at work on a task: it finds candidates, or has them found, and puts them in order. */
type Ranker = (query: Query) => Promise<RankedQuery>;

interface RankedQuery {
  readonly by: AnswerRecord['asked']['by'];
  readonly list: readonly Ranked[];
  readonly said: string | null;
  readonly facts: Omit<RankingAnswer, 'ids' | 'scores'>;
  readonly tokensIn: number | null;
  readonly tokensOut: number | null;
  readonly seconds: number;
  readonly secondsToFirst: number | null;
}

/** Data sets, and what finds candidates in them, that several ways of ranking share. */
export class RankingSets {
  readonly #known = new Map<string, RankingData>();
  readonly #stages = new Map<RankingModels, Map<string, Promise<FirstStage>>>();

  /** @param models whose vectors find them, where vectors do. */
  async stage(task: RankingTask, models: RankingModels, watch: Watch): Promise<FirstStage> {
    const own = this.#stages.get(models) ?? new Map<string, Promise<FirstStage>>();
    this.#stages.set(models, own);
    const key = JSON.stringify([task.files, task.spec]);
    const made =
      own.get(key) ?? firstStage(task, this.dataOf(task), (pooling) => models.embedder(pooling), watch);
    own.set(key, made);
    return await made;
  }

  /** @throws FailureError `impossible-combination` with what is wrong. */
  dataOf(task: RankingTask): RankingData {
    const key = JSON.stringify([task.files, task.spec.data, task.spec.queries, task.spec.unknownDocuments]);
    const known = this.#known.get(key) ?? readRankingData(task);
    if (!('documents' in known)) throw failed('impossible-combination', known.join('; '));
    this.#known.set(key, known);
    return known;
  }
}

/**
 * Ranks the candidates of every query that the journal has no answer to.
 * @returns the means of each measure over all queries; a query for which nothing was found counts as 0.
 * @throws FailureError `impossible-combination` where the model cannot rank so.
 */
export async function measureRanking(
  task: RankingTask,
  asking: RankingAsking,
): Promise<{ readonly outcome: TaskOutcome; readonly judged: JudgedScores }> {
  const { journal, watch, sets } = asking;
  const data = sets.dataOf(task);
  const { queries } = data;
  const rankings = new Map<number, Kept>();
  for (const record of journal.answers(task.name))
    if (record.index < queries.length) rankings.set(record.index, keptOf(record));
  const [main = ''] = task.spec.measures;
  if (rankings.size < queries.length) {
    const rank = await rankerOf(task, data, asking.model, asking);
    const byBase = asking.base === null ? null : await rankerOf(task, data, asking.base, asking);
    let sum = 0;
    for (const [i, query] of queries.entries()) {
      if (!rankings.has(i)) {
        const ranked = await rank(query);
        const base = byBase === null ? null : given(task, data, query, await byBase(query));
        const record = recordOf(task, data, i, ranked, base, journal.sitting);
        journal.append(record);
        rankings.set(i, keptOf(record));
      }
      sum += rankings.get(i)!.scores[main] ?? 0;
      const value = sum / (i + 1);
      watch.progress({ what: task.name, done: i + 1, total: queries.length, value });
      await watch.checkStop();
    }
  }
  const answers = queries.map((_, i) => rankings.get(i)!);
  return { outcome: outcomeOf(task, answers), judged: {} };
}

/** Numbers of an answer: lists stay in the journal. */
type Kept = Pick<AnswerRecord, 'scores' | 'tokensIn' | 'tokensOut' | 'seconds'> & {
  readonly by: AnswerRecord['asked']['by'];
  readonly base: GivenAnswer['scores'] | null;
};

const keptOf = ({ asked, scores, base, tokensIn, tokensOut, seconds }: AnswerRecord): Kept => {
  return { by: asked.by, scores, tokensIn, tokensOut, seconds, base: base?.scores ?? null };
};

async function rankerOf(
  task: RankingTask,
  data: RankingData,
  models: RankingModels,
  { finder, sets, watch }: RankingAsking,
): Promise<Ranker> {
  const { way, spec, files } = task;
  const found = files.model === null ? models : finder(files.model);
  const stage = await sets.stage(task, found, watch);
  if (way.by === 'candidates') {
    const by = spec.candidates.from === 'embeddings' ? 'vectors' : 'nothing';
    return async (query) => {
      const began = monotonicSeconds();
      const { list, tokens } = stage.find(query);
      const seconds = monotonicSeconds() - began;
      return { by, list, facts: NO_FACTS, tokensIn: tokens, seconds, ...UNSAID };
    };
  }
  const candidatesOf = (query: Query): Candidate[] =>
    stage.find(query).list.map(({ id, score }) => ({ document: data.documents.get(id)!, score }));
  const reranker = await rerankerOf(task, data, models, candidatesOf, watch);
  return async (query) => {
    const candidates = candidatesOf(query);
    const began = monotonicSeconds();
    const reranked = await reranker.rank(query, candidates);
    const seconds = monotonicSeconds() - began;
    const { facts, said, tokensIn, tokensOut, secondsToFirst } = reranked;
    const list = wholeList(candidates, reranked);
    return { by: reranker.by, list, said, facts, tokensIn, tokensOut, seconds, secondsToFirst };
  };
}

async function rerankerOf(
  { way, spec }: RankingTask,
  { queries }: RankingData,
  models: RankingModels,
  candidatesOf: (query: Query) => readonly Candidate[],
  watch: Watch,
): Promise<Reranker> {
  switch (way.by) {
    case 'first-token':
    case 'generate':
      return listwise(await models.reader(spec), way);
    case 'pointwise':
      return pointwise(await models.reader(spec), way);
    case 'pairwise':
      return pairwise(await models.reader(spec), way);
    case 'cross-encoder':
      return byHead(await models.embedder('rank'), way);
    case 'embeddings': {
      const wanted = new Map<string, Document>();
      for (const query of queries)
        for (const { document } of candidatesOf(query).slice(0, way.depth ?? undefined))
          wanted.set(document.id, document);
      return await byVectors(await models.embedder(way.pooling), way, [...wanted.values()], watch);
    }
    case 'candidates':
      throw new Error('candidates are not put in order');
  }
}

const scoresOf = (
  { spec }: RankingTask,
  { judgements }: RankingData,
  { id }: Query,
  list: readonly Ranked[],
) =>
  Object.fromEntries(spec.measures.map((name) => [name, measure(name, list, judgements.judgementsOf(id))]));

function given(task: RankingTask, data: RankingData, query: Query, { list, said }: RankedQuery): GivenAnswer {
  return { answer: said, taken: {}, scores: scoresOf(task, data, query, list) };
}

function recordOf(
  task: RankingTask,
  data: RankingData,
  index: number,
  ranked: RankedQuery,
  base: GivenAnswer | null,
  sitting: number,
): AnswerRecord {
  const query = data.queries[index]!;
  const { list, facts, tokensIn, tokensOut, seconds, secondsToFirst } = ranked;
  const rankings = list.slice(0, MOST_LISTED);
  const relevant = [...data.judgements.judgementsOf(query.id)].filter(([, grade]) => grade > 0);
  return {
    schema: ANSWER_SCHEMA,
    task: task.name,
    item: query.id,
    index,
    groups: {},
    promptDigest: `sha256:${createHash('sha256').update(query.text).digest('hex')}`,
    asked: { mode: 'rank', by: ranked.by, examples: 0 },
    ...given(task, data, query, ranked),
    extracted: null,
    references: relevant.map(([id]) => id).slice(0, MOST_LISTED),
    right: null,
    options: null,
    ranking: { ids: rankings.map(({ id }) => id), scores: rankings.map(({ score }) => score), ...facts },
    ...(base !== null && { base }),
    tokensIn,
    tokensOut,
    seconds: wholeNanoseconds(seconds),
    sitting,
    secondsToFirst: secondsToFirst === null ? null : wholeNanoseconds(secondsToFirst),
    absent: {
      ...(secondsToFirst === null && { secondsToFirst: 'no token is waited for' }),
      ...(tokensIn === null && { tokensIn: 'the server does not say how many tokens it read' }),
      ...(tokensOut === null && { tokensOut: 'the server does not say how many tokens it generated' }),
    },
  };
}

/** As many documents as a record may name; measures see all of them. */
const MOST_LISTED = 10_000;

const isByServer = (by: string): by is AskedBy => (ASKED_BY as readonly string[]).includes(by);

function outcomeOf(task: RankingTask, answers: readonly Kept[]): TaskOutcome {
  const by = answers.map((one) => one.by).find(isByServer) ?? null;
  const scores = task.spec.measures.map((name) => {
    const known = answers.filter(({ scores, base }) => scores[name] !== null && base?.[name] !== null);
    const own = known.map((one) => ({ groups: {}, value: one.scores[name]! }));
    const compared = known.every(({ base }) => base !== null);
    const base = compared ? known.map((one) => ({ groups: {}, value: one.base![name]! })) : null;
    return {
      name,
      score: scoreOf(own, base),
      base: base === null ? null : scoreOf(base),
      retentionPercent: base === null ? null : retention(base, own),
    };
  });
  return {
    name: task.name,
    task: task.task,
    way: task.wayName,
    items: answers.length,
    chance: null,
    scores,
    ...(by !== null && { by }),
    perItem: spentOn(answers),
  };
}
