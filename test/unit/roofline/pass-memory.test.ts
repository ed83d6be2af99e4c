import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { peakOf, type Step } from '../../../core/work/memory/liveness.js';
import { passMemory } from '../../../core/work/memory/pass-memory.js';
import { UNFUSED } from '../../../core/work/pass/setting.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { forAll } from '../../support/for-all.js';
import { sound } from '../../support/reading.js';

describe('liveness', () => {
  test('a value dies with the last that reads it', () => {
    const steps: Step[] = [
      { name: 'a', reads: [], writes: [['a', 10]] },
      { name: 'b', reads: ['a'], writes: [['b', 5]] },
      { name: 'c', reads: ['b'], writes: [['c', 20]] },
      { name: 'd', reads: ['c'], writes: [['d', 20]], inPlace: true },
    ];
    // a + b, then b + c, then c alone since d takes its place.
    expect(peakOf(steps)).toEqual({ bytes: 25, at: 'c' });
    expect(peakOf(steps.slice(0, 2))).toEqual({ bytes: 15, at: 'b' });
    expect(peakOf([])).toEqual({ bytes: 0, at: '' });
  });

  const chain = fc.array(fc.record({ bytes: fc.nat(1000), back: fc.nat(5), inPlace: fc.boolean() }), {
    minLength: 1,
    maxLength: 30,
  });
  test('the peak lies between the largest value and all of them together', () => {
    forAll(100, [chain], (values) => {
      const steps = values.map(
        ({ bytes, back, inPlace }, i): Step => ({
          name: `s${i}`,
          reads: i === 0 ? [] : [`v${Math.max(0, i - 1 - back)}`],
          writes: [[`v${i}`, bytes]],
          inPlace,
        }),
      );
      const { bytes } = peakOf(steps);
      const sizes = values.map((value) => value.bytes);
      expect(bytes).toBeLessThanOrEqual(sizes.reduce((a, b) => a + b, 0));
      const outOfPlace = peakOf(steps.map((step) => ({ ...step, inPlace: false }))).bytes;
      expect(outOfPlace).toBeGreaterThanOrEqual(Math.max(...sizes));
      expect(bytes).toBeLessThanOrEqual(outOfPlace);
    });
  });
});

function model(name: string) {
  return sound(namedArchitecture(name)).architecture;
}
const prefill = (newTokens: number, sequences = 1) =>
  ({ phase: 'prefill', batch: [{ sequences, newTokens, cachedTokens: 0 }] }) as const;

describe('what a pass holds', () => {
  test('Llama-2-7B, 4096 tokens, counted by hand', () => {
    const memory = passMemory(model('llama-2-7b'), prefill(4096));
    expect(memory.weights).toBe(2 * 6_738_415_616);
    expect(memory.kvCache).toBe(32 * 4096 * 2 * 4096 * 2);
    // Residual and norm of 4096 elements, gate and up of 11008: the norm is read by up, so all four are
    // alive.
    expect(memory.activations).toBe(2 * 4096 * (2 * 4096 + 2 * 11_008));
    expect(memory.activationsAt).toBe('up_proj');
    // LLM-Viewer adds up what every operator of a layer stores, dead or alive: q, k, v, attention, output, …
    expect(memory.activations).toBeLessThan(2 * 4096 * (9 * 4096 + 3 * 11_008));
  });

  test('without flash attention the scores of all heads are alive at once', () => {
    const memory = passMemory(model('llama-2-7b'), { ...prefill(4096), attention: UNFUSED });
    // Beside them the residual and the queries.
    expect(memory).toMatchObject({
      activationsAt: 'qk_matmul',
      activations: 2 * (32 * 4096 * 4096 + 2 * 4096 * 4096),
    });
  });

  test('windows, latents and devices', () => {
    expect(passMemory(model('mistral-7b'), prefill(16_384)).kvCache).toBe(32 * 4096 * 2 * 1024 * 2);
    expect(passMemory(model('deepseek-v3'), prefill(1000)).kvCache).toBe(61 * 1000 * 576 * 2);
    const parallelism = { tensor: 8, pipeline: 1, expert: 1 };
    const whole = passMemory(model('llama-2-70b'), prefill(1000));
    const shared = passMemory(model('llama-2-70b'), { ...prefill(1000), parallelism });
    expect(shared.kvCache).toBe(whole.kvCache / 8);
    // Norms are on every device.
    expect(shared.weights - whole.weights / 8).toBeCloseTo(2 * 161 * 8192 * (7 / 8), 3);
    const stages = { tensor: 1, pipeline: 4, expert: 1 };
    expect(passMemory(model('llama-2-70b'), { ...prefill(1000), parallelism: stages }).kvCache).toBe(
      whole.kvCache / 4,
    );
    const half = passMemory(model('llama-2-70b'), { ...prefill(1000), offloadedLayers: 0.5 });
    expect(half.weights).toBeLessThan(0.52 * whole.weights);
  });
});
