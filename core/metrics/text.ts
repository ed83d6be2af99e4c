import type { Exemplar, Family, Labels, Series } from './families.js';

/**
 * Content types of the two text formats (prometheus.io/docs/instrumenting/exposition_formats, OpenMetrics
 * 1.0).
 */
export const PLAIN_TEXT = 'text/plain; version=0.0.4; charset=utf-8';
export const OPENMETRICS_TEXT = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** The text that every Prometheus reads. */
export function plainText(families: readonly Family[]): string {
  return families
    .map(({ name, help, kind, series }) =>
      [
        `# HELP ${name} ${escaped(help)}`,
        `# TYPE ${name} ${kind}`,
        ...series.flatMap((one) => lines(name, one, () => '')),
        '',
      ].join('\n'),
    )
    .join('\n');
}

/** OpenMetrics: counters are named without their ending, buckets carry exemplars, the end is said. */
export function openMetricsText(families: readonly Family[]): string {
  return `${families
    .map(({ name, help, kind, series }) => {
      const family = kind === 'counter' ? name.replace(/_total$/, '') : name;
      return [
        `# HELP ${family} ${escaped(help).replaceAll('"', '\\"')}`,
        `# TYPE ${family} ${kind}`,
        ...series.flatMap((one) => lines(name, one, exemplarText)),
        '',
      ].join('\n');
    })
    .join('')}# EOF\n`;
}

function lines(
  name: string,
  { labels, value }: Series,
  exemplar: (exemplar: Exemplar | null) => string,
): string[] {
  if (typeof value === 'number') return [`${name}${labelText(labels)} ${numberText(value)}`];
  return [
    ...value.buckets.map(
      (bucket) =>
        `${name}_bucket${labelText({ le: numberText(bucket.bound), ...labels })} ${bucket.count}${exemplar(bucket.exemplar)}`,
    ),
    `${name}_sum${labelText(labels)} ${numberText(value.sum)}`,
    `${name}_count${labelText(labels)} ${value.count}`,
  ];
}

function exemplarText(exemplar: Exemplar | null): string {
  if (exemplar === null) return '';
  const { labels, value, seconds } = exemplar;
  return ` # ${labelText(labels)} ${numberText(value)} ${seconds}`;
}

/** `{a="1",b="2"}`, or nothing without labels. */
export function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`,
  );
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

/** A number as both texts write it. */
export function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

/** Backslash and line break, which would end a line early. */
export function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
