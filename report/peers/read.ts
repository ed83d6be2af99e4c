import { z } from 'zod';
import { valueAt } from '../../core/quality/tasks/template.js';
import { EXPORT_MAPPINGS, type MappedFormat } from '../mappings/index.js';
import type { ExportMapping } from '../mappings/mapping.js';

type Fields = Readonly<Record<string, unknown>>;

/** One run of another load generator, as it wrote it. */
export interface PeerRun {
  /** Whose words its figures are called by. */
  readonly format: MappedFormat;
  /** Of the words that our export has, those that the file has. */
  readonly figures: ReadonlyMap<string, number>;
}

const aiperfFigure = z.object({ unit: z.string(), avg: z.number().nullable() });
const SHAPES: readonly (readonly [MappedFormat, z.ZodType])[] = [
  [
    'vllm-json',
    z.object({ completed: z.number(), request_throughput: z.number(), mean_ttft_ms: z.number() }),
  ],
  ['aiperf-json', z.object({ request_throughput: aiperfFigure, request_latency: aiperfFigure })],
];

/**
 * Reads what AIPerf or `vllm bench serve` wrote, known by its shape.
 * @returns its run, or one sentence why it is none of these.
 */
export function readPeerRun(text: string): PeerRun | string {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (error) {
    return `it is no JSON: ${(error as Error).message}`;
  }
  const format = SHAPES.find(([, shape]) => shape.safeParse(root).success)?.[0];
  return format === undefined
    ? 'it has neither the shape of profile_export_aiperf.json, nor of vllm bench serve --save-result'
    : { format, figures: figuresOf(format, root) };
}

/** Words are the ways to their numbers; AIPerf has a number alone under `avg`. */
function figuresOf(format: MappedFormat, root: unknown): Map<string, number> {
  const { fields }: ExportMapping = EXPORT_MAPPINGS[format];
  return new Map(
    fields.flatMap(({ name }) => {
      const found = valueAtPath(root, name);
      const value = typeof found === 'object' && found !== null ? valueAtPath(found, 'avg') : found;
      return typeof value === 'number' && Number.isFinite(value) ? [[name, value] as const] : [];
    }),
  );
}

function valueAtPath(root: unknown, way: string): unknown {
  return typeof root === 'object' && root !== null ? valueAt(root as Fields, way) : undefined;
}
