import { describe, expect, test } from 'vitest';
import { judge } from '../../../batching/judge.js';
import type { Estimate } from '../../../core/quality/perplexity.js';
import type { QualityRecord } from '../../../core/quality/record.js';
import { performanceRatio, qualityFindings } from '../../../judgement/quality.js';
import { measured, reason, value } from './reading.js';
import { calmInput } from './trace.js';

type Task = QualityRecord['tasks'][number];

const ANSWERS = calmInput().quality!;
const estimate = (mean: number, standardError: number | null): Estimate => ({ value: mean, standardError });

/** A task with one score, and what is left of its base's; `task` where it is asked in several ways. */
function aTask(name: string, score: Estimate, retention: Estimate | null, task?: string): Task {
  return {
    ...ANSWERS.tasks[0]!,
    name,
    ...(task !== undefined && { task }),
    scores: [{ ...ANSWERS.tasks[0]!.scores[0]!, score, retentionPercent: retention }],
  };
}

const judgedAnswers = (changes: Partial<QualityRecord>, absent = {}) =>
  judge(calmInput({ quality: { ...ANSWERS, ...changes }, absent }));

describe('the score of tasks', () => {
  test('is their mean, with the error of a mean of independent ones', () => {
    const result = judgedAnswers({
      tasks: [
        aTask('one', estimate(0.5, 0.03), estimate(90, 3)),
        aTask('two', estimate(0.9, 0.04), estimate(60, 4)),
      ],
    });
    expect(value(result, 'taskScoreRatio')).toBeCloseTo(0.7, 12);
    const [low, high] = measured(result, 'taskScoreRatio').ci95!;
    // √(0.03² + 0.04²) / 2 = 0.025
    expect((high - low) / 2).toBeCloseTo(1.959964 * 0.025, 9);
    expect(value(result, 'taskRetentionRatio')).toBeCloseTo(0.75, 12);
    const [least, most] = measured(result, 'taskRetentionRatio').ci95!;
    expect((most - least) / 2).toBeCloseTo(1.959964 * 0.025, 9);
  });

  test('counts a task that is asked in many ways once, with no smaller error for them', () => {
    const result = judgedAnswers({
      tasks: [
        aTask('letters', estimate(0.2, 0.02), null, 'exam'),
        aTask('digits', estimate(0.4, 0.04), null, 'exam'),
        aTask('other', estimate(0.9, 0), null),
      ],
    });
    expect(value(result, 'taskScoreRatio')).toBeCloseTo(0.6, 12);
    const [low, high] = measured(result, 'taskScoreRatio').ci95!;
    // The mean error of the ways, 0.03, beside one of 0.
    expect((high - low) / 2).toBeCloseTo((1.959964 * 0.03) / 2, 9);
    expect(reason(result, 'taskRetentionRatio')).toBe('the model was not compared with its base');
  });

  test('has no interval where one of them has no error', () => {
    const tasks = [
      aTask('one', estimate(0.5, null), estimate(50, null)),
      aTask('two', estimate(0.9, 0.1), null),
    ];
    const result = judgedAnswers({ tasks });
    expect(value(result, 'taskScoreRatio')).toBeCloseTo(0.7, 12);
    expect(measured(result, 'taskScoreRatio').ci95).toBeNull();
    expect(value(result, 'taskRetentionRatio')).toBe(0.5);
    expect(measured(result, 'taskRetentionRatio').ci95).toBeNull();
    const ways = tasks.map((one) => ({ ...one, task: 'exam' }));
    expect(measured(judgedAnswers({ tasks: ways }), 'taskScoreRatio').ci95).toBeNull();
  });

  test('is missing with the reason why a task could not be asked', () => {
    const unanswered = [{ task: 'exam', reason: 'its file is gone' }];
    expect(reason(judgedAnswers({ tasks: [], unanswered }), 'taskScoreRatio')).toBe(
      'exam could not be asked: its file is gone',
    );
    const none = judgedAnswers({ tasks: [] });
    expect(reason(none, 'taskScoreRatio')).not.toContain('could not be asked');
  });
});

test('a text that was read without a base has a perplexity and no ratio', () => {
  const result = judgedAnswers({ text: { ...ANSWERS.text!, againstBase: null } });
  expect(value(result, 'perplexity')).toBe(9);
  for (const name of ['perplexityRatio', 'klDivergenceNats', 'topAgreementRatio'] as const)
    expect(reason(result, name)).toBe('the model was not compared with its base');
});

test('answers that are missing say why in each of their metrics', () => {
  const result = judge(calmInput({ quality: null, absent: { quality: 'the server stopped' } }));
  for (const name of ['perplexity', 'perplexityRatio', 'taskScoreRatio', 'qualitySeconds'] as const)
    expect(reason(result, name)).toBe('the server stopped');
});

describe('what is left of the performance of the base', () => {
  const left = (changes: Partial<QualityRecord>) =>
    performanceRatio({ quality: { ...ANSWERS, ...changes }, absent: {} });

  test('is told by tasks, or else by the text', () => {
    expect(left({})).toMatchObject({ value: 0.75 });
    expect(left({ tasks: [] }).value).toBeCloseTo(8 / 9, 12);
  });

  test('is missing with the reason of what the sweep asked for', () => {
    const alone = { ...ANSWERS.text!, againstBase: null };
    expect(left({ tasks: [], text: alone })).toMatchObject({
      value: null,
      reason: 'the model was not compared with its base',
    });
    const unanswered = [{ task: 'exam', reason: 'its file is gone' }];
    expect(left({ tasks: [], text: alone, unanswered })).toMatchObject({
      reason: 'exam could not be asked: its file is gone',
    });
  });
});

test('findings about answers are no warnings', () => {
  expect(qualityFindings(calmInput()).warnings).toEqual([]);
});
