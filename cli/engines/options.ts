import { z } from 'zod';
import { RUNNERS, runnerNamed } from '../../core/runners/index.js';
import { profileOf } from '../../core/runners/server/index.js';
import type { ServerOption } from '../../core/runners/server/options.js';
import { knownValues } from '../../core/runners/server/profile.js';
import { usageError } from '../exit.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';

/** An option of a runner, as a sweep may vary it. */
export interface ListedOption {
  readonly option: string;
  /** `boolean`, `integer 1 to 64`, `word`. */
  readonly type: string;
  /** The words that it knows; null = any of its type. */
  readonly values: readonly string[] | null;
  readonly default: unknown;
  readonly description: string;
}

/** Values of one option that a table shows. */
const MOST_SHOWN = 8;

/** A type that needs no more to be said. */
const WORD = 'word';

/** Said by the type. */
const BOOLEANS = ['true', 'false'];

/** What of a JSON Schema tells the type of an option. */
interface Field {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly anyOf?: readonly Field[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
}

/**
 * @returns the options of a kind of runner, in their order.
 * @throws CommandError (2) for a kind that there is not.
 */
export function optionsOf(kind: string): ListedOption[] {
  const runner = runnerNamed(kind);
  if (runner === undefined) {
    throw usageError(`there is no runner ${kind}`, `There are ${RUNNERS.map((one) => one.kind).join(', ')}.`);
  }
  const mapped = profileOf(kind)?.options;
  const { properties = {} } = z.toJSONSchema(runner.options, { io: 'input', unrepresentable: 'any' });
  return Object.entries(properties as Readonly<Record<string, Field>>).map(([option, field]) => {
    const parts = (field.anyOf ?? [field]).filter(({ type }) => type !== 'null');
    const named = parts.flatMap((part) => part.enum ?? (part.const === undefined ? [] : [part.const]));
    const types = parts.filter((part) => part.enum === undefined && part.const === undefined).map(typeOf);
    const argument = mapped?.[option as ServerOption];
    const known = argument === undefined ? null : knownValues(argument);
    const names = (known ?? named).filter((name) => !BOOLEANS.includes(name));
    return {
      option,
      type: types.join(' or ') || WORD,
      values: names.length === 0 ? null : names,
      default: field.default ?? null,
      description: field.description ?? '',
    };
  });
}

function typeOf({ type, title, minimum, maximum, exclusiveMinimum }: Field): string {
  const plain = [type ?? []].flat().find((one) => one !== 'null');
  if (plain === 'boolean') return plain;
  if (plain !== 'integer' && plain !== 'number') return title ?? WORD;
  const least = minimum ?? exclusiveMinimum;
  return `${plain} ${exclusiveMinimum === undefined ? '' : 'above '}${least} to ${maximum}`;
}

/** `ridge engines options RUNNER`: what a sweep may vary on it. @throws CommandError (2). */
export function listOptions(kind: string, { json }: { readonly json?: true }): void {
  const options = optionsOf(kind);
  const profile = profileOf(kind) ?? null;
  const { checkedAgainst = null, proved = null } = profile ?? {};
  if (json === true) {
    printJson({ runner: kind, checkedAgainst, proved, options });
    return;
  }
  printTable(
    ['option', 'type', 'default', 'what it is'],
    options.map(({ option, type, values, default: preset, description }) => [
      option,
      shown(type, values),
      preset === null ? null : String(preset),
      description,
    ]),
  );
  if (checkedAgainst !== null) say(`held against ${checkedAgainst}; has run: ${proved}`);
}

/** `integer 0 to 64 or all`; of many words the first. */
function shown(type: string, values: readonly string[] | null): string {
  if (values === null) return type;
  const more = values.length - MOST_SHOWN;
  const names = `${values.slice(0, MOST_SHOWN).join(', ')}${more > 0 ? `, … (${more} more: --json)` : ''}`;
  return /^(boolean|integer|number)/.test(type) ? `${type} or ${names}` : names;
}
