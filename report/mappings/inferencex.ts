import type { WarningCode } from '../../core/result/warnings.js';
import { metricOf, type Row } from '../rows.js';
import { type ExportMapping, fromMetric, type MappedValue, ofMetric, onGpu, sequencesOf } from './mapping.js';

/** Warnings after which InferenceX would not have called its power valid. */
const DISQUALIFY: ReadonlySet<WarningCode> = new Set<WarningCode>([
  'meter-gap',
  'meter-uncovered',
  'counter-reset',
  'counter-stuck',
  'energy-shared',
  'other-device',
  'counter-integral-disagree',
]);

/** Energy as InferenceX's power audit names it (its metric schema version 2). */
export const INFERENCEX: ExportMapping = {
  tool: 'InferenceX',
  about:
    'InferenceX integrates power readings over a benchmark window by trapezoids; here a counter goes first, and the integral is its cross-check.',
  fields: [
    {
      name: 'power_valid',
      unit: '',
      meaning:
        '1 when the row is valid, has an energy, and none of its repeats lost theirs to faulty readings.',
      of: (row) => ({ value: powerIsValid(row) ? 1 : 0 }),
    },
    {
      name: 'power_metric_schema_version',
      unit: '',
      meaning: 'The version of InferenceX whose field names these are.',
      of: () => ({ value: 2 }),
    },
    {
      name: 'avg_power_w',
      unit: 'W',
      meaning: 'Mean power of one GPU: energy over time of prefill and decode.',
      of: (row) => onGpu(row, () => ofMetric(row, 'averagePowerWatts')),
    },
    {
      name: 'avg_total_gpu_power_w',
      unit: 'W',
      meaning: 'The same, since a trial has one GPU to itself.',
      of: (row) => onGpu(row, () => ofMetric(row, 'averagePowerWatts')),
    },
    {
      name: 'total_gpu_energy_j',
      unit: 'J',
      meaning: 'Gross energy of all timed repeats together, rests left out.',
      of: (row) => onGpu(row, () => ofMetric(row, 'energyJoules', row.trial.repeats.count)),
    },
    fromMetric(
      'joules_per_successful_query',
      'J',
      'Energy of a repeat over its sequences; none of them can fail alone.',
      'energyJoules',
      (row) => 1 / sequencesOf(row),
    ),
    {
      name: 'joules_per_input_token',
      unit: 'J/token',
      meaning:
        'All energy over prompt tokens: that of decoding is in it, so it is not the cost of the prompt.',
      of: perInputToken,
    },
    fromMetric(
      'joules_per_output_token',
      'J/token',
      'All energy over generated tokens: that of the prompt is in it.',
      'energyPerOutputTokenJoules',
    ),
    fromMetric(
      'joules_per_total_token',
      'J/token',
      'All energy over prompt and generated tokens.',
      'energyPerTotalTokenJoules',
    ),
  ],
};

function powerIsValid(row: Row): boolean {
  const known = metricOf(row, 'energyJoules') !== null;
  return row.state === 'valid' && known && row.warnings.every(({ code }) => !DISQUALIFY.has(code));
}

function perInputToken(row: Row): MappedValue {
  const prompts = row.trial.phases.filter(({ name }) => name === 'prefill');
  const tokens = prompts[0]?.tokens ?? 0;
  return tokens === 0
    ? { value: null, reason: 'the workload has no prefill phase' }
    : ofMetric(row, 'energyJoules', 1 / tokens);
}
