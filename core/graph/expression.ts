import { GraphError, textOf, type Value, type Values, valueAt } from './value.js';

/** What an expression is made of; it has no loop, no assignment, and no way to anything but its variables. */
type Node =
  | { readonly kind: 'constant'; readonly value: Value }
  | { readonly kind: 'variable'; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: 'call'; readonly name: FunctionName | Operator; readonly inputs: readonly Node[] };

export interface Expression {
  readonly root: Node;
  /** Names of variables that it asks for. */
  readonly names: readonly string[];
}

const number = (value: Value): number => {
  const read =
    typeof value === 'string' ? Number(value.trim() === '' ? Number.NaN : value.replaceAll(',', '')) : value;
  if (typeof read === 'number' && !Number.isNaN(read)) return read;
  throw new GraphError(`${JSON.stringify(value)?.slice(0, 60)} is no number`);
};
const truth = (value: Value): boolean => value !== null && value !== false && value !== 0 && value !== '';
const equalValues = (a: Value, b: Value): boolean =>
  typeof a === 'number' || typeof b === 'number' ? number(a) === number(b) : textOf(a) === textOf(b);
const lower = (value: Value) => textOf(value).toLowerCase();

/** Functions, each with the fewest and the most of its inputs. */
const FUNCTIONS = {
  abs: [1, 1, ([x]) => Math.abs(number(x!))],
  sqrt: [1, 1, ([x]) => Math.sqrt(number(x!))],
  exp: [1, 1, ([x]) => Math.exp(number(x!))],
  log: [1, 1, ([x]) => Math.log(number(x!))],
  floor: [1, 1, ([x]) => Math.floor(number(x!))],
  ceil: [1, 1, ([x]) => Math.ceil(number(x!))],
  round: [1, 2, ([x, digits = 0]) => Number(number(x!).toFixed(Math.min(20, Math.max(0, number(digits)))))],
  min: [1, 50, (all) => Math.min(...numbers(all))],
  max: [1, 50, (all) => Math.max(...numbers(all))],
  sum: [1, 50, (all) => numbers(all).reduce((a, b) => a + b, 0)],
  mean: [1, 50, (all) => numbers(all).reduce((a, b) => a + b, 0) / Math.max(1, numbers(all).length)],
  count: [1, 1, ([x]) => (Array.isArray(x) ? x.length : textOf(x!).length)],
  number: [1, 1, ([x]) => number(x!)],
  lower: [1, 1, ([x]) => lower(x!)],
  contains: [2, 2, ([where, what]) => lower(where!).includes(lower(what!))],
} as const satisfies Record<
  string,
  readonly [number, number, (inputs: readonly Value[]) => string | number | boolean]
>;
type FunctionName = keyof typeof FUNCTIONS;

function numbers(all: readonly Value[]): number[] {
  return all.flatMap((one) => (Array.isArray(one) ? numbers(one) : [number(one)]));
}

/** By how strongly they bind, weakest first. */
const LEVELS = [['or'], ['and'], ['==', '!=', '<=', '>=', '<', '>'], ['+', '-'], ['*', '/', '%']] as const;
type Operator = (typeof LEVELS)[number][number] | '^' | 'not' | 'negative';

const OPERATORS: Readonly<Record<Exclude<Operator, 'and' | 'or'>, (a: Value, b: Value) => Value>> = {
  not: (a) => !truth(a),
  '==': equalValues,
  '!=': (a, b) => !equalValues(a, b),
  '<=': (a, b) => number(a) <= number(b),
  '>=': (a, b) => number(a) >= number(b),
  '<': (a, b) => number(a) < number(b),
  '>': (a, b) => number(a) > number(b),
  '+': (a, b) => number(a) + number(b),
  '-': (a, b) => number(a) - number(b),
  '*': (a, b) => number(a) * number(b),
  '/': (a, b) => number(a) / number(b),
  '%': (a, b) => number(a) % number(b),
  '^': (a, b) => number(a) ** number(b),
  negative: (a) => -number(a),
};

const TOKEN =
  /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|("(?:[^"\\]|\\.)*"|'[^']*')|([A-Za-z_]\w*(?:\.\w+)*)|(\*\*|[=!<>]=|[-+*/%^()<>,×÷−]))/y;
/** Characters that texts write operators with. */
const OTHERS: Readonly<Record<string, string>> = { '**': '^', '×': '*', '÷': '/', '−': '-' };
const LONGEST = 2000;
const DEEPEST = 100;

interface Token {
  readonly kind: 'number' | 'text' | 'name' | 'sign';
  readonly text: string;
}

/**
 * Reads an expression of numbers, texts, variables, `+ - * / % ^`, comparisons, `and or not` and functions
 * such as `round(x, 2)`.
 * @returns it, or one sentence on what is wrong.
 */
export function parseExpression(text: string): Expression | string {
  if (text.length > LONGEST) return `an expression has at most ${LONGEST} characters`;
  const tokens = tokensOf(text);
  if (typeof tokens === 'string') return tokens;
  try {
    const reader = new Reader(tokens);
    const root = reader.parse();
    return { root, names: [...reader.names] };
  } catch (error) {
    if (error instanceof GraphError) return error.message;
    throw error;
  }
}

/** @throws GraphError for what is no number where one is needed. */
export function evaluate({ root }: Expression, values: Values): Value {
  return computed(root, values);
}

