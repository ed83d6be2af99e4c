import { z } from 'zod';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import { openSafetensors } from '../../formats/safetensors/reader.js';
import { type SafetensorSource, writeSafetensors } from '../../formats/safetensors/writer.js';
import { readTensor } from '../../formats/tensor-data.js';

/** Where statistics come from: everything that they follow from, and the devices whose rounding they have. */
const originSchema = z.object({
  /** Digests. */
  model: z.string(),
  text: z.string(),
  /** As the user called the text. */
  textName: z.string(),
  windows: z.discriminatedUnion('scheme', [
    z.object({ scheme: z.literal('random'), seed: z.number() }),
    z.object({ scheme: z.literal('chunks') }),
  ]),
  /** Tokens of a sequence. */
  sequenceTokens: z.number(),
  /** Release of the engine. */
  engine: z.string(),
  /** As records have it. */
  computedOn: z.string(),
  computedOnReason: z.string().optional(),
});
export type StatisticsOrigin = z.infer<typeof originSchema>;

export interface SavedStatistics {
  readonly origin: StatisticsOrigin;
  /** By the names of the weights, in the order of the model's file. */
  readonly layers: ReadonlyMap<string, ChannelStatistics>;
}

const SCHEMA = 'ridgepoint.dev/calibration/v1';
const countSchema = z.coerce.number().int().positive();

/** One tensor of each for every layer, with its name in front. */
const PARTS = [
  ['squares_per_sequence', 'squaresPerSequence'],
  ['sum_per_sequence', 'sumPerSequence'],
  ['variance', 'variance'],
] as const;

/** Sequences and tokens of a layer that did not see all of them: an expert. */
const COUNTS = 'counts';

/** What was run through the model: what a layer sees that is no expert. */
export interface Seen {
  readonly sequences: number;
  readonly tokens: number;
}

export function seenOf(layers: SavedStatistics['layers']): Seen {
  let seen: Seen = { sequences: 0, tokens: 0 };
  for (const layer of layers.values()) if (layer.tokens > seen.tokens) seen = layer;
  return { sequences: seen.sequences, tokens: seen.tokens };
}

/** Writes statistics as safetensors, f32. @throws FailureError `disk-full`. */
export async function writeStatistics(path: string, { origin, layers }: SavedStatistics): Promise<void> {
  const seen = seenOf(layers);
  const metadata = new Map([
    ['schema', SCHEMA],
    ['origin', JSON.stringify(origin)],
    ['sequences', String(seen.sequences)],
    ['tokens', String(seen.tokens)],
  ]);
  const tensors = [...layers].flatMap(([name, statistics]) => {
    const { sequences, tokens } = statistics;
    const parts = PARTS.map(([suffix, part]) => vector(`${name}.${suffix}`, 'F32', statistics[part]));
    const all = tokens === seen.tokens && sequences === seen.sequences;
    return all ? parts : [...parts, vector(`${name}.${COUNTS}`, 'I32', Int32Array.of(sequences, tokens))];
  });
  await writeSafetensors(path, { metadata, tensors });
}

function vector(name: string, dtype: string, values: Float32Array | Int32Array): SafetensorSource {
  const { buffer, byteOffset, byteLength, length } = values;
  return { name, dtype, shape: [length], data: () => [new Uint8Array(buffer, byteOffset, byteLength)] };
}

/** @throws Error with one sentence for a file that holds no statistics. */
export async function readStatistics(path: string): Promise<SavedStatistics> {
  const { metadata, tensors } = openSafetensors(path);
  if (metadata.get('schema') !== SCHEMA) throw new Error(`it does not say ${SCHEMA}`);
  const origin = originSchema.parse(JSON.parse(metadata.get('origin') ?? 'null'));
  const sequences = countSchema.parse(metadata.get('sequences'));
  const tokens = countSchema.parse(metadata.get('tokens'));
  const readArray = async (name: string, dtype: 'F32' | 'I32'): Promise<ArrayBuffer> => {
    const tensor = tensors.get(name);
    if (tensor?.dtype !== dtype) throw new Error(`it has no ${dtype.toLowerCase()} tensor ${name}`);
    const chunks: Buffer[] = [];
    for await (const chunk of readTensor(tensor)) chunks.push(chunk);
    return new Uint8Array(Buffer.concat(chunks)).buffer;
  };
  const values = async (name: string) => new Float32Array(await readArray(name, 'F32'));
  const countsOf = async (name: string): Promise<Seen> => {
    const key = `${name}.${COUNTS}`;
    if (!tensors.has(key)) return { sequences, tokens };
    const [own = 0, ownTokens = 0] = new Int32Array(await readArray(key, 'I32'));
    return { sequences: own, tokens: ownTokens };
  };
  const ending = `.${PARTS[0][0]}`;
  const layers = new Map<string, ChannelStatistics>();
  for (const tensor of [...tensors.keys()].filter((key) => key.endsWith(ending))) {
    const name = tensor.slice(0, -ending.length);
    const [squaresPerSequence, sumPerSequence, variance] = await Promise.all(
      PARTS.map(([suffix]) => values(`${name}.${suffix}`)),
    );
    layers.set(name, {
      squaresPerSequence: squaresPerSequence!,
      sumPerSequence: sumPerSequence!,
      variance: variance!,
      ...(await countsOf(name)),
    });
  }
  return { origin, layers };
}
