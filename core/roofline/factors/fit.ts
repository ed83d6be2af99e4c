import { quantileOfSorted, sorted } from '../../statistics/quantile.js';
import type { Physics } from '../physics.js';
import { type PredictionContext, predictOperator, predictPass, rowsOf } from '../predict.js';
import { bytesPerElement } from '../tensor-types.js';
import {
  type Curve,
  ELEMENTWISE_KINDS,
  type FactorEvidence,
  factorAt,
  type ProductFactors,
  type ThreadFactors,
} from './factors.js';
import type { FactorSamples, OperatorSample, StepSample } from './sample.js';
import { search, type Unknown } from './search.js';

export interface Fitted {
  readonly factors: ThreadFactors;
  readonly evidence: readonly FactorEvidence[];
}

/** Efficiencies: above 1 only where a roof was measured lower than it is, or an operator has instructions that the roof has not. */
const EFFICIENCY: Unknown = { start: 0.5, least: 0.005, most: 4 };
/** Of memory: where products are slower than reading, nothing else keeps this one from growing without end. */
const STREAMING: Unknown = { start: 0.5, least: 0.005, most: 1 };
const SHARPNESS: Unknown = { start: 3, least: 1, most: 8 };
/** Of one pair, in seconds. */
const MASKED: Unknown = { start: 1e-9, least: 1e-12, most: 1e-7 };
/** Of one matrix, in seconds. */
const START: Unknown = { start: 1e-6, least: 2e-8, most: 1e-4 };
/** Flash attention of one query waits for each key. */
const TAKE_TURNS = 1;
const CONVERT: Unknown = { start: 0.2, least: 0.005, most: 50 };
const STEEPNESS: Unknown = { start: 3, least: 1, most: 12 };

/**
 * Fits the factors of one number of threads: least absolute difference of logarithms, so that a bench that was disturbed pulls
 * at nothing; each group of operators by itself, and the cache by the type that was benched at the most working sets.
 */
export function fitFactors(samples: FactorSamples, physics: Physics, threads: number): Fitted {
  const own = samples.operators.filter((sample) => sample.threads === threads);
  const nodes = own.filter(({ group }) => group.kind === 'node').map(({ seconds }) => seconds);
  const passes = samples.passes.filter((sample) => sample.threads === threads).map(({ seconds }) => seconds);
  const base: ThreadFactors = {
    threads,
    nodeSeconds: middle(nodes),
    passSeconds: middle(passes),
    // Read from where they were computed, written where the caller finds them.
    logitSecondsPerByte: 2 / physics.ceilings.memoryBytesPerSecond,
    capacityBytes: null,
    steepness: 1,
    products: {},
    attention: [{ rows: 1, factor: 1 }],
    attentionMemory: 1,
    attentionSharpness: TAKE_TURNS,
    maskedPair: [{ rows: 1, factor: 1e-12 }],
    elementwise: {},
  };
  const evidence: FactorEvidence[] = [];
  const note = (name: string, value: number, used: readonly OperatorSample[], factors: ThreadFactors) =>
    evidence.push({ threads, name, value, n: used.length, spread: spreadOf(used, physics, factors) });

  const types = [...new Set(own.flatMap(({ group }) => (group.kind === 'product' ? [group.weights] : [])))];
  const cached = fitCache(own, types, physics, base);
  let factors: ThreadFactors = { ...base, ...cached };
  for (const type of types) {
    const used = own.filter(({ group }) => group.kind === 'product' && group.weights === type);
    factors = {
      ...factors,
      products: { ...factors.products, [type]: fitProduct(used, type, physics, factors) },
    };
    const { memory, compute } = factors.products[type]!;
    for (const [name, points] of Object.entries({ memory, compute })) {
      for (const { rows, factor } of points) {
        const at = used.filter(
          (sample) => rowsIn(sample) === rows && (name === 'compute' || isStreamed(sample, factors)),
        );
        note(`products ${type} ${name} ${rows}`, factor, at, factors);
      }
    }
  }
  const attention = own.filter(({ group }) => group.kind === 'attention');
  if (attention.length > 0) {
    factors = { ...factors, ...fitAttention(attention, physics, factors) };
    note(
      'attention memory',
      factors.attentionMemory,
      attention.filter((sample) => isStreamed(sample, factors)),
      factors,
    );
    for (const { rows, factor } of factors.attention) {
      note(
        `attention ${rows}`,
        factor,
        attention.filter(({ queries }) => queries === rows),
        factors,
      );
    }
  }
  for (const kind of ELEMENTWISE_KINDS) {
    const used = own.filter(({ group }) => group.kind === 'elementwise' && group.of === kind);
    if (used.length === 0) continue;
    const before = factors;
    const withCurve = (points: Curve) => ({
      ...before,
      elementwise: { ...before.elementwise, [kind]: points },
    });
    const curve = fitCurve(used, ({ tokens }) => tokens, withCurve, physics);
    factors = withCurve(curve);
    for (const { rows, factor } of curve) {
      note(
        `${kind} ${rows}`,
        factor,
        used.filter(({ tokens }) => tokens === rows),
        factors,
      );
    }
  }
  const steps = samples.steps.filter((sample) => sample.threads === threads);
  if (steps.length > 0) {
    factors = { ...factors, ...fitSteps(steps, physics, factors) };
    const all = steps.map((step) => stepResidual(step, physics, factors));
    const spread = Math.sqrt(all.reduce((sum, r) => sum + r * r, 0) / Math.max(1, all.length - 1));
    evidence.push({ threads, name: 'node', value: factors.nodeSeconds, n: steps.length, spread });
  }
  return { factors, evidence };
}

