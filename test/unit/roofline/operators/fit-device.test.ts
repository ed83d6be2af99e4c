import { describe, expect, test } from 'vitest';
import type { ExpertsCall, OperatorCall, ProductCall } from '../../../../core/work/operator-call.js';
import { publishedCeilings } from '../../../../roofline/ceilings.js';
import { requireHardware } from '../../../../roofline/hardware/catalogue.js';
import { roofTimeOf } from '../../../../roofline/operators/device-roofs.js';
import { familyNamed } from '../../../../roofline/operators/families.js';
import { fitDevice, type MeasuredFamily } from '../../../../roofline/operators/fit-device.js';

const h200 = requireHardware('h200');
const ceilings = publishedCeilings(h200);

/** Calls that take a launch and a half more than their roof. */
function measured(
  engine: string,
  release: string,
  calls: readonly OperatorCall[],
  launchSeconds: number,
): MeasuredFamily {
  const family = familyNamed(calls[0]!.family);
  const measurements = calls.map((call) => ({
    call,
    seconds: launchSeconds + 1.5 * roofTimeOf(family.workOf(call), ceilings)!.seconds,
  }));
  return { engine, release, family, measurements };
}

const products = [1, 16, 256].flatMap((rows) =>
  [64, 1024, 4096].map(
    (side): ProductCall => ({ family: 'product', format: 'fp8', rows, inputs: side, outputs: side }),
  ),
);

const experts = [1, 16, 256].map(
  (tokens): ExpertsCall => ({
    family: 'experts',
    format: 'int4',
    tokens,
    embedding: 7168,
    width: 2048,
    used: 8,
    count: 384,
    tensor: 8,
    expert: 1,
  }),
);

describe('launches of one engine beside those of another', () => {
  const LEAST = 4e-6;
  /** What is left of a launch that is so many times as long as another engine's. */
  const leftOf = (ratio: number) => {
    const tables = [measured('vllm', '1', products, LEAST), measured('trtllm', '1', products, ratio * LEAST)];
    const { factors } = fitDevice(h200, tables, 'test');
    const launches = (engine: string) => factors.tables.find((table) => table.engine === engine)!;
    const { launchSeconds, excessSeconds } = launches('trtllm');
    expect(launches('vllm').excessSeconds).toBe(0);
    return (launchSeconds - excessSeconds) / launches('vllm').launchSeconds;
  };

  test('are believed where they differ little, and where much, the shorter one is', () => {
    expect(leftOf(1.05)).toBeGreaterThan(1.03);
    expect(leftOf(2)).toBeCloseTo(1, 2);
    expect(leftOf(5)).toBeCloseTo(1, 2);
  });

  test('fall from one to the other without a cliff', () => {
    const ratios = Array.from({ length: 12 }, (_, i) => 1 + 0.1 * i);
    const left = ratios.map(leftOf);
    for (const [i, one] of left.entries()) {
      expect(one, `${ratios[i]}`).toBeGreaterThan(0.99);
      if (i > 0) expect(Math.abs(one - left[i - 1]!), `${ratios[i]}`).toBeLessThan(0.15);
    }
  });
});

describe('a table that whole runs contradict', () => {
  const others = measured('sglang', '0.5.14', experts, 3e-6);
  const fit = (release: string) =>
    fitDevice(h200, [measured('vllm', release, experts, 9e-6), others], 'test');

  test('is left out with the reason: experts in int4 of vLLM 0.19', () => {
    const { factors, leftOut } = fit('0.19.0');
    expect(leftOut).toEqual([
      expect.stringMatching(/^experts int4 of vllm 0\.19\.0 on h200: .*Marlin.* 2\.5 to 3\.1 times/),
    ]);
    expect(factors.tables.map(({ engine }) => engine)).toEqual(['sglang']);
    expect(fit('0.24.0').factors.tables.map(({ engine }) => engine)).toContain('vllm');
    expect(fit('0.24.0').leftOut).toEqual([]);
  });
});
