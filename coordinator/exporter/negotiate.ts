import type { Family } from '../../core/metrics/families.js';
import { OPENMETRICS_TEXT, openMetricsText, PLAIN_TEXT, plainText } from '../../core/metrics/text.js';
import { PROTOBUF, protobufText } from './protobuf.js';

export type ExpositionFormat = 'plain' | 'openmetrics' | 'protobuf';

interface Answer {
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

/** @returns families in the format that the reader likes best. */
export function answer(accept: string, families: readonly Family[]): Answer {
  switch (formatFor(accept)) {
    case 'protobuf':
      return { contentType: PROTOBUF, body: protobufText(families) };
    case 'openmetrics':
      return { contentType: OPENMETRICS_TEXT, body: openMetricsText(families) };
    case 'plain':
      return { contentType: PLAIN_TEXT, body: plainText(families) };
  }
}

/**
 * The format with the greatest weight in an Accept header. Protobuf, which alone carries native histograms, wins over
 * OpenMetrics, which has exemplars, and that over plain text; who asks for none of them gets plain text.
 */
export function formatFor(accept: string): ExpositionFormat {
  const weights: Record<ExpositionFormat, number> = { protobuf: 0, openmetrics: 0, plain: 0 };
  for (const part of accept.split(',')) {
    const [type = '', ...parameters] = part.split(';').map((one) => one.trim().toLowerCase());
    const format = formatOf(type, parameters);
    if (format === null) continue;
    const weight = parameters.find((one) => one.startsWith('q='));
    weights[format] = Math.max(weights[format], weight === undefined ? 1 : Number(weight.slice(2)) || 0);
  }
  const best = (['protobuf', 'openmetrics', 'plain'] as const).reduce((a, b) =>
    weights[b] > weights[a] ? b : a,
  );
  return weights[best] > 0 ? best : 'plain';
}

function formatOf(type: string, parameters: readonly string[]): ExpositionFormat | null {
  if (type === 'application/openmetrics-text') return 'openmetrics';
  if (type === 'text/plain') return 'plain';
  const delimited =
    type === 'application/vnd.google.protobuf' &&
    parameters.includes('proto=io.prometheus.client.metricfamily') &&
    parameters.includes('encoding=delimited');
  return delimited ? 'protobuf' : null;
}
