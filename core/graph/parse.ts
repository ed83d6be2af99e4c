import type { z } from 'zod';
import { issuesOf } from '../input/definition.js';
import { type Diagnostic, MAX_DIAGNOSTICS, type Path, pathText } from '../input/diagnostic.js';
import { whyForeign } from '../input/foreign.js';
import { nearest } from '../input/suggest.js';
import { readYaml, type YamlSource } from '../input/yaml.js';
import { SCORERS } from '../quality/scorers/index.js';
import { kindSchema, NODE_KINDS, type NodeKind, outerSchema, type Sampling } from './definition.js';
import { type Expression, parseExpression } from './expression.js';
import { allNodes, type Body, bodiesOf, type Drawn, type GraphNode, type RequestGraph } from './graph.js';
import { type Parser, parserProblem } from './parsers.js';
import { namesIn, parseTemplate, type Template } from './template.js';

type ParsedGraph =
  | { readonly ok: true; readonly graph: RequestGraph }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

type Settings = Readonly<Record<string, string | number | boolean>>;

/**
 * Reads and checks a graph: grammar, templates, variables, cycles, nodes that nothing uses, loops without an
 * end.
 * @param changed settings that a sweep says, in place of the graph's own.
 * @returns the graph, or all that is wrong with it, each where it stands.
 */
export function parseGraph(text: string, changed: Settings = {}): ParsedGraph {
  const source = readYaml(text);
  const foreign = whyForeign(text, source, 'Graph');
  if (foreign !== null)
    return { ok: false, diagnostics: [{ path: '', line: 1, column: 1, message: foreign, suggestion: null }] };
  if (!source.readable || source.diagnostics.length > 0)
    return { ok: false, diagnostics: source.diagnostics };
  const checker = new Checker(source);
  const read = outerSchema.safeParse(source.data);
  if (!read.success) {
    checker.issues(read.error, []);
    return { ok: false, diagnostics: checker.found };
  }
  const { metadata, spec } = read.data;
  for (const name of Object.keys(changed)) {
    if (!Object.hasOwn(spec.settings, name))
      checker.add(['spec', 'settings'], `the sweep sets ${name}, which the graph has no setting for`, 'key');
  }
  const settings = { ...spec.settings, ...changed };
  const body = checker.graph(spec, settings);
  const { id, reference = null, items, inputs, scorers } = spec;
  if (checker.found.length > 0 || body === null) return { ok: false, diagnostics: checker.found };
  return {
    ok: true,
    graph: { name: metadata.name, items, inputs, id, reference, scorers, settings, body },
  };
}

/** What a body may use. */
interface Scope {
  /** Variables from outside. */
  readonly outer: ReadonlySet<string>;
  /** Nodes beside each other. */
  readonly beside: ReadonlySet<string>;
}

/**
 * Of a body: variables that its node gives it, and nodes that somebody outside asks for beside what it gives.
 */
interface Inside {
  readonly own: readonly string[];
  readonly alsoUsed?: readonly string[];
}

/** Fields of a node as its schema has read them. */
type Fields = Readonly<Record<string, unknown>>;

class Checker {
  readonly found: Diagnostic[] = [];
  readonly #source: YamlSource;
  /** Where each node and variable was named first. */
  readonly #named = new Set<string>();
  #settings: Settings = {};
  #roles: Readonly<Record<string, Sampling>> = {};

  constructor(source: YamlSource) {
    this.#source = source;
  }

