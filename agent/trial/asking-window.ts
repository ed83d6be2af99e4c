import { leasedDevices } from '../../core/experiment/lease.js';
import { energySources } from '../../core/metrics/energy.js';
import { cleanSeries } from '../../core/metrics/series.js';
import type { QualityFacts } from '../../core/quality/record.js';
import { nodeDemands } from '../../core/runners/node-demands.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { findMeters, measuresEnergy } from '../meters/index.js';
import { Recorder } from '../meters/recorder.js';
import type { TrialRun } from './context.js';
import { isElsewhere, type ServedModel } from './serve.js';

/**
 * Reads the sources of energy while a model is asked.
 * @param served null = a model in a child of ours.
 * @returns a function that ends it and may be called again: the gross joules of the node's source, or why
 *   there are none.
 */
export function askingWindow(trial: TrialRun, served: ServedModel | null): () => QualityFacts['window'] {
  const { lease, node, device } = trial;
  const startSeconds = monotonicSeconds();
  const elsewhere = whyElsewhere(trial, served);
  const wanted = elsewhere === null ? lease.experiment.measure.meters : 'off';
  const gpus = served?.gpus ?? leasedDevices(lease);
  const { meters, absent, periods } = findMeters(node.meters, node.nvml, device.id, wanted, gpus);
  const energy = meters.filter(measuresEnergy);
  for (const meter of meters) if (!measuresEnergy(meter)) meter.close();
  const recorder = new Recorder(energy, periods);
  recorder.start();
  let window: QualityFacts['window'] | null = null;
  return () => {
    if (window !== null) return window;
    const endSeconds = monotonicSeconds();
    recorder.stop();
    const seconds = endSeconds - startSeconds;
    const { primary } = energySources(recorder.series(0).map(cleanSeries), lease.experiment.device);
    if (primary === null) {
      const reason = elsewhere ?? absent.energy ?? 'no source of energy told anything';
      window = { seconds, joules: null, source: null, reason };
    } else {
      const reading = primary.joules([{ startSeconds, endSeconds }]);
      const reason = reading.value === null ? reading.reason : null;
      window = { seconds, joules: reading.value, source: primary.label, reason };
    }
    return window;
  };
}

/** What this node draws is not what a model takes that computes elsewhere, or partly so. */
function whyElsewhere({ lease }: TrialRun, served: ServedModel | null): string | null {
  const { rpcServers } = nodeDemands(lease.experiment.runner.options);
  if (rpcServers.length > 0)
    return 'a part of the model was on RPC servers, whose energy this node does not measure';
  return isElsewhere(served) ? 'the server is elsewhere, and this node does not measure its energy' : null;
}
