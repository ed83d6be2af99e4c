import type { AskedBy, QualityOutcome, QualityRequest, TextRequest } from '../../../core/quality/outcome.js';
import { Moments, perplexityOf } from '../../../core/quality/perplexity.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import { plainPrompt } from '../../../core/quality/tasks/prompt.js';
import type { LogProbabilitiesAsked } from '../../../core/runners/server/profile.js';
import { openTokenizer } from '../../../engines/runners/tokenizer.js';
import type { ServedEndpoint } from '../../../engines/servers/served.js';
import { needs, type TokenizedChoices, tokenizeChoices, tokensOf } from '../asking/choices.js';
import type { Journal } from '../asking/journal.js';
import { type AnswersKept, withAnswers } from '../asking/kept.js';
import {
  type LanguageModel,
  LEAST_CONTEXT,
  openLanguageModel,
  type QualityModel,
} from '../asking/language-model.js';
import { limitsOf, readerOf, respondentOf, tokensNeeded } from '../asking/own-model.js';
import { promptText, promptTokens } from '../asking/prompts.js';
import {
  byLikelihood,
  bySaying,
  bySpeech,
  LETTER_TOKENS,
  type Likelihoods,
  type Respondent,
} from '../asking/respondent.js';
import { measureTask } from '../asking/tasks.js';
import { cutText, inputOf } from '../asking/text.js';
import { leftOutSentence, UnansweredList } from '../asking/unanswered.js';
import { Rankings } from '../ranking/rankings.js';
import { scoredAgain } from '../scoring/answers.js';
import type { Scorers } from '../scoring/scorers.js';
import type { Watch } from '../watch.js';
import { askText, NoAnswer } from './ask.js';
import { nextLogProbabilities, promptLogProbabilities, textLogProbabilities } from './log-probabilities.js';
import { probe, type Telling } from './probe.js';
import { servedModels } from './ranking.js';
import { type Vocabulary, vocabularyOf } from './vocabulary.js';

export interface ServedQualityJob {
  readonly server: ServedEndpoint;
  /** The file or folder that is served; null = it is not here, and the server is asked by text. */
  readonly tokenizerPath: string | null;
  /** Opened here beside the server, for what is left of its answers; null = nothing to compare with. */
  readonly base: QualityModel | null;
  readonly request: QualityRequest;
  readonly scorers: Scorers;
  /** Where answers are kept; left out = they are not. */
  readonly answers?: AnswersKept;
}

/**
 * Asks the server that was timed. Texts and options take log-probabilities of prompts; letters also those of
 * the next token, or what the server says; what is to be generated it says itself. One request at a time, so
 * that no batch changes the numbers.
 * @returns what it told; and what it could not be asked, with the reason.
 * @throws FailureError `impossible-combination` for a text that is too short or no UTF-8, and what opening
 *   base and tokenizer throw.
 */
export async function measureServedQuality(job: ServedQualityJob, watch: Watch): Promise<QualityOutcome> {
  const { server, request } = job;
  const tokenizer = job.tokenizerPath === null ? null : await openTokenizer(job.tokenizerPath);
  const vocabulary = tokenizer === null ? null : vocabularyOf(tokenizer);
  const asked: Asked = { server, vocabulary, telling: await probe(server, vocabulary), watch };
  const warnings = request.tasks.flatMap(leftOutSentence);
  const unanswered = new UnansweredList((error) => (error instanceof NoAnswer ? error.message : null));

  const { text } = request;
  const ofText = text === null ? null : await unanswered.askOrNote(null, () => perplexity(asked, text));
  const base = new Base(job.base);
  const ranks = servedModels(server, asked.telling.next, tokenizer);
  const rankings = new Rankings(ranks, job.base, null, null, watch);
  try {
    const all = [...request.tasks, ...(request.rankings ?? [])];
    const ask = (task: (typeof all)[number], journal: Journal) =>
      unanswered.askOrNote(task.name, async () => {
        if (!('readings' in task)) return await rankings.measure(task, journal);
        if (task.awaits !== undefined)
          throw new NoAnswer('its examples are chosen by embeddings, which a server is not asked for here');
        const plan = planOf(asked, task);
        if (plan.caveat !== null) warnings.push(`${task.name}: ${plan.caveat}`);
        const ofBase = await base.respondent(task, plan.by === 'saying' ? 'saying' : 'likelihood');
        const { scorers } = job;
        const chat = vocabulary?.chat ?? null;
        const asking = { model: plan.respondent, base: ofBase, chat, scorers, journal, watch };
        const { outcome, judged } = await measureTask(task, asking);
        return { outcome: { ...outcome, by: plan.by }, judged };
      });
    const { answers, outcomes } = await withAnswers(job.answers, all, ask, (task, record) =>
      'readings' in task ? scoredAgain(task, record) : record,
    );
    return { text: ofText, tasks: outcomes, unanswered: unanswered.list, warnings, ...answers };
  } finally {
    base.close();
    rankings.close();
  }
}

