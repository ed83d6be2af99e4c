import type { Options } from '../experiment/experiment.js';
import type { ModelArchitecture } from './architecture.js';
import type { EnginePasses } from './engine-passes.js';
import type { LatencyWork } from './latency.js';
import { llamaCppPasses } from './llama-cpp.js';
import { repeated } from './pass/operators.js';
import { newTokensOf, type PassRequest } from './pass/setting.js';
import { passWork, stageWorks } from './pass-work.js';
import type { OperatorWork, PassWork, PlacedPhase } from './work.js';

/** Passes that are alike: one is counted, and stands for so many. */
export interface CountedPass {
  readonly work: Pick<PassWork, 'operators'>;
  readonly times: number;
  /** New tokens of all sequences, and of one. */
  readonly tokens: number;
  readonly queries: number;
  readonly sequences: number;
  /** Tokens of the longest sequence after it. */
  readonly depth: number;
}

/** What one repeat of a phase asks. */
export interface PhaseWork {
  readonly name: PlacedPhase;
  readonly tokens: number;
  readonly passes: readonly CountedPass[];
}

/** Steps of decoding differ by one token of context each: so many of them stand for all. */
const DECODE_POINTS = 8;

/**
 * Counts the phases of a latency workload.
 * @param engine how they are cut into passes.
 * @throws FailureError `impossible-combination` for what the architecture cannot do, e.g. a context beyond
 *   the trained one.
 */
export function phaseWork(
  architecture: ModelArchitecture,
  options: Options,
  workload: LatencyWork,
  engine: EnginePasses = llamaCppPasses,
): PhaseWork[] {
  return requestsOf(architecture, options, workload, engine).map(({ passes, ...phase }) => ({
    ...phase,
    passes: passes.map(({ request, times }) => counted(architecture, request, times)),
  }));
}

/**
 * Counts the same of a model whose layers lie on several devices.
 * @param layers of each device, in the order in which a pass goes through them (`stagesCut`).
 * @returns of each phase the part of each device.
 * @throws FailureError as phaseWork does.
 */
export function stagedPhaseWork(
  architecture: ModelArchitecture,
  options: Options,
  workload: LatencyWork,
  engine: EnginePasses,
  layers: readonly number[],
): PhaseWork[][] {
  return requestsOf(architecture, options, workload, engine).map(({ passes, ...phase }) => {
    const works = passes.map(({ request }) => stageWorks(architecture, request, layers));
    return layers.map((_, stage) => ({
      ...phase,
      passes: passes.map(({ request, times }, i) => countedAs(works[i]![stage]!, request, times)),
    }));
  });
}

/** What the engine is asked in each phase, and how often alike. */
function requestsOf(
  architecture: ModelArchitecture,
  options: Options,
  workload: LatencyWork,
  engine: EnginePasses,
) {
  const { promptTokens, generateTokens, sequences, contextDepth } = workload;
  const phases: (Pick<PhaseWork, 'name' | 'tokens'> & {
    readonly passes: readonly { readonly request: PassRequest; readonly times: number }[];
  })[] = [];
  if (promptTokens > 0) {
    const passes = engine.prefill(workload, options, architecture).map((request) => ({ request, times: 1 }));
    phases.push({ name: 'prefill', tokens: promptTokens * sequences, passes });
  }
  if (generateTokens > 0) {
    const points = Math.min(DECODE_POINTS, generateTokens);
    const passes = Array.from({ length: points }, (_, i) => {
      const [from, to] = [i, i + 1].map((edge) => Math.round((edge * generateTokens) / points));
      const middle = Math.floor((from! + to! - 1) / 2);
      const request = engine.decode(workload, contextDepth + promptTokens + middle, options, architecture);
      return { request, times: to! - from! };
    });
    phases.push({ name: 'decode', tokens: generateTokens * sequences, passes });
  }
  return phases;
}

/** @returns a pass that stands for so many; passes in the mean of a run may be parts of one. */
export function counted(architecture: ModelArchitecture, request: PassRequest, times: number): CountedPass {
  return countedAs(passWork(architecture, request), request, times);
}

function countedAs(
  { operators }: Pick<PassWork, 'operators'>,
  { batch }: Pick<PassRequest, 'batch'>,
  times: number,
): CountedPass {
  // A pass that hands over no logits does not run the output matrix, nor the last layer's feed-forward.
  const run = operators.filter(({ class: kind, flops }) => !(kind.startsWith('mat') && flops === 0));
  return {
    work: { operators: run },
    times,
    tokens: newTokensOf(batch),
    queries: Math.max(...batch.map(({ newTokens }) => newTokens)),
    sequences: batch.reduce((sum, { sequences }) => sum + sequences, 0),
    depth: Math.max(...batch.map(({ cachedTokens, newTokens }) => cachedTokens + newTokens)),
  };
}

/** @returns the operators of all passes of a phase together. */
export function operatorsOf({ passes }: PhaseWork): OperatorWork[] {
  return passes.flatMap(({ work, times }) => work.operators.map((operator) => repeated(operator, times)));
}

/** @returns bytes of weights and cache that a pass reads: what the next one finds in a cache, or not. */
export function workingSetOf({ work }: CountedPass): number {
  return work.operators.reduce((sum, { traffic }) => sum + traffic.weightsRead + traffic.cacheRead, 0);
}
