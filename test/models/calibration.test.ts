import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readGgufHeader } from '../../agent/artifacts/gguf/header.js';
import { builtinFolder } from '../../agent/artifacts/source.js';
import { linearsOf } from '../../agent/calibration/blocks.js';
import { passModel } from '../../agent/calibration/pass.js';
import { calibrationSequences } from '../../agent/calibration/sequences.js';
import { type CalibratedLayer, walkLayers } from '../../agent/calibration/walk.js';
import { kernelsLibrary } from '../../agent/native/kernel-library.js';
import type { ChannelStatistics } from '../../core/techniques/pruning/statistics.js';
import { modelPath } from './loading.js';

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-calibration-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sample = join(builtinFolder(), 'sample.txt');
const sequencesOf = (model: string, sequences: number, tokens: number) =>
  calibrationSequences({
    modelPath: modelPath(model),
    textPath: sample,
    sequences,
    tokens,
    contextLength: 512,
    purpose: { kind: 'pruning', seed: 1 },
  });

/** Largest difference of one kind of statistic, against the largest value of its layer. */
function difference(a: ChannelStatistics, b: ChannelStatistics): number {
  const of = (x: Float32Array, y: Float32Array) => {
    const scale = x.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    return x.reduce((worst, v, i) => Math.max(worst, Math.abs(v - y[i]!) / scale), 0);
  };
  return Math.max(
    of(a.squaresPerSequence, b.squaresPerSequence),
    of(a.sumPerSequence, b.sumPerSequence),
    of(a.variance, b.variance),
  );
}

const library = kernelsLibrary();
const base = { hessians: false, threads: 1, library, scratchFolder: join(folder, 'scratch') };

describe('the walk', () => {
  test('blocks run alone give the statistics of the whole model', async () => {
    const path = modelPath('tiny');
    const sequences = await sequencesOf('tiny', 4, 128);
    const linears = linearsOf(readGgufHeader(path), () => true);
    const whole = await passModel({ modelPath: path, linears, sequences, threads: 1, library });
    const seen: string[] = [];
    let worst = 0;
    const summary = await walkLayers(
      { ...base, modelPath: path, sequences, order: 'dense', wanted: () => true },
      ({ name, statistics }) => {
        seen.push(name);
        worst = Math.max(worst, difference(statistics, whole.get(name)!));
        return null;
      },
    );
    expect(seen).toEqual(linears.map(({ name }) => name));
    expect(worst).toBeLessThan(1e-6);
    expect(readdirSync(base.scratchFolder)).toEqual([]);
  });
});
