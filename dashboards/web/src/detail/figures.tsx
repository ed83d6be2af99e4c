import type { Estimate } from '../../../../core/quality/perplexity.js';
import { metricText } from '../../../../report/scale.js';

/** z of a 95 % interval of a normal distribution. */
const Z95 = 1.959964;

/** @returns an estimate as a metric is written, with its 95 % interval. */
export function estimateText(metric: string, { value, standardError }: Estimate): string {
  if (standardError === null) return metricText(metric, value);
  const half = Z95 * standardError;
  return metricText(metric, value, [value - half, value + half]);
}

/** A digest short enough to compare by eye; all of it as a hint. */
export function Digest({ digest }: { digest: string }) {
  return <code title={digest}>{digest.replace(/^([a-z0-9-]+:)?([0-9a-f]{12})[0-9a-f]+$/, '$2…')}</code>;
}
