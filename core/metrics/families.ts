import { getOrMake } from '../maps.js';

/**
 * Metrics as families of series: what every format that leaves (Prometheus' texts, OTLP, back-filled history)
 * is written from.
 */

export type Labels = Readonly<Record<string, string>>;

export interface Family {
  /** Counters end in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly kind: 'gauge' | 'counter' | 'histogram';
  readonly series: readonly Series[];
}

export interface Series {
  readonly labels: Labels;
  readonly value: number | Distribution;
}

/** What a histogram holds of one set of labels. */
export interface Distribution {
  readonly count: number;
  readonly sum: number;
  /** Upper bounds, rising, the last one +Inf; counts are cumulative. */
  readonly buckets: readonly Bucket[];
}

export interface Bucket {
  readonly bound: number;
  readonly count: number;
  readonly exemplar: Exemplar | null;
}

export interface Exemplar {
  readonly labels: Labels;
  readonly value: number;
  /** Seconds since 1970. */
  readonly seconds: number;
}

/** A family as prom-client gives it (getMetricsAsJSON): one entry per line of text. */
interface Listed {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly values: readonly {
    readonly value: number;
    readonly labels: Readonly<Record<string, string | number | undefined>>;
    readonly metricName?: string;
    readonly exemplar?: {
      readonly labelSet: Labels;
      readonly value: number;
      readonly timestamp: number;
    } | null;
  }[];
}

export function familiesOf(listed: readonly Listed[]): Family[] {
  return listed.map(({ name, help, type, values }): Family => {
    if (type === 'histogram') return { name, help, kind: type, series: distributions(name, values) };
    const kind = type === 'counter' ? 'counter' : 'gauge';
    return {
      name,
      help,
      kind,
      series: values.map(({ labels, value }) => ({ labels: labelValues(labels), value })),
    };
  });
}

function distributions(name: string, values: Listed['values']): Series[] {
  const found = new Map<string, { labels: Labels; count: number; sum: number; buckets: Bucket[] }>();
  for (const { labels, value, metricName, exemplar } of values) {
    const { le, ...rest } = labelValues(labels);
    const key = JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
    const one = getOrMake(found, key, () => ({ labels: rest, count: 0, sum: 0, buckets: [] }));
    if (metricName === `${name}_sum`) one.sum = value;
    else if (metricName === `${name}_count`) one.count = value;
    else {
      one.buckets.push({
        bound: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
        count: value,
        exemplar: exemplar
          ? { labels: exemplar.labelSet, value: exemplar.value, seconds: exemplar.timestamp }
          : null,
      });
    }
  }
  return [...found.values()].map(({ labels, ...value }) => ({ labels, value }));
}

function labelValues(labels: Readonly<Record<string, string | number | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value ?? '')]));
}
