import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TrialContext } from '../../../agent/trial/context.js';
import { startTrial } from '../../../agent/trial/start.js';
import { builtinFolder } from '../../../artifacts/files/source.js';
import { recompute } from '../../../batching/judge.js';
import type { Experiment } from '../../../core/experiment/experiment.js';
import {
  isPresent,
  type ResultRecord,
  resultSchema,
  type SampleSeries,
} from '../../../core/result/result.js';
import { NOT_APPLICABLE } from '../../../judgement/not-applicable.js';
import { lease, QUICK, trialContext } from '../../support/bench.js';
import { temporaryFolder } from '../../support/folder.js';

async function run(changes: Partial<Experiment>, on: TrialContext = trialContext()): Promise<ResultRecord> {
  const record = await startTrial(lease(changes), on).done;
  return resultSchema.parse(JSON.parse(JSON.stringify(record)));
}

const fake = (options: Experiment['runner']['options']) => ({ runner: { kind: 'fake', options } });
const codes = (record: ResultRecord) => record.warnings.map((warning) => warning.code);

describe('an experiment with the fake runner', () => {
  test('becomes a complete record that obeys the schema and can be judged again', async () => {
    const record = await run(fake({ fakeDecodeTokensPerSecond: 100, fakePrefillTokensPerSecond: 200 }));
    expect(record).toMatchObject({ status: 'complete', failure: null, trialId: 't1' });
    expect(record.repeats).toMatchObject({ count: 2, warmups: 1 });
    expect(record.tokenSeconds.map((gaps) => gaps.length)).toEqual([8, 8]);
    expect(codes(record)).toContain('fake-runner');
    const speed = record.measurements.decodeTokensPerSecond;
    expect(isPresent(speed) && speed.value).toBeLessThanOrEqual(101);
    expect(isPresent(speed) && speed.value).toBeGreaterThan(20);
    expect(record.measurements.energyJoules).toMatchObject({
      value: null,
      reason: expect.stringMatching(/RAPL|NVIDIA/),
    });
    expect(record.absent.energy).toBeDefined();
    expect(record.phases[0]).toMatchObject({ name: 'load', repeat: null });
    expect(recompute(record)).toEqual(record);
  });

  test.skipIf(process.platform !== 'linux')(
    'weighs its process, and no neighbours (needs /proc)',
    async () => {
      const record = await run(fake({ fakeDecodeTokensPerSecond: 100 }));
      const quantities = record.samples.map((series) => series.quantity);
      expect(quantities).toEqual(expect.arrayContaining(['processCpuSeconds', 'processPeakResidentBytes']));
      for (const metric of ['peakResidentBytes', 'peakProportionalBytes'])
        expect(isPresent(record.measurements[metric]), metric).toBe(true);
      // Whatever else runs here, the numbers are those that were asked for.
      for (const metric of ['foreignCores', 'stealRatio', 'coreShareRatio', 'coreLatencyRatio'])
        expect(record.measurements[metric]).toMatchObject({ value: null, reason: NOT_APPLICABLE.neighbours });
      for (const { seconds, values, kind } of record.samples) {
        expect(seconds.length).toBe(values.length);
        expect([...seconds].sort((a, b) => a - b)).toEqual(seconds);
        if (kind === 'counter') expect([...values].sort((a, b) => a - b)).toEqual(values);
      }
    },
  );

  test('takes its energy from a replayed trace, the idle power before the load included', async () => {
    const replayFile = join(temporaryFolder(), 'trace.json');
    writeFileSync(replayFile, JSON.stringify({ samples: [ramp(50, 60)] }));
    const on = trialContext({ meters: { energy: 'replay', replayFile } });
    // Slow enough for twenty periods of the trace's source.
    const record = await run(fake({ fakeDecodeTokensPerSecond: 40, fakePrefillTokensPerSecond: 80 }), on);
    const power = record.measurements.averagePowerWatts;
    const idle = record.measurements.idlePowerWatts;
    expect(isPresent(power) && power.value).toBeCloseTo(50, 0);
    expect(isPresent(idle) && idle.value).toBeCloseTo(50, 0);
    expect(record.absent.energy).toBeUndefined();
  });

  test('without meters says so and measures time all the same', async () => {
    const record = await run({ ...fake({}), measure: { ...QUICK, meters: 'off' } });
    expect(record.status).toBe('complete');
    expect(record.samples).toEqual([]);
    expect(record.absent.energy).toContain('meters');
    expect(isPresent(record.measurements.decodeTokensPerSecond)).toBe(true);
  });

  test.each([
    ['crash', 'crashed', 'SIGSEGV'],
    ['abort', 'crashed', 'SIGABRT'],
    ['load', 'load-failed', null],
  ])('that fails by %s becomes a failed record with no number in it', async (kind, code, signal) => {
    const record = await run(fake({ fakeFailure: kind }));
    expect(record).toMatchObject({ status: 'failed', valid: false, failure: { code, signal } });
    expect(Object.values(record.measurements).every((entry) => entry.value === null)).toBe(true);
    expect(record.repeats.stop).toBe('not-started');
  });

  test('is ended at once by kill, and the record says cancelled', async () => {
    const trial = startTrial(lease(fake({ fakeFailure: 'hang' })), trialContext(), () =>
      trial.kill('enough'),
    );
    const record = await trial.done;
    expect(record.failure).toMatchObject({ code: 'cancelled' });
  });

  test('for a device this node does not have is refused', async () => {
    const record = await run({ ...fake({}), device: 'cuda' });
    expect(record.failure?.code).toBe('device-missing');
  });
});

