import type { Row } from '../rows.js';
import { type ExportMapping, fromMetric, type MappedValue, ofMetric, onGpu } from './mapping.js';

/** Energy as Zeus's ZeusMonitor returns it for a window; a window is one repeat. */
export const ZEUS: ExportMapping = {
  tool: 'Zeus',
  about:
    'A window of Zeus is one repeat here: the mean over all timed ones. Where a repeat was too short, it is the work repeated without a pause, over how often.',
  fields: [
    fromMetric('time', 's', 'Mean time of a repeat, prefill and decode.', 'averageLatencySeconds'),
    {
      name: 'gpu_energy',
      unit: 'J',
      meaning: 'Gross energy of the board of the trial; never that of CPUs.',
      of: (row) => onGpu(row, () => ofMetric(row, 'energyJoules')),
    },
    {
      name: 'cpu_energy',
      unit: 'J',
      meaning: 'Gross energy of all CPU packages, where no memory is metered beside them.',
      of: cpuEnergy,
    },
    {
      name: 'dram_energy',
      unit: 'J',
      meaning: 'Gross energy of memory alone, which Zeus keeps apart.',
      of: () => ({ value: null, reason: 'the energy of a trial adds packages and memory up' }),
    },
    {
      name: 'total_energy',
      unit: 'J',
      meaning: 'In Zeus the sum over GPUs alone, whatever its name; a trial has one.',
      of: (row) => onGpu(row, () => ofMetric(row, 'energyJoules')),
    },
    {
      name: 'average_power',
      unit: 'W',
      meaning: 'Energy over time of a repeat.',
      of: (row) => ofMetric(row, 'averagePowerWatts'),
    },
  ],
};

function cpuEnergy(row: Row): MappedValue {
  const entry = row.trial.measurements.energyJoules;
  if (entry?.value == null) return ofMetric(row, 'energyJoules');
  const source = entry.source ?? '';
  if (!source.includes('package')) return { value: null, reason: `the energy is of ${source}` };
  return source.includes('dram')
    ? { value: null, reason: `packages and memory were added up (${source})` }
    : ofMetric(row, 'energyJoules');
}
