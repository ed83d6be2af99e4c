import type { Gates } from '../core/experiment/experiment.js';
import type { ResultRecord } from '../core/result/result.js';
import { gradeOf, WARNINGS, type Warning } from '../core/result/warnings.js';

/**
 * A record as the catalogue of warnings grades it, whatever the record claims: severities are those of the
 * codes, and `valid` says that there is no fault (under strict gates no disturbance either). Every reader of
 * records calls it, so that no other code has to grade them again.
 * @param gates to use in place of those under which it was measured; the result then names these. Left out =
 *   the record's own.
 * @returns the same object where nothing changes.
 */
export function regraded(record: ResultRecord, gates?: Gates): ResultRecord {
  const { experiment } = record;
  const { measure } = experiment;
  const under = gates ?? measure.gates;
  const warnings = record.warnings.map(graded);
  const valid = record.status === 'complete' && gradeOf(warnings, under) !== 'invalid';
  if (
    under === measure.gates &&
    valid === record.valid &&
    warnings.every((warning, i) => warning === record.warnings[i])
  ) {
    return record;
  }
  return { ...record, warnings, valid, experiment: { ...experiment, measure: { ...measure, gates: under } } };
}

function graded(warning: Warning): Warning {
  // A log from another source may have any word as a code.
  const severity = WARNINGS[warning.code]?.severity ?? warning.severity;
  return severity === warning.severity ? warning : { ...warning, severity };
}
