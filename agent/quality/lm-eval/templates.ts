import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { pythonPattern, pythonText } from './python.js';

export type Doc = Readonly<Record<string, unknown>>;

/** Longest text that a template may make. */
const LONGEST = 2 ** 20;

/**
 * Methods of Python's values that Hugging Face's reader of Jinja leaves out, or has otherwise. Strings are
 * counted in code points, as it slices them.
 */
const METHODS: Readonly<Record<string, (value: unknown, ...args: readonly unknown[]) => unknown>> = {
  index: (value, one) => found(indexOf(value, one), value, one),
  find: indexOf,
  count: (value, one) =>
    Array.isArray(value)
      ? value.filter((other) => other === one).length
      : String(value).split(String(one)).length - 1,
  capitalize: (value) => String(value).slice(0, 1).toUpperCase() + String(value).slice(1).toLowerCase(),
  isdigit: (value) => /^\p{Nd}+$/u.test(String(value)),
  join: (value, list) => (list as readonly unknown[]).map(String).join(String(value)),
};

/** Filters that lm-evaluation-harness adds, or that are otherwise here. */
const FILTERS: Readonly<Record<string, (value: unknown, ...args: readonly unknown[]) => unknown>> = {
  capitalize: METHODS.capitalize!,
  regex_replace(value, pattern, by, count = 0) {
    const read = pythonPattern(String(pattern));
    if (typeof read === 'string') throw new Error(read);
    let left = Number(count) > 0 ? Number(count) : Number.POSITIVE_INFINITY;
    const into = String(by);
    return String(value).replace(new RegExp(read.pattern, `g${read.flags}`), (...match: unknown[]) => {
      if (left <= 0) return String(match[0]);
      left -= 1;
      return into.replace(/\\(\d)/g, (_, group) => String(match[Number(group)] ?? ''));
    });
  },
};

function indexOf(value: unknown, one: unknown): number {
  if (Array.isArray(value)) return value.indexOf(one);
  const at = String(value).indexOf(String(one));
  return at < 0 ? -1 : [...String(value).slice(0, at)].length;
}

function found(at: number, value: unknown, one: unknown): number {
  if (at >= 0) return at;
  throw new Error(`${JSON.stringify(one)} is not in ${JSON.stringify(value).slice(0, 100)}`);
}

/** A node of the reader's tree. */
interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

const node = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value;
const call = (name: string, ...args: unknown[]): Node => ({
  type: 'CallExpression',
  callee: { type: 'Identifier', value: name },
  args,
});
const isDefined = (operand: Node): Node => ({
  type: 'TestExpression',
  operand,
  negate: false,
  test: { type: 'Identifier', value: 'defined' },
});
const BODIES = ['body', 'alternate', 'defaultBlock'];

/**
 * Has methods and filters of ours called where a template names them, and what it prints written as Python
 * writes it.
 */
function rewritten(value: unknown, printed = false): unknown {
  if (Array.isArray(value)) return value.map((one) => rewritten(one, printed));
  if (value instanceof Map) return new Map([...value].map(([key, one]) => [rewritten(key), rewritten(one)]));
  if (!node(value)) return value;
  const copy: Node = Object.assign(Object.create(Object.getPrototypeOf(value)) as object, value, {
    ...Object.fromEntries(
      Object.entries(value).map(([field, one]) => [
        field,
        rewritten(one, BODIES.includes(field) && Array.isArray(one)),
      ]),
    ),
  });
  const changed = ofOurs(copy);
  const expression =
    /Expression|Identifier|Literal|Ternary/.test(changed.type) && changed.type !== 'StringLiteral';
  return printed && expression ? call('__text', changed, isDefined(changed)) : changed;
}

function ofOurs(copy: Node): Node {
  const { type, callee, filter } = copy;
  if (
    type === 'CallExpression' &&
    node(callee) &&
    callee.type === 'MemberExpression' &&
    callee.computed === false
  ) {
    const { value: name } = callee.property as { readonly value: string };
    if (Object.hasOwn(METHODS, name))
      return call(`__method_${name}`, callee.object, ...(copy.args as unknown[]));
  }
  if (type === 'FilterExpression' && node(filter)) {
    const called = filter.type === 'CallExpression' ? filter : { callee: filter, args: [] };
    const { value: name } = called.callee as { readonly value: string };
    if (Object.hasOwn(FILTERS, name))
      return call(`__filter_${name}`, copy.operand, ...(called.args as unknown[]));
  }
  return copy;
}

/** @returns plain data of the reader's values. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => plain((one as { readonly value: unknown }).value));
  if (value instanceof Map)
    return Object.fromEntries(
      [...value].map(([key, one]) => [key, plain((one as { readonly value: unknown }).value)]),
    );
  return value ?? null;
}

/** What Jinja calls them, and Python. */
const WORDS = { true: true, True: true, false: false, False: false, none: null, None: null };

/** Backslashes of texts inside tags that mean nothing to Python stay; the reader refuses them. */
const escaped = (source: string): string =>
  source.replace(/\{[{%][\s\S]*?[%}]\}/g, (tag) =>
    tag.replace(/\\([\s\S])/g, (pair, c: string) => (/[nrtbfvxu'"\\]/.test(c) ? pair : `\\\\${c}`)),
  );

/**
 * Reads a template as lm-evaluation-harness does: Jinja without its trimming of blocks, a last line feed
 * kept, and what is not defined an error.
 * @returns what writes it for an item. @throws Error of one that cannot be read; so does writing.
 */
export function openTemplate(source: string): (doc: Doc) => string {
  // The reader takes a last line feed away.
  const program = rewritten(parse(tokenize(`${escaped(source)}{{ '' }}`)));
  return (doc) => {
    const environment = new Environment();
    const set = (name: string, value: unknown) => environment.set(name, value);
    for (const [name, value] of Object.entries(WORDS)) set(name, value);
    set('range', (...ends: number[]) => range(ends));
    // To the reader nothing and what is not there have the same value.
    set('__text', (value: unknown, defined: unknown) => {
      if (defined !== true) throw new Error('it names something that the item does not have');
      return pythonText(plain(value));
    });
    for (const [kind, functions] of Object.entries({ method: METHODS, filter: FILTERS }))
      for (const [name, ours] of Object.entries(functions))
        set(`__${kind}_${name}`, (value: unknown, ...args: unknown[]) =>
          ours(plain(value), ...args.map(plain)),
        );
    for (const [name, value] of Object.entries(doc)) set(name, value);
    const { value } = new Interpreter(environment).run(program as Parameters<Interpreter['run']>[0]) as {
      value: string;
    };
    if (value.length > LONGEST)
      throw new Error(`it writes ${value.length} characters, and ${LONGEST} are the most`);
    return value;
  };
}

function range(ends: readonly number[]): number[] {
  const [from, to, by = 1] = ends.length === 1 ? [0, ends[0]!] : (ends as [number, number, number?]);
  const count = Math.max(0, Math.ceil((to - from) / by));
  if (count > LONGEST) throw new Error(`a range of ${count} is too long`);
  return Array.from({ length: count }, (_, i) => from + i * by);
}
