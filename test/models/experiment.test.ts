import { describe, expect, test } from 'vitest';
import { startTrial } from '../../agent/trial/start.js';
import { recompute } from '../../batching/judge.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import { isPresent, type ResultRecord, resultSchema } from '../../core/result/result.js';
import { UNCHANGED } from '../../core/techniques/index.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { lease, QUICK, trialContext } from '../support/bench.js';

const llama = { kind: 'llama-cpp', options: { threads: 1 } };
const on = () => trialContext({ limits: { idleSeconds: 0 } });

async function run(changes: Partial<Experiment>, node = on()): Promise<ResultRecord> {
  const record = await startTrial(lease({ runner: llama, ...changes }), node).done;
  return resultSchema.parse(JSON.parse(JSON.stringify(record)));
}

describe('an experiment with llama.cpp on a shipped model', () => {
  test('measures speed, memory and size, and says what ran', { timeout: 120_000 }, async () => {
    const record = await run({});
    expect(record.failure).toBeNull();
    for (const metric of [
      'prefillTokensPerSecond',
      'decodeTokensPerSecond',
      'timeToFirstTokenSeconds',
      'interTokenLatencyP10Seconds',
      'interTokenLatencyP50Seconds',
      'loadSeconds',
      'peakResidentBytes',
      'kvCacheBytes',
    ]) {
      expect(isPresent(record.measurements[metric]), metric).toBe(true);
    }
    expect(record.measurements.modelBytes?.value).toBe(2_232_832);
    expect(record.measurements.compressionRatio?.value).toBe(1);
    // How much of its cores it had, read by our native library between repeats.
    if (process.platform === 'linux') {
      expect(record.measurements.coreShareRatio?.value).toBeGreaterThan(0.2);
      expect(record.measurements.coreShareRatio?.value).toBeLessThanOrEqual(1);
      expect(record.measurements.coreLatencyRatio?.value).toBeGreaterThan(0.1);
    }
    expect(record.artifact).toMatchObject({ recipe: 'base', bytes: 2_327_520 });
    expect(record.environment).toMatchObject({
      memoryGuard: expect.any(String),
      nodejs: process.version,
      engineBuild: expect.stringMatching(/^[0-9a-f]{16}$/),
      stepLoop: kernelsLibrary() === null ? 'javascript' : 'native',
    });
    // The steps of a repeat fill its decode phase.
    const decodes = record.phases.filter(({ name }) => name === 'decode');
    expect(decodes).toHaveLength(record.tokenSeconds.length);
    for (const { repeat, startSeconds, endSeconds } of decodes) {
      const share = record.tokenSeconds[repeat!]!.reduce((a, b) => a + b) / (endSeconds - startSeconds);
      expect(Math.abs(share - 1)).toBeLessThan(0.01);
    }
    expect(recompute(record)).toEqual(record);
  });

  test('quantizes in a child, runs the result, and makes it once', { timeout: 120_000 }, async () => {
    const node = on();
    const technique = { ...UNCHANGED, quantization: 'q8_0' };
    const first = await run({ technique }, node);
    const second = await run({ technique }, node);
    expect([first.failure, second.failure]).toEqual([null, null]);
    expect(first.artifact).toMatchObject({ recipe: 'quantize(q8_0)', makeSeconds: expect.any(Number) });
    expect(second.artifact).toEqual({ ...first.artifact, makeSeconds: null });
    expect(first.artifact!.digest).not.toBe(first.artifact!.base);
    // 8.5 bits per weight instead of 16, norms aside.
    expect(first.measurements.compressionRatio?.value).toBeGreaterThan(1.8);
    expect(first.measurements.compressionRatio?.value).toBeLessThan(1.95);
  });

  test('is looked into where the sweep asks for it, after it was timed', { timeout: 120_000 }, async () => {
    const record = await run({ measure: { ...QUICK, profile: 'modules' } });
    expect(record.failure).toBeNull();
    if (kernelsLibrary() === null) expect(record.absent.profile).toContain('native library');
    else
      expect(record.profile?.phases.map(({ name, tokens }) => [name, tokens])).toEqual([
        ['prefill', 16],
        ['decode', 8],
      ]);
    expect(record.phases.filter(({ name }) => name === 'prefill')).toHaveLength(record.repeats.count);
    const fake = await run({
      runner: { kind: 'fake', options: {} },
      measure: { ...QUICK, profile: 'modules' },
    });
    expect(fake.profile).toBeNull();
    expect(fake.absent.profile).toBe('the runner fake shows no operators');
    expect(fake.warnings.map(({ code }) => code)).toContain('profile-missing');
  });

  test('keeps the shape and types of the file that ran, so that its work can be counted again', async () => {
    const record = await run({ technique: { ...UNCHANGED, quantization: 'q8_0' } });
    const architecture = record.given?.roofline?.architecture;
    expect(architecture).toMatchObject({ family: 'llama', embedding: 128, outputType: 'q8_0' });
    expect(architecture?.layers).toHaveLength(1);
    expect(architecture?.layers[0]).toMatchObject({
      count: 4,
      feedForward: { up: { type: 'q8_0', bits: 8.5 } },
    });
    expect(record.given?.roofline).toMatchObject({ threads: 1, factors: null });
    expect(record.absent.factors).toContain('ridge factors');
    // Nobody gave this node roofs, and the catalogue may not know its CPU: then the row says so.
    if (record.roofline === null)
      expect(record.measurements.decodeRoofRatio).toMatchObject({
        value: null,
        reason: expect.stringContaining('catalogue'),
      });
    else expect(record.roofline.ceilings.origin).toBe('published');
    expect(recompute(record)).toEqual(record);
  });

  test('cannot be quantized to a type that nobody knows', async () => {
    const record = await run({ technique: { ...UNCHANGED, quantization: 'q99' } });
    expect(record.failure?.code).toBe('impossible-combination');
    expect(record.failure?.message).toContain('q99');
  });

  test('batches sequences at a depth', { timeout: 120_000 }, async () => {
    const options = { promptTokens: 16, generateTokens: 4, parallel: 3, contextDepth: 32 };
    const record = await run({ workload: { kind: 'latency', options } });
    expect(record.failure).toBeNull();
    const decode = record.phases.find(({ name }) => name === 'decode');
    expect(decode?.tokens).toBe(12);
  });
});
