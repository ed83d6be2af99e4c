import { failed } from '../../core/errors.js';
import type { LayerGroup, ModelArchitecture } from '../../core/work/architecture.js';
import type { OperatorTimes, RoofSeconds } from '../../core/work/operator-call.js';
import type { PassRequest } from '../../core/work/pass/setting.js';
import { stageWorks } from '../../core/work/pass-work.js';
import type { KernelCall, OperatorWork } from '../../core/work/work.js';
import { cacheBitsOf } from '../operators/number-format.js';
import {
  addedTimes,
  type CallsTime,
  callCount,
  callsTime,
  isKnown,
  limitOf,
  NO_TIME,
  type StepLimit,
  spreadOf,
  uncalled,
} from './calls-time.js';
import { Curve } from './curve.js';
import { type StepBatch, type StepSetting, sourceOf, tokensOf, withHost } from './setting.js';
import { Surface } from './surface.js';

/** How long one forward pass takes, with all that an engine does around it. */
export interface StepTime {
  readonly seconds: number;
  /** Of them, those of kernels. */
  readonly kernelSeconds: number;
  /** Of these, those of kernels that arithmetic limits. */
  readonly computeSeconds: number;
  /** What the same work takes of memory and of arithmetic at the device's published roofs. */
  readonly roofs: RoofSeconds;
  /** What takes the larger part of the time. */
  readonly limit: StepLimit;
  /** Standard deviation of ln(predicted / measured). */
  readonly spread: number;
  /** Why it is wider than of tables of one's own: a clause each. */
  readonly widened: readonly string[];
}

/** A model under an engine on devices, ready to be asked about many steps. */
export interface Step {
  /** Whose times these are, as tables and pages say it. */
  readonly source: string;
  /** Of a batch on its way through all pipeline stages; 0 for an empty one. */
  secondsOf(batch: StepBatch): number;
  /** The same with what limits it and how sure it is. */
  timeOf(batch: StepBatch): StepTime;
  /** Of a stage, the slowest: as often a pipeline takes up another batch. */
  stageSecondsOf(batch: StepBatch): number;
}

/**
 * Makes a function of steps. Everything but attention follows from the number of tokens, and is computed once
 * from the work of a pass; attention is interpolated.
 * @param architecture as it is served (`servedIn`).
 * @returns in clauses why there is none: kernels that no table times.
 * @throws FailureError `impossible-combination` for a split that the model cannot have.
 */
export function compileStep(
  architecture: ModelArchitecture,
  times: OperatorTimes,
  setting: StepSetting,
): Step | readonly string[] {
  const pass = passOf(architecture, setting);
  const smallest = pass({ phase: 'prefill', batch: [{ sequences: 1, newTokens: 2, cachedTokens: 0 }] });
  const reasons = new Set<string>();
  let compiling = true;
  const timed = (operators: readonly OperatorWork[], follows: KernelCall['follows']): CallsTime => {
    const time = callsTime(operators, times, follows);
    if (isKnown(time)) return time;
    if (!compiling) throw failed('impossible-combination', `This step cannot be timed: ${time.join('; ')}.`);
    for (const reason of time) reasons.add(reason);
    return NO_TIME;
  };
  const works = TOKEN_NODES.map((sequences) =>
    pass({ phase: 'decode', batch: [{ sequences, newTokens: 1, cachedTokens: 0 }] }),
  );
  for (const reason of [...smallest, ...works[0]!].flatMap(uncalled)) reasons.add(reason);
  const stages = smallest.map((_, stage): CompiledStage => {
    const [decoded, prefilled] = [works[0]!, smallest].map((work) =>
      timed(work[stage]!.filter(holdsWholeLayers), 'sequences'),
    ) as [CallsTime, CallsTime];
    const curve = (follows: KernelCall['follows']) =>
      new Curve(
        TOKEN_NODES,
        works.map((work) => timed(work[stage]!, follows)),
      );
    const surface = (
      nodes: readonly number[],
      request: (x: number, y: number) => Pick<PassRequest, 'phase' | 'batch'>,
    ) => new Surface(SIZE_NODES, nodes, (x, y) => timed(pass(request(x, y))[stage]!, 'sequences'));
    return {
      kernels: callCount(smallest[stage]!),
      tokens: curve('tokens'),
      sampled: curve('sampled'),
      repeated: decoded.seconds < prefilled.seconds ? decoded : prefilled,
      decodes: surface(SIZE_NODES, (sequences, context) => ({
        phase: 'decode',
        batch: [{ sequences, newTokens: 1, cachedTokens: context - 1 }],
      })),
      chunks: surface(CACHED_NODES, (newTokens, offset) => ({
        phase: 'prefill',
        batch: [{ sequences: 1, newTokens, cachedTokens: offset - CACHED_OFFSET }],
      })),
    };
  });
  for (const { decodes, chunks } of stages) {
    decodes.timeAt(1, 1);
    decodes.timeAt(256, 8192);
    chunks.timeAt(2, CACHED_OFFSET);
    chunks.timeAt(8192, 8192);
  }
  if (reasons.size > 0) return [...reasons];
  compiling = false;
  return new CompiledStep(sourceOf(times.source, setting.host), stages, setting);
}