describe('an experiment with a model', () => {
  const llama = { kind: 'llama-cpp', options: { threads: 1 } };

  test('that is another file than the sweep measures is refused', async () => {
    const model = { name: 'm', source: 'builtin:tiny', digest: `sha256:${'0'.repeat(64)}`, facts: null };
    const record = await run({ runner: llama, model });
    expect(record.failure?.code).toBe('digest-mismatch');
  });

  test('that only the node knows is refused what a plan that knows it refuses', async () => {
    const options = { promptTokens: 512, generateTokens: 128, parallel: 1, contextDepth: 0 };
    const record = await run({ runner: llama, workload: { kind: 'latency', options } });
    expect(record.failure).toMatchObject({
      code: 'impossible-combination',
      message: expect.stringMatching(/ more than the 512 tokens that model tiny was trained for: lower one/),
    });
  });

  test('that cannot fit is refused before anything is loaded, with both figures', async () => {
    const options = { promptTokens: 1, generateTokens: 1, parallel: 256, contextDepth: 500 };
    const small = trialContext({ limits: { memoryLimitBytes: 1e8 } });
    const record = await run({ runner: llama, workload: { kind: 'latency', options } }, small);
    expect(record.failure?.code).toBe('does-not-fit');
    expect(record.failure?.message).toMatch(/about [\d.]+ GB and cpu0 has 0\.100 GB/);
  });

  test('that is cut off is refused in plain words', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'cut.gguf');
    writeFileSync(path, readFileSync(join(builtinFolder(), 'tiny-f16.gguf')));
    truncateSync(path, 1_000_000);
    const model = { name: 'm', source: path, digest: null, facts: null };
    const record = await run({ runner: llama, model }, trialContext({ folders: [folder] }));
    expect(record.failure).toMatchObject({ code: 'model-unreadable' });
    expect(record.failure?.message).toContain('cut off');
  });

  test('outside the model folders is refused', async () => {
    const model = { name: 'm', source: '/etc/passwd', digest: null, facts: null };
    const record = await run({ runner: llama, model });
    expect(record.failure?.code).toBe('source-not-allowed');
  });
});

/** An energy counter that draws constant power, read every 20 ms. */
function ramp(watts: number, lengthSeconds: number): SampleSeries {
  const seconds = Array.from({ length: lengthSeconds * 50 }, (_, i) => i * 0.02);
  return {
    meter: 'rapl',
    quantity: 'energyJoules:package-0',
    unit: 'J',
    kind: 'counter',
    periodSeconds: 0.02,
    seconds,
    values: seconds.map((time) => watts * time),
  };
}
