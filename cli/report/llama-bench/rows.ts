import { z } from 'zod';

/** What is read of a row of llama-bench; numbers of its SQL are words. */
const rowSchema = z.object({
  build_commit: z.coerce.string(),
  build_number: z.coerce.number().default(0),
  cpu_info: z.string().default(''),
  gpu_info: z.string().default(''),
  backends: z.string().default('CPU'),
  model_filename: z.string(),
  model_size: z.coerce.number(),
  model_n_params: z.coerce.number(),
  n_batch: z.coerce.number(),
  n_ubatch: z.coerce.number(),
  n_threads: z.coerce.number(),
  type_k: z.string(),
  type_v: z.string(),
  n_gpu_layers: z.coerce.number(),
  /** A truth in releases before it had a third value. */
  flash_attn: z.union([z.boolean(), z.coerce.number()]),
  /** `use_mmap` before it had others. */
  load_mode: z.string().optional(),
  use_mmap: z.union([z.boolean(), z.coerce.number()]).optional(),
  n_prompt: z.coerce.number().int(),
  n_gen: z.coerce.number().int(),
  n_depth: z.coerce.number().int().default(0),
  test_time: z.iso.datetime(),
  avg_ns: z.coerce.number(),
  stddev_ns: z.coerce.number(),
  avg_ts: z.coerce.number(),
  stddev_ts: z.coerce.number(),
  samples_ns: z.array(z.number()).optional(),
  samples_ts: z.array(z.number()).optional(),
});
export type LlamaBenchRow = z.output<typeof rowSchema>;

/**
 * @returns the rows of `llama-bench -o json`, `jsonl` or `sql`; null for a text that is none of these; a
 *   sentence for one that is, and cannot be read.
 */
export function llamaBenchRows(text: string): LlamaBenchRow[] | string | null {
  const values = valuesIn(text);
  if (values === null) return null;
  const rows: LlamaBenchRow[] = [];
  for (const [i, value] of values.entries()) {
    const read = rowSchema.safeParse(value);
    const issue = read.error?.issues[0];
    if (!read.success) return `row ${i + 1} of llama-bench: ${issue?.path.join('.')}: ${issue?.message}`;
    rows.push(read.data);
  }
  return rows;
}

const isRow = (value: unknown) =>
  typeof value === 'object' && value !== null && 'n_prompt' in value && 'avg_ts' in value;

function valuesIn(text: string): unknown[] | null {
  if (/^INSERT INTO (llama_bench|test) \(/m.test(text)) return inserted(text);
  const first = text.trimStart()[0];
  if (first !== '[' && first !== '{') return null;
  try {
    const value: unknown = JSON.parse(text);
    const list = Array.isArray(value) ? value : [value];
    return list.length > 0 && list.every(isRow) ? list : null;
  } catch {
    return ofLines(text);
  }
}

function ofLines(text: string): unknown[] | null {
  try {
    const values: unknown[] = text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line));
    return values.length > 0 && values.every(isRow) ? values : null;
  } catch {
    return null;
  }
}

const INSERT = /^INSERT INTO \w+ \(([^)]*)\) VALUES \((.*)\);$/gm;
const VALUE = /'((?:[^']|'')*)'/g;

/** Its statements have each value in quotes, a quote as two. */
function inserted(text: string): object[] {
  return [...text.matchAll(INSERT)].map(([, names = '', list = '']) => {
    const values = [...list.matchAll(VALUE)].map(([, value = '']) => value.replaceAll("''", "'"));
    return Object.fromEntries(names.split(',').map((name, i) => [name.trim(), values[i]]));
  });
}
