import { z } from 'zod';
import { valueAt } from '../../core/quality/tasks/template.js';
import { EXPORT_MAPPINGS, type MappedFormat } from '../mappings/index.js';
import type { ExportMapping } from '../mappings/mapping.js';

type Fields = Readonly<Record<string, unknown>>;

/** One run of another load generator, as it wrote it. */
export interface PeerRun {
  /** Whose words its figures are called by. */
  readonly format: Extract<MappedFormat, 'guidellm-json' | 'aiperf-json' | 'vllm-json'>;
  /** What tells it from others of its file, such as its concurrency; '' = there is one. */
  readonly name: string;
  /** Of the words that our export has, those that the file has. */
  readonly figures: ReadonlyMap<string, number>;
}

const guidellmSchema = z.object({
  metadata: z.object({ version: z.int(), guidellm_version: z.string() }),
  benchmarks: z.array(z.record(z.string(), z.unknown())).min(1),
});
const vllmSchema = z.object({
  completed: z.number(),
  request_throughput: z.number(),
  mean_ttft_ms: z.number(),
});
const aiperfFigure = z.object({ unit: z.string(), avg: z.number().nullable() });
const aiperfSchema = z.object({ request_throughput: aiperfFigure, request_latency: aiperfFigure });

/** The version of GuideLLM's report that its words are of. */
const GUIDELLM_SCHEMA = 2;

/**
 * Reads what GuideLLM, AIPerf or `vllm bench serve` wrote, known by its shape.
 * @returns its runs, or one sentence why it is none of these.
 */
export function readPeerRuns(text: string): readonly PeerRun[] | string {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (error) {
    return `it is no JSON: ${(error as Error).message}`;
  }
  const guidellm = guidellmSchema.safeParse(root);
  if (guidellm.success) {
    const { metadata, benchmarks } = guidellm.data;
    if (metadata.version !== GUIDELLM_SCHEMA) {
      return `it is a report of GuideLLM by schema ${metadata.version}, and schema ${GUIDELLM_SCHEMA} (0.8) is read`;
    }
    return benchmarks.map((benchmark, i) => ({
      format: 'guidellm-json',
      name: benchmarks.length === 1 ? '' : `benchmark ${i + 1}`,
      figures: figuresOf('guidellm-json', benchmark),
    }));
  }
  if (vllmSchema.safeParse(root).success) {
    return [{ format: 'vllm-json', name: '', figures: figuresOf('vllm-json', root) }];
  }
  if (aiperfSchema.safeParse(root).success) {
    return [{ format: 'aiperf-json', name: '', figures: figuresOf('aiperf-json', root) }];
  }
  return 'it has neither the shape of a report of GuideLLM, nor of profile_export_aiperf.json, nor of vllm bench serve --save-result';
}

/** Words are the ways to their numbers; AIPerf has a number alone under `avg`. */
function figuresOf(format: PeerRun['format'], root: unknown): Map<string, number> {
  const { fields }: ExportMapping = EXPORT_MAPPINGS[format];
  return new Map(
    fields.flatMap(({ name }) => {
      const found = at(root, name);
      const value = typeof found === 'object' && found !== null ? at(found, 'avg') : found;
      return typeof value === 'number' && Number.isFinite(value) ? [[name, value] as const] : [];
    }),
  );
}

function at(root: unknown, way: string): unknown {
  return typeof root === 'object' && root !== null ? valueAt(root as Fields, way) : undefined;
}