/**
 * @returns whether an expression holds: everything but false, 0, nothing and an empty text does.
 * @throws GraphError.
 */
export function holds(expression: Expression, values: Values): boolean {
  return truth(evaluate(expression, values));
}

/** What a calculator says to an expression that a model wrote: a number as text, or why there is none. */
export function calculate(text: string): { readonly value: number } | { readonly problem: string } {
  const expression = parseExpression(text.trim().replace(/^=|=$/g, ''));
  if (typeof expression === 'string') return { problem: expression };
  if (expression.names.length > 0) return { problem: `${expression.names[0]} is no number` };
  try {
    const value = number(evaluate(expression, new Map()));
    return Number.isFinite(value) ? { value } : { problem: 'the result is no finite number' };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

function computed(node: Node, values: Values): Value {
  if (node.kind === 'constant') return node.value;
  if (node.kind === 'variable') {
    return valueAt(values.get(node.name) ?? null, node.path) ?? null;
  }
  const [first, second] = node.inputs;
  // The other side may be what only makes sense behind the first: `count(x) > 0 and number(x) > 7`.
  if (node.name === 'and') return truth(computed(first!, values)) && truth(computed(second!, values));
  if (node.name === 'or') return truth(computed(first!, values)) || truth(computed(second!, values));
  const inputs = node.inputs.map((input) => computed(input, values));
  if (isFunction(node.name)) return FUNCTIONS[node.name][2](inputs as never);
  return OPERATORS[node.name](inputs[0] ?? null, inputs[1] ?? null);
}

const isFunction = (name: string): name is FunctionName => Object.hasOwn(FUNCTIONS, name);

function tokensOf(text: string): Token[] | string {
  const tokens: Token[] = [];
  const rest = text.trimEnd();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < rest.length) {
    const at = TOKEN.lastIndex;
    const [, digits, quoted, name, sign] = TOKEN.exec(rest) ?? [];
    if (digits !== undefined) tokens.push({ kind: 'number', text: digits });
    else if (quoted !== undefined)
      tokens.push({ kind: 'text', text: quoted.slice(1, -1).replace(/\\(.)/g, '$1') });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: OTHERS[sign] ?? sign });
    else return `${JSON.stringify(rest.slice(at, at + 20).trim())} is no part of an expression`;
  }
  return tokens;
}

class Reader {
  readonly names = new Set<string>();
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Node {
    const node = this.#level(0);
    const rest = this.#tokens[this.#at];
    if (rest !== undefined) throw new GraphError(`${JSON.stringify(rest.text)} was not expected here`);
    return node;
  }

  #level(level: number): Node {
    const operators: readonly string[] | undefined = LEVELS[level];
    if (operators === undefined) return this.#signed();
    this.#depth += 1;
    if (this.#depth > DEEPEST * LEVELS.length) throw new GraphError('the expression is nested too deeply');
    let left = this.#level(level + 1);
    for (let next = this.#peek(); next !== null && operators.includes(next); next = this.#peek()) {
      this.#at += 1;
      left = { kind: 'call', name: next as Operator, inputs: [left, this.#level(level + 1)] };
    }
    this.#depth -= 1;
    return left;
  }

  #signed(): Node {
    if (this.#take('-')) return { kind: 'call', name: 'negative', inputs: [this.#signed()] };
    if (this.#take('+')) return this.#signed();
    if (this.#take('not')) return { kind: 'call', name: 'not', inputs: [this.#level(2)] };
    const base = this.#operand();
    return this.#take('^') ? { kind: 'call', name: '^', inputs: [base, this.#signed()] } : base;
  }

  #operand(): Node {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    if (token === undefined) throw new GraphError('the expression ends too early');
    if (token.kind === 'number') return { kind: 'constant', value: Number(token.text) };
    if (token.kind === 'text') return { kind: 'constant', value: token.text };
    if (token.kind === 'sign') {
      if (token.text !== '(') throw new GraphError(`${JSON.stringify(token.text)} was not expected here`);
      const inside = this.#level(0);
      this.#expect(')');
      return inside;
    }
    if (token.text === 'true' || token.text === 'false')
      return { kind: 'constant', value: token.text === 'true' };
    if (this.#take('(')) return this.#call(token.text);
    const [name = '', ...path] = token.text.split('.');
    this.names.add(name);
    return { kind: 'variable', name, path };
  }

  #call(name: string): Node {
    if (!isFunction(name)) {
      throw new GraphError(`there is no function ${name}, but ${Object.keys(FUNCTIONS).join(', ')}`);
    }
    const inputs = [this.#level(0)];
    while (this.#take(',')) inputs.push(this.#level(0));
    this.#expect(')');
    const [least, most] = FUNCTIONS[name];
    if (inputs.length < least || inputs.length > most)
      throw new GraphError(`${name} takes ${least === most ? least : `${least} to ${most}`} values`);
    return { kind: 'call', name, inputs };
  }

  #peek(): string | null {
    const token = this.#tokens[this.#at];
    return token === undefined || token.kind === 'number' || token.kind === 'text' ? null : token.text;
  }

  #take(text: string): boolean {
    if (this.#peek() !== text) return false;
    this.#at += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw new GraphError(`${text} is missing`);
  }
}
