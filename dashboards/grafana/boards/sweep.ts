import { CustomVariableBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { METRICS, type MetricName } from '../../../core/metrics/catalogue.js';
import { type Board, type BoardRow, board, MODEL, SWEEP } from '../board.js';
import { shown, UNIT } from '../metric.js';
import { column } from '../of-metric.js';
import { bars, grid, number, overTime } from '../panels.js';
import { chosen, named, quantileOf, results } from '../query.js';
import { scatter } from '../scatter.js';

const POINTS = 'ridgepoint_sweep_points{sweep=~"$sweep"}';
const SETTLED = 'ridgepoint_sweep_points{sweep=~"$sweep", state=~"complete|failed|invalid"}';
const OPEN = 'ridgepoint_sweep_points{sweep=~"$sweep", state=~"queued|running"}';

const LATENCY = { by: ['model', 'quantization'], where: 'model=~"$model"' };

/** How far sweeps are, what came of them, and who is on the front. */
export function sweepBoard(): Board {
  return board({
    name: 'sweep',
    title: 'Sweep',
    description: 'How far sweeps are, what came of them so far, and which results no other beats.',
    variables: [
      SWEEP,
      MODEL,
      axis('x', 'Pareto: across', 'timePerOutputTokenSeconds'),
      axis('y', 'Pareto: up', 'modelBytes'),
    ],
    rows: [progressRow, resultsRow, latencyRow],
  });
}

const progressRow: BoardRow = {
  title: 'Progress',
  panels: [
    number({
      title: 'Settled',
      description: 'Share of the points that are complete, failed or invalid.',
      unit: UNIT.share,
      lines: { settled: `sum(${SETTLED}) / sum(${POINTS})` },
    }),
    number({
      title: 'Points',
      description: 'Points by where they stand.',
      unit: UNIT.count,
      width: 12,
      lines: { '{{state}}': `sum by (state) (${POINTS})` },
    }),
    number({
      title: 'Taken over',
      description: 'Complete points whose result an earlier sweep had measured already.',
      unit: UNIT.count,
      lines: { reused: 'sum(ridgepoint_sweep_reused_points{sweep=~"$sweep"})' },
    }),
    overTime({
      title: 'Points over time',
      description: 'Points of the chosen sweeps by where they stood.',
      unit: UNIT.count,
      width: 24,
      stacked: true,
      lines: { '{{state}}': `sum by (state) (${POINTS})` },
    }),
    bars({
      title: 'Points that are disturbed, invalid or failed',
      description:
        'Disturbed points count. By the code of the warning or failure; a point with two warnings counts under both. docs/metrics.md says what each means.',
      unit: UNIT.count,
      width: 8,
      lines: {
        'disturbed: {{code}}': 'sum by (code) (ridgepoint_sweep_disturbed_points{sweep=~"$sweep"})',
        'invalid: {{code}}': 'sum by (code) (ridgepoint_sweep_invalid_points{sweep=~"$sweep"})',
        'failed: {{code}}': 'sum by (code) (ridgepoint_sweep_failed_points{sweep=~"$sweep"})',
      },
    }),
    overTime({
      title: 'Duration of trials',
      description: 'Median of the newest finished trials of a sweep.',
      unit: UNIT.seconds,
      width: 8,
      lines: { '{{sweep}}': 'max by (sweep) (ridgepoint_sweep_trial_seconds{sweep=~"$sweep"})' },
    }),
    overTime({
      title: 'Time left',
      description:
        'Open points over the rate at which points were settled in the last 15 minutes. Nothing is shown while none was.',
      unit: UNIT.seconds,
      width: 8,
      lines: {
        '{{sweep}}': `sum by (sweep) (${OPEN}) / (sum by (sweep) (delta(${SETTLED}[15m])) > 0) * 900`,
      },
    }),
  ],
};

const resultsRow: BoardRow = {
  title: 'Results',
  panels: [
    scatter({
      title: 'Pareto: $x and $y',
      description:
        'Results by two metrics of choice. On the front are those that no exported result of their sweep beats in all objectives of the sweep, whatever is shown here.',
      x: { name: 'across', unit: UNIT.chosen, expr: front('ridgepoint_$x') },
      y: { name: 'up', unit: UNIT.chosen, expr: front('ridgepoint_$y') },
    }),
    bars({
      title: 'Fastest decoding',
      description: `The ten fastest. ${shown('decodeTokensPerSecond').help}`,
      unit: shown('decodeTokensPerSecond').unit,
      height: 12,
      lines: {
        '{{model}} {{quantization}} {{runner}} on {{node}} ({{experiment}})': `topk(10, max by (experiment, model, quantization, runner, node) (${results('decodeTokensPerSecond')}))`,
      },
    }),
    grid({
      title: 'Best of each objective',
      description: 'Which exported result is the best of its sweep by an objective.',
      by: ['sweep', 'objective', 'experiment', 'node'],
      height: 6,
      columns: [
        {
          name: 'decode',
          unit: shown('decodeTokensPerSecond').unit,
          expr: best('decodeTokensPerSecond'),
        },
        { name: 'weights', unit: shown('modelBytes').unit, expr: best('modelBytes') },
        { name: 'ended', unit: 'dateTimeAsIso', expr: best('ended') },
      ],
    }),
    grid({
      title: 'Newest results',
      description:
        'Valid results that are exported now; what lacks a measurement has an empty cell. `ridge results` has all of them.',
      by: ['model', 'quantization', 'runner', 'node', 'experiment'],
      sortBy: 'decode',
      columns: [
        column('decode', 'decodeTokensPerSecond'),
        column('prefill', 'prefillTokensPerSecond'),
        column('first token', 'timeToFirstTokenSeconds'),
        column('memory', 'peakResidentBytes'),
        column('weights', 'modelBytes'),
        column('perplexity', 'perplexity'),
        column('energy/token', 'energyPerOutputTokenJoules'),
        { name: 'on the front', unit: UNIT.count, expr: chosen('ridgepoint_result_on_front') },
      ],
    }),
  ],
};

const latencyRow: BoardRow = {
  title: 'Latency',
  panels: [
    bars({
      title: 'Gaps between tokens, 99th percentile',
      description:
        'Over every decode step of every valid trial in the chosen time, from buckets of steps of 1, 2 and 5.',
      unit: UNIT.seconds,
      lines: {
        '{{model}} {{quantization}}': quantileOf(0.99, 'ridgepoint_inter_token_latency_seconds', LATENCY),
      },
    }),
    bars({
      title: 'Time to first token, median',
      description: 'Over every repeat of every valid trial in the chosen time.',
      unit: UNIT.seconds,
      lines: {
        '{{model}} {{quantization}}': quantileOf(0.5, 'ridgepoint_first_token_latency_seconds', LATENCY),
      },
    }),
  ],
};

/** What the best results of the chosen sweeps have. */
function best(metric: MetricName | 'ended'): string {
  const own =
    metric === 'ended' ? `${chosen('ridgepoint_result_timestamp_seconds')} * 1000` : results(metric);
  const one = `max by (experiment, node, device) (${own})`;
  return `ridgepoint_sweep_best_info{sweep=~"$sweep"} * on (experiment, node, device) group_left () ${one}`;
}

/**
 * Splits the results of a series in those on their sweep's front and those that are beaten; some sweeps have
 * no front.
 */
function front(series: string): string {
  const vector = chosen(series);
  const joinedWithFront = (value: number) =>
    `and on (experiment, node, device) (ridgepoint_result_on_front == ${value})`;
  return [
    named(`(${vector} ${joinedWithFront(1)})`, 'on the front'),
    named(`(${vector} ${joinedWithFront(0)})`, 'beaten'),
    named(`(${vector} unless on (experiment, node, device) ridgepoint_result_on_front)`, 'no objectives'),
  ].join(' or ');
}

function axis(name: string, label: string, first: MetricName): CustomVariableBuilder {
  const bare = (metric: string) => metric.replace(/^ridgepoint_/, '');
  return new CustomVariableBuilder(name)
    .label(label)
    .description('A metric of results')
    .values(METRICS.map(({ prometheus }) => prometheus).join(','))
    .current({ text: bare(shown(first).series), value: bare(shown(first).series) });
}