  add(path: Path, message: string, at: 'key' | 'value' = 'value', suggestion: string | null = null): void {
    if (this.found.length >= MAX_DIAGNOSTICS) return;
    this.found.push({ path: pathText(path), ...this.#source.locate(path, at), message, suggestion });
  }

  issues(error: Pick<z.ZodError, 'issues'>, before: Path): void {
    for (const issue of issuesOf(error, before)) this.add(...issue);
  }

  graph(spec: z.infer<typeof outerSchema>['spec'], settings: Settings): Body | null {
    this.#settings = settings;
    this.#roles = spec.roles;
    const outer = new Set<string>();
    for (const [place, names] of [
      ['inputs', spec.inputs],
      ['settings', Object.keys(spec.settings)],
    ] as const) {
      for (const [i, name] of names.entries()) {
        this.#name(name, ['spec', place, place === 'inputs' ? i : name]);
        outer.add(name);
      }
    }
    for (const [i, scorer] of spec.scorers.entries()) {
      if (scorer.startsWith('external:') || (SCORERS as readonly string[]).includes(scorer)) continue;
      const message = `there is no scorer ${scorer}: it is one of ${SCORERS.join(', ')}`;
      this.add(['spec', 'scorers', i], message, 'value', nearest(scorer, [...SCORERS]));
    }
    for (const [name, role] of Object.entries(spec.roles)) {
      this.#drawn({}, role, ['spec', 'roles', name], { outer, beside: new Set() });
    }
    return this.#body(spec.nodes, spec.output, ['spec', 'nodes'], ['spec', 'output'], outer);
  }

  #name(name: string, path: Path): void {
    if (this.#named.has(name))
      this.add(path, `${name} is named twice: nodes and variables of a graph have names of their own`, 'key');
    this.#named.add(name);
  }

  /** @returns null where what it gives cannot be told. */
  #body(
    raw: unknown,
    wanted: unknown,
    path: Path,
    givePath: Path,
    outer: ReadonlySet<string>,
    alsoUsed: readonly string[] = [],
  ): Body | null {
    const entries = typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? Object.entries(raw) : [];
    if (entries.length === 0) {
      this.add(path, 'nodes are missing: give each a name and what it does');
      return null;
    }
    for (const [name] of entries) {
      if (/^[A-Za-z_]\w{0,62}$/.test(name)) this.#name(name, [...path, name]);
      else this.add([...path, name], 'a name has letters, digits and _, such as summary_2', 'key');
    }
    const beside = new Set(entries.map(([name]) => name));
    const nodes = entries.flatMap(
      ([name, fields]) => this.#node(name, fields, [...path, name], { outer, beside }) ?? [],
    );
    const give = typeof wanted === 'string' ? wanted : entries.at(-1)![0];
    if (!beside.has(give)) {
      this.add(givePath, `there is no node ${give} here`, 'value', nearest(give, [...beside]));
      return null;
    }
    if (nodes.length < entries.length) return null;
    const ordered = this.#ordered(nodes, path);
    if (ordered === null) return null;
    this.#unused(ordered, [give, ...alsoUsed], path);
    return { nodes: ordered, give };
  }

  /**
   * Kahn's algorithm, in the order of the file where that is free.
   * @returns null where nodes wait for each other.
   */
  #ordered(nodes: readonly GraphNode[], path: Path): readonly GraphNode[] | null {
    const done = new Set<string>();
    const ordered: GraphNode[] = [];
    let left = [...nodes];
    while (left.length > 0) {
      const ready = left.filter(({ uses }) => uses.every((name) => done.has(name)));
      if (ready.length === 0) break;
      for (const node of ready) {
        ordered.push(node);
        done.add(node.name);
      }
      left = left.filter(({ name }) => !done.has(name));
    }
    if (left.length === 0) return ordered;
    const cycle = cycleAmong(left);
    this.add(
      [...path, cycle[0]!],
      `${cycle.join(' waits for ')} waits for ${cycle[0]}: the graph has a cycle`,
      'key',
    );
    return null;
  }

