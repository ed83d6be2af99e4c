import type { Path } from '../input/diagnostic.js';
import { type SchemaNode, sweepJsonSchema } from './schema.js';

/** More words than this are listed only when none of them is near to what was written. */
const MAX_LISTED_WORDS = 12;

/** @returns what the schema allows at a path: the branches that fit the data on the way there. */
export function expectedAt(path: Path, data: unknown): SchemaNode[] {
  let nodes: SchemaNode[] = [sweepJsonSchema()];
  let value = data;
  for (const step of path) {
    const parents = nodes.flatMap((node) => branchesFor(node, value));
    nodes = parents.flatMap((node) => childOf(node, step));
    value = valueAt(value, [step]);
  }
  const branches = isMap(value) ? nodes.flatMap((node) => branchesFor(node, value)) : [];
  return branches.length > 0 ? branches : nodes;
}

const isMap = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

function resolve(node: SchemaNode): SchemaNode {
  const name = node.$ref?.replace('#/$defs/', '');
  return name === undefined ? node : (sweepJsonSchema().$defs?.[name] ?? node);
}

function childOf(node: SchemaNode, step: string | number): SchemaNode[] {
  const open = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
  const child = typeof step === 'number' ? node.items : (node.properties?.[step] ?? open);
  return child === undefined ? [] : [resolve(child)];
}

/** Opens unions, keeping the branches of the value's own kind (for maps: of the `kind` they name). */
function branchesFor(written: SchemaNode, value: unknown): SchemaNode[] {
  const node = resolve(written);
  const parts = node.anyOf ?? node.oneOf;
  if (!parts) return [node];
  const branches = parts.flatMap((part) => branchesFor(part, value));
  if (Array.isArray(value)) return branches.filter((branch) => branch.type === 'array');
  if (!isMap(value)) return branches;
  const maps = branches.filter((branch) => branch.type === 'object');
  const kind = (value as Record<string, unknown>).kind;
  const named = maps.filter((branch) => branch.properties?.kind?.const === kind);
  return named.length > 0 ? named : maps;
}

/** @returns every word the schema allows, as it would be written. */
export function wordsOf(written: SchemaNode): string[] {
  const node = resolve(written);
  if (node.enum) return node.enum.map(String);
  if (node.const !== undefined) return [String(node.const)];
  if (node.type === 'boolean') return ['true', 'false'];
  if (node.examples) return node.examples.map(String);
  return (node.anyOf ?? []).flatMap(wordsOf);
}

/** @returns what the schema allows, as a phrase after "must be"; long lists of words only when `full`. */
export function phraseFor(nodes: readonly SchemaNode[], full: boolean): string {
  const phrases = [...new Set(nodes.flatMap((node) => phrasesOf(node, full)))];
  const last = phrases.pop() ?? 'something else';
  return phrases.length === 0 ? last : `${phrases.join(', ')} or ${last}`;
}

function phrasesOf(written: SchemaNode, full: boolean): string[] {
  const node = resolve(written);
  const parts = node.anyOf ?? node.oneOf;
  if (parts) return parts.filter((part) => part.type !== 'array').flatMap((part) => phrasesOf(part, full));
  if (node.title !== undefined && node.type !== 'object') return [node.title];
  if (node.const !== undefined) return [String(node.const)];
  if (node.enum) {
    if (node.enum.length <= MAX_LISTED_WORDS) return node.enum.map(String);
    return [full ? `one of ${node.enum.join(', ')}` : `one of ${node.enum.length} words`];
  }
  switch (node.type) {
    case 'boolean':
      return ['true', 'false'];
    case 'integer':
    case 'number':
      return [numberPhrase(node)];
    case 'string':
      return [`a text of ${node.minLength ?? 0} to ${node.maxLength ?? 'any number of'} characters`];
    case 'array':
      return [`a list whose entries are ${phraseFor(node.items ? [node.items] : [], full)}`];
    case 'object':
      return [`a map${node.required ? ` with ${node.required.join(', ')}` : ''}`];
    default:
      return node.type === undefined ? [] : [node.type];
  }
}

function numberPhrase(node: SchemaNode): string {
  const what = node.type === 'integer' ? 'an integer' : 'a number';
  if (node.exclusiveMinimum !== undefined)
    return `${what} above ${node.exclusiveMinimum} and up to ${node.maximum}`;
  return node.minimum === undefined ? what : `${what} from ${node.minimum} to ${node.maximum}`;
}

/** @returns what is at a path of plain data; undefined when there is nothing. */
export function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** @returns a value as it would be written, cut short. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
