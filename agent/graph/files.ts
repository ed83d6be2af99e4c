import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { FailureError, failed } from '../../core/errors.js';
import { allNodes, type RequestGraph } from '../../core/graph/graph.js';
import { parseGraph } from '../../core/graph/parse.js';
import { parseSettings } from '../../core/graph/settings.js';
import { textOf, type Value } from '../../core/graph/value.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { isNestedTooDeep, MOST_NESTED } from '../../core/nesting.js';
import { patternProblem } from '../../core/quality/scorers/pattern.js';
import { MOST_BYTES, readBounded } from '../../formats/bounded-file.js';

/** Real paths of a graph and of what it names. */
export interface GraphFiles {
  readonly graph: string;
  /** null = the graph has its items in itself. */
  readonly items: string | null;
  /** Documents that nodes retrieve from, by the name that they are given in the graph. */
  readonly documents: Readonly<Record<string, string>>;
}

export type Item = Readonly<Record<string, unknown>>;

/** A document that can be retrieved. */
export interface GraphDocument {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

/** A graph that is ready to run. */
export interface ReadGraph {
  readonly graph: RequestGraph;
  readonly items: readonly Item[];
  readonly documents: ReadonlyMap<string, readonly GraphDocument[]>;
  readonly files: GraphFiles;
  /** Of the files and the settings. */
  readonly digest: string;
}

/**
 * Reads a graph with its items and documents.
 * @param locate gives the file to open for a path, and throws for one that may not be opened.
 * @param settings of the sweep, as text; null = the graph's own.
 * @throws FailureError `impossible-combination` with every error, each with its file and line.
 */
export function readGraph(
  path: string,
  settings: string | null,
  locate: (path: string) => string = (one) => one,
): ReadGraph {
  const reader = new GraphReader(locate);
  const changed = settings === null ? {} : parseSettings(settings);
  if (typeof changed === 'string') throw wrong([`settings cannot be read: ${changed}`]);
  const text = reader.text(path);
  const parsed = text === null ? null : parseGraph(text, changed);
  if (parsed === null) throw wrong(reader.errors);
  if (!parsed.ok) {
    throw wrong(
      parsed.diagnostics.map(({ line, column, path: where, message, suggestion }) => {
        const guess = suggestion === null ? '' : ` (did you mean ${suggestion}?)`;
        return `${path}:${line}:${column} ${where === '' ? '' : `${where}: `}${message}${guess}`;
      }),
    );
  }
  const { graph } = parsed;
  const folder = dirname(path);
  const items = typeof graph.items === 'string' ? reader.items(resolve(folder, graph.items)) : graph.items;
  const names = allNodes(graph.body).flatMap((node) => (node.kind === 'retrieve' ? [node.from] : []));
  const documents = new Map(
    [...new Set(names)].map((name) => [name, reader.documents(resolve(folder, name))]),
  );
  for (const [i, item] of items.entries()) {
    if (isNestedTooDeep(item))
      reader.errors.push(`item ${i + 1} of ${graph.name} is nested deeper than ${MOST_NESTED}`);
    reader.errors.push(
      ...patternProblems(graph, item).map((problem) => `item ${i + 1} of ${graph.name}: ${problem}`),
    );
    const missing = graph.inputs.filter((name) => !Object.hasOwn(item, name));
    if (missing.length > 0) reader.errors.push(`item ${i + 1} of ${graph.name} has no ${missing.join(', ')}`);
  }
  if (items.length === 0) reader.errors.push(`${graph.name} has no items`);
  if (reader.errors.length > 0) throw wrong(reader.errors);
  const locationOf = (name: string) => reader.located.get(resolve(folder, name))!;
  return {
    graph,
    items,
    documents,
    files: {
      graph: reader.located.get(path)!,
      items: typeof graph.items === 'string' ? locationOf(graph.items) : null,
      documents: Object.fromEntries([...documents.keys()].map((name) => [name, locationOf(name)])),
    },
    digest: reader.digest(settings ?? ''),
  };
}

/** @returns why references of an item cannot be searched as patterns. */
function patternProblems({ scorers, reference }: RequestGraph, item: Item): string[] {
  const given = reference === null || !scorers.includes('regex') ? undefined : item[reference];
  return [given ?? []].flat().flatMap((one) => patternProblem(textOf(one as Value)) ?? []);
}

/** Reads it again where the parent has found it. */
export function readFound(files: GraphFiles, settings: string | null): ReadGraph {
  const folder = dirname(files.graph);
  const found = new Map([
    [files.graph, files.graph],
    ...Object.entries(files.documents).map(([name, path]) => [resolve(folder, name), path] as const),
  ]);
  // What is neither graph nor document is the file of items.
  return readGraph(files.graph, settings, (path) => found.get(path) ?? files.items ?? path);
}

const MOST_ERRORS = 20;

function wrong(errors: readonly string[]): FailureError {
  const more = errors.length > MOST_ERRORS ? [`and ${errors.length - MOST_ERRORS} more`] : [];
  return failed(
    'impossible-combination',
    [...errors.slice(0, MOST_ERRORS), ...more].join('; '),
    'Correct the graph; `ridge graph --check FILE` checks one by itself (docs/graphs.md).',
  );
}

class GraphReader {
  readonly errors: string[] = [];
  readonly located = new Map<string, string>();
  readonly #locate: (path: string) => string;
  readonly #digest = createHash('sha256');

  constructor(locate: (path: string) => string) {
    this.#locate = locate;
  }

  text(path: string): string | null {
    try {
      const file = this.#locate(path);
      const bytes = readBounded(file, MOST_BYTES.questions);
      this.located.set(path, file);
      this.#digest.update(`${bytes.length}\n`).update(bytes);
      return bytes.toString('utf8');
    } catch (error) {
      this.errors.push(`${path}: ${error instanceof FailureError ? error.message : fileProblem(error)}`);
      return null;
    }
  }

  items(path: string): readonly Item[] {
    return this.#lines(path).map(([record]) => record);
  }

  /** As BEIR has them: `_id` or `id`, `title`, `text`. */
  documents(path: string): readonly GraphDocument[] {
    return this.#lines(path).flatMap(([record, line]) => {
      const { _id, id = _id, title = '', text = record.content } = record;
      if (typeof text === 'string' && text !== '')
        return [{ id: String(id ?? line), title: String(title), text }];
      this.errors.push(`${path}:${line} a document needs text`);
      return [];
    });
  }

  digest(settings: string): string {
    return `sha256:${this.#digest.update(settings).digest('hex')}`;
  }

  #lines(path: string): (readonly [Item, number])[] {
    const text = this.text(path);
    if (text === null) return [];
    return text.split('\n').flatMap((line, i) => {
      if (line.trim() === '') return [];
      try {
        const record: unknown = JSON.parse(line);
        if (typeof record === 'object' && record !== null && !Array.isArray(record))
          return [[record as Readonly<Record<string, Value>>, i + 1] as const];
      } catch {
        // Said below.
      }
      this.errors.push(`${path}:${i + 1} is no JSON object`);
      return [];
    });
  }
}
