import type { Judgements, Ranked } from './measures.js';

export interface Document {
  readonly id: string;
  /** '' = it has none. */
  readonly title: string;
  readonly text: string;
}

export interface Query {
  readonly id: string;
  readonly text: string;
  /**
   * Documents that no list may have for it: BRIGHT's `excluded_ids`, and the query itself where it is one of
   * the documents.
   */
  readonly excluded: ReadonlySet<string>;
  /** What its own line says is relevant. */
  readonly relevant: readonly string[];
}

/** One line of a file, read; or one sentence what is wrong with it. */
type Read<T> = T | string;

/** A judgement, or a place of a run. */
export interface Placed {
  readonly query: string;
  readonly document: string;
  readonly value: number;
}

/** How a data set keeps documents, queries and judgements, a line each. */
export interface Layout {
  document(line: string): Read<Document>;
  query(line: string): Read<Query>;
  /**
   * null for a line that says nothing, such as a head; of a layout whose queries say it themselves, there is
   * none.
   */
  readonly judgement: ((line: string) => Read<Placed | null>) | null;
}

/**
 * BEIR: `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`), `qrels/*.tsv` with a head.
 */
const beir: Layout = {
  document: (line) => {
    const read = fields(line, '_id', 'text');
    if (typeof read === 'string') return read;
    const { title } = read.all;
    return { id: read.id, title: typeof title === 'string' ? title : '', text: read.text };
  },
  query: (line) => {
    const read = fields(line, '_id', 'text');
    if (typeof read === 'string') return read;
    return { id: read.id, text: read.text, excluded: new Set([read.id]), relevant: [] };
  },
  judgement: (line) => (/^query-id\t/i.test(line) ? null : judgementOf(line.split('\t'), [0, 1, 2])),
};

/**
 * BRIGHT: documents (`id`, `content`), examples (`id`, `query`, `gold_ids` or `gold_ids_long`,
 * `excluded_ids`).
 */
const bright = (gold: string): Layout => ({
  document: (line) => {
    const read = fields(line, 'id', 'content');
    return typeof read === 'string' ? read : { id: read.id, title: '', text: read.text };
  },
  query: (line) => {
    const read = fields(line, 'id', 'query');
    if (typeof read === 'string') return read;
    const relevant = idsOf(read.all[gold]);
    if (relevant.length === 0) return `the field ${gold} names no document`;
    return { id: read.id, text: read.text, excluded: new Set(idsOf(read.all.excluded_ids)), relevant };
  },
  judgement: null,
});

/** MS MARCO: `pid⇥text`, `qid⇥text`, and judgements as trec_eval has them. */
const msmarco: Layout = {
  document: (line) => {
    const read = tabbed(line);
    return typeof read === 'string' ? read : { ...read, title: '' };
  },
  query: (line) => {
    const read = tabbed(line);
    return typeof read === 'string' ? read : { ...read, excluded: new Set(), relevant: [] };
  },
  judgement: (line) => judgementOf(line.trim().split(/\s+/), [0, 2, 3]),
};

export const LAYOUTS = ['beir', 'bright', 'msmarco'] as const;

/** @param gold which field of BRIGHT's examples names what is relevant. */
export function layoutOf(name: (typeof LAYOUTS)[number], gold = 'gold_ids'): Layout {
  return { beir, bright: bright(gold), msmarco }[name];
}

/** A document's whole text, as BEIR joins it for searches. */
export const searched = ({ title, text }: Document): string => (title === '' ? text : `${title} ${text}`);

/** A line of a run as trec_eval reads it: `query Q0 document rank score name`; the rank is not looked at. */
export function readRunLine(line: string): Read<Placed> {
  const fields = line.trim().split(/\s+/);
  if (fields.length !== 6)
    return `a line of a run has six fields (query Q0 document rank score name), and this one has ${fields.length}`;
  const score = Number(fields[4]);
  if (!Number.isFinite(score)) return `the score ${fields[4]} is no number`;
  return { query: fields[0]!, document: fields[2]!, value: score };
}

/** @returns lines of a run, ranks from 1. @param list best first. */
export function runLines(query: string, list: readonly Ranked[], name: string): string {
  const word = (text: string) => text.replaceAll(/\s+/g, '_');
  return list
    .map(({ id, score }, i) => `${word(query)} Q0 ${word(id)} ${i + 1} ${score} ${word(name)}\n`)
    .join('');
}

/** Puts judgements and places by query; of a document that comes twice the sentence says where. */
export class ByQuery {
  readonly #values = new Map<string, Map<string, number>>();

  /** @returns what is wrong; null = nothing. */
  add({ query, document, value }: Placed): string | null {
    const known = this.#values.get(query) ?? new Map<string, number>();
    this.#values.set(query, known);
    if (known.has(document)) return `the query ${query} has the document ${document} twice`;
    known.set(document, value);
    return null;
  }

  judgementsOf(query: string): Judgements {
    return this.#values.get(query) ?? new Map();
  }

  has(query: string): boolean {
    return this.#values.has(query);
  }

  /** Leaves out what is not wanted. @returns how many that were. */
  keep(wanted: (document: string) => boolean): number {
    let gone = 0;
    for (const known of this.#values.values())
      for (const document of [...known.keys()]) if (!wanted(document) && known.delete(document)) gone += 1;
    return gone;
  }

  /** Every document that is named, with a query that names it. */
  *documents(): Generator<readonly [document: string, query: string]> {
    for (const [query, known] of this.#values) for (const document of known.keys()) yield [document, query];
  }
}

function fields(
  line: string,
  idField: string,
  textField: string,
): Read<{ readonly id: string; readonly text: string; readonly all: Readonly<Record<string, unknown>> }> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return `the line is not JSON: ${(error as Error).message}`;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'the line is JSON, but not an object';
  const all = value as Record<string, unknown>;
  const [id, text] = [all[idField], all[textField]];
  if ((typeof id !== 'string' && typeof id !== 'number') || id === '')
    return `the field ${idField} is missing`;
  return typeof text === 'string' ? { id: String(id), text, all } : `the field ${textField} is missing`;
}

/** `N/A` in BRIGHT's lists stands for none. */
const idsOf = (value: unknown): string[] =>
  Array.isArray(value) ? [...new Set(value.map(String))].filter((id) => id !== 'N/A') : [];

function tabbed(line: string): Read<{ readonly id: string; readonly text: string }> {
  const at = line.indexOf('\t');
  if (at <= 0) return 'the line has no tab between an id and a text';
  return { id: line.slice(0, at), text: line.slice(at + 1) };
}

function judgementOf(words: readonly string[], at: readonly [number, number, number]): Read<Placed> {
  const [query = '', document = '', grade = ''] = at.map((index) => words[index]?.trim());
  if (words.length === at[2] + 1 && /^-?\d{1,9}$/.test(grade))
    return { query, document, value: Number(grade) };
  const shown = JSON.stringify(words.join(' ').slice(0, 100));
  return `a judgement has ${at[2] + 1} fields, the last a whole number, and this line is ${shown}`;
}
