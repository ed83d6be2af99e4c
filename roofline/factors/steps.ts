import type { Curve, ThreadFactors } from '../../core/result/factors.js';
import { factorAt } from '../factor-at.js';
import type { MachineModel } from '../machine-model.js';
import { keptShare, predictPass } from '../predict.js';
import { MASKED } from './attention.js';
import { type Fitted, size, spreadOf } from './loss.js';
import type { StepSample } from './sample.js';
import { search } from './search.js';

/** Fits what only whole steps of a model tell, where any was timed. */
export function fitSteps(
  steps: readonly StepSample[],
  machineModel: MachineModel,
  before: ThreadFactors,
): Fitted {
  if (steps.length === 0) return { factors: before, evidence: [] };
  const factors = { ...before, ...fitTerms(steps, machineModel, before) };
  const spread = spreadOf(steps.map((step) => residual(step, machineModel, factors)));
  const { threads, nodeSeconds, streamedNodeSeconds } = factors;
  const evidence = (name: string, value: number, n: number) => ({ threads, name, value, n, spread });
  return {
    factors,
    evidence: [
      evidence('node', nodeSeconds, steps.length),
      evidence(
        'streamed node',
        streamedNodeSeconds,
        steps.filter(isStreamedIn(machineModel, factors)).length,
      ),
    ],
  };
}

/**
 * What nodes wait for, and attention of one query, as they are in steps of a model: alone, one kind of node behind the other,
 * threads hardly wait, and attention is up to twice as slow or fast by how its operands happen to lie.
 */
function fitTerms(
  steps: readonly StepSample[],
  machineModel: MachineModel,
  factors: ThreadFactors,
): Pick<ThreadFactors, 'nodeSeconds' | 'streamedNodeSeconds' | 'attention' | 'maskedPair'> {
  const alone = Math.max(factors.nodeSeconds, 1e-9);
  const single = (points: Curve, factor: number): Curve => [
    { rows: 1, factor },
    ...points.filter(({ rows }) => rows > 1),
  ];
  const streamed = steps.some(isStreamedIn(machineModel, factors));
  const of = (found: Readonly<Record<'node' | 'streamedNode' | 'query' | 'masked', number>>) => ({
    nodeSeconds: found.node,
    streamedNodeSeconds: streamed ? found.streamedNode : 0,
    attention: single(factors.attention, found.query),
    maskedPair: single(factors.maskedPair, found.masked),
  });
  const unknowns = {
    node: { start: alone, least: alone, most: 1e-4 },
    streamedNode: { start: alone / 4, least: 1e-10, most: 1e-5 },
    query: { start: factorAt(factors.attention, 1), least: 1e-3, most: 50 },
    masked: { ...MASKED, start: factorAt(factors.maskedPair, 1) },
  };
  return of(
    search(unknowns, (found) =>
      steps.reduce((sum, step) => sum + size(residual(step, machineModel, { ...factors, ...of(found) })), 0),
    ),
  );
}

/** Whether more than half of what a step reads again comes from memory. */
const isStreamedIn =
  (machineModel: MachineModel, factors: ThreadFactors) =>
  ({ workingSet }: StepSample) =>
    keptShare({ machineModel, factors, workingSet }) < 0.5;

const residual = (step: StepSample, machineModel: MachineModel, factors: ThreadFactors) =>
  Math.log(predictPass(step.work, { ...step, machineModel, factors }).seconds / step.seconds);