/**
 * What nodes wait for, and attention of one query, as they are in steps of a model: alone, one kind of node behind the other,
 * threads hardly wait, and attention is up to twice as slow or fast by how its operands happen to lie.
 */
function fitSteps(
  steps: readonly StepSample[],
  physics: Physics,
  factors: ThreadFactors,
): Pick<ThreadFactors, 'nodeSeconds' | 'attention' | 'maskedPair'> {
  const alone = Math.max(factors.nodeSeconds, 1e-9);
  const single = (points: Curve, factor: number): Curve => [
    { rows: 1, factor },
    ...points.filter(({ rows }) => rows > 1),
  ];
  const of = ({ node, query, masked }: Readonly<Record<'node' | 'query' | 'masked', number>>) => ({
    nodeSeconds: node,
    attention: single(factors.attention, query),
    maskedPair: single(factors.maskedPair, masked),
  });
  const unknowns = {
    node: { start: alone, least: alone, most: 1e-4 },
    query: { start: factorAt(factors.attention, 1), least: 1e-3, most: 50 },
    masked: { ...MASKED, start: factorAt(factors.maskedPair, 1) },
  };
  return of(
    search(unknowns, (found) =>
      steps.reduce((sum, step) => sum + size(stepResidual(step, physics, { ...factors, ...of(found) })), 0),
    ),
  );
}

const stepResidual = (step: StepSample, physics: Physics, factors: ThreadFactors) =>
  Math.log(predictPass(step.work, { ...step, physics, factors }).seconds / step.seconds);

/** How much of a cache is left of a working set: from the type whose products with one row were benched at the most sizes. */
function fitCache(
  samples: readonly OperatorSample[],
  types: readonly string[],
  physics: Physics,
  base: ThreadFactors,
): Pick<ThreadFactors, 'capacityBytes' | 'steepness'> {
  const { cacheBytes, cacheBytesPerSecond } = physics;
  if (cacheBytes === null || cacheBytesPerSecond === null) return { capacityBytes: null, steepness: 1 };
  const singles = (type: string) =>
    samples.filter(
      (sample) => sample.group.kind === 'product' && sample.group.weights === type && rowsIn(sample) === 1,
    );
  const sizes = (type: string) => new Set(singles(type).map(({ workingSet }) => workingSet)).size;
  const [type] = [...types].sort((a, b) => sizes(b) - sizes(a));
  if (type === undefined || sizes(type) < 4) return { capacityBytes: cacheBytes, steepness: STEEPNESS.start };
  const found = search(
    {
      capacityBytes: { start: cacheBytes, least: cacheBytes / 8, most: cacheBytes * 4 },
      steepness: STEEPNESS,
      memory: STREAMING,
      compute: EFFICIENCY,
      sharpness: SHARPNESS,
    },
    ({ capacityBytes, steepness, memory, compute, sharpness }) =>
      lossOf(singles(type), physics, {
        ...base,
        capacityBytes,
        steepness,
        products: {
          [type]: {
            memory: [{ rows: 1, factor: memory }],
            sharpness,
            convert: 1,
            startSeconds: 0,
            compute: [{ rows: 1, factor: compute }],
          },
        },
      }),
  );
  return { capacityBytes: found.capacityBytes, steepness: found.steepness };
}

function fitProduct(
  samples: readonly OperatorSample[],
  type: string,
  physics: Physics,
  factors: ThreadFactors,
): ProductFactors {
  const rowsOfAll = (all: readonly OperatorSample[]) => [...new Set(all.map(rowsIn))].sort((a, b) => a - b);
  const computed = rowsOfAll(samples);
  const streamed = samples.filter((sample) => isStreamed(sample, factors));
  const read = rowsOfAll(streamed.length > 0 ? streamed : samples);
  const points = (name: string, rows: readonly number[], found: Readonly<Record<string, number>>) =>
    rows.map((count) => ({ rows: count, factor: found[`${name}${count}`]! }));
  const of = (found: Readonly<Record<string, number>>): ProductFactors => ({
    memory: points('memory', read, found),
    sharpness: found.sharpness!,
    convert: found.convert!,
    startSeconds: found.startSeconds!,
    compute: points('compute', computed, found),
  });
  const unknowns = {
    sharpness: SHARPNESS,
    convert: CONVERT,
    startSeconds: START,
    ...Object.fromEntries(read.map((count) => [`memory${count}`, STREAMING])),
    ...Object.fromEntries(computed.map((count) => [`compute${count}`, EFFICIENCY])),
  };
  return of(
    search(unknowns, (found) =>
      lossOf(samples, physics, { ...factors, products: { ...factors.products, [type]: of(found) } }),
    ),
  );
}

