import { MOST_CALLS, MOST_ELEMENTS } from './definition.js';
import { evaluate, holds } from './expression.js';
import type { Body, Drawn, GraphNode, RequestGraph } from './graph.js';
import { startingValues } from './graph.js';
import type { Parser } from './parsers.js';
import { render } from './template.js';
import { GraphError, listOf, textOf, type Value } from './value.js';

interface Call {
  /** The same in every run of the same application: `files[2]/rounds#1/review`, `answer~3` for a sample. */
  readonly id: string;
  readonly node: string;
  /** Calls whose ends it waited for. */
  readonly after: readonly string[];
}

/** A request to a model, with its texts filled in. */
export interface PromptCall extends Call {
  readonly kind: 'prompt';
  readonly system: string | null;
  readonly prompt: string;
  readonly drawn: Drawn;
  /** Which of the node's samples, from 0. */
  readonly sample: number;
}

/** Something else that takes time. */
export interface ToolCall extends Call {
  readonly kind: 'retrieve' | 'calculate' | 'command';
  /** A query, an expression, or what a command reads. */
  readonly input: string;
  readonly tool: Extract<GraphNode, { readonly kind: 'retrieve' | 'calculate' | 'command' }>;
}

/** What carries calls out. Each rejects where the application cannot go on. */
export interface Hands {
  ask(call: PromptCall): Promise<string>;
  use(call: ToolCall): Promise<Value>;
  /** Reads an answer as `parseAnswer` does, in bounded time. @throws GraphError */
  read(parser: Parser, answer: string): Value;
}

/** What an application came to. */
export interface Outcome {
  readonly value: Value;
  /** As it is scored. */
  readonly answer: string;
  /** Calls that the answer waited for last. */
  readonly after: readonly string[];
}

/** A value, and the calls that it came from last. */
interface Result {
  readonly value: Value;
  readonly after: ReadonlySet<string>;
}
type Scope = ReadonlyMap<string, Promise<Result>>;

const NOTHING: ReadonlySet<string> = new Set();

/**
 * Runs one application: every node starts as soon as what it asks for is there.
 * @param item the fields that it starts with.
 * @throws GraphError where a value is not what a node needs, or the application asks too often; and what the
 *   hands reject with, once all that was under way has ended.
 */
export async function runGraph(
  graph: RequestGraph,
  item: Readonly<Record<string, unknown>>,
  hands: Hands,
): Promise<Outcome> {
  const given = [...startingValues(graph, item)];
  const scope = new Map(given.map(([name, value]) => [name, Promise.resolve({ value, after: NOTHING })]));
  const { value, after } = await new Application(hands).body(graph.body, scope, '', NOTHING);
  return { value, answer: textOf(value), after: [...after] };
}

class Application {
  readonly #hands: Hands;
  #calls = 0;

  constructor(hands: Hands) {
    this.#hands = hands;
  }

  /** @param prefix of ids. @param gate calls that ended before this began. */
  async body(
    { nodes, give }: Body,
    outer: Scope,
    prefix: string,
    gate: ReadonlySet<string>,
  ): Promise<Result> {
    return await (await this.#begun(nodes, outer, prefix, gate)).get(give)!;
  }

  /**
   * @returns the values of a body when all of it has ended. @throws what the first node that failed threw.
   */
  async #begun(
    nodes: readonly GraphNode[],
    outer: Scope,
    prefix: string,
    gate: ReadonlySet<string>,
  ): Promise<Scope> {
    const scope = new Map(outer);
    const begun: Promise<Result>[] = [];
    // In order, so that whatever a node asks for is there as a promise.
    for (const node of nodes) {
      const result = this.#node(node, scope, prefix, gate);
      scope.set(node.name, result);
      begun.push(result);
    }
    let first: PromiseRejectedResult | null = null;
    const settled = await Promise.allSettled(begun);
    for (const one of settled) if (one.status === 'rejected') first ??= one;
    if (first !== null) throw first.reason;
    return scope;
  }

