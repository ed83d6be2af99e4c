import { metricNamed, type Unit } from '../core/metrics/catalogue.js';
import type { ResultRecord } from '../core/result/result.js';
import { gradeOf } from '../core/result/warnings.js';

/** Units of metrics that neighbours cannot change: sizes of memory and files, parameters, likelihoods. */
const UNITS: ReadonlySet<Unit> = new Set(['B', 'parameters', 'nats']);
/** Ratios that neighbours cannot change: of files, of answers, and of counts of tokens. */
const RATIOS: ReadonlySet<string> = new Set([
  'bitsPerWeight',
  'compressionRatio',
  'modelCompressionRate',
  'weightSparsityRatio',
  'perplexity',
  'perplexityRatio',
  'topAgreementRatio',
  'taskScoreRatio',
  'taskRetentionRatio',
  'outputLengthRatio',
  'usageDifferenceRatio',
  'acceptanceLength',
  'draftAcceptanceRatio',
  'draftPlace1AcceptanceRatio',
  'draftPlace2AcceptanceRatio',
  'draftPlace4AcceptanceRatio',
  'draftPlace8AcceptanceRatio',
]);

/**
 * Whether a record's number for a metric may be compared. In a valid record, every number may be. If only
 * strict gates made the record invalid, the numbers that neighbours cannot have changed may be. If the record
 * has a fault, none may be.
 */
export function holds(
  { status, valid, warnings }: Pick<ResultRecord, 'status' | 'valid' | 'warnings'>,
  metric: string,
): boolean {
  if (status !== 'complete' || valid) return status === 'complete';
  const unit = metricNamed(metric)?.unit;
  const timeless = (unit !== undefined && UNITS.has(unit)) || RATIOS.has(metric);
  return timeless && gradeOf(warnings, 'warn') !== 'invalid';
}
