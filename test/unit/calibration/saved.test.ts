import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeImportanceMatrix } from '../../../artifacts/calibration/imatrix.js';
import type { CalibrateRequest } from '../../../artifacts/calibration/job.js';
import {
  readStatistics,
  type SavedStatistics,
  writeStatistics,
} from '../../../artifacts/calibration/saved.js';
import { type StatisticsRequest, statisticsFor } from '../../../artifacts/calibration/store.js';
import { readImportanceMatrix } from '../../../engines/runners/llama-cpp/imatrix.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { sharedFolder } from '../../support/folder.js';
import { doHere } from '../../support/launcher.js';

const folder = sharedFolder();

const channels = (...values: number[]) => Float32Array.from(values);
const saved: SavedStatistics = {
  origin: {
    model: 'sha256:1',
    text: 'sha256:2',
    textName: 'tales.txt',
    windows: { scheme: 'random', seed: 4 },
    sequenceTokens: 16,
    engine: 'v0.4.0',
    computedOn: 'A GPU',
  },
  layers: new Map([
    [
      'blk.1.ffn_up.weight',
      {
        squaresPerSequence: channels(1.5, 0),
        sumPerSequence: channels(-1, 0),
        variance: channels(0.25, 0),
        sequences: 2,
        tokens: 32,
      },
    ],
    [
      'blk.0.attn_q.weight',
      {
        squaresPerSequence: channels(1, 2, 3),
        sumPerSequence: channels(3, 2, 1),
        variance: channels(4, 5, 6),
        sequences: 2,
        tokens: 32,
      },
    ],
  ]),
};

/** Two experts: one saw a token of the second sequence, one saw none. */
const mixture: SavedStatistics = {
  origin: saved.origin,
  layers: new Map([
    [
      'blk.0.ffn_up_exps.0.weight',
      {
        squaresPerSequence: channels(4, 9),
        sumPerSequence: channels(2, -3),
        variance: channels(0, 0),
        sequences: 1,
        tokens: 1,
      },
    ],
    [
      'blk.0.ffn_up_exps.1.weight',
      {
        squaresPerSequence: channels(0, 0),
        sumPerSequence: channels(0, 0),
        variance: channels(0, 0),
        sequences: 0,
        tokens: 0,
      },
    ],
    ...saved.layers,
  ]),
};

describe('statistics in a file', () => {
  test('come back as they were', async () => {
    const path = join(folder, 'a.safetensors');
    await writeStatistics(path, saved);
    expect(await readStatistics(path)).toEqual(saved);
    await writeStatistics(path, mixture);
    expect(await readStatistics(path)).toEqual(mixture);
  });

  test('a file of something else is refused', async () => {
    const path = join(folder, 'b.safetensors');
    writeFileSync(path, Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')]));
    await expect(readStatistics(path)).rejects.toThrow('ridgepoint.dev/calibration/v1');
  });

  test('become an importance matrix: sums over all tokens, in the order of names', async () => {
    const path = join(folder, 'm.gguf');
    await writeImportanceMatrix(path, saved);
    const { metadata, tensors } = readGgufHeader(path);
    expect(metadata.get('imatrix.chunk_count')).toBe(2);
    expect(metadata.get('imatrix.chunk_size')).toBe(16);
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ['blk.0.attn_q.weight.in_sum2', [3]],
      ['blk.0.attn_q.weight.counts', [1]],
      ['blk.1.ffn_up.weight.in_sum2', [2]],
      ['blk.1.ffn_up.weight.counts', [1]],
    ]);
  });

  test('experts are rows of one entry, as llama-imatrix writes them and quantization reads them', async () => {
    const path = join(folder, 'experts.gguf');
    await writeImportanceMatrix(path, mixture);
    const { metadata, tensors } = readGgufHeader(path);
    expect(metadata.get('imatrix.chunk_count')).toBe(2);
    expect(tensors.slice(2, 4).map(({ name, shape }) => [name, shape])).toEqual([
      ['blk.0.ffn_up_exps.weight.in_sum2', [2, 2]],
      ['blk.0.ffn_up_exps.weight.counts', [1, 2]],
    ]);
    const { means, uncounted } = await readImportanceMatrix(path);
    // Ones where nothing was counted.
    expect(means.get('blk.0.ffn_up_exps.weight')).toEqual(channels(4, 9, 1, 1));
    expect(means.get('blk.1.ffn_up.weight')).toEqual(channels(3 / 32, 0));
    expect(uncounted).toEqual({ matrices: 1, of: 2 });
  });
});

describe('the cache', () => {
  const text = join(folder, 'text.txt');
  writeFileSync(text, 'Once upon a time');
  const request: StatisticsRequest = {
    modelPath: '/models/a.gguf',
    modelDigest: 'sha256:1',
    textPath: text,
    textName: 'text.txt',
    windows: { scheme: 'chunks' },
    sequences: 4,
    tokens: 16,
    engine: 'v0.4.0',
    cacheFolder: join(folder, 'cache'),
  };
  const orders: CalibrateRequest[] = [];
  /** A child that writes what is asked of it at once. */
  const bench = {
    cpus: [0, 1],
    timeLimitSeconds: 10,
    launcher: doHere({
      async calibrate(request: CalibrateRequest) {
        orders.push(request);
        await writeStatistics(request.outputPath, saved);
        return { warnings: ['one'], facts: {} };
      },
    }),
  };

  test('collects once for the same model, text and cut, and again for any other', async () => {
    const first = await statisticsFor(request, bench);
    expect(first.warnings).toEqual(['one']);
    expect(first.seconds).not.toBeNull();
    expect(orders).toMatchObject([
      { job: { threads: 2, sequences: 4, origin: { model: 'sha256:1', windows: { scheme: 'chunks' } } } },
    ]);
    expect(await statisticsFor(request, bench)).toEqual({ path: first.path, seconds: null, warnings: [] });
    expect(orders.length).toBe(1);
    const others = [
      { modelDigest: 'sha256:2' },
      { tokens: 17 },
      { sequences: 5 },
      { engine: 'v0.5.0' },
      { windows: { scheme: 'random', seed: 0 } },
    ] as const;
    for (const change of others) await statisticsFor({ ...request, ...change }, bench);
    writeFileSync(text, 'Once upon a time there was');
    await statisticsFor(request, bench);
    expect(orders.length).toBe(2 + others.length);
  });
});
