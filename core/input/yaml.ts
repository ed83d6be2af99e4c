import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, LineCounter } from 'yaml';
import { type Diagnostic, ofWhole, type Path } from './diagnostic.js';
import { compose, keyProblems, offsetOf, plainTree, TooMuch } from './yaml-tree.js';

/** Longest sweep file that is read, in UTF-16 units; the largest real ones have a few thousand. */
const MAX_SOURCE_LENGTH = 1_000_000;

/** After this many syntax errors the rest says nothing new. */
const MAX_SYNTAX_ERRORS = 20;

interface Place {
  readonly line: number;
  readonly column: number;
}

export interface YamlSource {
  /** Plain data, or null when the text is not YAML enough to be looked at. */
  readonly data: unknown;
  readonly readable: boolean;
  /** True of a text that asks for more than a reader does, whatever its grammar. */
  readonly exceeds: boolean;
  readonly diagnostics: readonly Diagnostic[];
  /** Where a path is in the text; the nearest place above it when the path itself is not there. */
  locate(path: Path, at: 'key' | 'value'): Place;
}

const START: Place = { line: 1, column: 1 };

/**
 * Reads YAML 1.2 with positions, in time linear in the text. Bounded in size, depth, and in values (what
 * aliases repeat included), for the text may come from anyone.
 */
export function readYaml(source: string): YamlSource {
  const unreadable = (message: string): YamlSource => ({
    data: null,
    readable: false,
    exceeds: true,
    diagnostics: [ofWhole(message)],
    locate: () => START,
  });
  if (source.length > MAX_SOURCE_LENGTH) {
    return unreadable(
      `the file is longer than ${MAX_SOURCE_LENGTH} characters: split the sweep, or write ranges`,
    );
  }
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  try {
    const document = compose(source, lines);
    const problems = [...document.errors, ...document.warnings].slice(0, MAX_SYNTAX_ERRORS);
    const keys = keyProblems(document.contents, MAX_SYNTAX_ERRORS - problems.length);
    const diagnostics = [...problems.map(({ pos: [offset], message }) => ({ offset, message })), ...keys].map(
      ({ offset, message }) => ({
        path: '',
        ...place(offset),
        message: `YAML: ${message}`,
        suggestion: null,
      }),
    );
    if (document.errors.length > 0)
      return { data: null, readable: false, exceeds: false, diagnostics, locate: () => START };
    const { data, targets } = plainTree(document);
    return {
      data,
      readable: true,
      exceeds: false,
      diagnostics,
      locate: (path, at) => locate(document, targets, place, path, at),
    };
  } catch (error) {
    if (error instanceof TooMuch) return unreadable(error.message);
    throw error;
  }
}

function locate(
  document: Document.Parsed,
  targets: ReadonlyMap<Alias, unknown>,
  place: (offset: number) => Place,
  path: Path,
  at: 'key' | 'value',
): Place {
  let node: unknown = document.contents;
  let best = offsetOf(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = targets.get(node);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (!pair) break;
      const wantsKey = at === 'key' && depth === path.length - 1;
      best = (wantsKey ? offsetOf(pair.key) : (offsetOf(pair.value) ?? offsetOf(pair.key))) ?? best;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step];
      best = offsetOf(node) ?? best;
    } else break;
  }
  return place(best);
}
