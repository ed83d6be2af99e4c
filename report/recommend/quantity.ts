import { type Reading, refused } from '../../core/input/reading.js';
import { nearest } from '../../core/input/suggest.js';
import { METRICS, type MetricDefinition, metricNamed } from '../../core/metrics/catalogue.js';
import { SLO_METRICS, type SloMetric } from '../../core/serving/slo.js';
import type { Better } from '../../core/sweep/spec.js';
import { labelOf } from '../columns.js';

/**
 * What a recommendation asks of a row: a metric of the catalogue; a percentile of a latency of its requests,
 * as an SLO of a sweep spells it; the memory that the row needs, on its device or of its process; or what a
 * million output tokens cost by a price list.
 */
export type Quantity =
  | { readonly kind: 'metric'; readonly metric: MetricDefinition }
  | { readonly kind: 'requests'; readonly latency: SloMetric; readonly share: number }
  | { readonly kind: 'memory' }
  | { readonly kind: 'cost' };

const REQUESTS = /^([a-z0-9]+):(?:p(\d{1,2}(?:\.\d{1,4})?)|max)$/;
const UNIT_SUFFIX = /(seconds|bytes|joules|watts|nats)$/;

/**
 * `ttftP90Seconds`, `TTFT p90` and `ttft-p90` are one word: the heading of the table, and the unit that may
 * stand behind it.
 */
const plain = (word: string) => word.toLowerCase().replace(/[^a-z0-9/%]/g, '');
const HEADINGS: ReadonlyMap<string, MetricDefinition> = headings();

/** Headings that two metrics share (of different workloads) name neither. */
function headings(): Map<string, MetricDefinition> {
  const found = new Map<string, MetricDefinition | null>();
  for (const metric of METRICS) {
    const word = plain(labelOf(metric));
    found.set(word, found.has(word) ? null : metric);
  }
  return new Map([...found].flatMap(([word, metric]) => (metric === null ? [] : [[word, metric]])));
}

/**
 * @returns what a word names: `memory`, `cost`, `ttft:p95`, a metric of the catalogue, or its heading in
 *   tables.
 */
export function readQuantity(word: string): Reading<Quantity> {
  const text = word.trim();
  if (text === 'memory' || text === 'cost') return { ok: true, value: { kind: text } };
  const [, name, percentile] = REQUESTS.exec(text) ?? [];
  if (name !== undefined) {
    const latency = SLO_METRICS.find((known) => known === name);
    if (latency === undefined)
      return refused(
        `${JSON.stringify(name)} is no latency of requests: there are ${SLO_METRICS.join(', ')}`,
      );
    const share = percentile === undefined ? 1 : Number(percentile) / 100;
    return { ok: true, value: { kind: 'requests', latency, share } };
  }
  const bare = plain(text);
  const metric = metricNamed(text) ?? HEADINGS.get(bare) ?? HEADINGS.get(bare.replace(UNIT_SUFFIX, ''));
  if (metric !== undefined) return { ok: true, value: { kind: 'metric', metric } };
  const guess = nearest(text, [...METRICS.map(({ name: known }) => known), 'memory', 'cost']);
  const help = guess === null ? 'docs/metrics.md has them all' : `did you mean ${guess}?`;
  return refused(`there is no metric ${JSON.stringify(text)}: ${help}`);
}

/** @returns what it is called in words that `readQuantity` reads. */
export function quantityName(quantity: Quantity): string {
  if (quantity.kind === 'metric') return quantity.metric.name;
  if (quantity.kind !== 'requests') return quantity.kind;
  const { latency, share } = quantity;
  return `${latency}:${share === 1 ? 'max' : `p${Number((100 * share).toPrecision(6))}`}`;
}

/** @returns its unit; null = that of the price list. */
export function unitOf(quantity: Quantity): string | null {
  if (quantity.kind === 'metric') return quantity.metric.unit;
  return { requests: 's', memory: 'B', cost: null }[quantity.kind];
}

/** @returns which way is better; null = neither. */
export function betterOf(quantity: Quantity): Better | null {
  return quantity.kind === 'metric' ? quantity.metric.better : 'min';
}

/** How much of a unit people write behind a number. */
const FACTORS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  s: { us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600 },
  B: {
    B: 1,
    kB: 1e3,
    MB: 1e6,
    GB: 1e9,
    TB: 1e12,
    KiB: 2 ** 10,
    MiB: 2 ** 20,
    GiB: 2 ** 30,
    TiB: 2 ** 40,
  },
  J: { mJ: 1e-3, J: 1, kJ: 1e3, Wh: 3600, kWh: 3.6e6 },
  'J/token': { µJ: 1e-6, mJ: 1e-3, J: 1, 'mJ/token': 1e-3, 'J/token': 1 },
  'tokens/s': { k: 1e3, 't/s': 1, 'tokens/s': 1 },
  ratio: { '%': 0.01 },
};

/**
 * @returns a number with the unit that may stand behind it, in the unit of the quantity; a sentence where it
 *   is none.
 */
export function readAmount(text: string, quantity: Quantity): number | string {
  const [, number = '', suffix = ''] =
    /^([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(\S*)$/i.exec(text.trim()) ?? [];
  const unit = unitOf(quantity);
  if (number === '') return `${JSON.stringify(text)} is no number`;
  const known = FACTORS[unit ?? ''] ?? {};
  const factor = suffix === '' || suffix === unit ? 1 : known[suffix];
  if (factor !== undefined) return Number(number) * factor;
  const words = Object.keys(known);
  const name = quantityName(quantity);
  return `${JSON.stringify(suffix)} is no unit of ${name}: ${
    words.length === 0
      ? `write a number in ${unit ?? 'the currency of the prices'}`
      : `there are ${words.join(', ')}`
  }`;
}
