import type { AxisValue, ModelFacts } from './experiment.js';

/** The values of the axes a rule reads, by axis name. */
export type AxisValues = Readonly<Record<string, AxisValue>>;

/**
 * A combination that can never run, whatever the node. Kinds state their rules as data, so that a sweep is
 * checked without any engine and a plan can count what it leaves out without visiting every point.
 */
export interface Rule {
  /**
   * The axes it reads; a rule is silent in blocks that lack one of them.
   * A rule that reads `model` is about its facts, and silent where none are known.
   */
  readonly axes: readonly string[];
  /**
   * @returns why the combination cannot run and what to change, or null when it can.
   * Reasons are counted in plans, so they name what is wrong and not each single number.
   */
  reason(values: AxisValues, facts: ModelFacts | null): string | null;
}

type Asked<T> = (values: AxisValues, facts: ModelFacts | null) => T;

/** @returns the rule that refuses where something is so, in one sentence (see `reason`). */
export function refuse(axes: readonly string[], is: Asked<boolean>, sentence: string | Asked<string>): Rule {
  const say = typeof sentence === 'string' ? () => sentence : sentence;
  return { axes, reason: (values, facts) => (is(values, facts) ? say(values, facts) : null) };
}

/**
 * @param read gives a sentence for a text that it cannot read.
 * @returns the rule that refuses such texts on an axis.
 */
export function readable(axis: string, read: (text: string) => unknown): Rule {
  return {
    axes: [axis],
    reason({ [axis]: written }) {
      const reading = typeof written === 'string' ? read(written) : null;
      return typeof reading === 'string' ? `${axis} cannot be read: ${reading}` : null;
    },
  };
}

/** @returns the number on an axis, or null when it holds a word or nothing. */
export function numberOn(values: AxisValues, axis: string): number | null {
  const value = values[axis];
  return typeof value === 'number' ? value : null;
}