interface Asked {
  readonly server: ServedEndpoint;
  readonly vocabulary: Vocabulary | null;
  readonly telling: Telling;
  readonly watch: Watch;
}

async function perplexity({ server, vocabulary, telling, watch }: Asked, request: TextRequest) {
  const { prompts } = telling;
  if (typeof prompts === 'string') throw new NoAnswer(prompts);
  if (vocabulary === null) throw new NoAnswer('no tokenizer is known here that cuts a text into its tokens');
  const { tokens, windows } = cutText({ text: vocabulary }, request);
  const losses = new Moments();
  for (const [i, window] of windows.entries()) {
    const input = inputOf(vocabulary, tokens, window);
    const logProbabilities = await promptLogProbabilities(server, prompts, input).catch((error: Error) => {
      // It answered a shorter prompt before.
      if (!(error instanceof NoAnswer)) throw error;
      const fit = 'have to fit its context (contextTokens of quality, maxContext)';
      throw new NoAnswer(
        `${error.message}; a window of ${input.length} tokens and the one that a server answers ${fit}`,
      );
    });
    // An entry is of its token, whose prediction stands one before it.
    for (const value of logProbabilities.slice(window.firstScored + 1)) losses.add(-value!);
    watch.progress({ what: 'text', done: i + 1, total: windows.length, value: Math.exp(losses.mean) });
    await watch.checkStop();
  }
  return {
    tokens: tokens.length,
    windows: windows.length,
    request: request.windows,
    perplexity: perplexityOf(losses),
    divergence: null,
    by: 'prompt-log-probabilities' as const,
  };
}

/** How a task is asked. */
interface Plan {
  readonly respondent: Respondent;
  readonly by: AskedBy;
  /** What has to be known of its scores; null = nothing. */
  readonly caveat: string | null;
}

/** @throws NoAnswer where a server cannot be asked a task. */
function planOf(asked: Asked, task: Task): Plan {
  const { telling, server, vocabulary } = asked;
  const promptOf = (i: number) => {
    const { prompt } = task.items[i]!;
    if (vocabulary === null || (typeof prompt !== 'string' && vocabulary.chat === null)) return prompt;
    return promptTokens(vocabulary, prompt, promptText(vocabulary, prompt));
  };
  const say = (i: number) => askText(server, promptOf(i), limitsOf(task), { ...task.spec, item: i });
  const { prompts, next } = telling;
  if (task.spec.mode === 'generate') {
    const { sampling } = task.spec;
    const caveat =
      sampling === null ? null : 'how a server draws is its own: the same seed may give other answers';
    return { respondent: bySpeech('saying', say), by: 'saying', caveat };
  }
  if (needs(task.rules, 'greedy')) throw new NoAnswer('servers do not tell what they would say greedily');
  if (task.spec.chat && (vocabulary === null || vocabulary.chat === null))
    throw new NoAnswer(
      'options under a chat template are compared where that template is known, and it is not here',
    );
  if (typeof prompts !== 'string') {
    const likelihoods =
      vocabulary === null
        ? (i: number) => likelihoodsOfText(asked, prompts, task, i)
        : likelihoodsOfTokens(asked, prompts, vocabulary, task);
    const by = 'prompt-log-probabilities';
    return { respondent: byLikelihood(task, by, likelihoods, say), by, caveat: null };
  }
  if (task.spec.mode === 'choice')
    throw new NoAnswer(
      `${prompts}; options are compared by those alone (letters of mode: letter can be said)`,
    );
  if (typeof next !== 'string' && vocabulary !== null) {
    const likelihoods = likelihoodsOfNext(asked, next, vocabulary, task);
    const by = 'next-log-probabilities';
    if (task.items.every((item) => isOneToken(tokenizeChoices(vocabulary, item)))) {
      return { respondent: byLikelihood(task, by, likelihoods, say), by, caveat: null };
    }
  }
  const limits = { maxTokens: LETTER_TOKENS, stop: [] };
  return {
    respondent: bySaying(task, (i) => askText(server, promptOf(i), limits)),
    by: 'saying',
    caveat: `the letter that the server says is scored, not the likeliest: ${prompts}`,
  };
}

