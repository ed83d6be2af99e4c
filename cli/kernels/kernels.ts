import { availableParallelism } from 'node:os';
import { NodeStores } from '../../agent/door/node.js';
import { runOps } from '../../agent/door/trials.js';
import type { Reading } from '../../core/input/reading.js';
import { OPS } from '../../core/kernels/gen/ops.js';
import { deviceOf, type OpFacts, type OpVariant } from '../../core/kernels/op.js';
import { findOp, findTypes, findVariants, readShape } from '../../core/kernels/words.js';
import type { Roofs } from '../../core/result/roofs.js';
import { cpuDevices, readCpu } from '../../process/device/cpu.js';
import { openNvml } from '../../process/device/nvml.js';
import { type CommandError, EXIT, usageError, workError } from '../exit.js';
import { agentConfig } from '../node-config.js';
import { printData, printJson } from '../output/print.js';
import { FOREGROUND } from '../single/foreground.js';
import type { KernelsBenchOptions, KernelsOptions } from './command.js';
import { checkTable, listText, timeTable } from './tables.js';

type Answer = Awaited<ReturnType<typeof runOps>>;
type OpRequest = Answer['checked'][number]['request'];

const SHOW = '`ridge kernels list` shows ops, shapes, types and variants.';

/**
 * What is not named is at most this large in a check, which asks whether an op is right and not how fast it
 * is.
 */
const CHECK_SIZE = 256;

/** `ridge kernels list`. @throws CommandError (1) without the library. */
export async function listKernels({ json }: { readonly json?: true }): Promise<void> {
  const { ops } = await runOps({ kind: 'list' }, 'ops', FOREGROUND);
  if (json === true) printJson({ schema: 'ridgepoint.dev/kernels/v1', ops });
  else printData(listText(ops));
}

/**
 * `ridge kernels check`.
 * @returns the exit code: 1 when one is wrong.
 * @throws CommandError (2) for words, (1) for failures.
 */
export async function checkKernels(name: string | null, options: KernelsOptions): Promise<number> {
  const { ops } = await runOps({ kind: 'list' }, 'ops', FOREGROUND);
  const wanted = name === null ? OPS : [understood(findOp(OPS, name))];
  const requests = wanted.flatMap((op) => requestsOf(op, runnable(op, ops), options, CHECK_SIZE));
  if (requests.length === 0) throw nothingRuns(options, ops);
  const { checked } = await runOps({ kind: 'check', requests }, 'checking', FOREGROUND);
  if (options.json === true) printJson({ schema: 'ridgepoint.dev/kernels/v1', checked });
  else printData(checkTable(checked));
  return checked.every(({ verdict }) => verdict.ok) ? EXIT.ok : EXIT.failed;
}

/**
 * `ridge kernels bench`. @throws CommandError (2) for words, (1) for failures, a check that fails among them.
 */
export async function benchKernels(name: string, options: KernelsBenchOptions): Promise<void> {
  const op = understood(findOp(OPS, name));
  understood(readShape(op, options.shape));
  const { ops } = await runOps({ kind: 'list' }, 'ops', FOREGROUND);
  const requests = requestsOf(op, runnable(op, ops), options);
  if (requests.length === 0) throw nothingRuns(options, ops);
  const caches = options.cache === 'both' ? (['warm', 'cold'] as const) : [options.cache];
  const job = { kind: 'bench', requests, caches, seconds: options.seconds, minRepeats: 5 } as const;
  const { timed } = await runOps(job, 'timing', FOREGROUND);
  if (options.json === true) printJson({ schema: 'ridgepoint.dev/kernels/v1', timed });
  else printData(timeTable(timed, op, await storedRoofs(options.device)));
}

/** @returns the roofs of this node's first device of a class, as they were last measured, or null. */
async function storedRoofs(device: KernelsOptions['device']): Promise<Roofs | null> {
  const config = agentConfig(undefined);
  // Neither memory nor a quota changes which device is the first.
  const id = device === 'cpu' ? cpuDevices(readCpu(), config.cpuGroups, 0, null)[0]?.id : await firstGpu();
  return id === undefined
    ? null
    : ((await new NodeStores(config.roofsFolder).store.newest(id))?.roofs ?? null);
}

async function firstGpu(): Promise<string | undefined> {
  const search = await openNvml();
  if (!search.found) return undefined;
  search.nvml.close();
  return search.nvml.devices[0]?.uuid;
}

/** What of an op runs here. */
function runnable(op: OpFacts, listed: Answer['ops']): OpVariant[] {
  const here = listed.find(({ name }) => name === op.name)?.variants ?? [];
  return op.variants.filter(({ name }) =>
    here.some((variant) => variant.name === name && variant.absent === null),
  );
}

function requestsOf(
  op: OpFacts,
  here: readonly OpVariant[],
  options: KernelsOptions,
  most = Number.POSITIVE_INFINITY,
): OpRequest[] {
  const types = understood(findTypes(op, options.type));
  const parameters = op.parameters.map((p) => ({ ...p, fallback: Math.min(p.fallback, most) }));
  const shape = understood(readShape({ ...op, parameters }, options.shape));
  const best = options.variant === 'best';
  const several = best || options.variant === 'all';
  // A variant that is named is wanted whatever its device.
  const named = (best ? op.variants : understood(findVariants(op, options.variant))).filter(
    (variant) => !several || deviceOf(variant) === options.device,
  );
  if (named.length === 1 && !here.some(({ name }) => name === named[0]!.name)) {
    throw usageError(`this machine cannot run the variant ${named[0]!.name} of ${op.name}`, SHOW);
  }
  const threads = options.threads ?? availableParallelism();
  return types.flatMap((type) => {
    const able = here.filter(
      (variant) => variant.types.includes(type) && named.some(({ name }) => name === variant.name),
    );
    return (best ? able.slice(-1) : able).map(({ name }) => ({
      op: op.name,
      variant: name,
      type,
      shape,
      threads,
      seed: options.seed,
    }));
  });
}

/** None of what was asked for can be run here: that is no success. */
function nothingRuns({ device }: KernelsOptions, listed: Answer['ops']): CommandError {
  const variants = listed.flatMap((op) => op.variants).filter((variant) => deviceOf(variant) === device);
  const reason = variants.find(({ absent }) => absent !== null)?.absent;
  return workError(`this machine runs none of the ${device} variants: ${reason ?? 'there are none'}`, SHOW);
}

function understood<T>(reading: Reading<T>): T {
  if (reading.ok) return reading.value;
  throw usageError(reading.message, SHOW);
}
