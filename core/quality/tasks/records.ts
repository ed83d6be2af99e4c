import type { TaskDefinition } from './definition.js';
import { textOf, valueAt } from './template.js';

export type ItemRecord = Readonly<Record<string, unknown>>;

/** A record, and where it stands: a line of JSONL, or its number in a list. */
export interface PlacedRecord {
  /** 1-based. */
  readonly line: number;
  /** `line 7`, `item 7`. */
  readonly place: string;
  /** A sentence when it is no record. */
  readonly record: ItemRecord | string;
}

/** Reads JSONL, or one JSON list of records as some data sets are kept. */
export function readRecords(text: string): PlacedRecord[] {
  const list = text.trimStart().startsWith('[') ? parse(text) : null;
  if (Array.isArray(list)) {
    return list.map((value, i) => ({
      line: i + 1,
      place: `item ${i + 1}`,
      record: asRecord(value, 'the item'),
    }));
  }
  return text.split(/\r?\n/).flatMap((line, i) => {
    if (line.trim() === '') return [];
    const value = parse(line);
    const record =
      value instanceof Error ? `the line is not JSON: ${value.message}` : asRecord(value, 'the line');
    return [{ line: i + 1, place: `line ${i + 1}`, record }];
  });
}

/** @returns whether the task asks the item, by its `only`. */
export function isAsked({ spec }: TaskDefinition, record: ItemRecord): boolean {
  return Object.entries(spec.only).every(([field, wanted]) => {
    const found = textOf(valueAt(record, field));
    return (Array.isArray(wanted) ? wanted : [wanted]).some((value) => textOf(value) === found);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
}

function asRecord(value: unknown, what: string): ItemRecord | string {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as ItemRecord;
  return `${what} is JSON, but not an object`;
}
