import type { z } from 'zod';
import { type Diagnostic, type Path, pathText } from './diagnostic.js';
import { readYaml, type YamlSource } from './yaml.js';

/** What a file says by its schema, or all that is wrong with it. */
export type ReadDefinition<T> =
  | { readonly ok: true; readonly value: T; readonly at: Locate }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** @returns a finding about what stands at a path. */
type Locate = (path: Path, message: string, what: 'key' | 'value') => Diagnostic;

/** Reads YAML by a schema, every default filled in. */
export function readDefinition<T>(text: string, schema: z.ZodType<T>): ReadDefinition<T> {
  const source = readYaml(text);
  if (!source.readable || source.diagnostics.length > 0)
    return { ok: false, diagnostics: source.diagnostics };
  const at = locateIn(source);
  const read = schema.safeParse(source.data);
  if (read.success) return { ok: true, value: read.data, at };
  return { ok: false, diagnostics: issuesOf(read.error).map((issue) => at(...issue)) };
}

const locateIn =
  (source: YamlSource): Locate =>
  (path, message, what) => ({
    path: pathText(path),
    ...source.locate(path, what),
    message,
    suggestion: null,
  });

/** @returns what a schema finds, each with its path: a key that it does not know is pointed at itself. */
export function issuesOf({ issues }: Pick<z.ZodError, 'issues'>, before: Path = []): Parameters<Locate>[] {
  return issues.flatMap((issue): Parameters<Locate>[] => {
    const path = [...before, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
    if (issue.code !== 'unrecognized_keys') return [[path, issue.message, 'value']];
    return issue.keys.map((key) => [[...path, key], `there is no field ${key} here`, 'key']);
  });
}
