import { describe, expect, test } from 'vitest';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { HARDWARE, requireHardware } from '../../../roofline/hardware/catalogue.js';
import { timesOn } from '../../../roofline/operators/shipped/index.js';
import { compileStep, type Step } from '../../../roofline/step/compile.js';
import {
  type DevicePower,
  floorWatts,
  metered,
  powerOf,
  powerOn,
  underCap,
} from '../../../roofline/step/power.js';
import { servedIn } from '../../../roofline/step/served-in.js';
import { kernelsIn, NO_GRAPHS, NO_HOST, type StepBatch } from '../../../roofline/step/setting.js';
import { sound } from '../../support/reading.js';

const DECODE: StepBatch = { decodes: 16, contextTokens: 1024, chunks: [] };
const PROMPT: StepBatch = { decodes: 0, contextTokens: 0, chunks: [{ newTokens: 4096, cachedTokens: 0 }] };

function known(device: string): DevicePower {
  const power = powerOn(requireHardware(device));
  if (typeof power === 'string') throw new Error(power);
  return power;
}

function llamaOn(device: string, host = NO_HOST): Step {
  const { architecture } = sound(namedArchitecture('llama-3-8b'));
  const step = compileStep(servedIn(architecture, 'bf16'), timesOn(requireHardware(device), 'vllm'), {
    parallelism: { tensor: 1, pipeline: 1, expert: 1 },
    kernels: kernelsIn('bf16'),
    graphs: NO_GRAPHS,
    host,
  });
  if (!('timeOf' in step)) throw new Error(step.join('; '));
  return step;
}

describe('what a device draws', () => {
  test('is by the shares of roofs, up to the limit', () => {
    const power = known('b200');
    const at = (memory: number, compute: number) =>
      powerOf({ seconds: 1, kernelSeconds: 1, roofs: { memory, compute } }, power).watts;
    expect(at(0, 0)).toBe(floorWatts(power));
    expect(at(0.4, 0)).toBeGreaterThan(at(0.2, 0));
    expect(at(0.2, 0.2)).toBeGreaterThan(at(0.2, 0));
    expect(at(0.9, 0.9)).toBe(1000);
  });

  test('is the floor while the host works', () => {
    const power = known('b200');
    const kernels = { kernelSeconds: 1, roofs: { memory: 0.5, compute: 0 } };
    const busy = powerOf({ seconds: 1, ...kernels }, power).watts;
    expect(powerOf({ seconds: 2, ...kernels }, power).watts).toBeCloseTo((busy + floorWatts(power)) / 2, 9);
    expect(powerOf({ seconds: 1, kernelSeconds: 0, roofs: { memory: 0, compute: 0 } }, power).watts).toBe(
      floorWatts(power),
    );
  });

  test('a prompt draws more than tokens do, and both less than the limit of a datasheet', () => {
    for (const device of ['a100-80gb', 'h100', 'h200', 'b200']) {
      const step = llamaOn(device);
      const power = known(device);
      const [prompt, decode] = [PROMPT, DECODE].map((batch) => powerOf(step.timeOf(batch), power).watts);
      expect(prompt, device).toBeGreaterThan(decode!);
      expect(decode, device).toBeGreaterThan(floorWatts(power));
      expect(prompt, device).toBeLessThanOrEqual(power.limitWatts);
    }
  });

  test('a device that was not measured lies between those that were, and is less sure', () => {
    const share = (device: string, memory: number) => {
      const power = known(device);
      const { watts, spread } = powerOf(
        { seconds: 1, kernelSeconds: 1, roofs: { memory, compute: 0 } },
        power,
      );
      return { share: watts / power.limitWatts, spread };
    };
    const [a100, h100, b200] = ['a100-80gb', 'h100', 'b200'].map((device) => share(device, 0.6));
    expect(h100!.share).toBeGreaterThan(a100!.share);
    expect(h100!.share).toBeLessThan(b200!.share);
    expect(h100!.spread).toBeGreaterThan(a100!.spread);
    expect(known('h100').widened).toContain('A100');
    expect(known('b200').widened).toBeNull();
  });

  test('of devices that nobody measured the like of, it is not known', () => {
    for (const device of HARDWARE.filter(({ kind }) => kind !== 'gpu'))
      expect(powerOn(device)).toEqual(expect.any(String));
    const silent = HARDWARE.find(({ kind, watts }) => kind === 'gpu' && watts === null);
    if (silent !== undefined) expect(powerOn(silent)).toContain('publishes');
  });
});

test('half of the limit costs prompts 30 % and tokens nothing, as Splitwise has it', () => {
  const power = known('b200');
  const cap = power.limitWatts / 2;
  const whole = { seconds: 1, kernelSeconds: 1, computeSeconds: 1, roofs: { memory: 0.1, compute: 0.9 } };
  const prompt = underCap(whole, power, cap);
  expect(prompt).toMatchObject({ watts: cap });
  expect((prompt as { seconds: number }).seconds).toBeCloseTo(1.3, 1);
  const token = { seconds: 1, kernelSeconds: 1, computeSeconds: 0, roofs: { memory: 0.6, compute: 0.02 } };
  expect(underCap(token, power, cap)).toEqual({ seconds: 1, watts: cap });
  expect(underCap(token, power, power.limitWatts)).toEqual({
    seconds: 1,
    watts: powerOf(token, power).watts,
  });
  expect(underCap(whole, power, 100)).toContain('more than the cap');
});

test('a metered step takes as long, and adds up joules', () => {
  const step = llamaOn('h100');
  const power = known('h100');
  const meter = metered(step, power);
  expect(meter.joules(10)).toBe(10 * floorWatts(power));
  let expected = 0;
  for (let tokens = 0; tokens < 256; tokens++) {
    const batch = { ...DECODE, contextTokens: 1024 + tokens };
    expect(meter.secondsOf(batch)).toBe(step.secondsOf(batch));
    expected += step.secondsOf(batch) * powerOf(step.timeOf(batch), power).watts;
  }
  expect(meter.joules(0) / expected).toBeCloseTo(1, 2);
  expect(meter.secondsOf({ decodes: 0, contextTokens: 0, chunks: [] })).toBe(0);
});
