import type { FactorEvidence, ProductFactors, ThreadFactors } from '../../core/result/factors.js';
import type { MachineModel } from '../machine-model.js';
import { rowsOf } from '../predict.js';
import { evidenceOf, type Fitted, isStreamed, lossOf, STREAMING } from './loss.js';
import type { OperatorSample } from './sample.js';
import { search, type Unknown } from './search.js';

/**
 * Above 1 only if a roof was measured too low, or if a product uses instructions that the roof does not.
 */
const EFFICIENCY: Unknown = { start: 0.5, least: 0.005, most: 4 };
const SHARPNESS: Unknown = { start: 3, least: 1, most: 8 };
/** Of one matrix, in seconds. */
const START: Unknown = { start: 1e-6, least: 2e-8, most: 1e-4 };
/** Of one output, in seconds. */
const OUTPUT: Unknown = { start: 1e-9, least: 1e-13, most: 1e-7 };
const CONVERT: Unknown = { start: 0.2, least: 0.005, most: 50 };
const STEEPNESS: Unknown = { start: 3, least: 1, most: 12 };

/** Fits first the cache, which all types share, and then matrix products, each type of weights by itself. */
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
 * A type that was never benched from memory is assumed to be read at the speed of the roof.
 */
const AS_THE_ROOF = 1;

/**
 * Fits how much of a working set stays in the cache, from the type whose products with one row were benched
 * at the most sizes.
 * @returns also how fast these are read from memory, for types that were never benched from there.
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
  // Only samples from memory show how fast memory is read, and only samples of different sizes show the time
  // of a matrix apart from its bytes.
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

/** The sample's number of rows, without the rounding error of the division. */
const rowsIn = ({ work }: OperatorSample) => Math.round(rowsOf(work));