  async #node(node: GraphNode, scope: Scope, prefix: string, gate: ReadonlySet<string>): Promise<Result> {
    const id = prefix + node.name;
    switch (node.kind) {
      case 'map':
        return await this.#map(node, scope, id);
      case 'reduce':
        return await this.#reduce(node, scope, id);
      case 'loop':
        return await this.#loop(node, scope, id);
      case 'if': {
        const { values, after } = await taken(scope, node.condition.names, gate);
        const side = holds(node.condition, values) ? node.body : node.otherwise;
        return side === null ? { value: null, after } : await this.body(side, scope, `${id}/`, after);
      }
      default:
        return await this.#leaf(node, id, await taken(scope, node.reads, gate));
    }
  }

  async #leaf(
    node: Exclude<GraphNode, { readonly kind: 'map' | 'reduce' | 'loop' | 'if' }>,
    id: string,
    { values, after }: Taken,
  ): Promise<Result> {
    switch (node.kind) {
      case 'prompt':
        return await this.#prompt(node, id, { values, after });
      case 'vote':
        return { value: majority(listOf(values.get(node.of) ?? null, node.of)), after };
      case 'value':
        return { value: render(node.text, values), after };
      case 'split':
        return { value: bounded(cut(render(node.text, values), node.by, node.size), node.name), after };
      case 'calculate':
        if ('expression' in node.by) return { value: evaluate(node.by.expression, values), after };
        return await this.#tool(node, id, render(node.by.text, values), after);
      case 'retrieve':
        return await this.#tool(node, id, render(node.query, values), after);
      case 'command':
        return await this.#tool(node, id, render(node.input, values), after);
    }
  }

  async #prompt(
    { name, prompt, drawn, samples, parser }: Extract<GraphNode, { readonly kind: 'prompt' }>,
    id: string,
    { values, after }: Taken,
  ): Promise<Result> {
    const call = {
      kind: 'prompt' as const,
      node: name,
      after: [...after],
      system: drawn.system === null ? null : render(drawn.system, values),
      prompt: render(prompt, values),
      drawn,
    };
    const ask = async (sample: number, of: string) => {
      this.#count(1);
      return this.#hands.read(parser as Parser, await this.#hands.ask({ ...call, id: of, sample }));
    };
    if (samples === null) return { value: await ask(0, id), after: new Set([id]) };
    const ids = Array.from({ length: samples }, (_, i) => `${id}~${i}`);
    return { value: await allSettled(ids.map((of, i) => ask(i, of))), after: new Set(ids) };
  }

  async #tool(
    tool: ToolCall['tool'],
    id: string,
    input: string,
    after: ReadonlySet<string>,
  ): Promise<Result> {
    this.#count(1);
    const { kind, name: node } = tool;
    const value = await this.#hands.use({ kind, id, node, after: [...after], input, tool });
    return { value, after: new Set([id]) };
  }

  async #map(node: Extract<GraphNode, { readonly kind: 'map' }>, scope: Scope, id: string): Promise<Result> {
    const over = await scope.get(node.over)!;
    const elements = bounded(listOf(over.value, node.over), node.over);
    const results = await allSettled(
      elements.map((value, i) => {
        const own = new Map([...scope, [node.as, Promise.resolve({ value, after: over.after })]]);
        return this.body(node.body, own, `${id}[${i}]/`, over.after);
      }),
    );
    return {
      value: results.map(({ value }) => value),
      after: union(over.after, ...results.map(({ after }) => after)),
    };
  }

  async #reduce(
    node: Extract<GraphNode, { readonly kind: 'reduce' }>,
    scope: Scope,
    id: string,
  ): Promise<Result> {
    const over = await scope.get(node.over)!;
    const from = await taken(scope, placesOf(node.from), over.after);
    let carried: Result = { value: render(node.from, from.values), after: from.after };
    for (const [i, value] of bounded(listOf(over.value, node.over), node.over).entries()) {
      const own = new Map([
        ...scope,
        [node.as, Promise.resolve({ value, after: over.after })],
        [node.carry, Promise.resolve(carried)],
      ]);
      carried = await this.body(node.body, own, `${id}#${i + 1}/`, carried.after);
    }
    return carried;
  }

  async #loop(
    node: Extract<GraphNode, { readonly kind: 'loop' }>,
    scope: Scope,
    id: string,
  ): Promise<Result> {
    const from = await taken(scope, placesOf(node.from), NOTHING);
    let carried: Result = { value: render(node.from, from.values), after: from.after };
    for (let round = 1; round <= node.most; round++) {
      const own = new Map([...scope, [node.carry, Promise.resolve(carried)]]);
      const ended = await this.#begun(node.body.nodes, own, `${id}#${round}/`, carried.after);
      carried = await ended.get(node.body.give)!;
      if (node.until === null) continue;
      const seen = new Map([...ended, [node.carry, Promise.resolve(carried)]]);
      const { values, after } = await taken(seen, node.until.names, carried.after);
      carried = { ...carried, after };
      if (holds(node.until, values)) break;
    }
    return carried;
  }

  #count(calls: number): void {
    this.#calls += calls;
    if (this.#calls > MOST_CALLS) throw new GraphError(`an application asks more than ${MOST_CALLS} times`);
  }
}

interface Taken {
  readonly values: ReadonlyMap<string, Value>;
  readonly after: ReadonlySet<string>;
}

/** Waits for variables. */
async function taken(scope: Scope, names: readonly string[], gate: ReadonlySet<string>): Promise<Taken> {
  const results = await allSettled(names.map(async (name) => [name, await scope.get(name)!] as const));
  return {
    values: new Map(results.map(([name, { value }]) => [name, value])),
    after: union(gate, ...results.map(([, { after }]) => after)),
  };
}

/** As Promise.all, but what is under way has ended when it throws. */
async function allSettled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}

const placesOf = (template: Parameters<typeof render>[0]) =>
  template.flatMap((part) => (typeof part === 'string' ? [] : [part.name]));

function union(...sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  const whole = new Set<string>();
  for (const set of sets) for (const one of set) whole.add(one);
  return whole;
}

function bounded(list: readonly Value[], name: string): readonly Value[] {
  if (list.length <= MOST_ELEMENTS) return list;
  throw new GraphError(`${name} has ${list.length} elements, and ${MOST_ELEMENTS} are the most`);
}

/**
 * @returns the element that is said most often, case and blanks aside; of several the first. Nothing counts
 *   as no vote.
 */
export function majority(list: readonly Value[]): Value {
  const votes = new Map<string, { readonly value: Value; count: number }>();
  for (const value of list) {
    const key = textOf(value).trim().toLowerCase();
    if (key === '') continue;
    const found = votes.get(key) ?? { value, count: 0 };
    found.count += 1;
    votes.set(key, found);
  }
  let best: { readonly value: Value; count: number } | null = null;
  for (const one of votes.values()) if (best === null || one.count > best.count) best = one;
  return best?.value ?? null;
}

/** @returns pieces of a text, each of so many words, lines or paragraphs. */
export function cut(text: string, by: 'words' | 'lines' | 'paragraphs', size: number): string[] {
  const [between, glue] = { words: [/\s+/, ' '], lines: [/\n/, '\n'], paragraphs: [/\n\s*\n/, '\n\n'] }[
    by
  ] as [RegExp, string];
  const parts = text.split(between).filter((part) => part.trim() !== '');
  return Array.from({ length: Math.ceil(parts.length / size) }, (_, i) =>
    parts.slice(i * size, (i + 1) * size).join(glue),
  );
}
