import {
  type Figure,
  LATENCY_NAMES,
  LATENCY_PARTS,
  type LatencyName,
  type ServingAnswer,
} from '../../batching/serving-answer.js';
import { NO_VALUE } from '../../core/metrics/format.js';
import { type Scale, scaled, scaleOf } from '../../report/scale.js';
import { plainTable } from '../output/plain-table.js';

const LATENCY_TITLES: Readonly<Record<LatencyName, string>> = {
  ttft: 'TTFT',
  tpot: 'TPOT',
  itl: 'ITL',
  e2e: 'end to end',
  queue: 'in the queue',
};

/** One load on one server, in full. */
export function answerText(answer: ServingAnswer): string {
  const { load, devices, source, server } = answer;
  return [
    load,
    `on ${devices} device${devices === 1 ? '' : 's'} by ${source}: ${server}`,
    '',
    latencyTable(answer),
    '',
    plainTable(['', 'predicted', '90 % band'], figureRows(answer)),
    ...refusalLines(answer),
  ].join('\n');
}

const latencyTable = (answer: ServingAnswer) => plainTable(...latencyRows(answer));

/** @returns the heads of a table of latencies, and a row of each. */
export function latencyRows({ latencies }: ServingAnswer): [head: string[], rows: string[][]] {
  const rows = LATENCY_NAMES.map((name) => {
    const figures = LATENCY_PARTS.map((part) => latencies[name][part]);
    const scale = scaleOf(
      's',
      figures.flatMap((figure) => figure?.value ?? []),
    );
    return [`${LATENCY_TITLES[name]} (${scale.unit})`, ...figures.map((figure) => banded(figure, scale))];
  });
  return [['', ...LATENCY_PARTS], rows];
}

/** How a band comes about. */
export function bandText(answers: readonly ServingAnswer[]): string {
  const ratios = answers.map(({ bandRatio }) => bandRatio);
  const ends = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2));
  const times = [...new Set(ends)].join(' to ');
  return `Bands: the load simulated with all steps ${times} times faster and slower, between which nine of ten measured ones are expected.`;
}

/** `42.0 [37.1, 48.2]`; a band of nothing is left out. */
function banded(figure: Figure | null, scale: Scale): string {
  if (figure === null) return NO_VALUE;
  const band = bandOf(figure, scale);
  const value = scaled(figure.value, scale);
  return band === '' ? value : `${value} ${band}`;
}

/** The end of a band that has none. */
const ENDLESS = '∞';

function bandOf({ low, high }: Figure, scale: Scale): string {
  const [from, to] = [scaled(low, scale), high === null ? ENDLESS : scaled(high, scale)];
  return from === to ? '' : `[${from}, ${to}]`;
}

/** What is said beside latencies: a name, the number and its band. */
export function figureRows(answer: ServingAnswer): (readonly [string, string, string])[] {
  const { goodput, heldPerSecond, highest } = answer;
  const row = (name: string, figure: Figure | null, scale: Scale) =>
    figure === null
      ? []
      : [[name, `${scaled(figure.value, scale)} ${scale.unit}`.trim(), bandOf(figure, scale)] as const];
  const number = (name: string, figure: Figure | null) =>
    row(name, figure, { unit: '', divisor: 1, decimals: decimalsOf(figure?.value ?? 0) });
  const percent = (name: string, figure: Figure | null) =>
    row(name, figure, { unit: '%', divisor: 0.01, decimals: 1 });
  return [
    ...number('requests/s', answer.requestsPerSecond),
    ...number('requests/s that it holds', heldPerSecond),
    ...(highest === null ? [] : number(`highest ${highest.of} that keeps ${goodput?.slo}`, highest.load)),
    ...number('output tokens/s', answer.outputTokensPerSecond),
    ...number('prompt tokens/s', answer.promptTokensPerSecond),
    ...(goodput === null
      ? []
      : [
          ...percent(`requests that keep ${goodput.slo}`, goodput.share),
          ...number('such requests/s (goodput)', goodput.perSecond),
        ]),
    ...number('requests in the queue, mean', answer.meanQueued),
    ...number('requests in the queue, most', answer.mostQueued),
    ...number('requests that run, mean', answer.meanRunning),
    ...percent('KV cache in use, mean', answer.meanCacheUse),
    ...percent('KV cache in use, most', answer.mostCacheUse),
    ...percent('prompt tokens from the cache', answer.cachedShare),
    ...number('preemptions', answer.preemptions),
  ];
}

/** Three significant digits, and none behind the point of whole numbers. */
function decimalsOf(value: number): number {
  if (Number.isInteger(value) || value === 0) return 0;
  return Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
}

const MOST_REASONS = 3;

function refusalLines({ refusals }: ServingAnswer): string[] {
  const more = refusals.length - MOST_REASONS;
  return [
    ...refusals
      .slice(0, MOST_REASONS)
      .map(({ reason, requests }) => `refused: ${requests} requests, ${reason}`),
    ...(more > 0 ? [`refused: others for ${more} more reasons (--json has them)`] : []),
  ];
}

/** What tables of several points show of each: its head, and the number. */
const COLUMNS: readonly (readonly [
  head: string,
  unit: 's' | '' | '%',
  of: (answer: ServingAnswer) => Figure | null,
])[] = [
  ['TTFT p50', 's', ({ latencies }) => latencies.ttft.p50],
  ['TTFT p95', 's', ({ latencies }) => latencies.ttft.p95],
  ['TPOT p50', 's', ({ latencies }) => latencies.tpot.p50],
  ['TPOT p95', 's', ({ latencies }) => latencies.tpot.p95],
  ['end to end p95', 's', ({ latencies }) => latencies.e2e.p95],
  ['requests/s', '', ({ requestsPerSecond }) => requestsPerSecond],
  ['output tokens/s', '', ({ outputTokensPerSecond }) => outputTokensPerSecond],
  ['goodput', '%', ({ goodput }) => goodput?.share ?? null],
  ['queue', '', ({ meanQueued }) => meanQueued],
  ['KV cache', '%', ({ meanCacheUse }) => meanCacheUse],
];

/** A line for each load, the same unit in each column. */
export function answersCells(
  answered: readonly { readonly label: string; readonly answer: ServingAnswer }[],
): { readonly head: string[]; readonly rows: string[][] } {
  const shown = COLUMNS.filter(([, , of]) => answered.some(({ answer }) => of(answer) !== null));
  const columns = shown.map(([head, unit, of]) => {
    const figures = answered.map(({ answer }) => of(answer));
    const values = figures.flatMap((figure) => figure?.value ?? []);
    const scale =
      unit === '%' ? { unit, divisor: 0.01, decimals: 1 } : scaleOf(unit === 's' ? 's' : 'ratio', values);
    const name = unit === 's' ? `${head} (${scale.unit})` : unit === '%' ? `${head} (%)` : head;
    return { name, cells: figures.map((figure) => banded(figure, scale)) };
  });
  return {
    head: ['load', ...columns.map(({ name }) => name)],
    rows: answered.map(({ label }, i) => [label, ...columns.map(({ cells }) => cells[i]!)]),
  };
}
