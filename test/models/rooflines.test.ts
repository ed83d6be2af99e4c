import { describe, expect, test } from 'vitest';
import { startTrial } from '../../agent/trial/start.js';
import { recompute } from '../../batching/judge.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import { isPresent, type ResultRecord, resultSchema } from '../../core/result/result.js';
import type { RooflinePhase } from '../../core/result/roofline-record.js';
import { UNCHANGED } from '../../core/techniques/index.js';
import { sizeOf } from '../../core/work/model-size.js';
import { passWork } from '../../core/work/pass-work.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { lease, trialContext } from '../support/bench.js';
import { ROOFS } from '../support/roofline.js';

/** A node with roofs that somebody measured; figures of this machine are nobody's business here. */
async function run(changes: Partial<Experiment>): Promise<ResultRecord> {
  const node = {
    ...trialContext({ limits: { idleSeconds: 0 } }),
    roofs: { forDevice: () => ROOFS, absenceReason: () => '' },
  };
  const record = await startTrial(lease(changes), node).done;
  expect(record.failure).toBeNull();
  const kept = resultSchema.parse(JSON.parse(JSON.stringify(record)));
  expect(recompute(kept)).toEqual(kept);
  return kept;
}

/** What holds of every placed phase, whatever ran. */
function expectWhole(phase: RooflinePhase): void {
  const { measuredSeconds: seconds, roofSeconds, peak } = phase;
  expect(seconds).toBeGreaterThan(0);
  expect(phase.roofRatio).toBeCloseTo(roofSeconds / seconds, 12);
  expect(phase.residualRatio).toBeCloseTo(seconds / phase.predictedSeconds!, 12);
  expect(phase.mfu).toBeCloseTo(phase.flops / seconds / peak!.flopsPerSecond, 12);
  expect(phase.mbu).toBeCloseTo(phase.bytesPerSecond / phase.bandwidth.bytesPerSecond, 12);
  expect(phase.flopsPerSecond / phase.bytesPerSecond / phase.intensity).toBeCloseTo(1, 12);
  expect(['memory', 'L3', 'f32', 'int8']).toContain(phase.boundLevel);
}

describe.skipIf(kernelsLibrary() === null)('rows of sparse weights (need the native kernels)', () => {
  const STEPS = 8;
  const sparse = (sparseFormat: string, sparseType: string) =>
    run({
      runner: { kind: 'sparse', options: { threads: 1, sparseFormat, sparseType } },
      technique: { ...UNCHANGED, sparsity: 'magnitude:60%' },
    });

  test('a sweep over formats and types: bytes are those that were packed, and less by what the format leaves out', {
    timeout: 120_000,
  }, async () => {
    const records = [
      await sparse('none', 'bf16'),
      await sparse('bitmap', 'bf16'),
      await sparse('bitmap', 'int8'),
    ];
    const steps = records.map(({ roofline, environment, given }) => {
      expect(roofline).toMatchObject({ ceilings: { origin: 'measured', id: ROOFS.id }, factors: null });
      expect(roofline!.phases.map(({ name }) => name)).toEqual(['prefill', 'decode']);
      for (const phase of roofline!.phases) {
        expectWhole(phase);
        expect(phase.predictedSeconds).toBe(phase.roofSeconds);
      }
      const { architecture } = given!.roofline!;
      const decode = roofline!.phases[1]!;
      // Nine norms of 128 and a row of the f16 table are read besides what was packed.
      const weights = decode.bytes!.weights / STEPS;
      expect(weights).toBeCloseTo(Number(environment.packedBytes) + 9 * 128 * 4 + 128 * 2, 3);
      const { attention, feedForward } = architecture.layers[0]!;
      const kept = attention.kind === 'dot-product' ? attention.query.packed!.density : 0;
      return { weights, flops: decode.flops / STEPS, kept, up: feedForward.up.bits };
    });
    const [dense, bitmap, int8] = steps as [(typeof steps)[0], (typeof steps)[0], (typeof steps)[0]];
    expect(dense.kept).toBe(1);
    expect(bitmap.kept).toBeCloseTo(0.4, 2);
    // One bit for each weight and 16 for each that is kept; starts of rows are the rest.
    const { architecture } = records[0]!.given!.roofline!;
    const head = architecture.embedding * architecture.vocabulary;
    const matrices =
      sizeOf({ ...architecture, tied: false }).parameters - 2 * head - 9 * architecture.embedding;
    const zeros = Number(records[1]!.environment.zeroShare);
    const saved = (matrices * (16 * zeros - 1)) / 8;
    expect((dense.weights - bitmap.weights) / saved).toBeGreaterThan(0.98);
    expect((dense.weights - bitmap.weights) / saved).toBeLessThanOrEqual(1);
    // Zeros are not multiplied: two operations less for each.
    expect(dense.flops - bitmap.flops).toBeCloseTo(2 * zeros * matrices, -2);
    // int8 keeps a little less, for it rounds small weights to 0; its values have half of the bits.
    expect(int8.kept).toBeLessThanOrEqual(bitmap.kept);
    expect(bitmap.up).toBeCloseTo(1 + 16 * 0.4, 0);
    expect(int8.up).toBeCloseTo(1 + 8 * 0.4, 0);
    for (const { measurements } of records) {
      expect(isPresent(measurements.decodeRoofRatio)).toBe(true);
      expect(measurements.predictedPrefillSeconds).toMatchObject({
        source: `measured ${ROOFS.id}, without factors`,
      });
    }
  });
});

