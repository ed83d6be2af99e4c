import { groupBy } from '../../../core/maps.js';
import { mean } from '../../../statistics/summary.js';
import type { SiliconPoint } from './points.js';
import type { Judged } from './splits.js';

/** How pairs of servers under the same load were put in order, by seconds of a request. */
export interface Order {
  readonly pairs: number;
  /** Share of pairs in the measured order. */
  readonly right: number;
  /** Of them that differ by more than a tenth. */
  readonly apart: number;
  readonly rightApart: number;
}

/** Servers that differ by less are hardly told apart by measuring either. */
export const APART = Math.log(1.1);

/** Measured and predicted seconds of a request, from the time it is sent to its last token. */
export interface RequestSeconds {
  readonly measured: number;
  readonly predicted: number;
}

export function requestSeconds({ of: { point }, tpotMiss, ttftMiss }: Judged): RequestSeconds {
  const { ttftSeconds, tpotSeconds, answerTokens } = point;
  const more = answerTokens - 1;
  return {
    measured: ttftSeconds + more * tpotSeconds,
    predicted: ttftSeconds * Math.exp(ttftMiss) + more * tpotSeconds * Math.exp(tpotMiss),
  };
}

const loadOf = ({ model, file, promptTokens, answerTokens, concurrency }: SiliconPoint) =>
  [model.name, file, promptTokens, answerTokens, concurrency].join(' ');

/** What a server is chosen by, beside its load. */
export const CHOICES = {
  device: ({ device }: SiliconPoint) => device,
  engine: ({ engine }: SiliconPoint) => engine,
  precision: ({ precision }: SiliconPoint) => precision,
  tensor: ({ served: { tensor } }: SiliconPoint) => `${tensor}`,
  groups: ({ served: { data, expert, tensor } }: SiliconPoint) =>
    `${data} ${expert === 1 ? 1 : expert / tensor}`,
} as const;
export type Choice = keyof typeof CHOICES;

const NAMES = Object.keys(CHOICES) as Choice[];

/** @returns pairs under the same load that differ in what is named and are the same in all else. */
export function orderBy(judged: readonly Judged[], differing: readonly Choice[]): Order {
  const same = NAMES.filter((name) => !differing.includes(name));
  const keyOf = (names: readonly Choice[], { of: { point } }: Judged) =>
    names.map((name) => CHOICES[name](point)).join(' ');
  const groups = groupBy(judged, (one) => `${loadOf(one.of.point)} ${keyOf(same, one)}`);
  let [pairs, right, apart, rightApart] = [0, 0, 0, 0];
  for (const group of groups.values())
    for (const [i, one] of group.entries())
      for (const other of group.slice(i + 1)) {
        if (keyOf(differing, one) === keyOf(differing, other)) continue;
        const [a, b] = [requestSeconds(one), requestSeconds(other)];
        const measured = Math.log(a.measured / b.measured);
        if (measured === 0) continue;
        const agrees = measured * Math.log(a.predicted / b.predicted) > 0;
        pairs += 1;
        if (agrees) right += 1;
        if (Math.abs(measured) <= APART) continue;
        apart += 1;
        if (agrees) rightApart += 1;
      }
  return { pairs, right: right / pairs, apart, rightApart: rightApart / apart };
}

/** Of pairs: those in order less those out of order. */
export const kendall = ({ right }: Order) => 2 * right - 1;

/** What is lost where the configuration is taken that predictions say is best. */
export interface Regret {
  readonly questions: number;
  readonly mean: number;
  readonly worst: number;
  readonly worstQuestion: string;
}

/**
 * For a model under a load on a kind of device with an engine: which precision and parallelism gives the most
 * requests a second for each device?
 */
export function regretOf(judged: readonly Judged[]): Regret {
  const groups = groupBy(judged, ({ of: { point } }) =>
    [loadOf(point), point.device, point.engine].join(' '),
  );
  const questions = [...groups].flatMap(([question, group]) => {
    const configurations = new Set(
      group.map(({ of: { point } }) => NAMES.map((name) => CHOICES[name](point)).join(' ')),
    );
    if (configurations.size < 2) return [];
    const rates = group.map((one) => {
      const { measured, predicted } = requestSeconds(one);
      const { devices } = one.of.point.served;
      return { measured: 1 / (measured * devices), predicted: 1 / (predicted * devices) };
    });
    const chosen = rates.reduce((best, one) => (one.predicted > best.predicted ? one : best));
    const most = Math.max(...rates.map(({ measured }) => measured));
    return [{ question, loss: 1 - chosen.measured / most }];
  });
  const worst = questions.reduce((most, one) => (one.loss > most.loss ? one : most));
  return {
    questions: questions.length,
    mean: mean(questions.map(({ loss }) => loss)),
    worst: worst.loss,
    worstQuestion: worst.question,
  };
}
