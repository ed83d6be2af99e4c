import { describe, expect, test } from 'vitest';
import { MEASURES, type MeasureName } from '../../../core/quality/answers/measures/index.js';
import type { MeasuredAnswer, MeasureSettings } from '../../../core/quality/answers/measures/measure.js';
import { type AnswerRecord, answerSchema } from '../../../core/quality/answers/record.js';
import { LeakedGrams } from '../../../core/quality/text-overlap.js';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const NOTHING: MeasureSettings = { raters: ['answer', 'reference'], scale: null, leakedShare: null };

function record(given: Partial<AnswerRecord>): AnswerRecord {
  return answerSchema.parse({
    schema: 'ridgepoint.dev/answer/v1',
    task: 'exam',
    item: 'q',
    index: 0,
    groups: {},
    promptDigest: DIGEST,
    asked: { mode: 'generate', by: 'logits', examples: 0 },
    answer: null,
    taken: {},
    scores: {},
    extracted: null,
    references: [],
    right: null,
    options: null,
    tokensIn: 8,
    tokensOut: 1,
    secondsToFirst: 0.1,
    seconds: 0.2,
    sitting: 0,
    absent: {},
    ...given,
  });
}

const said = (answer: string, reference: string, rest: Partial<MeasuredAnswer> = {}): MeasuredAnswer => ({
  record: record({ answer, references: [reference] }),
  score: null,
  outside: null,
  ...rest,
});

/** An item with two options: how likely the second is, and whether it is right. */
const chosen = (second: number, right: boolean): MeasuredAnswer => {
  const options = [1 - second, second].map((share) => ({
    logProbability: Math.log(share),
    tokens: 1,
    bytes: 1,
  }));
  const took = second > 0.5 ? 1 : 0;
  return {
    record: record({
      options,
      right: [Number(right)],
      extracted: ['no', 'yes'][took]!,
      references: [right ? 'yes' : 'no'],
    }),
    score: Number((took === 1) === right),
    outside: null,
  };
};

/** @returns figures by name. */
function measure(
  name: MeasureName,
  answers: readonly MeasuredAnswer[],
  settings: Partial<MeasureSettings> = {},
) {
  const gathering = MEASURES[name].begin({ ...NOTHING, ...settings });
  for (const answer of answers) gathering.add(answer);
  const { figures, table } = gathering.measured();
  return { table, figures, values: Object.fromEntries(figures.map(({ name: of, value }) => [of, value])) };
}

test('f1: classes of options and of words, with what was taken for what', () => {
  const { values, table, figures } = measure('f1', [
    chosen(0.9, true),
    chosen(0.8, false),
    chosen(0.2, false),
    chosen(0.1, true),
  ]);
  expect(values).toMatchObject({ accuracy: 0.5, 'macro F1': 0.5, 'weighted F1': 0.5, 'F1 of no': 0.5 });
  expect(table).toEqual({
    head: ['true \\ said', 'no', 'yes'],
    rows: [
      ['no', 1, 1],
      ['yes', 1, 1],
    ],
  });
  expect(figures[0]!.ci95![0]).toBeLessThan(0.5);
  const words = measure('f1', [said('The Positive.', 'positive'), said('no idea', 'negative')]);
  expect(words.table!.head).toEqual(['true \\ said', 'negative', 'positive', 'no idea']);
});

test('errors: numbers that were said, and those that were not', () => {
  const { values } = measure('errors', [
    said('it is 3', '4'),
    said('7', '4'),
    said('none', '1'),
    said('2', 'two'),
  ]);
  expect(values).toMatchObject({ MAE: 2, 'mean error': 1, 'answers without a number': 1 });
  expect(values.RMSE).toBeCloseTo(Math.sqrt(5), 12);
});

test('auc: by the second option, by numbers, and by confidence', () => {
  const answers = [chosen(0.9, true), chosen(0.6, false), chosen(0.3, true), chosen(0.2, false)];
  expect(measure('auc', answers).values).toEqual({
    'AUC of the second option': 0.75,
    'AUC of confidence': 1,
  });
  const numbers = [said('0.9', '1'), said('0.1', '0'), said('0.1', '1')];
  expect(measure('auc', numbers).values['AUC of the number said']).toBe(0.75);
});

