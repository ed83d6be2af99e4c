import type { Expression } from './expression.js';
import type { Parser } from './parsers.js';
import type { Template } from './template.js';
import type { Value } from './value.js';

/** How an answer is drawn, with settings and roles filled in; null = the workload's. */
export interface Drawn {
  readonly system: Template | null;
  readonly model: string | null;
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly topK: number | null;
  readonly minP: number | null;
  readonly maxTokens: number | null;
  readonly stop: readonly string[];
}

/** Nodes in an order in which each comes behind those that it uses, and the one that gives the value. */
export interface Body {
  readonly nodes: readonly GraphNode[];
  readonly give: string;
}

interface Named {
  /** Unique in the whole graph. */
  readonly name: string;
  /** Every variable that it asks for, itself or inside. */
  readonly reads: readonly string[];
  /** Those of them that are nodes of the same body. */
  readonly uses: readonly string[];
}

/** A node that was checked: nothing in it can fail but for what models and tools say. */
export type GraphNode = Named &
  (
    | {
        readonly kind: 'prompt';
        readonly prompt: Template;
        readonly role: string | null;
        readonly drawn: Drawn;
        readonly samples: number | null;
        readonly parser: Parser;
      }
    | { readonly kind: 'map'; readonly over: string; readonly as: string; readonly body: Body }
    | {
        readonly kind: 'reduce';
        readonly over: string;
        readonly as: string;
        readonly carry: string;
        readonly from: Template;
        readonly body: Body;
      }
    | {
        readonly kind: 'loop';
        readonly carry: string;
        readonly from: Template;
        readonly most: number;
        readonly until: Expression | null;
        readonly body: Body;
      }
    | {
        readonly kind: 'if';
        readonly condition: Expression;
        readonly body: Body;
        readonly otherwise: Body | null;
      }
    | { readonly kind: 'vote'; readonly of: string }
    | { readonly kind: 'value'; readonly text: Template }
    | {
        readonly kind: 'split';
        readonly text: Template;
        readonly by: 'words' | 'lines' | 'paragraphs';
        readonly size: number;
      }
    | { readonly kind: 'retrieve'; readonly query: Template; readonly from: string; readonly top: number }
    | {
        readonly kind: 'calculate';
        readonly by: { readonly expression: Expression } | { readonly text: Template };
      }
    | { readonly kind: 'command'; readonly command: string; readonly input: Template }
  );

/** A request graph, checked. */
export interface RequestGraph {
  readonly name: string;
  readonly items: string | readonly Readonly<Record<string, unknown>>[];
  readonly inputs: readonly string[];
  readonly id: string;
  readonly reference: string | null;
  readonly scorers: readonly string[];
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly body: Body;
}

/** @returns all nodes, those inside others too, outer ones first. */
export function allNodes({ nodes }: Body): readonly GraphNode[] {
  return nodes.flatMap((node) => [node, ...bodiesOf(node).flatMap(allNodes)]);
}

/** @returns bodies inside a node. */
export function bodiesOf(node: GraphNode): readonly Body[] {
  if (!('body' in node)) return [];
  return node.kind === 'if' && node.otherwise !== null ? [node.body, node.otherwise] : [node.body];
}

/** @returns the variables of an item and the settings, with which an application starts. */
export function startingValues(
  graph: RequestGraph,
  item: Readonly<Record<string, unknown>>,
): Map<string, Value> {
  const settings = Object.entries(graph.settings) as [string, Value][];
  return new Map([
    ...settings,
    ...graph.inputs.map((name) => [name, (item[name] ?? null) as Value] as const),
  ]);
}
