import type { z } from 'zod';

/**
 * @param what what a line is not, where it is none, such as `an answer`.
 * @returns a line of a file as a record, or one sentence why it is none.
 */
export function readJsonLine<T>(schema: z.ZodType<T>, line: string, what: string): T | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'the line is not JSON';
  }
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  return `not ${what}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
}
