import { describe, expect, test } from 'vitest';
import { parseSweep } from '../../../core/sweep/parse.js';
import { planSpace } from '../../../core/sweep/space.js';
import { rateAt } from '../../../core/training/methods.js';
import { trainingOptions, trainingSettings } from '../../../core/training/options.js';
import { finetune } from '../../../core/workloads/finetune.js';

describe('the learning rate', () => {
  const settings = {
    ...trainingSettings(trainingOptions.parse({})),
    learningRate: 1,
    steps: 10,
    rampSteps: 3,
  };
  const all = (schedule: 'constant' | 'linear' | 'cosine') =>
    Array.from({ length: 10 }, (_, step) => rateAt({ ...settings, schedule }, step));

  test('rises, then stays', () => {
    expect(all('constant').slice(0, 5)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(all('constant').at(-1)).toBe(1);
  });

  test('rises, then falls towards 0', () => {
    for (const schedule of ['linear', 'cosine'] as const) {
      const rates = all(schedule);
      expect(rates[3]).toBe(1);
      expect(rates.slice(3)).toEqual([...rates.slice(3)].sort((a, b) => b - a));
      expect(rates.at(-1)).toBeGreaterThan(0);
    }
    expect(all('linear')[5]).toBeCloseTo(5 / 7);
  });

  test('is never 0 where every step rises', () => {
    expect(rateAt({ ...settings, rampSteps: 20 }, 9)).toBeCloseTo(10 / 21);
  });
});

/** @returns the reasons for which points of a sweep cannot run, and how many can. */
function plan(spec: string): { count: number; reasons: string[] } {
  const parsed = parseSweep(
    `apiVersion: ridgepoint.dev/v1\nkind: Sweep\nmetadata: { name: t }\nspec:\n  models: builtin:tiny\n${spec}`,
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  const space = planSpace(parsed.sweep);
  return { count: space.count, reasons: space.impossible.map(({ reason }) => reason) };
}

describe('a sweep', () => {
  test('pairs fine-tuning with the runner that trains, and no other', () => {
    const both = plan(
      '  runners: [{ kind: llama-cpp }, { kind: ggml }]\n  workloads: [{ kind: latency }, { kind: finetune }]\n',
    );
    expect(both.count).toBe(2);
    expect(both.reasons).toHaveLength(2);
    expect(both.reasons.join(' ')).toContain(
      'the runner llama-cpp cannot do the workload finetune: use the workload latency',
    );
    expect(both.reasons.join(' ')).toContain(
      'the runner ggml cannot do the workload latency: use the workload finetune, or the runner llama-cpp, sparse, fake or onnx',
    );
  });

  test('refuses qlora on a base of floats, and whole weights on a quantized one', () => {
    const { count, reasons } = plan(
      '  techniques: { quantization: [f16, q4_0] }\n  runners: { kind: ggml }\n  workloads: { kind: finetune, method: [qlora, lora, full, freeze, pissa] }\n',
    );
    // qlora on q4_0, lora on both, and the others on f16.
    expect(count).toBe(6);
    expect(reasons.some((reason) => reason.startsWith('qlora is lora over a quantized base'))).toBe(true);
    expect(reasons.some((reason) => reason.startsWith('full changes the base'))).toBe(true);
  });
});

test('every option of the workload is a setting of training', () => {
  const settings = trainingSettings(
    trainingOptions.parse({ method: 'dora', sequencesPerStep: 4, windowTokens: 64 }),
  );
  expect(settings).toMatchObject({ method: 'dora', sequences: 4, windowTokens: 64, rank: 8, alpha: 16 });
  // All: the text as whether it is of answers, and one under another name.
  expect(Object.keys(settings)).toHaveLength(Object.keys(finetune.options.shape).length);
});
