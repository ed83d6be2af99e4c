import { dueFits, withFit } from '../../agent/factors/due.js';
import { fittedEngine } from '../../agent/factors/engine.js';
import { makeFactors } from '../../agent/factors/make.js';
import { FactorsStore } from '../../agent/factors/store.js';
import { measurerFor } from '../../agent/roofs/index.js';
import type { RoofsStore, StoredRoofs } from '../../agent/roofs/store.js';
import type { Launcher } from '../../artifacts/files/build-file.js';
import { toFailure } from '../../core/errors.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import type { Factors } from '../../core/result/factors.js';
import { weightType } from '../../core/techniques/tensor-types.js';
import { usageError, workError } from '../exit.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import { runCommand } from '../single/run-command.js';
import { stepProgress } from '../single/step-progress.js';
import { stoppable } from '../single/stoppable.js';
import { type ThisNode, thisNode } from '../this-node.js';
import type { AskedOfRun } from './asked.js';
import type { FactorsOptions } from './command.js';

/** `ridge factors`: benches single operators, fits, keeps and prints the factors of one device. */
export async function factors(options: FactorsOptions): Promise<void> {
  const unknown = options.types?.find((type) => weightType(type) === null);
  if (unknown !== undefined)
    throw usageError(`there is no type ${unknown}`, 'Types are named as ggml does: f16, q4_k.');
  const { profile, roofsFolder, store: measured, sysRoot } = await thisNode(options.config);
  const store = new FactorsStore(roofsFolder);
  const { device, roofs } = await chosen(profile.devices, measured, options);
  await runCommand(async () => {
    const found =
      options.stored === true ? await stored(store, device) : await fitted(device, roofs, sysRoot, options);
    // What predictions rest on is fitted at leisure, at all numbers of threads and for all types.
    const whole = options.quick !== true && options.threads === undefined && options.types === undefined;
    if (options.stored !== true && whole) say(`kept in ${(await store.put(found)).path}`);
    if (options.json === true) printJson(found);
    else printData(describe(found));
  });
}

/** What a test gives instead of this machine. */
interface Seams {
  readonly launcher?: Launcher;
  readonly engine?: string | null;
}

/**
 * Fits quickly what the rows of a run lack of factors: those of devices whose roofs have none or that are of another engine, and numbers of
 * threads and types of weights that are not among them. What there is no time for is left out. What goes wrong is said, and the run goes on with what there is;
 * so is what Ctrl-C skips.
 * @param ended aborted = nothing more is begun.
 */
export async function fitMissing(
  node: ThisNode,
  asked: AskedOfRun,
  secondsAtMost: number,
  ended: AbortSignal,
  seams: Seams = {},
): Promise<void> {
  for (const device of node.profile.devices) {
    const measurer = measurerFor(device);
    if (measurer === null) continue;
    try {
      const roofs = await node.store.find(device.id, await measurer.environment(device));
      if (roofs !== null && !ended.aborted)
        await fitLacking(node, device, roofs, asked, secondsAtMost, seams);
    } catch (error) {
      say(`no factors of ${device.id}: ${toFailure(error).message}`);
    }
  }
}

async function fitLacking(
  { roofsFolder, sysRoot }: ThisNode,
  device: DeviceProfile,
  roofs: StoredRoofs,
  asked: AskedOfRun,
  secondsAtMost: number,
  { launcher = stoppable, engine = fittedEngine() }: Seams,
): Promise<void> {
  const store = new FactorsStore(roofsFolder);
  const kept = (await store.find(device.id))?.factors ?? null;
  const all = device.cpus.length;
  // More threads than CPUs wait for each other: such rows reach beyond the factors, and say so.
  const threads = [...new Set(asked.threads.map((count) => count ?? all))].filter((count) => count <= all);
  const due = dueFits(kept, roofs, engine, { threads, types: asked.types });
  if (due === null) return;
  say(
    `fitting how near the engine comes to the roofs of ${device.id}${due.why}: ${Math.ceil(secondsAtMost)} s at most; Ctrl-C goes on without, --no-roofs never fits`,
  );
  const until = performance.now() + 1000 * secondsAtMost;
  let factors = due.base;
  try {
    for (const [index, fit] of due.fits.entries()) {
      const left = (until - performance.now()) / 1000 / (due.fits.length - index);
      const options = { quick: true, types: fit.types, threads: [fit.threads] } as const;
      const found = await fitted(device, roofs, sysRoot, options, left, launcher);
      factors = (await store.put(factors === null ? found : withFit(factors, found))).factors;
    }
  } catch (error) {
    const what =
      factors === null ? `no factors of ${device.id}` : `the factors of ${device.id} stay as they are`;
    say(`${what}: ${toFailure(error).message}; \`ridge factors\` fits them at leisure`);
  }
}

