import type { Options } from '../experiment/experiment.js';
import type { ModelArchitecture } from './architecture.js';
import type { PassSetting, ServedPasses } from './engine-passes.js';
import type { SequenceGroup } from './pass/setting.js';
import { type CountedPass, counted, type PhaseWork } from './phase-work.js';

/** Devices that one server spreads a model over. */
export interface ServedSplit {
  /** Devices that share each matrix, and stages of consecutive layers. */
  readonly tensor: number;
  readonly pipeline: number;
  /** Copies of the whole behind one address, each with its share of the requests. */
  readonly replicas: number;
  /** Experts are spread over all devices of a stage instead of being cut. */
  readonly spreadsExperts: boolean;
}

export const ONE_DEVICE: ServedSplit = { tensor: 1, pipeline: 1, replicas: 1, spreadsExperts: false };

/** @returns the split that the options of a point say; what they leave open is one. */
export function splitAsked(options: Options): ServedSplit {
  const { tensorParallel, pipelineParallel, dataParallel, expertParallel } = options;
  const degree = (value: unknown) => (typeof value === 'number' ? value : 1);
  return {
    tensor: degree(tensorParallel),
    pipeline: degree(pipelineParallel),
    replicas: degree(dataParallel),
    spreadsExperts: expertParallel === true,
  };
}

/** @returns all devices of a server. */
export function devicesOf({ tensor, pipeline, replicas }: ServedSplit): number {
  return tensor * pipeline * replicas;
}

/** What a server was asked, as far as its work follows from it: means, hence no whole numbers. */
export interface ServedDemand {
  /** Sequences of a step as one of them sees it, and of all steps. */
  readonly stepSequences: number;
  readonly meanSequences: number;
  readonly contextTokens: number;
  /** Prompts of others that are read between two tokens of a sequence. */
  readonly promptsPerStep: number;
  readonly promptsAtOnce: number;
  /** Share of the prompts that are read while others decode. */
  readonly promptsBetween: number;
  /** Of a prompt, and those of them that a prefix cache had. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Of the window: prompts that were read, and tokens that came out of steps. */
  readonly prompts: number;
  readonly decodeTokens: number;
}

/**
 * Counts what a server computes under continuous batching (Orca, OSDI 2022; chunked prefill: arXiv
 * 2403.02310), per device:
 * - `prefill`: the mean prompt, less what a prefix cache had, from its first piece to its last, with the
 *   server to itself: TTFT without a queue;
 * - `decode`: one mean step, a token of each of B sequences at the mean context, and the pieces of prompts
 *   that come between two tokens. Where the server mixes, they ride on steps: pass(B + pieces); elsewhere
 *   they stop the sequences: pass(B) + pieces · pass(piece);
 * - `serve`: the whole window, T/B steps for its T tokens, with the prompts that are read while others decode
 *   between them and the others alone.
 *
 * A number that is not whole is the mean of its neighbours: B = 3.7 is 0.3 passes of 3 and 0.7 of 4. Of
 * pipeline stages a step is the way through all of them, each with its share of the sequences; of replicas
 * each has its own share of everything.
 * @returns in one clause why it cannot be counted.
 * @throws FailureError `impossible-combination` for what the architecture cannot do.
 */
export function servedWork(
  architecture: ModelArchitecture,
  engine: ServedPasses,
  options: Options,
  split: ServedSplit,
  demand: ServedDemand,
): PhaseWork[] | string {
  const { speculative } = options;
  if (typeof speculative === 'string' && speculative !== 'off')
    return 'the work of speculative decoding is not counted: a step verifies several tokens, and the draft takes its own';
  const setting = engine.setting(architecture, options);
  if (typeof setting === 'string') return setting;
  const counter = new Counter(architecture, engine, setting, engine.passTokens(options), split);
  const { stepSequences, meanSequences, promptsPerStep, prompts, decodeTokens } = demand;
  const newTokens = newTokensOf(demand);
  // What waits for others waits on some device: none has less than a sequence in a step.
  const sequences = Math.max(meanSequences, split.pipeline * split.replicas);
  const steps = meanSequences > 0 ? decodeTokens / sequences : 0;
  const between = steps > 0 ? prompts * demand.promptsBetween : 0;
  const window = [
    ...(steps > 0 ? times(counter.step(demand, sequences, between / steps), steps) : []),
    ...counter.step(demand, 0, prompts - between),
  ];
  return [
    { name: 'prefill', tokens: newTokens, passes: counter.prompt(demand) },
    ...(stepSequences > 0
      ? [
          {
            name: 'decode' as const,
            tokens: Math.round(stepSequences),
            passes: counter.step(demand, stepSequences, promptsPerStep),
          },
        ]
      : []),
    { name: 'serve', tokens: Math.round(decodeTokens + prompts * newTokens), passes: window },
  ];
}

