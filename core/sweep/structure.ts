import type { z } from 'zod';
import { MAX_DIAGNOSTICS, type Path, type UnlocatedDiagnostic } from '../input/diagnostic.js';
import { nearest } from '../input/suggest.js';
import { expectedAt, phraseFor, show, valueAt, wordsOf } from './expected.js';
import { ALSO_KNOWN_AS, VALUES_ALSO_KNOWN_AS } from './fields.js';
import { type SchemaNode, sweepSchema } from './schema.js';

/** Words YAML 1.1 and llama-bench have for booleans. */
export const BOOLEAN_WORDS: Readonly<Record<string, string>> = {
  on: 'true',
  yes: 'true',
  '1': 'true',
  off: 'false',
  no: 'false',
  '0': 'false',
};

type Issue = z.core.$ZodIssue;

/** What is wrong with the structure of a file: the first errors, and how many there are besides. */
export interface Structure {
  readonly findings: readonly UnlocatedDiagnostic[];
  readonly more: number;
}

/**
 * Judges the structure of a sweep file. zod says where it is wrong, the JSON Schema made from the same
 * source says what was expected there: so parser, messages and published schema cannot drift apart.
 */
export function checkStructure(data: unknown): Structure {
  const result = sweepSchema.safeParse(data);
  if (result.success) return { findings: [], more: 0 };
  const issues = result.error.issues.flatMap((issue) => settle(issue, data, []));
  const findings: UnlocatedDiagnostic[] = [];
  let count = 0;
  for (const issue of issues) {
    const room = MAX_DIAGNOSTICS - findings.length;
    count += issue.code === 'unrecognized_keys' ? issue.keys.length : 1;
    if (room > 0) findings.push(...findingsOf(issue, data, room));
  }
  return { findings, more: count - findings.length };
}

/** Replaces an issue of a union by those of the branch that was meant, where one can be told. */
function settle(issue: Issue, data: unknown, above: Path): Issue[] {
  const path = [...above, ...(issue.path as (string | number)[])];
  const placed = { ...issue, path } as Issue;
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [placed];
  const meant = issue.errors.filter(
    (branch) => !branch.some((inner) => inner.path.length === 0 && isMismatch(inner)),
  );
  const only = meant[0];
  if (meant.length !== 1 || only === undefined) return [placed];
  return only.flatMap((inner) => settle(inner, data, path));
}

/** True when the value is of another kind altogether, so that this branch of a union was not meant. */
function isMismatch(issue: Issue): boolean {
  if (issue.code === 'invalid_union') {
    return issue.errors.every((branch) =>
      branch.some((inner) => inner.path.length === 0 && isMismatch(inner)),
    );
  }
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

/** @param most keys of one issue that are looked at */
function findingsOf(issue: Issue, data: unknown, most: number): UnlocatedDiagnostic[] {
  const path = issue.path as Path;
  const expected = expectedAt(path, data);
  if (issue.code === 'unrecognized_keys') {
    const known = [...new Set(expected.flatMap((node) => Object.keys(node.properties ?? {})))];
    return issue.keys.slice(0, most).map((key) => unknownKey([...path, key], key, known));
  }
  const value = valueAt(data, path);
  const name = String(path.findLast((step) => typeof step === 'string') ?? 'the file');
  const finding = (message: string, suggestion: string | null = null): UnlocatedDiagnostic[] => [
    { path, message, suggestion, at: 'value' },
  ];
  if (value === undefined) return finding(`${name} is missing: it must be ${phraseFor(expected, true)}`);
  if (issue.code === 'too_small' && issue.origin === 'array') {
    return Array.isArray(value) && value.length === 0
      ? finding(`${name} is an empty list: give at least one value or leave it out`)
      : finding(`${name} needs at least ${issue.minimum} entries`);
  }
  if (issue.code === 'too_big' && issue.origin === 'array') {
    return finding(`${name} has more than ${issue.maximum} entries: write fewer, or split the sweep`);
  }
  const suggestion = guess(name, value, expected);
  return finding(
    `${name} must be ${phraseFor(expected, suggestion === null)}, not ${show(value)}`,
    suggestion,
  );
}

function unknownKey(path: Path, key: string, known: readonly string[]): UnlocatedDiagnostic {
  const alias = ALSO_KNOWN_AS.get(key);
  const suggestion = alias !== undefined && known.includes(alias) ? alias : nearest(key, known);
  const rest =
    suggestion === null && known.length > 0 && known.length <= 16 ? `; known here: ${known.join(', ')}` : '';
  return { path, message: `${show(key)} is not a key here${rest}`, suggestion, at: 'key' };
}

function guess(field: string, value: unknown, expected: readonly SchemaNode[]): string | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const text = String(value);
  const words = expected.flatMap(wordsOf);
  const known = VALUES_ALSO_KNOWN_AS.get(field)?.[text.toLowerCase()];
  if (known !== undefined) return known;
  const boolean = BOOLEAN_WORDS[text.toLowerCase()];
  if (boolean !== undefined && words.includes(boolean)) return boolean;
  return typeof value === 'string' ? nearest(text, words) : null;
}