test('text: BLEU of a corpus is no mean of sentences', () => {
  const pairs = [
    ['the cat sat on the mat today', 'the cat sat on the mat'],
    ['a dog', 'a dog'],
  ] as const;
  const { values } = measure(
    'text',
    pairs.map(([answer, reference]) => said(answer, reference)),
  );
  // sacreBLEU 2.6.0 prints 82.23 (88.9/85.7/80.0/75.0).
  expect(values.BLEU).toBeCloseTo(0.8223, 4);
  expect(values['distinct-1']).toBeCloseTo(8 / 9, 12);
  expect(measure('text', [chosen(0.5, true)]).figures[0]!.reason).toBe('nothing was generated');
});

describe('agreement', () => {
  const graded = [
    [1, 1],
    [2, 2],
    [5, 4],
    [3, 3],
    [4, 5],
  ].map(([human, own]) => said(String(own), '0', { score: own!, outside: { human: human!, other: human! } }));

  test('needs all grades for weights, and none for ICC', () => {
    const without = measure('agreement', graded, { raters: ['score', 'human'] });
    expect(without.values).toMatchObject({ 'same, score and human': 0.6 });
    expect(without.figures.find(({ name }) => name.startsWith('quadratic'))!.reason).toMatch(/--scale/);
    expect(without.values['ICC(2,1), score and human']).toBeGreaterThan(0.8);
    for (const name of ['Pearson', 'Spearman'])
      expect(without.values[`${name}, score and human`]).toBeCloseTo(0.9, 12);
    expect(without.values['Kendall’s τ-b, score and human']).toBeCloseTo(0.8, 12);
    const scale = [1, 2, 3, 4, 5];
    const { values } = measure('agreement', graded, { raters: ['answer', 'human'], scale });
    expect(values['quadratic kappa (QWK), answer and human']).toBeCloseTo(0.9, 12);
    const off = measure('agreement', graded, { raters: ['score', 'human'], scale: [1, 2, 3, 4] });
    expect(off.figures.find(({ name }) => name.startsWith('linear'))!.reason).toBe('5 is not on the scale');
  });

  test('of three has what all of them share, and tells answers that somebody did not rate', () => {
    const { values } = measure('agreement', [...graded, said('1', '1')], {
      raters: ['score', 'human', 'other'],
    });
    expect(values).toMatchObject({ 'same, human and other': 1, 'answers without all ratings': 1 });
    expect(values['Fleiss’ kappa']).toBeGreaterThan(0.5);
    expect(measure('agreement', [said('1', '1')], { raters: ['score', 'human'] }).figures[0]!.reason).toMatch(
      /1 answers/,
    );
  });
});

test('joint: right in both, and in one of those that are right in the other', () => {
  const scores = [
    [1, 1],
    [1, 0],
    [0, 1],
    [1, 1],
  ];
  const answers = scores.flatMap((pair, i) =>
    pair.map((score, t) => ({
      record: record({ task: ['answer', 'rationale'][t]!, item: `q${i}` }),
      score,
      outside: null,
    })),
  );
  const { values } = measure('joint', answers);
  expect(values).toMatchObject({ 'right in answer': 0.75, 'right in all': 0.5, 'right in one or more': 1 });
  expect(values['right in rationale, of those right in answer']).toBeCloseTo(2 / 3, 12);
  expect(measure('joint', answers.slice(0, 1)).figures[0]!.reason).toMatch(/two tasks/);
});

test('leakage: n-grams of answers and of references', () => {
  const leaked = new LeakedGrams(['one two three four'], 2);
  const { values } = measure('leakage', [said('two three', 'five six')], {
    leakedShare: (text) => leaked.shareOf(text),
  });
  expect(values).toEqual({ 'leaked n-grams of answers': 1, 'leaked n-grams of references': 0 });
});