/** A prompt that is all in the cache has its last token computed again, for its logits. */
export function newTokensOf({ promptTokens, cachedTokens }: ServedDemand): number {
  return Math.max(1, Math.round(promptTokens) - Math.round(cachedTokens));
}

class Counter {
  readonly #architecture: ModelArchitecture;
  readonly #engine: ServedPasses;
  readonly #setting: PassSetting;
  readonly #passTokens: number;
  readonly #split: ServedSplit;

  constructor(
    architecture: ModelArchitecture,
    engine: ServedPasses,
    setting: PassSetting,
    passTokens: number,
    split: ServedSplit,
  ) {
    this.#architecture = architecture;
    this.#engine = engine;
    this.#setting = setting;
    this.#passTokens = passTokens;
    this.#split = split;
  }

  /** The pieces of one prompt, one after the other; only the last has logits. */
  prompt(demand: ServedDemand): CountedPass[] {
    const newTokens = newTokensOf(demand);
    const cached = Math.round(demand.promptTokens) - newTokens;
    const passes: CountedPass[] = [];
    for (let done = 0; done < newTokens; done += this.#passTokens) {
      const piece = Math.min(this.#passTokens, newTokens - done);
      const batch = [{ sequences: 1, newTokens: piece, cachedTokens: Math.max(0, cached) + done }];
      passes.push(this.#pass('prefill', batch, 1, done + piece === newTokens ? 'last' : 0));
    }
    return passes;
  }

  /**
   * One step of so many sequences, with so many prompts to each step.
   * @param sequences 0 = prompts alone.
   */
  step(demand: ServedDemand, sequences: number, prompts: number): CountedPass[] {
    const { pipeline, replicas } = this.#split;
    const shares = pipeline * replicas;
    // A replica without a sequence in a step has no step.
    const own = sequences === 0 ? 0 : Math.max(1, sequences / shares);
    const { piece, each } = this.#piece(demand, own);
    const pieces = (prompts / shares) * each;
    const decoding = own === 0 ? [] : neighbouringIntegers(own);
    const cachedTokens = Math.max(0, Math.round(demand.contextTokens));
    const steps = decoding.map(([whole, share]) => {
      return { group: { sequences: whole, newTokens: 1, cachedTokens }, share };
    });
    const prefillPasses = (count: number) => (count > 0 ? [this.#pass('prefill', [piece], count)] : []);
    if (steps.length === 0) return prefillPasses(pieces);
    if (!this.#engine.mixes)
      return [
        ...steps.map(({ group, share }) => this.#pass('decode', [group], share)),
        ...prefillPasses(pieces),
      ];
    return steps.flatMap(({ group, share }) =>
      neighbouringIntegers(pieces).map(([count, part]) => {
        const batch = count === 0 ? [group] : [group, { ...piece, sequences: count * piece.sequences }];
        return this.#pass('decode', batch, share * part);
      }),
    );
  }

  /**
   * @returns a piece in the middle of the prompts that are read at once, and how many such pieces there are
   *   for each prompt.
   */
  #piece(demand: ServedDemand, decoding: number): { readonly piece: SequenceGroup; readonly each: number } {
    const newTokens = newTokensOf(demand);
    const sequences = Math.max(1, Math.round(demand.promptsAtOnce / this.#split.replicas));
    const room = Math.max(1, this.#passTokens - (this.#engine.mixes ? Math.ceil(decoding) : 0));
    const count = Math.ceil((sequences * newTokens) / room);
    const tokens = Math.max(1, Math.round(newTokens / count));
    const cached = Math.round(demand.promptTokens) - newTokens;
    return {
      piece: {
        sequences,
        newTokens: tokens,
        cachedTokens: Math.max(0, cached + Math.round((newTokens - tokens) / 2)),
      },
      each: newTokens / (sequences * tokens),
    };
  }

  #pass(
    phase: 'prefill' | 'decode',
    batch: readonly SequenceGroup[],
    count: number,
    logits: 'last' | 0 = 'last',
  ): CountedPass {
    const { tensor, pipeline, replicas, spreadsExperts } = this.#split;
    const expert = spreadsExperts ? tensor * replicas : 1;
    const request = { ...this.#setting, phase, batch, logits, parallelism: { tensor, pipeline, expert } };
    return counted(this.#architecture, request, count);
  }
}

/** @returns the whole numbers around a number, with the share that each has in it. */
function neighbouringIntegers(value: number): (readonly [whole: number, share: number])[] {
  const low = Math.floor(value);
  const share = value - low;
  return share === 0
    ? [[low, 1]]
    : [
        [low, 1 - share],
        [low + 1, share],
      ];
}

function times(passes: readonly CountedPass[], count: number): CountedPass[] {
  return passes.map((pass) => ({ ...pass, times: pass.times * count }));
}
