import { nearest } from './suggest.js';
import type { YamlSource } from './yaml.js';

/** What a file of ours has at its top. */
const TOP_KEYS = ['apiVersion', 'kind', 'metadata', 'spec'];

/** Characters in which a binary file shows itself. */
const FRONT = 1000;

/**
 * Says in one sentence why a text is plainly no file of this kind, such as a model, a README or somebody's
 * JSON: a list of all that breaks the grammar in it would help nobody.
 * @param kind what the file should be, e.g. `Sweep`
 * @returns null for a file that is meant to be one: what is wrong in it is its reader's to say
 */
export function whyForeign(source: string, yaml: YamlSource, kind: string): string | null {
  const notThisKind = (reason: string) => `this is no ${kind.toLowerCase()} file: ${reason}`;
  if (source.slice(0, FRONT).includes('\0')) return notThisKind('it is binary, not text');
  if (yaml.exceeds) return null;
  const keys = `it has none of the keys ${TOP_KEYS.slice(0, -1).join(', ')} and ${TOP_KEYS.at(-1)}`;
  if (!yaml.readable)
    return showsKeys(source) ? null : notThisKind(isMarkdown(source) ? keys : `${keys}${brokenAt(yaml)}`);
  if (yaml.data === null) return notThisKind('it is empty');
  if (!isMap(yaml.data) || !TOP_KEYS.some((key) => Object.hasOwn(yaml.data as object, key)))
    return notThisKind(keys);
  const written = yaml.data.kind;
  if (typeof written !== 'string' || written === '' || nearest(written, [kind]) !== null) return null;
  return notThisKind(`its kind is ${JSON.stringify(written.slice(0, 40))}, not ${kind}`);
}

/** Of a text whose grammar is broken: one with a Markdown fence may hold such a file, and is none. */
function showsKeys(source: string): boolean {
  if (isMarkdown(source)) return false;
  return TOP_KEYS.some((key) => new RegExp(`^[ \\t{]*["']?${key}["']?\\s*:`, 'm').test(source));
}

const isMarkdown = (source: string): boolean => /^ {0,3}(```|~~~)/m.test(source);

/**
 * @returns where the YAML breaks, as the end of a sentence. The parser's own message begins with a mark and
 *   ends with the place.
 */
function brokenAt({ diagnostics: [first] }: YamlSource): string {
  if (first === undefined) return '';
  const [sentence] = first.message.split('\n');
  return `; its YAML breaks at line ${first.line}, column ${first.column}: ${sentence!.replace(/^YAML: /, '').replace(/ at line \d+, column \d+:$/, '')}`;
}

/** Whether it is an object and no list. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