/** Arithmetic by queries, and how well keys and values stream, from benches whose caches fit and do not fit. */
function fitAttention(
  samples: readonly OperatorSample[],
  physics: Physics,
  factors: ThreadFactors,
): Pick<ThreadFactors, 'attention' | 'attentionMemory' | 'maskedPair'> {
  const counts = [...new Set(samples.map(({ queries }) => queries))].sort((a, b) => a - b);
  const streamed = samples.some((sample) => isStreamed(sample, factors));
  const of = (found: Readonly<Record<string, number>>) => ({
    attention: counts.map((rows) => ({ rows, factor: found[`queries${rows}`]! })),
    attentionMemory: streamed ? found.memory! : 1,
    maskedPair: counts.map((rows) => ({ rows, factor: found[`masked${rows}`]! })),
  });
  const unknowns = {
    memory: STREAMING,
    ...Object.fromEntries(counts.map((count) => [`queries${count}`, { start: 0.2, least: 1e-3, most: 50 }])),
    ...Object.fromEntries(counts.map((count) => [`masked${count}`, MASKED])),
  };
  return of(search(unknowns, (found) => lossOf(samples, physics, { ...factors, ...of(found) })));
}

/** Each point of a curve by the samples at it alone. */
function fitCurve(
  samples: readonly OperatorSample[],
  rowsOfSample: (sample: OperatorSample) => number,
  withCurve: (points: Curve) => ThreadFactors,
  physics: Physics,
): Curve {
  const rows = [...new Set(samples.map(rowsOfSample))].sort((a, b) => a - b);
  return rows.map((count) => {
    const used = samples.filter((sample) => rowsOfSample(sample) === count);
    const { factor } = search({ factor: { start: 0.2, least: 1e-3, most: 50 } }, (found) =>
      lossOf(used, physics, withCurve([{ rows: count, factor: found.factor }])),
    );
    return { rows: count, factor };
  });
}

/** Residuals below this count as squares, for a search along one number at a time needs a loss without corners. */
const SMOOTH = 0.03;

const size = (r: number) => Math.sqrt(r * r + SMOOTH * SMOOTH) - SMOOTH;

/** Mean of |ln(predicted / measured)|, rounded off at its tip. */
function lossOf(samples: readonly OperatorSample[], physics: Physics, factors: ThreadFactors): number {
  return residuals(samples, physics, factors).reduce((sum, r) => sum + size(r), 0) / samples.length;
}

/** @returns ln(predicted / measured) of each sample. */
export function residuals(
  samples: readonly OperatorSample[],
  physics: Physics,
  factors: ThreadFactors,
): number[] {
  return samples.map(({ work, tokens, queries, workingSet, seconds }) => {
    const context: PredictionContext = { physics, factors, tokens, queries, workingSet };
    return Math.log(predictOperator(work, context).seconds / seconds);
  });
}

function spreadOf(
  samples: readonly OperatorSample[],
  physics: Physics,
  factors: ThreadFactors,
): number | null {
  if (samples.length < 2) return null;
  const all = residuals(samples, physics, factors);
  return Math.sqrt(all.reduce((sum, r) => sum + r * r, 0) / (all.length - 1));
}

/** Whether weights come from memory, for the greater part. */
const isStreamed = ({ workingSet }: OperatorSample, { capacityBytes }: ThreadFactors) =>
  workingSet > 2 * (capacityBytes ?? 0);

/** The sample's own number of rows, not what rounding made of it. */
const rowsIn = ({ work }: OperatorSample) => Math.round(rowsOf(work));

const middle = (values: readonly number[]) =>
  values.length === 0 ? 0 : quantileOfSorted(sorted(values), 0.5);

/** @returns the work of y = W x with so many rows, as a pass counts it. */
export function productWork(
  weights: string,
  inputs: number,
  outputs: number,
  rows: number,
): OperatorSample['work'] {
  const bytes = bytesPerElement(weights) ?? 2;
  return {
    name: 'product',
    module: 'mlp',
    class: rows < 4 ? 'matvec' : 'matmul',
    arithmetic: bytes < 2 ? 'int8' : 'f16',
    weights,
    calls: 1,
    flops: 2 * inputs * outputs * rows,
    traffic: {
      weightsRead: inputs * outputs * bytes,
      cacheRead: 0,
      cacheWritten: 0,
      activationsRead: 4 * rows * inputs,
      activationsWritten: 4 * rows * outputs,
    },
    linkBytes: 0,
  };
}
