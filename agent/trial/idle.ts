import { baselineWarnings } from '../meters/baseline.js';
import { findMeters, measuresEnergy } from '../meters/index.js';
import { Recorder } from '../meters/recorder.js';
import type { TrialRun } from './context.js';

/** GPUs of a trial, as one word. */
const devicesIn = (gpus: readonly string[]) => gpus.join('+');

/**
 * Notes the idle power of what a trial runs on. It is read now, unless an earlier trial of the sweep did.
 * @param gpus that are read together; on a CPU its device.
 * @param recorder of meters that have been started.
 */
export async function noteBaseline(
  { lease, node, notes }: TrialRun,
  gpus: readonly string[],
  recorder: Recorder,
): Promise<void> {
  const { idleSeconds } = node.limits;
  const baseline = await node.idle.measuredOnce(lease.sweepId, devicesIn(gpus), idleSeconds, () =>
    recorder.series(notes.originSeconds),
  );
  if (baseline === null) return;
  const { watts, measuredAt, seconds, busyCores } = baseline;
  notes.idleWatts = watts;
  notes.idle = { measuredAt, seconds, busyCores };
  notes.warnings.push(...baselineWarnings(baseline, lease.experiment.measure.maxForeignCores));
}

/**
 * The same before a server is started, with meters of its own: a loaded server draws power even when nobody
 * asks it. A server that an earlier trial left draws power, too, so it is stopped if idle power has to be
 * read again.
 */
export async function noteIdle(trial: TrialRun, gpus: readonly string[]): Promise<void> {
  const { lease, node, device } = trial;
  const wanted = lease.experiment.measure.meters;
  if (wanted === 'off' || node.limits.idleSeconds === 0) return;
  if (node.idle.has(lease.sweepId, devicesIn(gpus))) {
    await noteBaseline(trial, gpus, new Recorder([]));
    return;
  }
  const { meters, periods } = findMeters(node.meters, node.nvml, device.id, wanted, gpus);
  const measures = meters.some(measuresEnergy);
  if (measures) await node.servers.free(device.id);
  const recorder = new Recorder(meters, periods);
  recorder.start();
  try {
    if (measures) await noteBaseline(trial, gpus, recorder);
  } finally {
    recorder.stop();
  }
}
