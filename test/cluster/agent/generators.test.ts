import { describe, expect, onTestFinished, test } from 'vitest';
import { startTrial } from '../../../agent/trial/start.js';
import { toFailure } from '../../../core/errors.js';
import { type ResultRecord, resultSchema } from '../../../core/result/result.js';
import { loadRunner } from '../../../engines/runners/index.js';
import type { Generator } from '../../../engines/runners/opened.js';
import { open } from '../../../engines/runners/runner.js';
import { lease, trialContext } from '../../support/bench.js';

const FAST = { fakePrefillTokensPerSecond: 1e6, fakeDecodeTokensPerSecond: 1e4 };

/** What a workload may rely on, whether the engine is in this process or behind HTTP. */
describe.each(['own', 'other'])('a generator in its %s process', (fakeProcess) => {
  const opened = async (sequences = 2): Promise<Generator> => {
    const place = { modelPath: null, deviceClass: 'cpu', deviceId: 'cpu0', cpus: [] };
    const options = { ...FAST, fakeProcess };
    const model = await open(await loadRunner('fake'), 'generator', {
      ...place,
      options,
      contextTokens: 16,
      sequences,
    });
    onTestFinished(() => model.close());
    return model;
  };
  const tokens = (count: number) => [new Int32Array(count), new Int32Array(count)];

  test('stamps every step by the clock of all stamps, one after the other', async () => {
    const model = await opened();
    const before = Number(process.hrtime.bigint()) / 1e9;
    await model.prefill(tokens(4));
    const ends = await model.steps(Array.from({ length: 8 }, () => new Int32Array(2)));
    const after = Number(process.hrtime.bigint()) / 1e9;
    expect(ends).toBeInstanceOf(Float64Array);
    expect([before, ...ends, after]).toEqual([before, ...ends, after].sort((a, b) => a - b));
    expect(ends).toHaveLength(8);
  });

  test('has a cache that is full at its context and can be cut back', async () => {
    const model = await opened();
    await model.prefill(tokens(16));
    const full = async () => await model.prefill(tokens(1));
    expect(await full().then(() => null, toFailure)).toMatchObject({
      code: 'run-failed',
      message: expect.stringContaining('the context holds 16 tokens'),
    });
    expect(await model.reset(8)).toBe(true);
    await model.prefill(tokens(8));
  });

  test('says which other processes compute for it, and they end with it', async () => {
    const model = await opened();
    const { processes = [] } = model;
    expect(processes).toHaveLength(fakeProcess === 'own' ? 0 : 1);
    for (const pid of processes) expect(process.kill(pid, 0)).toBe(true);
    model.close();
    for (const pid of processes) await expect.poll(() => isThere(pid)).toBe(false);
  });
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test.skipIf(process.platform !== 'linux')(
  'the processes that a runner names are weighed with the trial (needs /proc)',
  async () => {
    const residentOf = async (fakeProcess: string): Promise<number> => {
      const runner = { kind: 'fake', options: { fakeProcess } };
      const record = await startTrial(lease({ runner }), trialContext()).done;
      expect(record.failure).toBeNull();
      return peakOf(resultSchema.parse(JSON.parse(JSON.stringify(record))));
    };
    // A second runtime, of which some pages are shared.
    expect((await residentOf('other')) / (await residentOf('own'))).toBeGreaterThan(1.2);
  },
);

function peakOf({ samples }: ResultRecord): number {
  const series = samples.find(({ quantity }) => quantity === 'processResidentBytes');
  return Math.max(...(series?.values ?? []));
}
