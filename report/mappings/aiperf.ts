import type { Row } from '../rows.js';
import { type ExportMapping, type FieldMapping, fromMetric, type MappedValue, ofMetric } from './mapping.js';
import { mean, percentile, type ServedRun, servedField } from './served.js';

/**
 * Energy and servers under load as NVIDIA's AIPerf names them. Where no server was asked, a request is a
 * sequence of ours: a prompt and what is generated after it.
 */
export const AIPERF: ExportMapping = {
  tool: 'AIPerf',
  about:
    'AIPerf reads counters over a whole run of a load generator with a grace of 666 ms; here it is the timed repeats alone, rests left out.',
  fields: [
    {
      name: 'total_gpu_energy',
      unit: 'J',
      meaning: 'Gross energy of all timed repeats together, of the board of the trial.',
      mappedValue: (row) => onGpu(row, () => ofMetric(row, 'energyJoules', row.trial.repeats.count)),
    },
    {
      name: 'average_gpu_power',
      unit: 'W',
      meaning: 'Energy over time of prefill and decode; no mean of power readings.',
      mappedValue: (row) => onGpu(row, () => ofMetric(row, 'averagePowerWatts')),
    },
    fromMetric(
      'energy_per_output_token_mj',
      'mJ',
      'All energy over generated tokens: that of the prompt is in it.',
      'energyPerOutputTokenJoules',
      () => 1000,
    ),
    fromMetric(
      'energy_per_total_token_mj',
      'mJ',
      'All energy over prompt and generated tokens, as if both cost the same.',
      'energyPerTotalTokenJoules',
      () => 1000,
    ),
    fromMetric(
      'energy_per_request_j',
      'J',
      'Energy of a repeat over its sequences.',
      'energyJoules',
      perSequence,
    ),
    fromMetric(
      'output_tokens_per_joule',
      'tokens/J',
      'Generated tokens over all energy, that of the prompt included.',
      'tokensPerJoule',
    ),
    {
      name: 'performance_per_watt',
      unit: '1/J',
      meaning: 'Sequences per second over watts, which is sequences per joule.',
      mappedValue: (row) => inverse(ofMetric(row, 'energyJoules', perSequence(row))),
    },
    fromMetric(
      'output_tps_per_watt',
      'tokens/J',
      'Generated tokens per second over watts: the same number as output_tokens_per_joule.',
      'tokensPerJoule',
    ),
    {
      name: 'goodput_per_watt',
      unit: '1/J',
      meaning: 'Requests within their limits of latency per joule.',
      mappedValue: () => ({
        value: null,
        reason: 'a latency workload has no limits of latency that a request could miss',
      }),
    },
    fromMetric(
      'energy_per_user',
      'J',
      'Energy of all timed repeats over the sequences that run side by side.',
      'energyJoules',
      (row) => row.trial.repeats.count * perSequence(row),
    ),
    fromMetric(
      'energy_delay_product',
      'J*s',
      'Energy of a sequence times the time of its repeat.',
      'energyDelayProductJouleSeconds',
      perSequence,
    ),
    servedField('request_count', '', 'Requests with a whole answer.', ({ complete }) => complete.length),
    servedField(
      'request_throughput',
      '1/s',
      'Whole answers over the time from the first dispatch to the last end.',
      ({ complete, seconds }) => complete.length / seconds,
    ),
    servedField(
      'output_token_throughput',
      'tokens/s',
      'Output tokens of whole answers over the same time.',
      ({ outputTokens, seconds }) => outputTokens / seconds,
    ),
    ...latency(
      'time_to_first_token',
      'From dispatch to the first token of any kind, of whole answers.',
      ({ ttft }) => ttft,
    ),
    ...latency(
      'inter_token_latency',
      'Of each request: time after the first token over output tokens less one. Ours (TPOT) leaves out all tokens of the first chunk.',
      ({ perToken }) => perToken,
    ),
    ...latency('request_latency', 'From dispatch to the end of whole answers.', ({ e2e }) => e2e),
  ],
};

/** As the path in its JSON. */
function latency(name: string, meaning: string, of: (run: ServedRun) => Float64Array): FieldMapping[] {
  const figures = [
    ['avg', mean],
    ...([50, 90, 99] as const).map(
      (p) => [`p${p}`, (values: Float64Array) => percentile(values, p / 100)] as const,
    ),
  ] as const;
  return figures.map(([key, figure]) =>
    servedField(`${name}.${key}`, 'ms', meaning, (run) => {
      const seconds = figure(of(run));
      return seconds === null ? null : 1000 * seconds;
    }),
  );
}

function inverse(said: ReturnType<typeof ofMetric>): ReturnType<typeof ofMetric> {
  if ('reason' in said) return said;
  return typeof said.value === 'number' && said.value > 0
    ? { value: 1 / said.value }
    : { value: null, reason: 'there is no energy to divide by' };
}

/** Over the sequences of the workload that run side by side: the requests of AIPerf. */
function perSequence({ experiment }: Row): number {
  const { parallel } = experiment.workload.options;
  return 1 / (typeof parallel === 'number' ? parallel : 1);
}

/** For words that say GPU: a trial on CPUs has nothing of the kind. */
function onGpu(row: Row, said: () => MappedValue): MappedValue {
  return row.trial.device.class.startsWith('cpu')
    ? { value: null, reason: 'the trial ran on CPUs, whose energy is that of packages and memory' }
    : said();
}
