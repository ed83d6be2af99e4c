import type { TaskDefinition } from './definition.js';
import type { ItemRecord } from './records.js';
import { textOf, valueAt } from './template.js';

export interface Choice {
  readonly text: string;
  /** What the data calls it: `A`, `2`; null when it has no name of its own. */
  readonly label: string | null;
}

type Fields = NonNullable<TaskDefinition['spec']['fields']['choices']>;

/** Options at most: they are called by letters. */
const MAX_CHOICES = 26;
/** `(1) `, `A. `, `B) `, `C、`, `d: `, or a letter and a blank. */
const LABEL =
  /^\s*(?:\(\s*([A-Za-z]|\d{1,2})\s*\)|（\s*([A-Za-z]|\d{1,2})\s*）|([A-Za-z]|\d{1,2})(?:\s*[.):：．、）]|(?=\s)))\s*/u;

/**
 * Reads the options of a record, whatever shape they have. Options of a map, or with labels, that are null or
 * empty are not there: data sets pad items with fewer options that way.
 * @returns the options, or one sentence what is wrong with them.
 */
export function readChoices(
  fields: Fields,
  labels: TaskDefinition['spec']['optionLabels'],
  record: ItemRecord,
): readonly Choice[] | string {
  const where = typeof fields === 'string' ? fields : Array.isArray(fields) ? fields.join(', ') : fields.in;
  const found = optionsOf(fields, record);
  if (found === undefined) return `the field ${where} (the options) is missing`;
  const texts =
    found === null ? [] : found.map(({ text, label }) => ({ text: textOf(text), label: textOf(label) }));
  const present = texts.filter(({ text, label }) => text !== null || label === null);
  const choices = present.flatMap(({ text, label }) => (text === null ? [] : [{ text, label }]));
  if (choices.length < present.length || choices.length < 2 || choices.length > MAX_CHOICES)
    return `${where} has to hold 2 to ${MAX_CHOICES} options, each text or a number`;
  if (labels === 'none') return choices;
  const cut = choices.map(({ text }) => cutLabel(text));
  const bare = cut.indexOf(null);
  if (bare >= 0)
    return `the option ${JSON.stringify(choices[bare]!.text)} does not begin with a label such as (1) or A.`;
  return cut.flatMap((choice) => (choice === null || choice.text === '' ? [] : [choice]));
}

interface Option {
  readonly text: unknown;
  readonly label: unknown;
}

/** @returns undefined when the field is missing, null when it holds no options. */
function optionsOf(fields: Fields, record: ItemRecord): readonly Option[] | null | undefined {
  const plain = (values: readonly unknown[]) => values.map((text) => ({ text, label: null }));
  if (Array.isArray(fields)) {
    const values = fields.map((field) => valueAt(record, field));
    return values.every((value) => value === undefined) ? undefined : named(fields, values);
  }
  if (typeof fields === 'object') {
    const list = valueAt(record, fields.in);
    if (list === undefined) return undefined;
    if (!Array.isArray(list)) return null;
    const fieldOf = (one: unknown, field: string | undefined) =>
      field === undefined || typeof one !== 'object' || one === null
        ? null
        : valueAt(one as ItemRecord, field);
    return list.map((one: unknown) => ({
      text: fieldOf(one, fields.text),
      label: fieldOf(one, fields.label),
    }));
  }
  const value = valueAt(record, fields);
  if (value === undefined) return undefined;
  if (typeof value === 'string') return plain(value.split(/\r?\n/).filter((line) => line.trim() !== ''));
  if (Array.isArray(value)) return plain(value);
  return typeof value === 'object' && value !== null ? named(Object.keys(value), Object.values(value)) : null;
}

/**
 * Of fields and maps the names are labels; an option that is not there leaves the labels of the others as
 * they are.
 */
function named(names: readonly string[], values: readonly unknown[]): readonly Option[] {
  return names.map((label, i) => ({ text: values[i] === '' ? null : values[i], label }));
}

function cutLabel(text: string): Choice | null {
  const match = LABEL.exec(text);
  const label = match?.[1] ?? match?.[2] ?? match?.[3];
  return match === null || label === undefined ? null : { text: text.slice(match[0].length).trim(), label };
}
