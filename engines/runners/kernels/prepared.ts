import { failed } from '../../../core/errors.js';
import { OPS } from '../../../core/kernels/gen/ops.js';
import { shapeOf } from '../../../core/kernels/op.js';
import { BEST, variantsOn } from '../../../core/workloads/kernel.js';
import type { NativeOps } from '../../native/ops.js';
import type { Op, OpenedFacts } from '../opened.js';
import type { KernelRequest } from '../runner.js';

/** Every trial of a point sees the same inputs. */
const SEED = 20_251_124;

/** Where an op runs. */
export interface OpPlace {
  /** Path of our own, which it is in. */
  readonly library: string;
  /** `cpu`, `cuda`, `cuda:h100`. */
  readonly deviceClass: string;
  /** Of a CPU; 1 on a GPU, whose kernels the host only starts. */
  readonly threads: number;
  /** What there is to say of it in the record. */
  readonly environment: OpenedFacts['environment'];
}

/**
 * @returns an op that is ready to run.
 * @throws FailureError as preparing does: what cannot be, and what computes wrongly.
 */
export function preparedOp(
  ops: NativeOps,
  request: KernelRequest,
  { library, deviceClass, threads, environment }: OpPlace,
): Op {
  const op = OPS.find(({ name }) => name === request.op);
  if (op === undefined) refuse(`there is no op ${request.op}`);
  const variant = request.variant === BEST ? best(ops, request, deviceClass) : request.variant;
  if (!variantsOn(op, deviceClass).some(({ name }) => name === variant))
    refuse(`the variant ${variant} of ${op.name} does not run on ${deviceClass}`);
  const shape = shapeOf(op, request.shape);
  const { type, cache } = request;
  const prepared = ops.prepare({ op: op.name, variant, type, shape, threads, seed: SEED }, cache);
  const { flops, bytes, sets, memoryBytes, facts, check } = prepared;
  return {
    facts: {
      modelBytes: null,
      parameters: null,
      kvCacheBytes: null,
      engineFiles: [library],
      environment: { ...environment, kernelVariant: variant, kernelThreads: threads, kernelSets: sets },
    },
    warnings: [],
    record: {
      op: op.name,
      variant,
      type,
      shape: Object.fromEntries(op.parameters.map(({ name }, i) => [name, shape[i]!])),
      threads,
      cache,
      flops,
      bytes,
      sets,
      memoryBytes,
      facts: { ...facts },
      check: { error: check.error ?? 0, compared: check.compared, of: check.of },
    },
    call: (times) => Array.from(prepared.measure(times), (nanoseconds) => nanoseconds / 1e9),
    close: () => prepared.close(),
  };
}

function best(ops: NativeOps, { op, type }: KernelRequest, deviceClass: string): string {
  const listed = ops.describe().find(({ name }) => name === op);
  const able = variantsOn(listed, deviceClass).filter(
    ({ absent, types }) => absent === null && types.includes(type),
  );
  return able.at(-1)?.name ?? refuse(`this machine has no variant of ${op} in ${type} for ${deviceClass}`);
}

function refuse(message: string): never {
  throw failed('impossible-combination', message);
}
