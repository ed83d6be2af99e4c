import { kindOf, summed } from '../core/work/pass/operators.js';
import type { PassWork } from '../core/work/work.js';
import type { Ceilings } from './ceilings.js';
import { linkSecondsOf, type PlacedOperator, type PlacedPass, placePass } from './place.js';

/** A batch on its way through the stages of a pipeline, cut into micro-batches that follow one another. */
export interface PlacedPipeline {
  /** One micro-batch through all stages; `seconds` is the sum over them. */
  readonly way: PlacedPass;
  /** Of one micro-batch in the stage that takes longest. */
  readonly slowestSeconds: number;
  /** Until the whole batch is through; of a decode step, until every sequence has its next token. */
  readonly seconds: number;
  /** Share of the time in which a stage waits: 0 without stages. */
  readonly idleShare: number;
}

/**
 * Passes on their way through devices that have different layers each.
 * @param passes in their order, each standing for so many alike, with the seconds that it takes of every
 *   device.
 * @param overlaps a pass is on one device while the one before it is on the next (a flow shop); otherwise it
 *   begins when that one is through.
 * @returns seconds until all are through.
 */
export function throughAll(
  passes: readonly { readonly times: number; readonly seconds: readonly number[] }[],
  overlaps: boolean,
): number {
  if (!overlaps)
    return passes.reduce((sum, { times, seconds }) => sum + times * seconds.reduce((a, b) => a + b, 0), 0);
  const freeAt: number[] = [];
  for (const { times, seconds } of passes) {
    for (let one = 0; one < times; one++) {
      let through = 0;
      for (const [device, own] of seconds.entries()) {
        through = Math.max(through, freeAt[device] ?? 0) + own;
        freeAt[device] = through;
      }
    }
  }
  return freeAt.at(-1) ?? 0;
}

/**
 * The last of m micro-batches of a prefill comes out (m − 1) turns of
 * the slowest stage behind the first, so that p even stages are idle for (p − 1)/(m + p − 1) of the time
 * (GPipe, arXiv 1811.06965, section 2.3). A decode step of a micro-batch begins when its last one is through,
 * so it takes the way or m turns of the slowest stage.
 * @param stages seconds of one micro-batch in each.
 * @returns seconds until all micro-batches are through.
 */
export function pipelineSeconds(
  phase: PassWork['phase'],
  stages: readonly number[],
  microBatches: number,
): number {
  const way = stages.reduce((sum, seconds) => sum + seconds, 0);
  const slowest = Math.max(...stages);
  return phase === 'prefill' ? way + (microBatches - 1) * slowest : Math.max(way, microBatches * slowest);
}

/**
 * Places every stage under the ceilings.
 * @param stages of one micro-batch, in order.
 */
export function placePipeline(
  stages: readonly PassWork[],
  microBatches: number,
  ceilings: Ceilings,
): PlacedPipeline {
  const placed = stages.map((stage) => placePass(stage, ceilings));
  const way = concatenateStages(placed);
  const slowestSeconds = Math.max(...placed.map(({ seconds }) => seconds));
  const seconds = pipelineSeconds(
    way.phase,
    placed.map((stage) => stage.seconds),
    microBatches,
  );
  const idleShare = stages.length === 1 ? 0 : 1 - (microBatches * way.seconds) / (stages.length * seconds);
  return { way, slowestSeconds, seconds, idleShare };
}

/** One stage after the other; operators of the same kind stand together, as in a pass of one device. */
function concatenateStages(stages: readonly PlacedPass[]): PlacedPass {
  const [first] = stages;
  if (first === undefined) throw new Error('a pipeline without stages');
  if (stages.length === 1) return first;
  const found = new Map<string, PlacedOperator>();
  for (const one of stages.flatMap(({ operators }) => operators)) {
    const key = kindOf(one.work);
    const before = found.get(key);
    found.set(key, before === undefined ? one : added(before, one));
  }
  const sum = (numberOf: (pass: PlacedPass) => number) =>
    stages.reduce((total, pass) => total + numberOf(pass), 0);
  return {
    phase: first.phase,
    operators: [...found.values()],
    flops: sum(({ flops }) => flops),
    bytes: sum(({ bytes }) => bytes),
    seconds: sum(({ seconds }) => seconds),
  };
}

/**
 * One operator for two of the same kind. Its limit is that of the longer one, which takes most of the time.
 */
function added(a: PlacedOperator, b: PlacedOperator): PlacedOperator {
  const bytes = a.bytes + b.bytes;
  const work = summed(a.work, b.work);
  return {
    work,
    bytes,
    intensity: bytes === 0 ? null : work.flops / bytes,
    bound: a.seconds >= b.seconds ? a.bound : b.bound,
    seconds: a.seconds + b.seconds,
    linkSeconds: linkSecondsOf([a, b]),
    peak: a.peak,
  };
}