/** Whether tables have the operator with the projections around it, whose weights its time holds. */
const holdsWholeLayers = ({ kernelCalls = [] }: OperatorWork) =>
  kernelCalls.some(({ call }) => call.family === 'latent-layer');

type Pass = (request: Pick<PassRequest, 'phase' | 'batch'>) => (readonly OperatorWork[])[];

/** Nodes lie beyond what a model was trained for, where nobody asks and neighbours need a value. */
function passOf(architecture: ModelArchitecture, { parallelism, kernels }: StepSetting): Pass {
  const layers = parallelism.pipeline === 1 ? alikeTogether(architecture.layers) : architecture.layers;
  const unbounded = { ...architecture, layers, contextLength: Number.MAX_SAFE_INTEGER };
  const cacheBits = cacheBitsOf(kernels.cache);
  const common = { parallelism, kernels, cacheBits: { key: cacheBits, value: cacheBits } };
  return (request) => stageWorks(unbounded, { ...common, ...request }).map(({ operators }) => operators);
}

/** Layers take turns in many models; in what order they run matters to stages alone. */
function alikeTogether(layers: readonly LayerGroup[]): LayerGroup[] {
  const found = new Map<string, LayerGroup>();
  for (const group of layers) {
    const key = JSON.stringify({ ...group, count: 0 });
    const before = found.get(key);
    found.set(key, { ...group, count: group.count + (before?.count ?? 0) });
  }
  return [...found.values()];
}

/** Whole numbers from 1 up, each so many times the one before or the next one. */
function nodesTo(last: number, ratio: number): number[] {
  const nodes = [1];
  for (let node = 1; node < last; ) {
    node = Math.min(last, Math.max(node + 1, Math.round(node * ratio)));
    nodes.push(node);
  }
  return nodes;
}

const TOKEN_NODES = nodesTo(32_768, 1.09);
const FAR = 2 ** 20;
const SIZE_NODES = nodesTo(FAR, Math.SQRT2);
/** Tokens in the cache are counted from here, so that none has a logarithm. */
const CACHED_OFFSET = 64;
const CACHED_NODES = nodesTo(FAR, Math.SQRT2).filter((node) => node >= CACHED_OFFSET);

interface CompiledStage {
  /** That a step launches. */
  readonly kernels: number;
  readonly tokens: Curve;
  readonly sampled: Curve;
  /**
   * What every group of sequences beyond the first counts once too often: the weights of whole layers, which
   * a step reads once. It is the time of these layers for hardly a token.
   */
  readonly repeated: CallsTime;
  /** Sequences × tokens of each, and new tokens × cached ones with an offset. */
  readonly decodes: Surface;
  readonly chunks: Surface;
}

/** @returns rows of logits of all sequences. */
const sampledOf = ({ decodes, decodeTokens = 1, chunks }: StepBatch) =>
  decodes * decodeTokens + chunks.length;

/** @returns groups whose times of whole layers are added though they share their weights. */
const repeatedGroups = ({ decodes, chunks }: StepBatch) =>
  Math.max(0, (decodes > 0 ? 1 : 0) + chunks.length - 1);

