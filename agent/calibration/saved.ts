import { z } from 'zod';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import { openSafetensors, readSafetensor } from '../../formats/safetensors/reader.js';
import { type SafetensorSource, writeSafetensors } from '../../formats/safetensors/writer.js';

/** Where statistics come from; everything that they follow from but the machine's rounding. */
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

/** Writes statistics as safetensors, f32. @throws FailureError `disk-full`. */
export async function writeStatistics(path: string, { origin, layers }: SavedStatistics): Promise<void> {
  const [first] = layers.values();
  const metadata = new Map([
    ['schema', SCHEMA],
    ['origin', JSON.stringify(origin)],
    ['sequences', String(first?.sequences ?? 0)],
    ['tokens', String(first?.tokens ?? 0)],
  ]);
  const tensors = [...layers].flatMap(([name, statistics]) =>
    PARTS.map(([suffix, part]): SafetensorSource => {
      const { buffer, byteOffset, byteLength, length } = statistics[part];
      return {
        name: `${name}.${suffix}`,
        dtype: 'F32',
        shape: [length],
        data: () => [new Uint8Array(buffer, byteOffset, byteLength)],
      };
    }),
  );
  await writeSafetensors(path, { metadata, tensors });
}

/** @throws Error with one sentence for a file that holds no statistics. */
export async function readStatistics(path: string): Promise<SavedStatistics> {
  const { metadata, tensors } = openSafetensors(path);
  if (metadata.get('schema') !== SCHEMA) throw new Error(`it does not say ${SCHEMA}`);
  const origin = originSchema.parse(JSON.parse(metadata.get('origin') ?? 'null'));
  const sequences = countSchema.parse(metadata.get('sequences'));
  const tokens = countSchema.parse(metadata.get('tokens'));
  const values = async (name: string): Promise<Float32Array> => {
    const tensor = tensors.get(name);
    if (tensor === undefined || tensor.dtype !== 'F32') throw new Error(`it has no f32 tensor ${name}`);
    const chunks: Buffer[] = [];
    for await (const chunk of readSafetensor(tensor)) chunks.push(chunk);
    return new Float32Array(new Uint8Array(Buffer.concat(chunks)).buffer);
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
      sequences,
      tokens,
    });
  }
  return { origin, layers };
}
