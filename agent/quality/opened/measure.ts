import type {
  QualityOutcome,
  QualityRequest,
  TextOutcome,
  TextRequest,
} from '../../../core/quality/outcome.js';
import { type Task, withVectors } from '../../../core/quality/tasks/few-shot.js';
import { plainPrompt } from '../../../core/quality/tasks/prompt.js';
import type { Embedder } from '../../../engines/runners/opened.js';
import { type AnswersKept, isKnown, withAnswers } from '../asking/kept.js';
import {
  type LanguageModel,
  LEAST_CONTEXT,
  openLanguageModel,
  type QualityModel,
  requireSameVocabulary,
  withVocabulary,
} from '../asking/language-model.js';
import { readerOf, respondentOf, tokensNeeded } from '../asking/own-model.js';
import type { PromptReader } from '../asking/prompts.js';
import type { Respondent } from '../asking/respondent.js';
import { measureTask } from '../asking/tasks.js';
import { type CutText, cutText, measureDivergence, measurePerplexity } from '../asking/text.js';
import { leftOutSentence, UnansweredList } from '../asking/unanswered.js';
import { openEmbedder } from '../ranking/models.js';
import { Rankings } from '../ranking/rankings.js';
import { scoredAgain } from '../scoring/answers.js';
import type { Scorers } from '../scoring/scorers.js';
import type { Watch } from '../watch.js';

/** Texts that are made into vectors together; between them a stop is heard. */
const TOGETHER = 64;

/**
 * Chooses solved examples by embeddings, where tasks ask for that.
 * @param model whose states are compared: the base, so that every variant of it is shown the same.
 * @throws FailureError `impossible-combination` for a runner that makes no vectors.
 */
async function withNearest(
  tasks: readonly Task[],
  model: QualityModel,
  watch: Watch,
): Promise<readonly Task[]> {
  const open = new Map<string, Embedder>();
  try {
    const made: Task[] = [];
    for (const task of tasks) {
      const pooling = task.awaits?.pooling;
      if (pooling === undefined) {
        made.push(task);
        continue;
      }
      const embedder = open.get(pooling) ?? (await openEmbedder(model, pooling));
      open.set(pooling, embedder);
      const what = `vectors of ${task.name}`;
      made.push(await withVectors(task, (texts) => vectorsOf(embedder, texts, what, watch)));
    }
    return made;
  } finally {
    for (const embedder of open.values()) embedder.close();
  }
}

async function vectorsOf(
  embedder: Embedder,
  texts: readonly string[],
  what: string,
  watch: Watch,
): Promise<number[][]> {
  const vectors: number[][] = [];
  for (let from = 0; from < texts.length; from += TOGETHER) {
    const inputs = texts.slice(from, from + TOGETHER).map((text) => embedder.cut(text));
    vectors.push(...embedder.embed(inputs).map((vector) => [...vector]));
    watch.progress({ what, done: vectors.length, total: texts.length, value: null });
    await watch.checkStop();
  }
  return vectors;
}

export interface QualityJob {
  readonly model: QualityModel;
  /** The model to compare with; null = none. */
  readonly base: QualityModel | null;
  readonly request: QualityRequest;
  /** Commands that may judge answers, by the names that the tasks have for them. */
  readonly scorers: Scorers;
  /** Tokens the model was trained to see at once; null = not known. */
  readonly trainedContext: number | null;
  /** Where answers are kept; left out = they are not. */
  readonly answers?: AnswersKept;
}

/**
 * Measures a model's quality on a text and on tasks, beside its base when there is one. A task that this
 * model cannot be asked is named, and the others are asked.
 * @throws FailureError `impossible-combination` when the text is too short, is not UTF-8, or the base has
 * another vocabulary; and whatever loading and evaluating throw.
 */
