import {
  type Alias,
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  type LineCounter,
  Parser,
} from 'yaml';

/** Levels of lists and maps in each other; real sweep files have fewer than ten. */
const MAX_DEPTH = 100;

/** Most keys and values of a file, those that its aliases repeat included; ten full axes fit. */
const MAX_VALUES = 100_000;

/** Words, signs and ends of lines: what the time of reading follows. Five or so make a value. */
const MAX_LEXEMES = 500_000;

/** What the lexer puts before every plain word. */
const SCALAR = '\u001f';

/** The text is valid, but more than a file may ask a reader to do. */
export class TooMuch extends Error {
  override readonly name = 'TooMuch';
}

/**
 * Composes a text into the nodes of its document, in time linear in its length.
 * @throws TooMuch when it is nested too deeply or holds too many values; nothing has been composed then.
 */
export function compose(source: string, lines: LineCounter): Document.Parsed {
  const tokens = tokensOf(source, lines);
  // The package compares every key with every other of its map; `keyProblems` finds those in one pass.
  const options = { stringKeys: true, uniqueKeys: false, logLevel: 'error' } as const;
  const { stackTraceLimit } = Error;
  // A text can have as many errors as characters, and each would remember how it was come by.
  Error.stackTraceLimit = 0;
  try {
    const documents = new Composer(options).compose(tokens, true, source.length);
    const { value: document } = documents.next() as { value: Document.Parsed };
    if (documents.next().done) return document;
    throw new TooMuch('YAML: the text holds several documents: write each into a file of its own');
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function tokensOf(source: string, lines: LineCounter): CST.Token[] {
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  lines.addNewLine(0);
  let values = 0;
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(source)) {
    const first = lexeme[0];
    if (first === SCALAR || first === '"' || first === "'" || first === ',' || first === '*') values++;
    // Separators are counted with what they separate: an empty entry is a value, too.
    if (values > 2 * MAX_VALUES) throw tooMany();
    if (++lexemes > MAX_LEXEMES) {
      throw new TooMuch(`the text has more than ${MAX_LEXEMES} words, signs and line ends: split it`);
    }
    for (const token of parser.next(lexeme)) tokens.push(token);
    // A level is at most two tokens: a list of one entry in a list of one entry.
    if (parser.stack.length > 2 * MAX_DEPTH) throw new TooMuch('the text is nested too deeply');
  }
  tokens.push(...parser.end());
  return tokens;
}

const tooMany = () =>
  new TooMuch(
    `the text has more than ${MAX_VALUES} keys and values, with what its aliases repeat: split it, or write ranges`,
  );

/** A key that cannot stand where it does. */
interface KeyProblem {
  readonly offset: number;
  readonly message: string;
}

/**
 * Finds keys that their map has already, and keys named `__proto__`: schemas pass over those in maps of any
 * keys, so that their values would be checked by nobody.
 * @returns at most `most` of them.
 */
export function keyProblems(root: unknown, most: number): KeyProblem[] {
  const problems: KeyProblem[] = [];
  const open: unknown[] = [root];
  for (let node = open.pop(); node !== undefined && problems.length < most; node = open.pop()) {
    if (isPair(node)) open.push(node.value ?? undefined);
    else if (isSeq(node)) for (const item of node.items) open.push(item);
    else if (isMap(node)) {
      const keys = new Set<unknown>();
      for (const { key, value } of node.items) {
        const name = isScalar(key) ? key.value : key;
        const offset = offsetOf(key) ?? 0;
        if (keys.has(name)) problems.push({ offset, message: 'Map keys must be unique' });
        else if (name === '__proto__') problems.push({ offset, message: 'no key can be named "__proto__"' });
        keys.add(name);
        if (isNode(value)) open.push(value);
      }
    }
  }
  return problems.slice(0, most);
}

/** A document as plain data, and the nodes that its aliases stand for. */
export interface PlainTree {
  readonly data: unknown;
  readonly targets: ReadonlyMap<Alias, unknown>;
}

/** A converted node, and how many values it holds, its aliases written out. */
interface Plain {
  readonly node: unknown;
  readonly data: unknown;
  readonly values: number;
}

/**
 * @returns the document as plain data; what an alias repeats is the same object again.
 * @throws TooMuch when its aliases stand for too many values, or for nothing.
 */
export function plainTree(document: Document.Parsed): PlainTree {
  const anchors = new Map<string, Plain>();
  const targets = new Map<Alias, unknown>();
  const { data } = convert(document.contents);
  return { data, targets };

  function convert(node: unknown): Plain {
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target === undefined) throw new TooMuch(`the alias *${node.source} stands for nothing above it`);
      targets.set(node, target.node);
      return target;
    }
    let values = 1;
    const add = (child: unknown): unknown => {
      const plain = convert(child);
      values += plain.values;
      if (values > MAX_VALUES) throw tooMany();
      return plain.data;
    };
    let data: unknown = null;
    if (isSeq(node)) data = node.items.map(add);
    else if (isMap(node)) {
      const fields: Record<string, unknown> = {};
      for (const { key, value } of node.items) {
        values++;
        const name = isScalar(key) ? String(key.value) : '';
        // Defined, for setting `__proto__` would change the prototype.
        Object.defineProperty(fields, name, {
          value: add(value),
          enumerable: true,
          configurable: true,
          writable: true,
        });
      }
      data = fields;
    } else if (isScalar(node)) data = node.value;
    const plain = { node, data, values };
    if (isNode(node) && 'anchor' in node && node.anchor !== undefined)
      anchors.set(String(node.anchor), plain);
    return plain;
  }
}

/** @returns where a node begins, in UTF-16 units. */
export function offsetOf(node: unknown): number | null {
  return isNode(node) ? (node.range?.[0] ?? null) : null;
}
