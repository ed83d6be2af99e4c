/** @returns what Python's `str` writes of plain data: texts as they are, lists and maps as literals. */
export function pythonText(value: unknown): string {
  return typeof value === 'string' ? value : pythonRepr(value);
}

function pythonRepr(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`;
  if (typeof value === 'object') {
    const fields = Object.entries(value).map(([key, one]) => `${pythonRepr(key)}: ${pythonRepr(one)}`);
    return `{${fields.join(', ')}}`;
  }
  const text = String(value);
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\n\r\t]/g, (c) => ESCAPES[c]!).replaceAll(quote, `\\${quote}`);
  return `${quote}${escaped}${quote}`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const UNESCAPED: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  "'": "'",
  '"': '"',
  '\\': '\\',
};
const WORDS = new Map<string, unknown>(Object.entries({ None: null, True: true, False: false }));

/**
 * `ast.literal_eval` of texts, numbers, truth values, lists, tuples and maps.
 * @returns undefined for anything else.
 */
export function pythonLiteral(text: string): unknown {
  const reader = new LiteralReader(text);
  const value = reader.value(0);
  return reader.ended() ? value : undefined;
}

const DEEPEST = 100;

/** A reader that goes on to the end, and is then asked whether all went well. */
class LiteralReader {
  readonly #text: string;
  #at = 0;
  #failed = false;

  constructor(text: string) {
    this.#text = text;
  }

  ended(): boolean {
    return !this.#failed && this.#peek() === '';
  }

  value(depth: number): unknown {
    const first = this.#peek();
    if (depth > DEEPEST) return this.#fail();
    if (first === '[' || first === '(') return this.#list(first === '[' ? ']' : ')', depth);
    if (first === '{') return this.#map(depth);
    if (first === '"' || first === "'") return this.#quoted(first);
    const [token = ''] = /^[-+]?[\w.]+/.exec(this.#text.slice(this.#at)) ?? [];
    this.#at += token.length;
    if (WORDS.has(token)) return WORDS.get(token);
    return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(token) ? Number(token) : this.#fail();
  }

  #list(end: string, depth: number): unknown[] {
    const values: unknown[] = [];
    this.#at += 1;
    while (!this.#failed && this.#peek() !== end) {
      values.push(this.value(depth + 1));
      if (this.#peek() === ',') this.#at += 1;
      else if (this.#peek() !== end) this.#fail();
    }
    this.#at += 1;
    return values;
  }

  #map(depth: number): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    this.#at += 1;
    while (!this.#failed && this.#peek() !== '}') {
      const key = this.value(depth + 1);
      if (this.#peek() !== ':') this.#fail();
      this.#at += 1;
      entries.push([String(key), this.value(depth + 1)]);
      if (this.#peek() === ',') this.#at += 1;
      else if (this.#peek() !== '}') this.#fail();
    }
    this.#at += 1;
    return Object.fromEntries(entries);
  }

  #quoted(quote: string): string {
    let said = '';
    for (this.#at += 1; ; this.#at += 1) {
      const c = this.#text[this.#at];
      if (c === undefined) {
        this.#fail();
        return said;
      }
      if (c === quote) break;
      if (c !== '\\') {
        said += c;
        continue;
      }
      this.#at += 1;
      const next = this.#text[this.#at] ?? '';
      const length = { x: 2, u: 4, U: 8 }[next] ?? 0;
      const code = this.#text.slice(this.#at + 1, this.#at + 1 + length);
      if (length > 0 && /^[0-9a-fA-F]+$/.test(code) && Number.parseInt(code, 16) <= 0x10ffff) {
        said += String.fromCodePoint(Number.parseInt(code, 16));
        this.#at += length;
      } else said += UNESCAPED[next] ?? `\\${next}`;
    }
    this.#at += 1;
    return said;
  }

  #peek(): string {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1;
    return this.#text[this.#at] ?? '';
  }

  #fail(): undefined {
    this.#failed = true;
    this.#at = this.#text.length;
    return undefined;
  }
}

export interface Pattern {
  readonly pattern: string;
  /** Of JavaScript's. */
  readonly flags: string;
}

/**
 * Writes a pattern of Python's `re` in JavaScript's words: flags at its beginning, named groups, `\A` and
 * `\Z`, `$` also before a last line feed, classes of all scripts, and characters that are escaped without
 * need.
 * @returns one sentence where it is none, or needs what JavaScript has not.
 */
export function pythonPattern(source: string): Pattern | string {
  const [head = '', letters = ''] = /^\(\?([aimsux]+)\)/.exec(source) ?? [];
  if (/[ax]/.test(letters))
    return `the pattern ${JSON.stringify(source)} has the flag ${letters}, which is not known here`;
  const flags = `u${letters.replaceAll('u', '')}`;
  let pattern = '';
  let inClass = false;
  for (let i = head.length; i < source.length; i++) {
    const c = source[i]!;
    const rest = source.slice(i);
    if (c === '\\') {
      i += 1;
      pattern += escaped(source[i] ?? '', inClass);
    } else if (inClass) {
      inClass = c !== ']';
      pattern += c === '[' ? '\\[' : c;
    } else if (c === '[') {
      const [open = '['] = /^\[\^?\]?/.exec(rest) ?? [];
      pattern += open.replace(']', '\\]');
      i += open.length - 1;
      inClass = true;
    } else if (rest.startsWith('(?P<')) {
      pattern += '(?<';
      i += 3;
    } else if (rest.startsWith('(?P=')) {
      const name = rest.slice(4, rest.indexOf(')'));
      pattern += `\\k<${name}>`;
      i += name.length + 4;
    } else if (c === '$' && !flags.includes('m')) pattern += '(?=\\n?(?![\\s\\S]))';
    else if (c === '{' && !/^\{\d*,?\d*\}/.test(rest)) pattern += '\\{';
    else if (c === '}' && !/\{\d*,?\d*$/.test(source.slice(0, i))) pattern += '\\}';
    else pattern += c === ']' ? '\\]' : c;
  }
  try {
    new RegExp(pattern, flags);
    return { pattern, flags };
  } catch (error) {
    return `the pattern ${JSON.stringify(source)} cannot be read: ${(error as Error).message}`;
  }
}

const CLASSES: Readonly<Record<string, string>> = { d: '\\p{Nd}', D: '\\P{Nd}' };

function escaped(c: string, inClass: boolean): string {
  if (c === 'A') return '(?<![\\s\\S])';
  if (c === 'Z') return '(?![\\s\\S])';
  if (CLASSES[c] !== undefined) return CLASSES[c];
  if (c === 'w') return inClass ? '\\p{L}\\p{N}_' : '[\\p{L}\\p{N}_]';
  if (c === 'W' && !inClass) return '[^\\p{L}\\p{N}_]';
  // Letters and digits mean something to both, signs of grammar are signs for both; other signs need no
  // escape.
  if (/[A-Za-z0-9]/.test(c) || /[\^$\\.*+?()[\]{}|/]/.test(c) || (inClass && c === '-')) return `\\${c}`;
  return c;
}
