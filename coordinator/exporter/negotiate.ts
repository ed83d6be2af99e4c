import type { Family } from '../../core/metrics/families.js';
import { OPENMETRICS_TEXT, openMetricsText, PLAIN_TEXT, plainText } from '../../core/metrics/text.js';

type ExpositionFormat = 'plain' | 'openmetrics';

interface Answer {
  readonly contentType: string;
  readonly body: string;
}

/** @returns families in the format that the reader likes best. */
export function answer(accept: string, families: readonly Family[]): Answer {
  return formatFor(accept) === 'openmetrics'
    ? { contentType: OPENMETRICS_TEXT, body: openMetricsText(families) }
    : { contentType: PLAIN_TEXT, body: plainText(families) };
}

/** The format with the greater weight in an Accept header: of equals OpenMetrics, which has exemplars; of none plain text. */
export function formatFor(accept: string): ExpositionFormat {
  const weights = { openmetrics: 0, plain: 0 };
  for (const part of accept.split(',')) {
    const [type, ...parameters] = part.split(';').map((one) => one.trim().toLowerCase());
    if (type !== 'application/openmetrics-text' && type !== 'text/plain') continue;
    const weight = parameters.find((one) => one.startsWith('q='));
    const format = type === 'text/plain' ? 'plain' : 'openmetrics';
    weights[format] = Math.max(weights[format], weight === undefined ? 1 : Number(weight.slice(2)) || 0);
  }
  return weights.openmetrics > 0 && weights.openmetrics >= weights.plain ? 'openmetrics' : 'plain';
}
