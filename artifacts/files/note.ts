import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { orElse } from '../../core/or-else.js';

/** @returns what lies beside a file of the cache; null where nothing does, or something else. */
export async function readNote<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return orElse(() => schema.parse(JSON.parse(text)), null);
}
