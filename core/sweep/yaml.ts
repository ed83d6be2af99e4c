import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml';
import type { Mistake, Path } from './mistake.js';

/** Longest sweep file that is read, in UTF-16 units; the largest real ones have a few thousand. */
const MAX_SOURCE_LENGTH = 1_000_000;

/** Aliases may repeat a node this often before the file is taken for an alias bomb. */
const MAX_ALIASES = 100;

/** After this many syntax errors the rest says nothing new. */
const MAX_SYNTAX_MISTAKES = 20;

interface Place {
  readonly line: number;
  readonly column: number;
}

export interface YamlSource {
  /** Plain data, or null when the text is not YAML enough to be looked at. */
  readonly data: unknown;
  readonly readable: boolean;
  readonly mistakes: readonly Mistake[];
  /** Where a path is in the text; the nearest place above it when the path itself is not there. */
  locate(path: Path, at: 'key' | 'value'): Place;
}

const START: Place = { line: 1, column: 1 };

/** Reads YAML 1.2 with positions. Bounded in size, aliases and depth, for the text may come from anyone. */
export function readYaml(source: string): YamlSource {
  const unreadable = (message: string, place = START): YamlSource => ({
    data: null,
    readable: false,
    mistakes: [{ path: '', ...place, message, suggestion: null }],
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
  let document: Document.Parsed;
  try {
    document = parseDocument(source, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      logLevel: 'error',
    });
  } catch (error) {
    if (error instanceof RangeError) return unreadable('the file is nested too deeply to be a sweep');
    throw error;
  }
  const problems = [...document.errors, ...document.warnings];
  const mistakes: Mistake[] = problems.slice(0, MAX_SYNTAX_MISTAKES).map((problem) => ({
    path: '',
    ...place(problem.pos[0]),
    message: `YAML: ${problem.message}`,
    suggestion: null,
  }));
  const sound = document.errors.every((error) => error.code === 'DUPLICATE_KEY');
  if (!sound) return { data: null, readable: false, mistakes, locate: () => START };
  try {
    const data: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return { data, readable: true, mistakes, locate: (path, at) => locate(document, place, path, at) };
  } catch (error) {
    if (error instanceof ReferenceError) {
      return unreadable(`the file repeats its aliases more than ${MAX_ALIASES} times: write the lists out`);
    }
    if (error instanceof RangeError) return unreadable('the file is nested too deeply to be a sweep');
    throw error;
  }
}

function locate(
  document: Document.Parsed,
  place: (offset: number) => Place,
  path: Path,
  at: 'key' | 'value',
): Place {
  let node: unknown = document.contents;
  let best = offsetOf(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
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

function offsetOf(node: unknown): number | null {
  return isNode(node) ? ((node as Node).range?.[0] ?? null) : null;
}
