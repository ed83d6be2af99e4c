import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../../formats/whole-file.js';
import type { Noise } from '../../judgement/noise.js';
import { fileName } from '../roofs/file-name.js';

const component = z.union([
  z.object({ sd: z.number(), reason: z.null() }),
  z.object({ sd: z.null(), reason: z.string() }),
]);

const storedNoiseSchema = z.object({
  schema: z.literal('ridgepoint.dev/noise/v1'),
  deviceId: z.string(),
  measuredAt: z.iso.datetime(),
  /** What was measured again and again, in words. */
  what: z.string(),
  /** Of each start. */
  repeats: z.number().int().positive(),
  metrics: z.array(
    z.object({
      metric: z.string(),
      components: z.object({ within: component, betweenStarts: component, betweenBlocks: component }),
    }),
  ),
});

/** How a device's numbers spread, as a look at its noise found it. */
export type StoredNoise = z.infer<typeof storedNoiseSchema>;

/** The noise of a node's devices, beside their roofs: of each what the last look found. */
export class NoiseStore {
  readonly #folder: string;

  /** @param roofsFolder where roofs are kept. */
  constructor(roofsFolder: string) {
    this.#folder = join(roofsFolder, 'noise');
  }

  /** Keeps it; whoever reads meanwhile sees all or nothing. */
  async put(deviceId: string, what: string, { repeats, metrics }: Noise): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const stored: StoredNoise = {
      schema: 'ridgepoint.dev/noise/v1',
      deviceId,
      measuredAt: new Date().toISOString(),
      what,
      repeats,
      metrics: metrics.map(({ metric, components }) => ({ metric, components })),
    };
    await writeWhole(this.#path(deviceId), `${JSON.stringify(stored, null, 1)}\n`);
  }

  /** @returns null when there is none, or what is there cannot be read: a look finds it again then. */
  async find(deviceId: string): Promise<StoredNoise | null> {
    try {
      return storedNoiseSchema.parse(JSON.parse(await readFile(this.#path(deviceId), 'utf8')));
    } catch {
      return null;
    }
  }

  #path(deviceId: string): string {
    return join(this.#folder, `${fileName(deviceId)}.json`);
  }
}
