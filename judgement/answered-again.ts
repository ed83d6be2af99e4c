import { type Change, changesOf } from '../core/quality/questions.js';
import type { QualityRecord } from '../core/quality/record.js';
import type { ResultRecord } from '../core/result/result.js';
import { gradeOf, type Warning, type WarningCode, warn } from '../core/result/warnings.js';
import { compressionRate } from './efficiency.js';
import { inUnits } from './entries.js';
import { qualityFindings } from './quality.js';

/** Warnings about answers; when the answers are replaced, so are these. */
const OF_ANSWERS: ReadonlySet<WarningCode> = new Set<WarningCode>(['quality-missing', 'quality-caveat']);

/** A trial that only asked again, or scored kept answers again, without timing anything. */
type Asked = Pick<ResultRecord, 'trialId' | 'quality' | 'absent' | 'warnings' | 'failure' | 'endedAt'>;

/**
 * Puts new answers into a record: timed values stay as they are, and everything that depends on answers is
 * judged again. If asking failed, the record has no answers, because the old ones belong to other questions.
 * @param measured the record whose questions have changed since.
 * @returns the record that takes its place; the same one if its questions have not changed after all.
 */
export function answeredAgain(measured: ResultRecord, asked: Asked): ResultRecord {
  const before = measured.quality?.questions ?? null;
  const changes =
    asked.quality === null ? [] : changesOf(before, asked.quality.questions).map(toldBy(asked.quality));
  if (asked.quality !== null && before !== null && changes.length === 0) return measured;
  const alike = asked.quality === null && measured.quality === null && asked.failure === null;
  if (alike && asked.absent.quality === measured.absent.quality) return measured;
  const quality = asked.quality && { ...asked.quality, again: { at: asked.endedAt, changes } };
  const { quality: _, ...others } = measured.absent;
  const why = asked.failure === null ? asked.absent.quality : `asking again failed: ${asked.failure.message}`;
  const absent = { ...others, ...(quality === null && why !== undefined && { quality: why }) };
  const told = [
    ...asked.warnings.filter(({ code }) => OF_ANSWERS.has(code)),
    ...(asked.failure === null ? [] : [warn('quality-missing', `the quality was not measured: ${why}`)]),
  ];
  const { given, artifact } = measured;
  const ofOthers = (list: readonly Warning[]) => list.filter(({ code }) => !OF_ANSWERS.has(code));
  const noted = [...ofOthers(given?.warnings ?? []), ...told];
  const isNoted = ({ code, message }: Warning) =>
    noted.some((one) => one.code === code && one.message === message);
  // Warnings that a judge is given come first, as they do when a record is judged again.
  const warnings = [...noted, ...ofOthers(measured.warnings).filter((one) => !isNoted(one))];
  const found = {
    ...qualityFindings({ quality, absent }).entries,
    ...(given !== undefined && {
      modelCompressionRate: compressionRate({ quality, absent, given, artifact }),
    }),
  };
  const names = new Set(Object.keys(found));
  const entries = Object.entries(inUnits(found, '')).filter(([name]) => names.has(name));
  return {
    ...measured,
    trialId: asked.trialId,
    supersedes: measured.trialId,
    quality,
    absent,
    warnings,
    measurements: { ...measured.measurements, ...Object.fromEntries(entries) },
    valid:
      measured.status === 'complete' && gradeOf(warnings, measured.experiment.measure.gates) !== 'invalid',
    ...(given !== undefined && { given: { ...given, warnings: noted } }),
  };
}

/** Answers that could have been scored again may be gone. */
function toldBy({ keptAnswers = [], reused }: QualityRecord): (change: Change) => Change {
  return (change) => {
    const { task, todo, reason } = change;
    if (todo !== 'score again' || reused || task === null || keptAnswers.includes(task)) return change;
    return { task, todo: 'ask again', reason: `${reason}, and its answers are kept no more` };
  };
}
