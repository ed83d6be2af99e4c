import type { Figure } from '../figure.js';
import { BAND, bandsOf, coverageOf } from './bands.js';
import { type Errors, errorsOf, percent } from './judged.js';
import { type Choice, kendall, type Order, orderBy, regretOf } from './order.js';
import type { Judged } from './splits.js';

const text = ({ points, median, bias, p90 }: Errors) =>
  `${percent(median)}, bias ${percent(bias)}, p90 ${percent(p90)} on ${points}`;

/** TTFT of simulated servers and what follows from it. @param judged each with its model left out. */
export function judgeServing(judged: readonly Judged[]): Figure[] {
  return [...judgeErrors(judged), judgeBand(judged), ...judgeOrder(judged), judgeChoice(judged)];
}

const ttftMiss = (one: Judged) => one.ttftMiss;

function judgeErrors(judged: readonly Judged[]): Figure[] {
  const stated = judged.filter(({ of }) => of.point.origin === 'InferenceX');
  const claims = [
    ['TTFT of servers whose load is stated (InferenceX), model left out', stated, 0.12],
    ['TTFT of all servers, model left out', judged, 0.2],
  ] as const;
  return claims.map(([claim, own, most]) => {
    const errors = errorsOf(own.map(ttftMiss));
    return {
      claim: `median error of ${claim}`,
      measured: text(errors),
      required: `at most ${percent(most)}`,
      holds: errors.median <= most,
    };
  });
}

function judgeBand(judged: readonly Judged[]): Figure {
  const { held, points, width } = coverageOf(bandsOf(judged, ttftMiss), ttftMiss);
  return {
    claim: `servers within their band of ${percent(BAND)}, TTFT, model left out`,
    measured: `${percent(held)} of ${points}, × or ÷ ${(1 + width).toFixed(2)}`,
    required: '85 to 95 %',
    holds: held >= 0.85 && held <= 0.95,
  };
}

/** Pairs of servers under the same load that differ in this alone. */
const PAIRS: readonly (readonly [name: string, differing: readonly Choice[], least: number | null])[] = [
  ['in tensor parallelism', ['tensor'], 0.98],
  ['in the GPU', ['device'], 0.95],
  ['in fp8 and fp4', ['precision'], 0.9],
  ['in the engine', ['engine'], null],
];

function judgeOrder(judged: readonly Judged[]): Figure[] {
  const all = orderBy(judged, ['device', 'precision', 'tensor', 'groups']);
  const figures: Figure[] = [
    {
      claim: "order of an engine's servers under the same load, by seconds of a request (Kendall over pairs)",
      measured: `${kendall(all).toFixed(3)} on ${all.pairs} pairs`,
      required: 'at least 0.93',
      holds: kendall(all) >= 0.93,
    },
  ];
  for (const [name, differing, least] of PAIRS) {
    const narrow = differing.includes('precision')
      ? judged.filter(({ of: { point } }) => ['fp8', 'fp4'].includes(point.precision))
      : judged;
    const order = orderBy(narrow, differing);
    if (least === null) console.log(`pairs that differ ${name} alone, not ranked: ${orderText(order)}`);
    else
      figures.push({
        claim: `right order of pairs that differ ${name} alone`,
        measured: orderText(order),
        required: `at least ${percent(least)}`,
        holds: order.right >= least,
      });
  }
  return figures;
}

const orderText = ({ pairs, right, apart, rightApart }: Order) =>
  `${percent(right)} of ${pairs} (${percent(rightApart)} of ${apart} that differ by more than 10 %)`;

function judgeChoice(judged: readonly Judged[]): Figure {
  const { questions, mean, worst, worstQuestion } = regretOf(judged);
  return {
    claim: 'requests a second and device lost by the precision and parallelism that predictions choose',
    measured: `${percent(mean)} in the mean of ${questions} questions, at worst ${percent(worst)} (${worstQuestion})`,
    required: 'at most 1.5 % in the mean',
    holds: mean <= 0.015,
  };
}
