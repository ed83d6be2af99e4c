import { readText } from '../../artifacts/files/text.js';
import { failed } from '../../core/errors.js';
import { firstDifference } from '../../core/speculation/accept.js';
import { cutPrompts } from '../../core/speculation/prompts.js';
import type { GenerationRecord } from '../../core/speculation/record.js';
import { draftingOf, type GenerationOptions } from '../../core/work/generation.js';
import { generation as description } from '../../core/workloads/generation.js';
import type { GreedyGenerator } from '../../engines/runners/opened.js';
import type { GreedyAnswers } from '../../engines/runners/speculation/loop.js';
import { median } from '../../statistics/quantile.js';
import { shouldStop, warmingUp } from '../../statistics/stopping.js';
import { type LengthenedWork, lengthen } from './lengthen.js';
import { defineWorkload, rest, type WorkloadContext, type WorkloadOutcome } from './workload.js';

/**
 * Prompts of a text, continued greedily. A repeat reads the prompts and answers them. What plain decoding
 * answers is found out before anything is timed, and every repeat is compared with it.
 */
export const generation = defineWorkload(description, (options) => ({
  demands: {
    contextTokens: options.promptTokens + options.generateTokens,
    sequences: options.parallel,
    drafting: draftingOf(options),
    sharedTokens: sharedOnce(options),
  },

  async run(model, context, { textPath }) {
    const prompts = promptsOf(model, options, textPath);
    const start = context.now();
    model.read(prompts);
    const plain = model.answer(options.generateTokens, false);
    context.stamp('warm-up', 0, start, context.now(), tokensOf(options));
    await rest(context);
    return await new Generation(model, prompts, plain, options, context).measure();
  },
}));

/** @throws FailureError `impossible-combination` for a text that is too short. */
function promptsOf(model: GreedyGenerator, options: GenerationOptions, textPath: string): Int32Array[] {
  const text = model.tokenize(readText(textPath));
  const prompts = cutPrompts(text, model.beginToken, options);
  if (typeof prompts !== 'number') return prompts;
  throw failed(
    'impossible-combination',
    `the text ${options.promptText} has ${text.length} tokens, and a prompt takes ${prompts} of it`,
    'Lower promptTokens, or name a longer text.',
  );
}

/** Of a repeat; the first token of each answer comes from the pass over its prompt. */
const decodedTokens = ({ parallel, generateTokens }: GenerationOptions) => parallel * (generateTokens - 1);

/** @returns tokens that all prompts begin with, where these are computed once; else 0. */
const sharedOnce = ({ prefixCaching, sharedTokens }: GenerationOptions) =>
  prefixCaching === true ? sharedTokens : 0;

/** Of the prompts, as many as are computed: what they share may be computed once. */
function promptTokensOf(options: GenerationOptions): number {
  const { parallel, promptTokens } = options;
  return parallel * promptTokens - (parallel - 1) * sharedOnce(options);
}

const tokensOf = (options: GenerationOptions) => promptTokensOf(options) + decodedTokens(options);

interface Round {
  readonly start: number;
  readonly prefilled: number;
  readonly end: number;
  readonly answers: GreedyAnswers;
}

class Generation {
  readonly #model: GreedyGenerator;
  readonly #prompts: readonly Int32Array[];
  readonly #plain: GreedyAnswers;
  readonly #options: GenerationOptions;
  readonly #context: WorkloadContext;
  readonly #differences: GenerationRecord['differences'] = [];

  constructor(
    model: GreedyGenerator,
    prompts: readonly Int32Array[],
    plain: GreedyAnswers,
    options: GenerationOptions,
    context: WorkloadContext,
  ) {
    this.#model = model;
    this.#prompts = prompts;
    this.#plain = plain;
    this.#options = options;
    this.#context = context;
  }

  async measure(): Promise<WorkloadOutcome> {
    const { parallel, generateTokens } = this.#options;
    const warmup = await this.#warmUp();
    const begin = this.#context.now();
    const rounds: Round[] = [];
    for (;;) {
      rounds.push(this.#round());
      const { decision, halfWidth } = shouldStop({
        policy: this.#context.measure,
        samplesByMetric: {
          prefillTokensPerSecond: rounds.map((one) => promptTokensOf(this.#options) / prefillSeconds(one)),
          decodeTokensPerSecond: rounds.map((one) => decodedTokens(this.#options) / decodeSeconds(one)),
        },
        elapsedSeconds: this.#context.now() - begin,
      });
      this.#stamp(rounds.at(-1)!, rounds.length - 1);
      await rest(this.#context);
      if (decision === 'continue') continue;
      await lengthen(this.#lengthened(rounds), this.#context, begin);
      const repeats = rounds.map(({ answers }) => {
        const { tokens: _, leads: __, ...repeat } = answers;
        return repeat;
      });
      const record = {
        sequences: parallel,
        answerTokens: generateTokens,
        repeats,
        differences: this.#differences,
      };
      return {
        repeats: rounds.length,
        ...warmup,
        stop: decision,
        halfWidth,
        tokenSeconds: [],
        findings: { of: 'generation', record },
      };
    }
  }

  async #warmUp(): Promise<Pick<WorkloadOutcome, 'warmups' | 'warmupSettled'>> {
    const context = this.#context;
    const seconds: number[] = [];
    const begin = context.now();
    for (;;) {
      const { another, settled } = warmingUp(seconds, context.now() - begin, context.measure);
      if (!another) return { warmups: seconds.length, warmupSettled: settled };
      const { start, end } = this.#round();
      context.stamp('warm-up', seconds.length + 1, start, end, tokensOf(this.#options));
      seconds.push(end - start);
      await rest(context);
    }
  }

  #round(): Round {
    const start = this.#context.now();
    this.#model.read(this.#prompts);
    const prefilled = this.#context.now();
    const answers = this.#model.answer(this.#options.generateTokens, true);
    const end = this.#context.now();
    this.#compare(answers);
    return { start, prefilled, end, answers };
  }

  /** Notes where an answer leaves that of plain decoding, once for each sequence. */
  #compare({ tokens }: GreedyAnswers): void {
    for (const [sequence, answer] of tokens.entries()) {
      const token = firstDifference(answer, this.#plain.tokens[sequence]!);
      if (token === null || this.#differences.some((one) => one.sequence === sequence)) continue;
      this.#differences.push({ sequence, token, lead: this.#plain.leads[sequence]![token]! });
    }
  }

  #stamp({ start, prefilled, end }: Round, repeat: number): void {
    this.#context.stamp('prefill', repeat, start, prefilled, promptTokensOf(this.#options));
    this.#context.stamp('decode', repeat, prefilled, end, decodedTokens(this.#options));
  }

  #lengthened(rounds: readonly Round[]): LengthenedWork[] {
    const prefill = () => {
      this.#model.read(this.#prompts);
      return true;
    };
    const decode = () => {
      this.#model.answer(this.#options.generateTokens, true);
      return true;
    };
    return [
      {
        phase: 'energy-prefill',
        seconds: median(rounds.map(prefillSeconds)),
        tokens: promptTokensOf(this.#options),
        prepare() {},
        runOnce: prefill,
      },
      {
        phase: 'energy-decode',
        seconds: median(rounds.map(decodeSeconds)),
        tokens: decodedTokens(this.#options),
        prepare: prefill,
        runOnce: decode,
      },
    ];
  }
}

const prefillSeconds = ({ start, prefilled }: Round) => prefilled - start;
const decodeSeconds = ({ prefilled, end }: Round) => end - prefilled;
