/** What a variable of a graph holds: JSON, as items have it and parsers give it. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [field: string]: Value };

/** Variables that a node sees, by name. */
export type Values = ReadonlyMap<string, Value>;

/** Why an application cannot go on: one sentence without its end. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
}

/** @returns the value at `a.0.b` of a value, own properties alone; undefined where there is none. */
export function valueAt(root: Value, path: readonly string[]): Value | undefined {
  let value: Value | undefined = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as { readonly [field: string]: Value })[step];
  }
  return value;
}

/**
 * @returns a value as the text of a prompt: elements of a list stand below each other, a blank line between
 *   them; what has fields is JSON.
 */
export function textOf(value: Value): string {
  if (value === null) return '';
  if (Array.isArray(value)) return value.map(textOf).join('\n\n');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** @throws GraphError for what is no list. */
export function listOf(value: Value, name: string): readonly Value[] {
  if (Array.isArray(value)) return value as readonly Value[];
  const what = value === null ? 'nothing' : typeof value === 'object' ? 'a record' : `a ${typeof value}`;
  throw new GraphError(`${name} is ${what}, and a list is needed`);
}
