import { describe, expect, test } from 'vitest';
import type { QualityRecord } from '../../../core/quality/record.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { warn } from '../../../core/result/warnings.js';
import { answeredAgain } from '../../../judgement/answered-again.js';
import { calmInput, recordOf } from './trace.js';

const digest = (digit: number) => `sha256:${String(digit).repeat(64)}`;
const questions = (asking: number, scoring: number): QualityRecord['questions'] => [
  { task: 'exam', asking: digest(asking), scoring: digest(scoring) },
];

const ANSWERS = { ...calmInput().quality!, questions: questions(1, 1) };
const MEASURED = recordOf(calmInput({ quality: ANSWERS }));

/** What the model said to questions with another key. */
const ANSWERS_NOW: QualityRecord = {
  ...ANSWERS,
  questions: questions(1, 2),
  text: { ...ANSWERS.text!, perplexity: { value: 10, standardError: 0.1 } },
};

/** A trial that asked again and timed nothing. */
function asked(changes: Partial<ResultRecord> = {}): ResultRecord {
  return {
    ...MEASURED,
    trialId: 't2',
    endedAt: '2026-01-02T00:00:00.000Z',
    quality: ANSWERS_NOW,
    ...changes,
  };
}

const value = (record: ResultRecord, name: string) => record.measurements[name]!.value;

describe('answers to other questions', () => {
  test('take the place of the old ones, and what was timed stays as it was', () => {
    const again = answeredAgain(MEASURED, asked());
    expect(again).toMatchObject({ trialId: 't2', supersedes: 't1', valid: true, endedAt: MEASURED.endedAt });
    expect(value(again, 'perplexity')).toBe(10);
    for (const name of ['decodeTokensPerSecond', 'energyJoules'])
      expect(again.measurements[name]).toEqual(MEASURED.measurements[name]);
    expect(again.quality!.again).toEqual({
      at: '2026-01-02T00:00:00.000Z',
      changes: [expect.objectContaining({ task: 'exam', todo: 'ask again' })],
    });
  });

  test('say whether kept answers were scored again', () => {
    const kept = asked({ quality: { ...ANSWERS_NOW, keptAnswers: ['exam'] } });
    expect(answeredAgain(MEASURED, kept).quality!.again!.changes[0]!.todo).toBe('score again');
    const gone = answeredAgain(MEASURED, asked()).quality!.again!.changes[0]!;
    expect(gone.reason).toMatch(/ and its answers are kept no more$/);
  });

  test('are judged with what compression left of the model', () => {
    const tasks = [
      { ...ANSWERS.tasks[0]!, scores: [{ ...ANSWERS.tasks[0]!.scores[0]!, retentionPercent: null }] },
    ];
    const again = answeredAgain(MEASURED, asked({ quality: { ...ANSWERS_NOW, tasks } }));
    expect(value(again, 'taskRetentionRatio')).toBeNull();
    expect(value(again, 'modelCompressionRate')).not.toBe(value(MEASURED, 'modelCompressionRate'));
  });
});

test('answers to the same questions change nothing', () => {
  const same = asked({ quality: { ...ANSWERS_NOW, questions: ANSWERS.questions } });
  expect(answeredAgain(MEASURED, same)).toBe(MEASURED);
});

describe('asking again that failed', () => {
  const failure = { code: 'internal', message: 'the server is gone', hint: null } as ResultRecord['failure'];
  const again = answeredAgain(MEASURED, asked({ quality: null, failure }));

  test('leaves no answer, because the old ones belong to other questions', () => {
    expect(again.quality).toBeNull();
    expect(again.absent.quality).toBe('asking again failed: the server is gone');
    expect(again.measurements.perplexity).toMatchObject({
      value: null,
      reason: 'asking again failed: the server is gone',
    });
    expect(again.warnings).toEqual([
      warn('quality-missing', 'the quality was not measured: asking again failed: the server is gone'),
    ]);
  });

  test('keeps every number that was timed', () => {
    expect(again.valid).toBe(true);
    expect(again.measurements.decodeTokensPerSecond).toEqual(MEASURED.measurements.decodeTokensPerSecond);
  });

  test('is mended by answers, and its warning and reason go with it', () => {
    const mended = answeredAgain(again, asked({ trialId: 't3' }));
    expect(mended.warnings).toEqual([]);
    expect(mended.absent.quality).toBeUndefined();
    expect(value(mended, 'perplexity')).toBe(10);
    expect(mended.quality!.again!.changes[0]!.reason).toBe('exam has no answers');
  });
});

describe('a row that has no answers', () => {
  const without = recordOf(calmInput({ quality: null, absent: { quality: 'nobody asked' } }));

  test('stays the same record while the reason is the same', () => {
    expect(answeredAgain(without, asked({ quality: null, absent: { quality: 'nobody asked' } }))).toBe(
      without,
    );
  });

  test('has another reason where that changed', () => {
    const other = answeredAgain(without, asked({ quality: null, absent: { quality: 'its file is gone' } }));
    expect(other.absent.quality).toBe('its file is gone');
    expect(other.supersedes).toBe('t1');
  });
});

test('warnings about the machine stay, those about answers are replaced', () => {
  const note = warn('quality-caveat', 'the text is short');
  const disturbed = warn('cpu-steal', 'the hypervisor took 5 %');
  const before = recordOf(calmInput({ quality: ANSWERS, warnings: [note, disturbed] }));
  expect(before.warnings.map(({ code }) => code)).toEqual(['quality-caveat', 'cpu-steal']);
  const again = answeredAgain(before, asked({ warnings: [warn('quality-caveat', 'another text is short')] }));
  expect(again.warnings).toEqual([disturbed, warn('quality-caveat', 'another text is short')]);
  expect(again.given!.warnings).toEqual(again.warnings);
});

test('a row that was invalid for its times stays so', () => {
  const failed = { ...MEASURED, status: 'failed' as const };
  expect(answeredAgain(failed, asked()).valid).toBe(false);
  const wrong = { ...MEASURED, warnings: [warn('most-failed', 'all requests failed')] };
  expect(answeredAgain(wrong, asked()).valid).toBe(false);
});
