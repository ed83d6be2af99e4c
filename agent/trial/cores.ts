import { runnerNamed } from '../../core/runners/index.js';
import { NOTHING } from '../cores/usual.js';
import { CoresWatch } from '../cores/watch.js';
import type { Channel } from '../isolation/channel.js';
import { monotonicSeconds } from '../isolation/clock.js';
import { type CoresFound, openCores, type ReadCores } from '../native/cores.js';
import type { TrialReport, TrialRequest } from './job.js';

/** What a trial asks the cores that it runs on. */
export interface TrialCores {
  /** Waits until they lie as they usually do on this machine, then tells the parent how they lie. */
  settle(): Promise<void>;
  /** Tells the parent how they lie now. */
  look(): void;
}

/** @param open what opens our library; a test gives its own. @returns what asks nothing where the trial does not run on CPUs, or invents its numbers. */
export async function trialCores(
  {
    deviceClass,
    cpus,
    measure,
    served,
    runner,
    usualCores = NOTHING,
  }: Pick<TrialRequest, 'deviceClass' | 'cpus' | 'measure' | 'served' | 'runner' | 'usualCores'>,
  channel: Pick<Channel<TrialReport>, 'send' | 'stopReason'>,
  open: () => Promise<ReadCores> = openCores,
  idle?: (seconds: number) => Promise<void>,
): Promise<TrialCores> {
  // What a runner invents does not depend on them.
  const pretends = (runnerNamed(runner.kind)?.pretends ?? null) !== null;
  if (deviceClass !== 'cpu' || served !== undefined || measure.meters === 'off' || pretends)
    return { settle: async () => {}, look() {} };
  // A library that does not open is told of by whatever else needs it.
  const ask = await open().catch(() => () => null);
  // One thread waits for no other: how far the other CPUs lie from its own is nothing to wait for.
  const awaited = runner.options.threads === 1 ? { ...usualCores, latencies: {} } : usualCores;
  const watch = new CoresWatch(ask, cpus, { known: () => awaited }, measure, idle);
  const tell = (found: CoresFound | null) => {
    if (found !== null) channel.send({ type: 'cores', seconds: monotonicSeconds(), ...found });
  };
  return {
    settle: async () => tell(await watch.settle(() => channel.stopReason() !== null)),
    look: () => tell(watch.look()),
  };
}