export async function measureQuality(job: QualityJob, watch: Watch): Promise<QualityOutcome> {
  const { text, rankings: ranked = [] } = job.request;
  const unanswered = new UnansweredList();
  const unknown = job.request.tasks.filter((task) => !isKnown(job.answers, task));
  const tasks = await withNearest(unknown, job.base ?? job.model, watch);
  const rankings = new Rankings(job.model, job.base, job.model, job.trainedContext, watch);
  // A model that only makes vectors gives no logits of text.
  const plan =
    text === null && tasks.length === 0
      ? { cut: null, needs: [] }
      : await withVocabulary(job.model, (model) => ({
          cut: text === null ? null : cutText(model, text),
          needs: neededBy(readerOf(model), tasks, unanswered),
        }));
  const { needs } = plan;
  const context = text?.windows.context ?? 0;
  const contextTokens = needs.reduce((a, b) => Math.max(a, b), Math.max(LEAST_CONTEXT, context));
  const warnings = [
    ...longerThanTrained(job.trainedContext, context, needs),
    ...job.request.tasks.flatMap(leftOutSentence),
  ];

  const open: LanguageModel[] = [];
  const opened = async (one: QualityModel): Promise<LanguageModel> => {
    const model = await openLanguageModel({ ...one, contextTokens });
    open.push(model);
    return model;
  };
  try {
    const asks = plan.cut !== null || tasks.length > 0;
    const model = asks ? await opened(job.model) : null;
    const base = asks && job.base !== null ? await opened(job.base) : null;
    if (model !== null && base !== null)
      requireSameVocabulary(base, model, plan.cut?.sample ?? plainPrompt(tasks[0]?.items[0]?.prompt ?? ''));
    const ofText =
      plan.cut === null || text === null ? null : await measureText(plan.cut, text, model!, base, watch);
    const ready = new Map(tasks.map((task) => [task.name, task]));
    const asked = [...job.request.tasks.map((task) => ready.get(task.name) ?? task), ...ranked];
    const { answers, outcomes } = await withAnswers(
      job.answers,
      asked.filter(({ name }) => !unanswered.has(name)),
      (task, journal) =>
        unanswered.askOrNote(task.name, () => {
          if (!('readings' in task)) return rankings.measure(task, journal);
          const kept = isKnown(job.answers, task) ? keptAnswers(task) : null;
          return measureTask(task, {
            model: kept ?? respondentOf(model!, task),
            base: job.base === null ? null : (kept ?? respondentOf(base!, task)),
            chat: kept === null ? model!.text.chat : null,
            scorers: job.scorers,
            journal,
            watch,
          });
        }),
      (task, record) => ('readings' in task ? scoredAgain(task, record) : record),
    );
    warnings.push(...ranked.flatMap((task) => rankings.caveats(task)));
    return { text: ofText, tasks: outcomes, unanswered: unanswered.list, warnings, ...answers };
  } finally {
    for (const model of open) model.close();
    rankings.close();
  }
}

/** @returns tokens that the items of tasks need; of those that the model cannot be asked, none. */
function neededBy(reader: PromptReader, tasks: readonly Task[], unanswered: UnansweredList): number[] {
  return tasks.flatMap((task) => {
    try {
      return tokensNeeded(reader, task);
    } catch (error) {
      return unanswered.note(task.name, error) ?? [];
    }
  });
}

/** Stands for a model that has answered every question of a task already. */
function keptAnswers({ rules }: Task): Respondent {
  const unexpected = () => Promise.reject(new Error('the kept answers do not have all items'));
  return {
    by: 'logits',
    choiceScores: rules.map(({ name }) => name),
    choose: unexpected,
    say: unexpected,
  };
}

async function measureText(
  { tokens, windows }: CutText,
  { windows: request, basePrecision }: TextRequest,
  model: LanguageModel,
  base: LanguageModel | null,
  watch: Watch,
): Promise<TextOutcome> {
  const facts = { tokens: tokens.length, windows: windows.length, request };
  if (base === null) {
    const perplexity = await measurePerplexity(model, tokens, windows, watch);
    return { ...facts, perplexity, divergence: null };
  }
  const text = { tokens, windows, precision: basePrecision };
  const divergence = await measureDivergence(base, model, text, watch);
  return { ...facts, perplexity: divergence.candidate, divergence };
}

function longerThanTrained(trained: number | null, context: number, needs: readonly number[]): string[] {
  if (trained === null) return [];
  const long = needs.filter((need) => need > trained).length;
  return [
    ...(context > trained
      ? [`windows of ${context} tokens are longer than the ${trained} the model was trained for`]
      : []),
    ...(long > 0
      ? [`${long} of ${needs.length} items are longer than the ${trained} tokens the model was trained for`]
      : []),
  ];
}
