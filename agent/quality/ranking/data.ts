import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileProblem } from '../../../core/input/file-problem.js';
import {
  ByQuery,
  type Document,
  type Layout,
  layoutOf,
  type Placed,
  type Query,
  readRunLine,
} from '../../../core/ranking/data.js';
import type { RankingSpec } from '../../../core/ranking/definition.js';
import type { RankingFiles, RankingTask } from '../../../core/ranking/task.js';
import { numberedLines } from '../../lines/lines.js';

/** A data set for rankings, read. */
export interface RankingData {
  readonly documents: ReadonlyMap<string, Document>;
  /** Those that have judgements, as many as are asked. */
  readonly queries: readonly Query[];
  readonly judgements: ByQuery;
  /** Candidates of a run; null = there is none. */
  readonly run: ByQuery | null;
  /** Judgements that were left out, of documents that are not in the corpus. */
  readonly leftOut: number;
}

export interface LocatedFiles {
  readonly files: RankingFiles;
  /** Their sizes and times. */
  readonly stamp: string;
}

/**
 * @param folder that paths are relative to.
 * @returns whole paths of files that are there and may be opened, or what is wrong with each.
 */
export function locatedFiles(
  named: RankingFiles,
  folder: string,
  locate: (path: string) => string,
): LocatedFiles | string[] {
  const problems: string[] = [];
  const stamps: (readonly [size: number, time: number])[] = [];
  const find = <P extends string | null>(path: P): P => {
    if (path === null) return path;
    try {
      const file = locate(resolve(folder, path));
      const { size, mtimeMs } = statSync(file);
      stamps.push([size, mtimeMs]);
      return file as P;
    } catch (error) {
      problems.push(`${path}: ${fileProblem(error)}`);
      return path;
    }
  };
  const { documents, queries, judgements, run, model } = named;
  const files = {
    documents: find(documents),
    queries: find(queries),
    judgements: find(judgements),
    run: find(run),
    model: find(model),
  };
  return problems.length > 0 ? problems : { files, stamp: JSON.stringify(stamps) };
}

/** Errors of one kind that are said one by one; of more, how many there are. */
const MOST_SAID = 5;

/**
 * Reads a data set. Of a run the documents that it names are kept, otherwise all.
 * @param texts whether texts are kept; without them ids are compared alone.
 * @returns the data, or what is wrong with it, each as `file:line …`.
 */
export function readRankingData(
  { spec, files }: Pick<RankingTask, 'spec' | 'files'>,
  texts = true,
): RankingData | readonly string[] {
  return new Reader(spec, files).read(texts);
}

class Reader {
  readonly #errors: string[] = [];
  readonly #spec: RankingSpec;
  readonly #files: RankingFiles;
  readonly #layout: Layout;

  constructor(spec: RankingSpec, files: RankingFiles) {
    this.#spec = spec;
    this.#files = files;
    const { data } = spec;
    this.#layout = layoutOf(data.layout, 'gold' in data ? data.gold : undefined);
  }

  read(texts: boolean): RankingData | readonly string[] {
    const queries = new Map<string, Query>();
    const judgements = new ByQuery();
    this.#lines(this.#files.queries, this.#layout.query, (query) => {
      if (queries.has(query.id)) return `the query ${query.id} is there twice`;
      queries.set(query.id, query);
      for (const document of query.relevant) judgements.add({ query: query.id, document, value: 1 });
      return null;
    });
    const { judgement } = this.#layout;
    if (this.#files.judgements !== null && judgement !== null)
      this.#lines(this.#files.judgements, judgement, (one) => this.#placed(one, judgements, queries));
    const run = this.#files.run === null ? null : new ByQuery();
    // A run has queries of others, too.
    if (run !== null) this.#lines(this.#files.run!, readRunLine, (one) => run.add(one));
    const documents = this.#documents(texts, run);
    const asked = [...queries.values()].filter(({ id }) => judgements.has(id)).slice(0, this.#spec.queries);
    if (this.#errors.length === 0 && asked.length === 0)
      this.#errors.push(`${this.#files.queries}: no query has a judgement`);
    const leftOut = this.#unknown(judgements, documents, this.#files.judgements ?? this.#files.queries);
    if (run !== null) this.#requireKnown(run, documents, this.#files.run!, 'places of the run');
    return this.#errors.length > 0 ? this.#errors : { documents, queries: asked, judgements, run, leftOut };
  }

  #placed(one: Placed | null, judgements: ByQuery, queries: ReadonlyMap<string, Query>): string | null {
    if (one === null) return null;
    if (!queries.has(one.query))
      return `the judgement is of the query ${one.query}, which ${this.#files.queries} does not have`;
    return judgements.add(one);
  }

  #documents(texts: boolean, run: ByQuery | null): ReadonlyMap<string, Document> {
    const named = run === null ? null : new Set([...run.documents()].map(([id]) => id));
    const documents = new Map<string, Document>();
    this.#lines(this.#files.documents, this.#layout.document, (document) => {
      const { id } = document;
      if (documents.has(id)) return `the document ${id} is there twice`;
      const kept = texts && (named === null || named.has(id));
      documents.set(id, kept ? document : { id, title: '', text: '' });
      return null;
    });
    if (this.#errors.length === 0 && documents.size === 0)
      this.#errors.push(`${this.#files.documents}: there is no document`);
    return documents;
  }

  /** @returns how many judgements are left out. */
  #unknown(judgements: ByQuery, documents: ReadonlyMap<string, Document>, path: string): number {
    if (this.#spec.unknownDocuments === 'refuse') {
      const hint = '; unknownDocuments: leaveOut leaves them out';
      this.#requireKnown(judgements, documents, path, 'judgements', hint);
      return 0;
    }
    return judgements.keep((document) => documents.has(document));
  }

  #requireKnown(
    places: ByQuery,
    documents: ReadonlyMap<string, Document>,
    path: string,
    what: string,
    hint = '',
  ): void {
    // Of a corpus that could not be read nothing would be known.
    if (this.#errors.length > 0) return;
    const lacking = [...places.documents()].filter(([document]) => !documents.has(document));
    const [first] = lacking;
    if (first === undefined) return;
    const [document, query] = first;
    this.#errors.push(
      `${path}: ${lacking.length} ${what} are of documents that the corpus does not have, the first of ${document} for the query ${query}${hint}`,
    );
  }

  #lines<T>(path: string, read: (line: string) => T | string, take: (value: T) => string | null): void {
    let wrong = 0;
    try {
      for (const [text, line] of numberedLines(path)) {
        const value = read(text);
        const problem = typeof value === 'string' ? value : take(value);
        if (problem !== null && ++wrong <= MOST_SAID) this.#errors.push(`${path}:${line} ${problem}`);
      }
    } catch (error) {
      this.#errors.push(`${path}: ${fileProblem(error)}`);
    }
    if (wrong > MOST_SAID) this.#errors.push(`${path}: ${wrong - MOST_SAID} more lines like these`);
  }
}