  #unused(nodes: readonly GraphNode[], wanted: readonly string[], path: Path): void {
    const used = new Set(wanted);
    for (const { name, uses } of nodes.toReversed())
      if (used.has(name)) for (const one of uses) used.add(one);
    for (const { name } of nodes) {
      if (!used.has(name)) this.add([...path, name], `nothing uses ${name}: take it out, or use it`, 'key');
    }
  }

  #node(name: string, raw: unknown, path: Path, scope: Scope): GraphNode | null {
    const keys = typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? Object.keys(raw) : [];
    const [kind, ...others] = NODE_KINDS.filter((one) => keys.includes(one));
    if (kind === undefined || others.length > 0) {
      const what = kind === undefined ? 'none' : [kind, ...others].join(' and ');
      const guess = kind === undefined ? keys.flatMap((key) => nearest(key, NODE_KINDS) ?? [])[0] : undefined;
      this.add(path, `a node is one of ${NODE_KINDS.join(', ')}, and this is ${what}`, 'key', guess ?? null);
      return null;
    }
    // Bodies are looked at below, node by node, so that an error stands at its own line.
    const inner = ['do', 'else'].filter((key) => keys.includes(key));
    const shallow = { ...(raw as object), ...Object.fromEntries(inner.map((key) => [key, {}])) };
    const read = kindSchema(kind).safeParse(shallow);
    if (!read.success) {
      if (kind === 'loop' && !keys.includes('most'))
        this.add(
          path,
          `${name} is a loop without an end: say how many rounds it has at most (most: 3)`,
          'key',
        );
      const issues = read.error.issues.filter((issue) => issue.path[0] !== 'most' || keys.includes('most'));
      this.issues({ issues }, path);
      for (const key of inner)
        this.#body(
          (raw as Fields)[key],
          undefined,
          [...path, key],
          path,
          allVisibleNames(scope, raw as Fields),
        );
      return null;
    }
    const fields = {
      ...(read.data as Fields),
      ...Object.fromEntries(inner.map((key) => [key, (raw as Fields)[key]])),
    };
    return new NodeReader(this, name, fields, path, scope).read(kind);
  }

  /** Of inside a node. */
  inner(
    fields: Fields,
    key: string,
    path: Path,
    { outer, beside }: Scope,
    { own, alsoUsed = [] }: Inside,
  ): Body | null {
    for (const name of own) this.#name(name, path);
    const seen = new Set([...outer, ...beside, ...own]);
    return this.#body(fields[key], fields.give, [...path, key], [...path, 'give'], seen, alsoUsed);
  }

  template(value: unknown, path: Path, scope: Scope, reads: Set<string>): Template {
    const read = parseTemplate(String(value));
    if (typeof read === 'string') {
      this.add(path, read);
      return [];
    }
    for (const name of namesIn(read)) this.use(name, path, scope, reads);
    return read;
  }

  expression(value: unknown, path: Path, scope: Scope, reads: Set<string>): Expression | null {
    const read = parseExpression(String(value));
    if (typeof read === 'string') {
      this.add(path, `the expression cannot be read: ${read}`);
      return null;
    }
    for (const name of read.names) this.use(name, path, scope, reads);
    return read;
  }

  use(name: string, path: Path, { outer, beside }: Scope, reads: Set<string>): void {
    reads.add(name);
    if (!beside.has(name) && !outer.has(name)) {
      const known = [...outer, ...beside];
      const message = `there is no variable ${name}: it is no input, no setting and no node that can be seen here`;
      this.add(path, message, 'value', nearest(name, known));
    }
  }

  /** A number, or the setting that holds it. */
  number(value: unknown, path: Path, least = 1): number | null {
    if (typeof value !== 'string') return typeof value === 'number' ? value : null;
    const name = value.replace(/^\{\{\s*|\s*\}\}$/g, '');
    if (!Object.hasOwn(this.#settings, name)) {
      this.add(path, `there is no setting ${name}`, 'value', nearest(name, Object.keys(this.#settings)));
      return null;
    }
    const held = Number(this.#settings[name]);
    if (Number.isFinite(held) && held >= least && (least === 0 || Number.isInteger(held))) return held;
    this.add(
      path,
      `the setting ${name} is ${String(this.#settings[name])}, and a number of at least ${least} is needed`,
    );
    return null;
  }

  drawn(fields: Fields, path: Path, scope: Scope, reads: Set<string>): Drawn {
    const role = fields.role === undefined ? {} : this.#roles[String(fields.role)];
    if (role === undefined) {
      const guess = nearest(String(fields.role), Object.keys(this.#roles));
      this.add([...path, 'role'], `there is no role ${fields.role}`, 'value', guess);
    }
    return this.#drawn(fields, role ?? {}, path, scope, reads);
  }

  /** @param role what the node itself does not say. */
  #drawn(node: Fields, role: Sampling, path: Path, scope: Scope, reads = new Set<string>()): Drawn {
    const said = { ...role, ...node } as Sampling & Fields;
    const pathOf = (key: string) => [...path, key];
    const model = said.model === undefined ? '' : this.#word(said.model, pathOf('model'));
    return {
      system: said.system === undefined ? null : this.template(said.system, pathOf('system'), scope, reads),
      model: model === '' ? null : model,
      temperature:
        said.temperature === undefined ? null : this.number(said.temperature, pathOf('temperature'), 0),
      topP: said.topP ?? null,
      topK: said.topK ?? null,
      minP: said.minP ?? null,
      maxTokens: said.maxTokens === undefined ? null : this.number(said.maxTokens, pathOf('maxTokens')),
      stop: said.stop ?? [],
    };
  }

  /** A name, or the setting that holds it. */
  #word(value: string, path: Path): string {
    const [, name] = /^\{\{\s*([A-Za-z_]\w*)\s*\}\}$/.exec(value) ?? [];
    if (name === undefined) return value;
    if (Object.hasOwn(this.#settings, name)) return String(this.#settings[name]);
    this.add(path, `there is no setting ${name}`, 'value', nearest(name, Object.keys(this.#settings)));
    return '';
  }
}

/** Reads one node whose fields have the right types. */
class NodeReader {
  readonly #checker: Checker;
  readonly #name: string;
  readonly #fields: Fields;
  readonly #path: Path;
  readonly #scope: Scope;
  readonly #reads = new Set<string>();

  constructor(checker: Checker, name: string, fields: Fields, path: Path, scope: Scope) {
    this.#checker = checker;
    this.#name = name;
    this.#fields = fields;
    this.#path = path;
    this.#scope = scope;
  }

  read(kind: NodeKind): GraphNode | null {
    const read = this.#read(kind);
    if (read === null) return null;
    // A body sees what is beside it: what its nodes use of that, this node waits for.
    const node = { ...read, name: this.#name, reads: [], uses: [] } as GraphNode;
    for (const inner of bodiesOf(node).flatMap(allNodes)) for (const one of inner.reads) this.#reads.add(one);
    const reads = [...this.#reads];
    return { ...node, reads, uses: reads.filter((one) => this.#scope.beside.has(one)) };
  }

  #read(kind: NodeKind): Unnamed | null {
    const fields = this.#fields;
    switch (kind) {
      case 'prompt':
        return this.#prompt();
      case 'map': {
        const body = this.#body('do', [String(fields.as)]);
        const over = this.#variable('map');
        return body === null ? null : { kind, over, as: String(fields.as), body };
      }
      case 'reduce': {
        const over = this.#variable('reduce');
        const [as, carry] = [String(fields.as), String(fields.carry)];
        const from = this.#template('from');
        const body = this.#body('do', [as, carry]);
        return body === null ? null : { kind, over, as, carry, from, body };
      }
      case 'loop':
        return this.#loop();
      case 'if': {
        const condition = this.#checker.expression(fields.if, this.#pathOf('if'), this.#scope, this.#reads);
        const body = this.#body('do', []);
        const otherwise = fields.else === undefined ? null : this.#body('else', []);
        return condition === null || body === null ? null : { kind, condition, body, otherwise };
      }
      case 'vote':
        return { kind, of: this.#variable('vote') };
      case 'value':
        return { kind, text: this.#template('value') };
      case 'split': {
        const by = fields.by as 'words';
        return { kind, text: this.#template('split'), by, size: this.#number('size') ?? 1 };
      }
      case 'retrieve':
        return {
          kind,
          query: this.#template('retrieve'),
          from: String(fields.from),
          top: this.#number('top') ?? 1,
        };
      case 'calculate':
        return this.#calculate();
      case 'command':
        return { kind, command: String(fields.command), input: this.#template('input') };
    }
  }

  #prompt(): Unnamed {
    const { role, samples, parse = 'text' } = this.#fields;
    const parser = parse as Parser;
    const problem = parserProblem(parser);
    if (problem !== null) this.#checker.add(this.#pathOf('parse'), problem);
    return {
      kind: 'prompt',
      prompt: this.#template('prompt'),
      role: role === undefined ? null : String(role),
      drawn: this.#checker.drawn(this.#fields, this.#path, this.#scope, this.#reads),
      samples: samples === undefined ? null : this.#number('samples'),
      parser,
    };
  }

  #loop(): Unnamed | null {
    const carry = String(this.#fields.loop);
    const from = this.#template('from');
    const most = this.#number('most');
    const { until, do: inside } = this.#fields;
    const ofRound = Object.keys((inside ?? {}) as object);
    const seen = { ...this.#scope, outer: new Set([...this.#scope.outer, carry, ...ofRound]) };
    const condition =
      until === undefined ? null : this.#checker.expression(until, this.#pathOf('until'), seen, this.#reads);
    const asked = (condition?.names ?? []).filter((name) => ofRound.includes(name));
    const body = this.#body('do', [carry], asked);
    return body === null ? null : { kind: 'loop', carry, from, most: most ?? 1, until: condition, body };
  }

  #calculate(): Unnamed | null {
    const text = String(this.#fields.calculate);
    if (text.includes('{{')) return { kind: 'calculate', by: { text: this.#template('calculate') } };
    const expression = this.#checker.expression(text, this.#pathOf('calculate'), this.#scope, this.#reads);
    return expression === null ? null : { kind: 'calculate', by: { expression } };
  }

  #pathOf(key: string): Path {
    return [...this.#path, key];
  }

  #template(key: string): Template {
    return this.#checker.template(this.#fields[key], this.#pathOf(key), this.#scope, this.#reads);
  }

  #number(key: string): number | null {
    return this.#checker.number(this.#fields[key], this.#pathOf(key));
  }

  #variable(key: string): string {
    const name = String(this.#fields[key]);
    this.#checker.use(name, this.#pathOf(key), this.#scope, this.#reads);
    return name;
  }

  #body(key: string, own: readonly string[], alsoUsed: readonly string[] = []): Body | null {
    return this.#checker.inner(this.#fields, key, this.#path, this.#scope, { own, alsoUsed });
  }
}

type Unnamed = GraphNode extends infer N
  ? N extends GraphNode
    ? Omit<N, 'name' | 'reads' | 'uses'>
    : never
  : never;

/** What a body would see whose own node cannot be read. */
function allVisibleNames({ outer, beside }: Scope, fields: Fields): ReadonlySet<string> {
  const own = ['as', 'carry', 'loop'].flatMap((key) =>
    typeof fields[key] === 'string' ? [String(fields[key])] : [],
  );
  return new Set([...outer, ...beside, ...own]);
}

/** @returns nodes of which each waits for the next, and the last for the first. */
function cycleAmong(nodes: readonly GraphNode[]): string[] {
  const uses = new Map(
    nodes.map((node) => [node.name, node.uses.filter((name) => nodes.some((one) => one.name === name))]),
  );
  const walked: string[] = [];
  let at = nodes[0]!.name;
  while (!walked.includes(at)) {
    walked.push(at);
    at = uses.get(at)![0]!;
  }
  return walked.slice(walked.indexOf(at));
}