class CompiledStep implements Step {
  readonly source: string;
  readonly #stages: readonly CompiledStage[];
  readonly #setting: StepSetting;
  readonly #largestGraph: number;

  constructor(source: string, stages: readonly CompiledStage[], setting: StepSetting) {
    this.source = source;
    this.#stages = stages;
    this.#setting = setting;
    this.#largestGraph = setting.graphs.sizes.at(-1) ?? 0;
  }

  secondsOf(batch: StepBatch): number {
    let [kernels, launched] = [0, 0];
    for (const stage of this.#stages) {
      kernels += this.#kernelSeconds(stage, batch);
      launched += stage.kernels;
    }
    return kernels === 0 ? 0 : this.#withHost(kernels, launched, batch);
  }

  stageSecondsOf(batch: StepBatch): number {
    let slowest = 0;
    for (const stage of this.#stages) {
      const kernels = this.#kernelSeconds(stage, batch);
      if (kernels > 0) slowest = Math.max(slowest, this.#withHost(kernels, stage.kernels, batch));
    }
    return slowest;
  }

  timeOf(batch: StepBatch): StepTime {
    const { decodes, contextTokens, chunks } = batch;
    const tokens = this.#computedTokens(batch);
    const parts = this.#stages.flatMap((stage) => [
      stage.tokens.timeAt(tokens),
      stage.sampled.timeAt(sampledOf(batch)),
      ...(decodes === 0 ? [] : [stage.decodes.timeAt(decodes, contextTokens)]),
      ...chunks.map(({ newTokens, cachedTokens }) =>
        stage.chunks.timeAt(newTokens, cachedTokens + CACHED_OFFSET),
      ),
    ]);
    const repeated = repeatedGroups(batch);
    const sum = addedTimes([
      ...parts.map((part) => [1, part] as const),
      ...this.#stages.map((stage) => [-repeated, stage.repeated] as const),
    ]);
    const seconds = this.secondsOf(batch);
    const kernelFactor = this.#setting.host.kernelFactor ?? 1;
    const kernelSeconds = sum.seconds * kernelFactor;
    const host = Math.max(0, seconds - kernelSeconds);
    return {
      seconds,
      kernelSeconds,
      computeSeconds: sum.limits.compute * kernelFactor,
      roofs: sum.roofs,
      limit: limitOf(sum, host),
      spread: spreadOf(sum, seconds, this.#setting.host.spread),
      widened: sum.widened,
    };
  }

  #kernelSeconds(stage: CompiledStage, batch: StepBatch): number {
    const { decodes, contextTokens, chunks } = batch;
    let seconds =
      stage.tokens.secondsAt(this.#computedTokens(batch)) + stage.sampled.secondsAt(sampledOf(batch));
    if (decodes > 0) seconds += stage.decodes.secondsAt(decodes, contextTokens);
    for (const { newTokens, cachedTokens } of chunks)
      seconds += stage.chunks.secondsAt(newTokens, cachedTokens + CACHED_OFFSET);
    return seconds - repeatedGroups(batch) * stage.repeated.seconds;
  }

  /** New tokens of the batch, padded where a graph has them. */
  #computedTokens(batch: StepBatch): number {
    const tokens = tokensOf(batch);
    if (tokens === 0 || tokens > this.#largestGraph) return tokens;
    for (const size of this.#setting.graphs.sizes) if (size >= tokens) return size;
    return tokens;
  }

  /** @param launched kernels: where no graph has them, the host may be slower than the device. */
  #withHost(kernelSeconds: number, launched: number, batch: StepBatch): number {
    const { host, graphs } = this.#setting;
    const newTokens = tokensOf(batch);
    if (graphs.launchSeconds === null || newTokens <= this.#largestGraph)
      return withHost(kernelSeconds, 1, newTokens, host);
    // What the host is slower at is no kernel's time.
    const launchSeconds = launched * graphs.launchSeconds - kernelSeconds * (host.kernelFactor ?? 1);
    return withHost(kernelSeconds, 1, newTokens, host) + Math.max(0, launchSeconds);
  }
}