async function fitted(
  device: DeviceProfile,
  { roofs, id }: StoredRoofs,
  sysRoot: string,
  { threads, types, quick }: Pick<FactorsOptions, 'threads' | 'types' | 'quick'>,
  secondsAtMost: number | null = null,
  launcher: Launcher = stoppable,
): Promise<Factors> {
  const measured = [...new Set(roofs.bandwidth.map((roof) => roof.threads))].sort((a, b) => a - b);
  const progress = stepProgress(process.stderr, `operators on ${device.id}`);
  return await makeFactors({
    device,
    roofs,
    roofsId: id,
    threads: threads ?? measured,
    types: types ?? null,
    quick: quick === true,
    secondsAtMost,
    sysRoot,
    launcher,
    onProgress: progress.step,
  }).finally(() => progress.end());
}

async function stored(store: FactorsStore, device: DeviceProfile): Promise<Factors> {
  const found = await store.find(device.id);
  if (found !== null) return found.factors;
  throw workError(
    `no factors of ${device.id} were fitted on this node yet`,
    'Leave --stored out to fit them.',
  );
}

/** @throws CommandError (2) for a device that is not here, (1) without roofs. */
async function chosen(
  devices: readonly DeviceProfile[],
  store: RoofsStore,
  { device: id }: FactorsOptions,
): Promise<{ device: DeviceProfile; roofs: StoredRoofs }> {
  const wanted = id === undefined ? devices : devices.filter((device) => device.id === id);
  if (wanted.length === 0) {
    const known = devices.map((device) => device.id).join(', ');
    throw usageError(`this node has no device ${id}`, `It has ${known}.`);
  }
  for (const device of wanted) {
    const roofs = await store.newest(device.id);
    if (roofs !== null) return { device, roofs };
  }
  const names = wanted.map((device) => device.id).join(', ');
  throw workError(
    `no roofs of ${names} were measured on this node yet`,
    'Run `ridge roofs` first: factors are relative to them.',
  );
}

/** @returns every factor with how many benches it rests on and how far they are from it. */
function describe(factors: Factors): string {
  const { device, engine, measuredAt, roofs, evidence, threads, warnings, caveats } = factors;
  const rows = evidence.map(({ threads: count, name, value, n, spread }) => [
    count,
    name,
    Number(value.toPrecision(3)),
    n,
    spread === null ? null : `${(100 * spread).toFixed(0)} %`,
  ]);
  const besides = threads.map(
    ({ threads: count, nodeSeconds, streamedNodeSeconds, passSeconds, capacityBytes }) =>
      `${count} threads: ${(nodeSeconds * 1e6).toFixed(2)} µs a node, ${(streamedNodeSeconds * 1e6).toFixed(2)} µs more beside streamed weights, ${(passSeconds * 1e6).toFixed(0)} µs a pass` +
      `${capacityBytes === null ? '' : `, half of ${(capacityBytes / 1e6).toFixed(0)} MB stay in the last cache`}`,
  );
  const checks = threads.flatMap(({ threads: count, checks: own = [] }) =>
    own.map(
      ({ phase, models, points, error }) =>
        `${count} threads: predictions of ${phase} lie ${(100 * Math.expm1(error)).toFixed(0)} % off (root mean square of ${points} points${models === undefined ? '' : ` of ${models} models`} that the fit has not seen)`,
    ),
  );
  return [
    `${device.id}: ${device.name}, ${engine}, fitted ${measuredAt}, relative to roofs ${roofs}`,
    plainTable(['threads', 'factor', 'value', 'benches', 'spread'], rows),
    ...besides,
    ...checks,
    ...warnings.map(({ code, message }) => `${code}: ${message}`),
    ...caveats.map((caveat) => `caveat: ${caveat}`),
  ].join('\n');
}
