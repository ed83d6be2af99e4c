import type { AxisValue } from '../experiment/experiment.js';
import type { OptionsSchema } from '../experiment/options.js';
import type { Rule } from '../experiment/rule.js';
import type { MetricName, WorkloadGroup } from '../metrics/catalogue.js';
import type { Capability } from './capability.js';

/** @returns every value that a sweep gives an option of a workload. */
export type ValuesOf = (option: string) => readonly AxisValue[];

/**
 * @returns why a group of metrics has no number with these options, as a clause; null where it may have one.
 */
type Lacking = (valuesOf: ValuesOf) => string | null;

/** Has numbers whatever the options are. */
export const EVERY_ROW: Lacking = () => null;

/** Has none where an option has this value everywhere. */
export const lackingWhere =
  (option: string, value: AxisValue): Lacking =>
  (valuesOf) =>
    valuesOf(option).every((one) => one === value)
      ? `${option} is ${value === null ? 'left out' : value}`
      : null;

/** What a sweep may ask of a workload, as data; agent/workloads/<kind> does it. */
export interface WorkloadKind {
  readonly kind: string;
  readonly summary: string;
  readonly options: OptionsSchema;
  /** What a runner has to offer for it. */
  readonly needs: Capability;
  /** What to ask less of where a trial does not fit into memory. */
  readonly lessMemory: string;
  readonly rules: readonly Rule[];
  /** What rows are best at, where a sweep does not say. */
  readonly objectives: readonly { readonly metric: MetricName; readonly better: 'max' | 'min' }[];
  /** Groups of metrics that its rows have. */
  readonly gives: Partial<Readonly<Record<WorkloadGroup, Lacking>>>;
  /**
   * What a row of it is read for, the most important first: a narrow table gives up everything else before
   * these.
   */
  readonly keyMetrics: readonly MetricName[];
  /**
   * Chooses what a sweep leaves open, where the defaults ask a model for more tokens than it was trained for.
   * @param written values of the options that the sweep says.
   * @param contextLength tokens that the model was trained for.
   * @returns options to use in place of their defaults; empty where the defaults fit, or nothing that is open
   *   would help.
   */
  readonly withinContext: (
    written: ReadonlyMap<string, readonly AxisValue[]>,
    contextLength: number,
  ) => Readonly<Record<string, number>>;
  /** The field's other spellings of its options → option name. */
  readonly alsoKnownAs: Readonly<Record<string, string>>;
}
