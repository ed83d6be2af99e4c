import type { Attended } from '../../artifacts/files/make-file.js';
import { toFailure } from '../../core/errors.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { formatValue } from '../../core/metrics/format.js';
import type { Factors } from '../../core/result/factors.js';
import type { Roofs } from '../../core/result/roofs.js';
import { dueFits, withFit } from '../factors/due.js';
import { fittedEngine } from '../factors/engine.js';
import { makeFactors } from '../factors/make.js';
import { NodeFactors } from '../factors/node-factors.js';
import { holdingRoofs } from '../roofs/holding.js';
import { measurerFor, requireMeasurer } from '../roofs/index.js';
import type { RoofsExtent, RoofsMeasurer } from '../roofs/measurer.js';
import { NodeRoofs } from '../roofs/node-roofs.js';
import type { StoredRoofs } from '../roofs/store.js';
import type { ThisNode } from './node.js';

// What commands ask of this room of ceilings, and of how near engines come to them.

/** Tables of measured operators, whose readers no other command should load. */
export const operatorTables = async () => await import('../factors/operator-tables.js');

/** Work that is shown while it goes, and that Ctrl-C ends. */
interface Interruptible {
  say(sentence: string): void;
  interruptible<T>(
    what: string,
    work: (progress: { step(done: number, of: number): void }, signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
}

/** @returns the roofs and factors that hold for this machine as it is now; nothing is measured. */
export async function heldHere({ profile: { devices }, store, factors }: ThisNode) {
  const roofs = new NodeRoofs({ mode: 'stored', devices, store, log: () => undefined });
  await roofs.prepare(new AbortController().signal);
  const ids = devices.map(({ id }) => id);
  return { roofs, factors: await NodeFactors.read(factors, ids) };
}

/**
 * Measures the roofs of a device.
 * @param threads left out = some from 1 to all.
 * @throws FailureError; `device-missing` where nobody knows how.
 */
export async function measureRoofs(
  device: DeviceProfile,
  extent: RoofsExtent,
  threads: readonly number[] | undefined,
  { interruptible }: Interruptible,
  measurer: RoofsMeasurer = requireMeasurer(device),
): Promise<Roofs> {
  return await interruptible(`measuring the roofs of ${device.id}`, (progress, signal) =>
    measurer.measure(device, { extent, threads, onProgress: progress.step, signal }),
  );
}

/**
 * Measures the roofs of this node that are missing, or were measured on another machine than it is now, so
 * that the rows of a run have roofs. What goes wrong, or is skipped by Ctrl-C, is reported. The run then goes
 * on without roofs, or with the old ones.
 * @param ended aborted = nothing more is begun.
 */
export async function measureMissing(
  { profile, store }: ThisNode,
  ended: AbortSignal,
  foreground: Interruptible,
  find: typeof measurerFor = measurerFor,
): Promise<void> {
  for (const device of profile.devices) {
    const measurer = find(device);
    if (measurer === null || ended.aborted) continue;
    const measure = (why: string) => {
      const once = why === '' ? 'once on this machine, ' : '';
      foreground.say(
        `measuring the roofs of ${device.id}${why}: ${once}about 10 s; Ctrl-C goes on without, --no-roofs never measures`,
      );
      return measureRoofs(device, 'rows', undefined, foreground, measurer);
    };
    try {
      await holdingRoofs(device, { store, measurer, measure });
    } catch (error) {
      foreground.say(`no roofs of ${device.id}: ${toFailure(error).message}`);
    }
  }
}

type Foreground = Pick<Attended, 'say' | 'showing' | 'launcher'>;

/** What factors are fitted of. */
interface FitAsked {
  readonly threads?: readonly number[];
  readonly types?: readonly string[];
  readonly quick?: boolean;
}

/** What a machine lacks of the ceilings and factors that the rows of a run stand under. */
export interface Lacking {
  readonly roofs: boolean;
  readonly factors: boolean;
}

/**
 * @returns what `measureMissing` and `fitMissing` would measure.
 * @param asked null = rows of the run have no factors.
 */
export async function lackingHere(
  { profile: { devices }, store, factors }: ThisNode,
  asked: AskedOfRun | null,
  engine: string | null = fittedEngine(),
): Promise<Lacking> {
  const lacking = { roofs: false, factors: false };
  for (const device of devices) {
    const measurer = measurerFor(device);
    if (measurer === null) continue;
    const roofs = await keptRoofs(store, device, measurer).catch(() => null);
    if (roofs === null) lacking.roofs = true;
    else if (asked !== null) {
      const kept = (await factors.find(device.id))?.factors ?? null;
      if (dueFits(kept, roofs, engine, askedOf(asked, device)) !== null) lacking.factors = true;
    }
  }
  return { roofs: lacking.roofs, factors: asked !== null && (lacking.roofs || lacking.factors) };
}

async function keptRoofs(
  store: ThisNode['store'],
  device: DeviceProfile,
  measurer: RoofsMeasurer,
): Promise<StoredRoofs | null> {
  return await store.find(device.id, await measurer.environment(device));
}

/** More threads than CPUs wait for each other: such rows reach beyond the factors, and say so. */
function askedOf({ threads, types }: AskedOfRun, { cpus }: DeviceProfile) {
  const counts = new Set(threads.map((count) => count ?? cpus.length));
  return { threads: [...counts].filter((count) => count <= cpus.length), types };
}

/**
 * Benches single operators and fits the factors of a device.
 * @param secondsAtMost null = as long as it takes.
 * @throws FailureError
 */
export async function fitFactors(
  device: DeviceProfile,
  { roofs, id }: StoredRoofs,
  sysRoot: string,
  { threads, types = undefined, quick = false }: FitAsked,
  { launcher, showing }: Foreground,
  secondsAtMost: number | null = null,
): Promise<Factors> {
  const measured = [...new Set(roofs.bandwidth.map((roof) => roof.threads))].sort((a, b) => a - b);
  return await showing(`operators on ${device.id}`, (onProgress) =>
    makeFactors({
      device,
      roofs,
      roofsId: id,
      threads: threads ?? measured,
      types: types ?? null,
      quick,
      secondsAtMost,
      sysRoot,
      launcher,
      onProgress,
    }),
  );
}

/** What the rows of a run ask of the factors of their device. */
export interface AskedOfRun {
  /** null = all CPUs of the device. */
  readonly threads: readonly (number | null)[];
  readonly types: readonly string[];
}

/**
 * Fits quickly what the rows of a run lack of factors: those of devices whose roofs have none or that are of
 * another engine, and numbers of threads and types of weights that are not among them. What there is no time
 * for is left out. What goes wrong is said, and the run goes on with what there is; so is what Ctrl-C skips.
 * @param ended aborted = nothing more is begun.
 * @param engine that is here; null = none.
 */
export async function fitMissing(
  node: ThisNode,
  asked: AskedOfRun,
  secondsAtMost: number,
  ended: AbortSignal,
  foreground: Foreground,
  engine: string | null = fittedEngine(),
): Promise<void> {
  for (const device of node.profile.devices) {
    const measurer = measurerFor(device);
    if (measurer === null) continue;
    try {
      const roofs = await keptRoofs(node.store, device, measurer);
      if (roofs !== null && !ended.aborted)
        await fitLacking(node, device, roofs, asked, secondsAtMost, foreground, engine);
    } catch (error) {
      foreground.say(`no factors of ${device.id}: ${toFailure(error).message}`);
    }
  }
}

async function fitLacking(
  { factors: store, sysRoot }: ThisNode,
  device: DeviceProfile,
  roofs: StoredRoofs,
  asked: AskedOfRun,
  secondsAtMost: number,
  foreground: Foreground,
  engine: string | null,
): Promise<void> {
  const kept = (await store.find(device.id))?.factors ?? null;
  const due = dueFits(kept, roofs, engine, askedOf(asked, device));
  if (due === null) return;
  foreground.say(
    `fitting how near the engine comes to the roofs of ${device.id}${due.why}: ${Math.ceil(secondsAtMost)} s at most; Ctrl-C goes on without, --no-roofs never fits`,
  );
  const until = performance.now() + 1000 * secondsAtMost;
  let factors = due.base;
  try {
    for (const [index, asks] of due.fits.entries()) {
      const left = (until - performance.now()) / 1000 / (due.fits.length - index);
      const options = { quick: true, types: asks.types, threads: [asks.threads] };
      const fitIn = (seconds: number) => fitFactors(device, roofs, sysRoot, options, foreground, seconds);
      const found = await fitIn(left).catch((error: unknown) => {
        if (toFailure(error).code !== 'timed-out') throw error;
        foreground.say(
          `no operator was timed in ${formatValue(left, 's')}, since others have the CPUs: tried once more, for ${formatValue(2 * left, 's')} at most`,
        );
        return fitIn(2 * left);
      });
      factors = (await store.put(factors === null ? found : withFit(factors, found))).factors;
    }
  } catch (error) {
    const what =
      factors === null ? `no factors of ${device.id}` : `the factors of ${device.id} stay as they are`;
    foreground.say(`${what}: ${toFailure(error).message}; \`ridge factors\` fits them at leisure`);
  }
}
