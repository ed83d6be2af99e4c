/** `{name}` or `{a.b}`; `{{` and `}}` stand for the braces themselves. */
const PLACE = /\{\{|\}\}|\{([^{}]+)\}/g;

/** @returns the names that a template asks for. */
export function namesIn(template: string): readonly string[] {
  return [...template.matchAll(PLACE)].flatMap((match) => (match[1] === undefined ? [] : [match[1].trim()]));
}

/** Fills a template. Values are put in as they are: braces inside them mean nothing. */
export function fill(template: string, lookUp: (name: string) => string | null): string {
  return template.replace(PLACE, (place, name: string | undefined) =>
    name === undefined ? place[0]! : (lookUp(name.trim()) ?? ''),
  );
}

/** @returns the value at `a.b` of a record, own properties alone; undefined when it is not there. */
export function valueAt(record: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(record, path)) return record[path];
  let value: unknown = record;
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

/** @returns text or a number as text; null for anything else. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null;
}