/** Whether all options are one token after the same ones. */
function isOneToken({ options, promptTokens }: TokenizedChoices): boolean {
  const [first] = options;
  return options.every(
    (tokens, at) =>
      tokens.length === promptTokens[at]! + 1 &&
      tokens.subarray(0, promptTokens[at]).every((token, i) => token === first![i]),
  );
}

function likelihoodsOfTokens(
  { server }: Asked,
  how: LogProbabilitiesAsked,
  vocabulary: Vocabulary,
  { items, rules }: Task,
) {
  return async (i: number): Promise<Likelihoods> => {
    const cut = tokenizeChoices(vocabulary, items[i]!);
    const { promptTokens: before, bytes, characters } = cut;
    const options = [];
    for (const [k, tokens] of cut.options.entries()) {
      const logProbabilities = (await promptLogProbabilities(server, how, tokens)).slice(before[k]);
      options.push({
        logProbability: sum(logProbabilities),
        tokens: logProbabilities.length,
        bytes: bytes[k]!,
        ...(needs(rules, 'perCharacter') && { characters: characters[k]! }),
      });
    }
    return { options, tokensIn: tokensOf(cut) };
  };
}

/** Blanks at the prompt's end count to the option, as with tokens. */
async function likelihoodsOfText(
  { server }: Asked,
  how: LogProbabilitiesAsked,
  { items, rules }: Task,
  i: number,
): Promise<Likelihoods> {
  const { prompt, choices } = items[i]!;
  const options = [];
  let tokensIn = 0;
  const { continuations = [], prompts, texts = continuations } = choices ?? {};
  for (const [k, option] of continuations.entries()) {
    const before = plainPrompt(prompts?.[k] ?? prompt);
    const { values, offsets } = await textLogProbabilities(server, how, before + option);
    const begin = before.trimEnd().length;
    const logProbabilities = values.filter((_, at) => offsets[at]! >= begin);
    tokensIn += options.length === 0 ? values.length : logProbabilities.length;
    options.push({
      logProbability: sum(logProbabilities),
      tokens: logProbabilities.length,
      bytes: Buffer.byteLength(texts[k]!),
      ...(needs(rules, 'perCharacter') && { characters: [...texts[k]!].length }),
    });
  }
  return { options, tokensIn };
}

function likelihoodsOfNext(
  { server }: Asked,
  how: LogProbabilitiesAsked,
  vocabulary: Vocabulary,
  { items }: Task,
) {
  return async (i: number): Promise<Likelihoods> => {
    const { options, promptTokens: before, bytes } = tokenizeChoices(vocabulary, items[i]!);
    const [shared = 0] = before;
    const logProbabilities = await nextLogProbabilities(server, how, options[0]!.subarray(0, shared));
    const likelihoods = options.map((tokens, k) => {
      // One that is not among those it tells is less likely than all of them.
      const logProbability = logProbabilities.get(tokens[shared]!) ?? Number.NEGATIVE_INFINITY;
      return { logProbability, tokens: 1, bytes: bytes[k]! };
    });
    return { options: likelihoods, tokensIn: shared };
  };
}

const sum = (values: readonly (number | null)[]) =>
  values.reduce<number>((total, value) => total + (value ?? 0), 0);

/** The base, opened where a task wants it, with as long a context as that takes. */
class Base {
  readonly #base: QualityModel | null;
  #open: { readonly model: LanguageModel; readonly contextTokens: number } | null = null;

  constructor(base: QualityModel | null) {
    this.#base = base;
  }

  async respondent(task: Task, by: 'likelihood' | 'saying'): Promise<Respondent | null> {
    if (this.#base === null) return null;
    const reader = readerOf(await this.#reach(0));
    const longest = tokensNeeded(reader, task).reduce((a, b) => Math.max(a, b), 0);
    return respondentOf(await this.#reach(longest + LETTER_TOKENS), task, by);
  }

  async #reach(tokens: number): Promise<LanguageModel> {
    if (this.#open === null || this.#open.contextTokens < tokens) {
      this.close();
      const contextTokens = Math.max(LEAST_CONTEXT, tokens);
      const model = await openLanguageModel({ ...this.#base!, contextTokens });
      this.#open = { model, contextTokens };
    }
    return this.#open.model;
  }

  close(): void {
    this.#open?.model.close();
    this.#open = null;
  }
}
