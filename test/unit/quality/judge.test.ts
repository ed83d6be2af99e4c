import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { meanRating, promptOf } from '../../../agent/quality/opened/judge.js';
import {
  isPairwise,
  type JudgeDefinition,
  parseJudge,
  rubricOf,
} from '../../../core/quality/judging/definition.js';
import { gamesOf, gradeIn, pooled, verdictIn } from '../../../core/quality/judging/reading.js';

test('a rating is the mean of all ten, each by how likely it is', () => {
  const certain = (rating: number) =>
    Array.from({ length: 10 }, (_, i) => (i === rating ? 0 : Number.NEGATIVE_INFINITY));
  expect(meanRating(certain(0))).toBe(0);
  expect(meanRating(certain(9))).toBe(1);
  expect(meanRating(certain(3))).toBeCloseTo(3 / 9, 12);
  expect(meanRating(Array(10).fill(-700))).toBeCloseTo(0.5, 12);
  // Half of it on 4, half on 8, at whatever constant.
  const even = certain(4).map((value, i) => (i === 4 || i === 8 ? -1000 : value));
  expect(meanRating(even)).toBeCloseTo(6 / 9, 12);
});

test('what an answer says is no field of the template', () => {
  const question = { id: '1', prompt: 'Say {answer}.', answer: 'It is {prompt}', references: ['a', 'b'] };
  expect(promptOf('{prompt} | {answer} | {references} | {other}', question)).toBe(
    'Say {answer}. | It is {prompt} | a\nb | {other}',
  );
});

test('braces that are doubled are braces', () => {
  const question = { id: '1', prompt: 'q', answer: 'a', references: [] };
  expect(promptOf("{{'score': 7}} {answer}", question)).toBe("{'score': 7} a");
});

test('of two answers each is first once', () => {
  const question = { id: '1', prompt: 'q', answer: 'mine', references: ['theirs', 'unused'] };
  expect(promptOf('{first} or {second}?', question)).toBe('mine or theirs?');
  expect(promptOf('{first} or {second}?', question, true)).toBe('theirs or mine?');
});

describe('what a judge says', () => {
  test.each([
    ['I think [[A>B]]. No: [[A>>B]]', 'A>>B'],
    ['[[B=A]]', 'A=B'],
    ['my verdict is [[A<B]]', 'B>A'],
    ['[[C]]', 'A=B'],
    ['[A>B]', null],
    ['[[A>B>C]]', null],
  ])('verdict: %s', (text, verdict) => expect(verdictIn(text)).toBe(verdict));

  test('two games: the consistent winner wins, a flip is a tie; strong verdicts count three times', () => {
    expect(gamesOf('A>B', 'B>A', 'consistent')).toEqual({ score: 1, flipped: false });
    expect(gamesOf('A>B', 'A>B', 'consistent')).toEqual({ score: 0.5, flipped: true });
    expect(gamesOf('B>>A', 'A>B', 'consistent')).toEqual({ score: 0, flipped: false });
    expect(gamesOf('A=B', 'A=B', 'consistent')).toEqual({ score: 0.5, flipped: false });
    expect(gamesOf('A>>B', 'A>B', 'weighted')).toEqual({ score: 0.75, flipped: true });
  });

  test('a grade is read in JSON and in Python’s dictionaries, the last one; what is not there or not on the scale is told', () => {
    const reads = { field: '综合得分' };
    const grade = (text: string, scale: [number, number] = [1, 10]) => gradeIn(text, reads, scale);
    expect(grade("好的。{'内容': 7, '综合得分': 10}")).toBe(1);
    expect(grade('{"综合得分": 2} then {“综合得分”： “5.5”}')).toBe(0.5);
    expect(grade("{'综合得分': 0.5}", [0, 1])).toBe(0.5);
    expect(grade('very good')).toBe('there is no 综合得分 in what it said');
    expect(grade('{"综合得分": 11}')).toBe('its grade 11 is not from 1 to 10');
    expect(gradeIn('Rating: 3, no, Rating: 4', { pattern: 'Rating: (\\d+)' }, [0, 5])).toBe(0.8);
  });

  test('several are their mean, or what most of them say', () => {
    expect(pooled([1, 0.5, null], 'mean')).toBe(0.75);
    expect(pooled([1, 1, 0], 'majority')).toBe(1);
    expect(pooled([1, 0.5, 0], 'majority')).toBe(0.5);
    expect(pooled([null, null], 'mean')).toBeNull();
  });
});

describe('a judge’s file', () => {
  test.each(['smartbench', 'arena'])('of docs/examples is one: %s', (name) => {
    const text = readFileSync(
      join(import.meta.dirname, `../../../docs/examples/judges/${name}.yaml`),
      'utf8',
    );
    expect(parseJudge(text)).toMatchObject({ prompt: expect.any(String) });
  });

  const file = (spec: string) =>
    `apiVersion: ridgepoint.dev/v1\nkind: Judge\nmetadata: { name: j }\nspec:\n${spec}`;
  const read = (spec: string): JudgeDefinition => {
    const found = parseJudge(file(spec));
    if (!('reads' in found)) throw new Error(found.join('; '));
    return found;
  };

  test('has other words and grades for a task, and for groups of items', () => {
    const judge = read(`  reads: { field: 综合得分 }
  scale: [1, 10]
  prompt: "{prompt} {answer}"
  rubrics:
    - { task: correction, scale: [0, 1] }
    - { groups: { kind: summary }, prompt: "summary: {answer}" }`);
    expect(rubricOf(judge, { task: 'correction' })).toEqual({ prompt: '{prompt} {answer}', scale: [0, 1] });
    expect(rubricOf(judge, { task: 'x', groups: { kind: 'summary' } })).toMatchObject({
      prompt: 'summary: {answer}',
    });
    expect(rubricOf(judge, {})).toEqual({ prompt: '{prompt} {answer}', scale: [1, 10] });
    expect(isPairwise(judge)).toBe(false);
    expect(isPairwise(read('  prompt: "{first} {second}"'))).toBe(true);
  });

  test.each([
    ['  prompt: "nothing"', ['a prompt has no {answer}']],
    ['  prompt: "{first}"', ['a prompt has no {second}']],
    ['  reads: verdict\n  prompt: "{answer}"', ['a verdict is about {first} and {second}']],
    ['  scale: [0, 0.5]\n  prompt: "{answer}"', ['likelihood takes whole grades, 101 at most']],
    [
      '  prompt: "{answer}"\n  scale: [3, 1]',
      [expect.stringMatching(/^6: spec\.scale: the lowest grade comes first/)],
    ],
  ])('that is wrong says where: %s', (spec, problems) => expect(parseJudge(file(spec))).toEqual(problems));
});
