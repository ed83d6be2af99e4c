/** `{name}` or `{a.b}`; `{{` and `}}` stand for the braces themselves. */
const PLACE = /\{\{|\}\}|\{([^{}]+)\}/g;

/** @returns the names that a template asks for. */
export function namesIn(template: string): readonly string[] {
  return [...template.matchAll(PLACE)].flatMap((match) => (match[1] === undefined ? [] : [match[1].trim()]));
}

/** A line that is one place and nothing else. */
const LONE = /^\{([^{}]+)\}$/;

/**
 * Fills a template. Values are put in as they are: braces inside them mean nothing. A line that is nothing
 * but one place vanishes with an empty value, so that an item without a background has no blank line for it.
 */
export function fill(template: string, lookUp: (name: string) => string | null): string {
  const lines = template.split('\n');
  const filled = lines.flatMap((line) => {
    const text = line.replace(PLACE, (place, name: string | undefined) =>
      name === undefined ? place[0]! : (lookUp(name.trim()) ?? ''),
    );
    return text === '' && LONE.test(line) && lines.length > 1 ? [] : [text];
  });
  return filled.join('\n');
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

/** @returns text, a number or a truth value as text; null for anything else. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

/** @returns what textOf gives, and of a list of such values all of them, joined; null for anything else. */
export function joinedText(value: unknown, by: string): string | null {
  if (!Array.isArray(value)) return textOf(value);
  const texts = value.map(textOf);
  return texts.every((text) => text !== null) ? texts.join(by) : null;
}
