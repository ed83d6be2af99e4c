import { expect, test } from 'vitest';
import { datasetOf } from '../../../agent/workloads/dataset.js';

const TEXT = Int32Array.from({ length: 50 }, (_, i) => 100 + i);
const settings = { windowTokens: 10, sequences: 1, heldOutShare: 0, seed: 1 };

function must(lessons: ReturnType<typeof datasetOf>) {
  if (typeof lessons === 'string') throw new Error(lessons);
  return lessons;
}

test('each window begins with the begin token, and every token of the text is a label once', () => {
  const lessons = must(datasetOf(TEXT, 1, settings));
  expect(lessons.windows).toBe(5);
  const seen: number[] = [];
  for (let i = 0; i < 5; i++) {
    const { tokens, labels } = lessons.next();
    expect(tokens[0]).toBe(1);
    expect([...tokens.slice(1)]).toEqual([...labels.slice(0, -1)]);
    seen.push(...labels);
  }
  expect(seen.sort((a, b) => a - b)).toEqual([...TEXT]);
});

test('without a begin token the label is what follows', () => {
  const lessons = must(datasetOf(TEXT, null, settings));
  // The last window lacks the token behind it.
  expect(lessons.windows).toBe(4);
  const { tokens, labels } = lessons.next();
  expect([...labels]).toEqual([...tokens].map((token) => token + 1));
});

test('what is held out is the end of the text, and is never trained on', () => {
  const lessons = must(datasetOf(TEXT, 1, { ...settings, heldOutShare: 0.4 }));
  expect(lessons.heldOut.map(({ labels }) => labels[0])).toEqual([130, 140]);
  const trained = Array.from({ length: 30 }, () => lessons.next().labels[0]);
  expect([...new Set(trained)].sort()).toEqual([100, 110, 120]);
});

test('every window comes once before one comes again, in the order of the seed', () => {
  const order = (seed: number) => {
    const lessons = must(datasetOf(TEXT, 1, { ...settings, seed }));
    return Array.from({ length: 10 }, () => lessons.next().labels[0]!);
  };
  const one = order(1);
  expect(new Set(one.slice(0, 5)).size).toBe(5);
  expect(new Set(one.slice(5)).size).toBe(5);
  expect(order(1)).toEqual(one);
  expect([2, 3, 4].map(order)).not.toContainEqual(one);
});

test('a batch is several windows, one behind the other', () => {
  const lessons = must(datasetOf(TEXT, 1, { ...settings, sequences: 2, heldOutShare: 0.1 }));
  expect(lessons.windows).toBe(3);
  expect(lessons.heldOut).toHaveLength(1);
  expect([...lessons.heldOut[0]!.labels]).toEqual([...TEXT.slice(30)]);
  expect(lessons.next().tokens.filter((token) => token === 1)).toHaveLength(2);
});

test('a text shorter than what is needed is refused with both numbers', () => {
  expect(datasetOf(TEXT.slice(0, 9), 1, settings)).toBe(
    'the text has 9 tokens, and one step and the held-out windows need 10',
  );
  expect(datasetOf(TEXT.slice(0, 15), 1, { ...settings, heldOutShare: 0.1 })).toMatch(/15 tokens.* need 20/);
});
