import type { ThreadFactors } from '../../core/result/factors.js';
import { quantileOfSorted, sorted } from '../../core/statistics/quantile.js';
import type { MachineModel } from '../machine-model.js';
import { fitAttention } from './attention.js';
import { fitElementwise } from './elementwise.js';
import type { Fitted } from './loss.js';
import { fitProducts } from './products.js';
import type { FactorSamples } from './sample.js';
import { fitSteps } from './steps.js';

/** Flash attention of one query waits for each key. */
const TAKE_TURNS = 1;

/**
 * Fits the factors of one number of threads: least absolute difference of logarithms, so that a bench that was disturbed pulls
 * at nothing; each group of operators by itself, and the cache by the type that was benched at the most working sets. Each step
 * takes the factors of those before it.
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

/** What is read off without a search, and neutral terms where nothing was benched. */
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
    // Read from where they were computed, written where the caller finds them.
    logitSecondsPerByte: 2 / machineModel.ceilings.memoryBytesPerSecond,
    capacityBytes: null,
    steepness: 1,
    products: {},
    attention: [{ rows: 1, factor: 1 }],
    attentionMemory: 1,
    attentionSharpness: TAKE_TURNS,
    maskedPair: [{ rows: 1, factor: 1e-12 }],
    elementwise: {},
  };
}

const middle = (values: readonly number[]) =>
  values.length === 0 ? 0 : quantileOfSorted(sorted(values), 0.5);
