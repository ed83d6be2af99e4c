import type { FactorEvidence, ProductFactors, ThreadFactors } from '../../core/result/factors.js';
import type { MachineModel } from '../machine-model.js';
import { rowsOf } from '../predict.js';
import { evidenceOf, type Fitted, isStreamed, lossOf, STREAMING } from './loss.js';
import type { OperatorSample } from './sample.js';
import { search, type Unknown } from './search.js';

/**
 * Above 1 only where a roof was measured lower than it is, or a product has instructions that the roof has
 * not.
 */
const EFFICIENCY: Unknown = { start: 0.5, least: 0.005, most: 4 };
const SHARPNESS: Unknown = { start: 3, least: 1, most: 8 };
/** Of one matrix, in seconds. */
const START: Unknown = { start: 1e-6, least: 2e-8, most: 1e-4 };
/** Of one output, in seconds. */
const OUTPUT: Unknown = { start: 1e-9, least: 1e-13, most: 1e-7 };
const CONVERT: Unknown = { start: 0.2, least: 0.005, most: 50 };
const STEEPNESS: Unknown = { start: 3, least: 1, most: 12 };

/** Fits matrix products, each type of weights by itself, and before them the cache, which all types share. */
export function fitProducts(
  all: readonly OperatorSample[],
  machineModel: MachineModel,
  base: ThreadFactors,
): Fitted {
  const types = [...new Set(all.flatMap(({ group }) => (group.kind === 'product' ? [group.weights] : [])))];
  const evidence: FactorEvidence[] = [];
  const { memory: unseen, ...cache } = fitCache(all, types, machineModel, base);
  let factors: ThreadFactors = { ...base, ...cache };
  for (const type of types) {
    const used = all.filter(({ group }) => group.kind === 'product' && group.weights === type);
    const product = fitProduct(used, type, machineModel, factors, unseen);
    factors = { ...factors, products: { ...factors.products, [type]: product } };
    for (const term of ['memory', 'compute'] as const) {
      for (const { rows, factor } of product[term]) {
        const at = used.filter(
          (sample) => rowsIn(sample) === rows && (term === 'compute' || isStreamed(sample, factors)),
        );
        evidence.push(evidenceOf(`products ${type} ${term} ${rows}`, factor, at, machineModel, factors));
      }
    }
  }
  return { factors, evidence };
}

/**
 * What nobody saw read from memory is taken to be read as fast as its roof says, as where nothing was fitted.
 */
const AS_THE_ROOF = 1;

/**
 * How much of a cache is left of a working set: from the type whose products with one row were benched at the
 * most sizes.
 * @returns also how these are read from memory, for types that no bench has seen come from there.
 */
function fitCache(
  samples: readonly OperatorSample[],
  types: readonly string[],
  machineModel: MachineModel,
  base: ThreadFactors,
): Pick<ThreadFactors, 'capacityBytes' | 'steepness'> & { readonly memory: number } {
  const { cacheBytes, cacheBytesPerSecond } = machineModel;
  if (cacheBytes === null || cacheBytesPerSecond === null)
    return { capacityBytes: null, steepness: 1, memory: AS_THE_ROOF };
  const singles = (type: string) =>
    samples.filter(
      (sample) => sample.group.kind === 'product' && sample.group.weights === type && rowsIn(sample) === 1,
    );
  const sizes = (type: string) => new Set(singles(type).map(({ workingSet }) => workingSet)).size;
  const [type] = [...types].sort((a, b) => sizes(b) - sizes(a));
  if (type === undefined || sizes(type) < 4)
    return { capacityBytes: cacheBytes, steepness: STEEPNESS.start, memory: AS_THE_ROOF };
  const found = search(
    {
      capacityBytes: { start: cacheBytes, least: cacheBytes / 8, most: cacheBytes * 4 },
      steepness: STEEPNESS,
      memory: STREAMING,
      compute: EFFICIENCY,
      sharpness: SHARPNESS,
    },
    ({ capacityBytes, steepness, memory, compute, sharpness }) =>
      lossOf(singles(type), machineModel, {
        ...base,
        capacityBytes,
        steepness,
        products: {
          [type]: {
            memory: [{ rows: 1, factor: memory }],
            sharpness,
            convert: 1,
            startSeconds: 0,
            outputSeconds: 0,
            compute: [{ rows: 1, factor: compute }],
          },
        },
      }),
  );
  const { capacityBytes, steepness } = found;
  const isSeen = singles(type).some((sample) => isStreamed(sample, { ...base, capacityBytes }));
  return { capacityBytes, steepness, memory: isSeen ? found.memory : AS_THE_ROOF };
}

function fitProduct(
  samples: readonly OperatorSample[],
  type: string,
  machineModel: MachineModel,
  factors: ThreadFactors,
  unseen: number,
): ProductFactors {
  const rowsOfAll = (all: readonly OperatorSample[]) => [...new Set(all.map(rowsIn))].sort((a, b) => a - b);
  const computed = rowsOfAll(samples);
  const streamed = samples.filter((sample) => isStreamed(sample, factors));
  // Only what came from memory tells how memory is read, and only sizes beside each other what a matrix takes
  // beside its bytes.
  const read = rowsOfAll(streamed);
  const hasSizes = new Set(streamed.map(({ work }) => work.traffic.weightsRead / work.calls)).size > 1;
  const points = (name: string, rows: readonly number[], found: Readonly<Record<string, number>>) =>
    rows.map((count) => ({ rows: count, factor: found[`${name}${count}`]! }));
  const factorsOf = (found: Readonly<Record<string, number>>): ProductFactors => ({
    memory: read.length === 0 ? [{ rows: 1, factor: unseen }] : points('memory', read, found),
    sharpness: found.sharpness!,
    convert: found.convert!,
    startSeconds: found.startSeconds ?? START.start,
    outputSeconds: found.outputSeconds!,
    compute: points('compute', computed, found),
  });
  const unknowns: Record<string, Unknown> = {
    sharpness: SHARPNESS,
    convert: CONVERT,
    ...(hasSizes && { startSeconds: START }),
    outputSeconds: OUTPUT,
    ...Object.fromEntries(read.map((count) => [`memory${count}`, STREAMING])),
    ...Object.fromEntries(computed.map((count) => [`compute${count}`, EFFICIENCY])),
  };
  return factorsOf(
    search(unknowns, (found) =>
      lossOf(samples, machineModel, {
        ...factors,
        products: { ...factors.products, [type]: factorsOf(found) },
      }),
    ),
  );
}

/** The sample's own number of rows, not what rounding made of it. */
const rowsIn = ({ work }: OperatorSample) => Math.round(rowsOf(work));
