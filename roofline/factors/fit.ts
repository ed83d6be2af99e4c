import {
  type Curve,
  ELEMENTWISE_KINDS,
  type FactorEvidence,
  type ThreadFactors,
} from '../../core/result/factors.js';
import { quantileOfSorted, sorted } from '../../statistics/quantile.js';
import { factorAt } from '../factor-at.js';
import type { MachineModel } from '../machine-model.js';
import { keptShare, predictPass } from '../predict.js';
import { fitAttention, MASKED } from './attention.js';
import { evidenceOf, type Fitted, lossOf, size, spreadOf } from './loss.js';
import { fitProducts } from './products.js';
import type { FactorSamples, OperatorSample, StepSample } from './sample.js';
import { search } from './search.js';

/**
 * Exponent of the soft maximum at which times add up, since flash attention of one query waits for each key.
 */
const TAKE_TURNS = 1;

/**
 * Fits the factors for one number of threads by the least absolute difference of logarithms, so that a
 * disturbed bench has little influence. Each group of operators is fitted by itself, and the cache by the
 * type that was benched with the most working sets. Each step uses the factors of the steps before it.
 */
export function fitFactors(samples: FactorSamples, machineModel: MachineModel, threads: number): Fitted {
  const own = samples.operators.filter((sample) => sample.threads === threads);
  const steps = samples.steps.filter((sample) => sample.threads === threads);
  const products = fitProducts(own, machineModel, startOf(samples, machineModel, threads));
  const attention = fitAttention(own, machineModel, products.factors);
  const elementwise = fitElementwise(own, machineModel, attention.factors);
  const whole = fitSteps(steps, machineModel, elementwise.factors);
  return {
    factors: whole.factors,
    evidence: [products, attention, elementwise, whole].flatMap(({ evidence }) => evidence),
  };
}

/** Factors that can be computed without a search, and neutral ones where nothing was benched. */
function startOf(
  { operators, passes }: FactorSamples,
  machineModel: MachineModel,
  threads: number,
): ThreadFactors {
  const nodes = operators.filter((sample) => sample.threads === threads && sample.group.kind === 'node');
  return {
    threads,
    nodeSeconds: middle(nodes.map(({ seconds }) => seconds)),
    streamedNodeSeconds: 0,
    passSeconds: middle(passes.filter((sample) => sample.threads === threads).map(({ seconds }) => seconds)),
    // Logits are read from the place where they were computed and written to the caller's.
    logitSecondsPerByte: 2 / machineModel.ceilings.memoryBytesPerSecond,
    capacityBytes: null,
    steepness: 1,
    products: {},
    attention: [{ rows: 1, factor: 1 }],
    attentionMemory: 1,
    attentionSharpness: TAKE_TURNS,
    maskedPair: [{ rows: 1, factor: 1e-12 }],
    elementwise: {},
    checks: [],
  };
}

const middle = (values: readonly number[]) =>
  values.length === 0 ? 0 : quantileOfSorted(sorted(values), 0.5);

/** Fits elementwise operators, by kind and number of tokens. */
function fitElementwise(
  all: readonly OperatorSample[],
  machineModel: MachineModel,
  before: ThreadFactors,
): Fitted {
  const evidence: FactorEvidence[] = [];
  let factors = before;
  for (const kind of ELEMENTWISE_KINDS) {
    const used = all.filter(({ group }) => group.kind === 'elementwise' && group.of === kind);
    if (used.length === 0) continue;
    const others = factors;
    const withCurve = (points: Curve) => ({
      ...others,
      elementwise: { ...others.elementwise, [kind]: points },
    });
    const curve = fitCurve(used, withCurve, machineModel);
    factors = withCurve(curve);
    for (const { rows, factor } of curve) {
      const at = used.filter(({ tokens }) => tokens === rows);
      evidence.push(evidenceOf(`${kind} ${rows}`, factor, at, machineModel, factors));
    }
  }
  return { factors, evidence };
}

/** Fits each point of a curve only from the samples at this point. */
function fitCurve(
  samples: readonly OperatorSample[],
  withCurve: (points: Curve) => ThreadFactors,
  machineModel: MachineModel,
): Curve {
  const rows = [...new Set(samples.map(({ tokens }) => tokens))].sort((a, b) => a - b);
  return rows.map((count) => {
    const used = samples.filter(({ tokens }) => tokens === count);
    const { factor } = search({ factor: { start: 0.2, least: 1e-3, most: 50 } }, (found) =>
      lossOf(used, machineModel, withCurve([{ rows: count, factor: found.factor }])),
    );
    return { rows: count, factor };
  });
}

/** Fits the terms that only whole steps of a model show, if any step was timed. */
function fitSteps(steps: readonly StepSample[], machineModel: MachineModel, before: ThreadFactors): Fitted {
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
 * Fits the waiting time of nodes, and attention of one query, from steps of whole models. Nodes of one kind
 * in a row hardly make threads wait, and in a bench of only attention its speed differs by up to a factor of
 * two with the placement of its operands in memory.
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
  const factorsOf = (found: Readonly<Record<'node' | 'streamedNode' | 'query' | 'masked', number>>) => ({
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
  return factorsOf(
    search(unknowns, (found) =>
      steps.reduce(
        (sum, step) => sum + size(residual(step, machineModel, { ...factors, ...factorsOf(found) })),
        0,
      ),
    ),
  );
}

/** Whether more than half of what every step reads comes from memory. */
const isStreamedIn =
  (machineModel: MachineModel, factors: ThreadFactors) =>
  ({ workingSet }: StepSample) =>
    keptShare({ machineModel, factors, workingSet }) < 0.5;

const residual = (step: StepSample, machineModel: MachineModel, factors: ThreadFactors) =>
  Math.log(predictPass(step.work, { ...step, machineModel, factors }).seconds / step.seconds);
