import { z } from 'zod';
import { type Failure, FailureError, failure } from '../../core/errors.js';

/** What a sweep may set; the units are in the names. */
export const SETTING_NAMES = ['powerCapWatts', 'lockedClockHertz'] as const;
export type SettingName = (typeof SETTING_NAMES)[number];

/** What a control may be set to, both ends included, in the unit of its name. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/**
 * What was found at a control: numbers by word, as its interface has them (µW, mW, kHz), so that they go back
 * unchanged.
 */
export const foundSchema = z.record(z.string(), z.number());
export type Found = Readonly<z.output<typeof foundSchema>>;

/**
 * One thing of a machine that can be set and put back: the power limit of a GPU, the frequencies of some
 * CPUs. Only the helper opens one, since setting needs its rights. Calls are synchronous: nothing comes
 * between reading and writing.
 */
export interface Control {
  /** Names it in the journal, and finds it again after a crash (finder.ts). */
  readonly id: string;
  readonly name: SettingName;
  /** What of the machine it is, for people: `package-0`, `CPUs 0-3`, `GPU-…`. */
  readonly part: string;
  /** CPUs whose speed it changes; empty for a GPU. */
  readonly cpus: readonly number[];
  /** @throws FailureError `setting-failed` when it does not answer. */
  read(): Found;
  /** Never above what was found: that may be all the machine's supply or cooling allows. */
  range(found: Found): Range;
  /** The limit in force, in the unit of its name; null where the interface sets it and does not tell it. */
  reading(): number | null;
  /**
   * @returns what was written, which is the nearest value that the device has.
   * @throws FailureError `setting-failed`
   */
  set(value: number): number;
  /** @throws FailureError `setting-failed` when it is not as found afterwards. */
  restore(found: Found): void;
}

/** A control that was looked for: there, or why not. */
export type ControlSearch =
  | { readonly found: true; readonly control: Control }
  | { readonly found: false; readonly name: SettingName; readonly reason: string };

/** @returns the error of everything that cannot be set, read or put back. */
export function settingError(message: string, rest: Partial<Pick<Failure, 'hint'>> = {}): FailureError {
  return new FailureError(failure('setting-failed', message, rest));
}
