import { expect, test } from 'vitest';
import { judge } from '../../../batching/judge.js';
import type { GenerationRecord } from '../../../core/speculation/record.js';
import { measured, reason, value } from './reading.js';
import { calmInput } from './trace.js';

/** Nine tokens after the first one of two sequences: 12 verifications and 6 accepted tokens. */
const REPEAT: GenerationRecord['repeats'][number] = {
  verifications: 12,
  drafted: [10, 8, 2, 1],
  accepted: [4, 2, 0, 0],
  draftedTokens: [8, 8, 5],
  acceptedTokens: [3, 2, 1],
  draftSeconds: [0.1, 0.3, 0.2],
  verifySeconds: [0.4, 0.4, 0.5],
};
const DRAFTED: GenerationRecord = {
  sequences: 2,
  answerTokens: 10,
  repeats: [REPEAT, REPEAT],
  differences: [],
};

const judged = (changes: Partial<GenerationRecord> = {}) =>
  judge({ ...calmInput(), generation: { ...DRAFTED, ...changes } });

test('drafts are judged by place, by length and by time', () => {
  const result = judged();
  expect(value(result, 'acceptanceLength')).toBe(1.5);
  expect(value(result, 'draftAcceptanceRatio')).toBeCloseTo(6 / 21);
  expect(value(result, 'draftPlace1AcceptanceRatio')).toBe(0.4);
  expect(value(result, 'draftPlace2AcceptanceRatio')).toBe(0.25);
  expect(value(result, 'draftPlace4AcceptanceRatio')).toBe(0);
  expect(reason(result, 'draftPlace8AcceptanceRatio')).toBe('no draft was 8 tokens long');
  expect(measured(result, 'draftStepSeconds').samples).toEqual([0.2, 0.2]);
  expect(value(result, 'verifyStepSeconds')).toBe(0.4);
  // 4 s of decoding for nine tokens of each sequence.
  expect(value(result, 'timePerOutputTokenSeconds')).toBeCloseTo(4 / 9);
  // 2 s at 200 W and 4 s at 120 W, over six accepted tokens.
  expect(value(result, 'energyPerAcceptedDraftTokenJoules')).toBeCloseTo(880 / 6, 0);
});

test('without drafts there is nothing to accept', () => {
  const plain = { ...REPEAT, drafted: [], accepted: [] };
  for (const result of [judged({ repeats: [plain] }), judge(calmInput())]) {
    for (const name of ['acceptanceLength', 'draftAcceptanceRatio', 'verifyStepSeconds'] as const)
      expect(reason(result, name)).toBe('the workload drafts nothing');
    expect(reason(result, 'energyPerAcceptedDraftTokenJoules')).toBe('the workload drafts nothing');
  }
});

test('an answer that differs makes a row invalid, and a tie is noted', () => {
  const tie = { sequence: 0, token: 3, lead: 0.004 };
  const tied = judged({ differences: [tie] });
  expect(tied.valid).toBe(true);
  expect(tied.warnings.map(({ code }) => code)).toEqual(['answers-tied']);
  const differing = judged({ differences: [tie, { sequence: 1, token: 6, lead: 1.25 }] });
  expect(differing.valid).toBe(false);
  expect(differing.warnings.find(({ code }) => code === 'answers-differ')?.message).toBe(
    '1 of 2 answers leave that of plain greedy decoding, number 2 at token 7, where the best logit is 1.3 above the next',
  );
});