describe('rows of training', () => {
  const train = (method: string) =>
    run({
      runner: { kind: 'ggml', options: { threads: 1 } },
      workload: {
        kind: 'finetune',
        options: {
          method,
          steps: 3,
          windowTokens: 32,
          sequencesPerStep: 2,
          text: 'builtin:sample',
          heldOutShare: 0,
        },
      },
    });

  test.each(['full', 'lora', 'dora'])(
    '%s: parts of a step, counted from their graphs',
    { timeout: 60_000 },
    async (method) => {
      const { roofline, given, measurements, training } = await train(method);
      expect(roofline!.phases.map(({ name }) => name)).toEqual(['forward', 'backward', 'optimizer']);
      for (const phase of roofline!.phases) expectWhole(phase);
      for (const name of ['forwardRoofRatio', 'backwardModelFlopsUtilizationRatio'])
        expect(isPresent(measurements[name]), name).toBe(true);
      const parts = new Map(given!.roofline!.parts!.map(({ name, operators }) => [name, operators]));
      const products = (name: 'forward' | 'backward') =>
        parts
          .get(name)!
          .filter(({ class: kind }) => kind === 'matmul')
          .reduce((sum, { flops }) => sum + flops, 0);
      // The same model by its shapes: linear layers and scores of all pairs, for masks hide nothing from
      // these products.
      const counted = passWork(given!.roofline!.architecture, {
        phase: 'prefill',
        batch: [{ sequences: 2, newTokens: 32, cachedTokens: 0 }],
        logits: 'all',
        attention: {
          kind: 'unfused',
          causal: true,
          skipsMasked: false,
          padKeys: 1,
          maskKeys: 1,
          queryBlock: null,
          packedHeads: true,
          splits: 1,
          latent: null,
        },
      }).operators.filter(({ class: kind }) => kind === 'matmul' || kind === 'attention');
      const plain = counted.reduce((sum, { flops }) => sum + flops, 0);
      if (method === 'full') {
        expect(products('forward')).toBe(plain);
        // A gradient of each input and one of each matrix; the embedding has none of its input.
        expect(products('backward') / plain).toBeCloseTo(2, 1);
        const [, , optimizer] = roofline!.phases;
        // Parameter and two moments are read and written, and the gradient is read, 4 bytes each.
        const trained = training!.trainableParameters;
        expect(optimizer!.bytes).toMatchObject({
          weights: 12 * trained,
          cacheRead: 4 * trained,
          cacheWritten: 12 * trained,
        });
      } else {
        expect(products('forward') / plain).toBeGreaterThan(1.05);
        // No gradient of frozen matrices.
        expect(products('backward') / products('forward')).toBeLessThan(1.5);
      }
      expect(measurements.prefillRoofRatio).toMatchObject({
        value: null,
        reason: expect.stringContaining('no prefill'),
      });
    },
  );
});

describe.skipIf(kernelsLibrary() === null)('rows of single ops (need the native kernels)', () => {
  test.each(['cold', 'warm'])(
    '%s: percent of roof, a bound and rates',
    { timeout: 60_000 },
    async (cacheState) => {
      const { roofline, kernel, measurements } = await run({
        runner: { kind: 'kernels', options: { threads: 1 } },
        workload: {
          kind: 'kernel',
          options: { op: 'gemv', elementType: 'f16', cacheState, rows: 512, columns: 512 },
        },
      });
      const [call] = roofline!.phases;
      expectWhole(call!);
      expect(call).toMatchObject({
        name: 'call',
        flops: kernel!.flops,
        boundLevel: cacheState === 'cold' ? 'memory' : 'L3',
        bytes: null,
      });
      expect(measurements.kernelSeconds?.value).toBeCloseTo(call!.measuredSeconds, 12);
    },
  );
});

test('the fake runner says plainly that it has none', async () => {
  const { roofline, measurements } = await run({});
  expect(roofline).toBeNull();
  expect(measurements.decodeRoofRatio).toMatchObject({
    value: null,
    reason: expect.stringContaining('fake runner'),
  });
});
