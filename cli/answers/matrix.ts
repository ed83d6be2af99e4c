import { getOrMake } from '../../core/maps.js';
import { optionProbabilities } from '../../core/quality/answers/classes.js';
import {
  COSTS,
  type Cost,
  type Matrix,
  type MatrixRow,
  matrixOf,
} from '../../core/quality/answers/matrix.js';
import { usageError } from '../exit.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import { fourDigits, intervalText } from './cells.js';
import type { AnswersOptions } from './command.js';
import { groupOf } from './groups.js';
import type { Answer, Answers } from './read.js';

/** The version of the JSON; fields are only ever added to it. */
const SCHEMA = 'ridgepoint.dev/answers-matrix/v1';

/** What is kept of an answer: six numbers. */
type Numbers = readonly [score: number, confidence: number, ...costs: number[]];

/**
 * `ridge answers --matrix`: rows, or with --by each row's groups (such as the ways that it was asked), by the
 * items that each of them answered.
 * @throws CommandError (2) for fewer than two of them.
 */
export async function printMatrix(
  answers: Answers,
  options: AnswersOptions,
  currency: string | null,
): Promise<void> {
  const { rows, items, left } = await matrixRows(answers, options.by ?? null);
  if (rows.length < 2) throw usageError('--matrix holds rows against each other, and there is one');
  if (items.length === 0)
    throw usageError('no item was answered by every row', 'Choose rows with #, or tasks with --task.');
  if (left > 0) say(`${left} items are left out: not every row has a score of them`);
  const matrix = matrixOf(rows, options.scale);
  if (options.format === 'json') {
    const scores = items.map((item, i) => ({ ...item, scores: rows.map((row) => row.scores[i]) }));
    printJson({ schema: SCHEMA, currency, ...matrix, scores });
    return;
  }
  print(matrix, currency);
}

interface Item {
  readonly task: string;
  readonly item: string;
}

/**
 * @param by each group of a row is a row of its own; answers in none are left out. null = rows are as they
 *   are.
 */
async function matrixRows(answers: Answers, by: string | null) {
  const byItem = new Map<string, { readonly item: Item; readonly found: Map<string, Numbers> }>();
  const labels = new Map<string, string>();
  for (const row of answers.rows) {
    const { label, number } = row;
    if (by === null) labels.set(`${number}`, label);
    for await (const answer of answers.answersOf([row])) {
      const { task, item, asked } = answer.record;
      const group = by === null ? null : groupOf(by, answer);
      if (by !== null && group === null) continue;
      const column = group === null ? `${number}` : JSON.stringify([number, group]);
      labels.set(column, group === null ? label : `${label}: ${group}`);
      // Of one task in several ways each has its items, unless ways are what is compared.
      const key = JSON.stringify([task, item, by === null ? asked.way : undefined]);
      const { found } = getOrMake(byItem, key, () => ({ item: { task, item }, found: new Map() }));
      if (answer.score !== null) found.set(column, numbersOf(answer, answer.score));
    }
  }
  const whole = [...byItem.values()].filter(({ found }) => found.size === labels.size);
  const valuesOf = (column: string, at: number) =>
    Float64Array.from(whole, ({ found }) => found.get(column)![at]!);
  return {
    rows: [...labels].map(
      ([column, label]): MatrixRow => ({
        label,
        scores: valuesOf(column, 0),
        confidences: valuesOf(column, 1),
        costs: Object.fromEntries(COSTS.map((cost, i) => [cost, valuesOf(column, 2 + i)])) as Record<
          Cost,
          Float64Array
        >,
      }),
    ),
    items: whole.map(({ item }) => item),
    left: byItem.size - whole.length,
  };
}

function numbersOf(answer: Answer, score: number): Numbers {
  const { tokensIn, tokensOut, seconds, joules, money } = answer;
  const tokens = tokensIn === null || tokensOut === null ? null : tokensIn + tokensOut;
  const costs = { seconds, tokens, joules, money };
  // How sure the model was: the probability of its option among those of the item; NaN where options were not
  // compared.
  const confidence = Math.max(...(optionProbabilities(answer.record) ?? [Number.NaN]));
  return [score, confidence, ...COSTS.map((cost) => costs[cost] ?? Number.NaN)];
}

function print(
  { items, rows, oracle, noneRight, allRight, agreement, orderTau, curves }: Matrix,
  currency: string | null,
): void {
  const unit = (cost: Cost) => (cost === 'money' ? (currency ?? 'money') : cost);
  const head = ['row', 'score', '95 %', 'best in', ...COSTS.map(unit)];
  const graded = agreement.some(({ icc }) => icc !== undefined);
  const best = (share: number) => `${(100 * share).toFixed(0)} %`;
  const table = rows.map(({ label, score, bestShare, costs }) => [
    ...[label, fourDigits(score?.value ?? null), intervalText(score?.ci95 ?? null), best(bestShare)],
    ...COSTS.map((cost) => fourDigits(costs[cost])),
  ]);
  const ideal = [
    'the best of each item',
    fourDigits(oracle?.value ?? null),
    intervalText(oracle?.ci95 ?? null),
    null,
  ];
  const blocks = [
    plainTable(head, [...table, [...ideal, ...COSTS.map(() => null)]]),
    plainTable(
      ['a', 'b', 'same', 'kappa', ...(graded ? ['QWK', 'ICC(2,1)'] : [])],
      agreement.map(({ a, b, same, kappa, icc = null, quadraticKappa = null }) => [
        ...[a, b, fourDigits(same), fourDigits(kappa)],
        ...(graded ? [fourDigits(quadraticKappa), fourDigits(icc)] : []),
      ]),
    ),
    ...curves.flatMap(({ cost, routing, cascade }) =>
      [['routing', routing] as const, ['cascade', cascade ?? []] as const].flatMap(([name, points]) =>
        points.length === 0
          ? []
          : plainTable(
              [`${name} by ${unit(cost)}`, 'score', ...rows.map(({ label }) => label)],
              points.map((point) => [
                fourDigits(point.cost),
                fourDigits(point.score),
                ...point.shares.map(fourDigits),
              ]),
            ),
      ),
    ),
  ];
  printData(blocks.join('\n\n'));
  say(`${items} items that every row answered; ${allRight} are right in every row, ${noneRight} in none`);
  if (orderTau !== null)
    say(
      `the order of rows is that of drawn items with a mean Kendall τ of ${orderTau.toFixed(2)} (1 = always the same)`,
    );
  say(
    'routing knows what each row would score, which no router does: it is the bound; a cascade goes on where a row is not sure',
  );
}
