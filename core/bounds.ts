import { z } from 'zod';

/**
 * How long texts, lists and numbers of documents may be that come from somebody else. Far above what any
 * agent of ours writes; they keep what is repeated in states, labels and tables small.
 */

// Sentences are made when they are said: the first number that is spelled loads a locale, which takes 50 ms.

/** A name or an id: no line breaks or other control characters, which would act on logs and terminals. */
export function nameOf(most: number) {
  return z
    .string()
    .min(1)
    .max(most, `has more than ${most} characters`)
    .regex(/^\P{Cc}*$/u, 'has control characters');
}

/** A text for people. */
export function textOf(most: number) {
  return z.string().max(most, { error: () => `has more than ${most.toLocaleString('en')} characters` });
}

/** A list of at most that many. */
export function listOf<T extends z.ZodType>(item: T, most: number) {
  return z.array(item).max(most, { error: () => `has more than ${most.toLocaleString('en')} entries` });
}

/** Names of fields that are not ours, with their values, at most that many. */
export function recordOf<T extends z.ZodType>(value: T, most: number) {
  return z.record(textOf(256), value).refine((fields) => Object.keys(fields).length <= most, {
    error: () => `has more than ${most.toLocaleString('en')} fields`,
  });
}

/** A whole number of a file, both ends included. */
export const integerBetween = (least: number, most: number) => z.int().min(least).max(most);

/** A number of a file, both ends included. */
export const numberBetween = (least: number, most: number) => z.number().min(least).max(most);

/** A number above zero. */
export const above0 = (most: number) => z.number().gt(0).max(most);

/** A text that is not empty. */
export const textUpTo = (characters: number) => z.string().min(1).max(characters);

/** A setting that may be left out, or written as null, which is the same. */
export const orNull = <T extends z.ZodType>(setting: T) => setting.nullable().default(null);

/** Of sweeps, experiments and trials. */
export const ID_CHARACTERS = 256;
/** Of nodes, devices, classes, models and the like. */
export const NAME_CHARACTERS = 256;
/** A sentence with what an engine said. */
export const SENTENCE_CHARACTERS = 65_536;
