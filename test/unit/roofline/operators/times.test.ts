import { describe, expect, test } from 'vitest';
import type {
  AttentionCall,
  CollectiveCall,
  OperatorCall,
  ProductCall,
} from '../../../../core/work/operator-call.js';
import { publishedCeilings } from '../../../../roofline/ceilings.js';
import { requireHardware } from '../../../../roofline/hardware/catalogue.js';
import { roofTimeOf } from '../../../../roofline/operators/device-roofs.js';
import { operatorFactorsSchema } from '../../../../roofline/operators/factors-file.js';
import { familyNamed } from '../../../../roofline/operators/families.js';
import { SHIPPED, timesOn } from '../../../../roofline/operators/shipped/index.js';

const h100 = requireHardware('h100');
const product = (format: ProductCall['format'], rows: number, side = 4096): ProductCall => ({
  family: 'product',
  format,
  rows,
  inputs: side,
  outputs: side,
});
const decode: AttentionCall = {
  family: 'attention',
  phase: 'decode',
  format: 'bf16',
  cacheFormat: 'bf16',
  heads: 32,
  kvHeads: 8,
  headLength: 128,
  window: null,
  sequences: 64,
  newTokens: 1,
  cachedTokens: 8191,
};
const collective = (operation: CollectiveCall['operation'], elements: number): CollectiveCall => ({
  family: 'collective',
  operation,
  devices: 8,
  elements,
});
const timed = (device: string, engine: string, call: OperatorCall) => {
  const time = timesOn(requireHardware(device), engine).timeOf(call);
  if (time.seconds === null) throw new Error(time.reason);
  return time;
};

describe('factors of the package', () => {
  test('are whole', () => {
    for (const file of SHIPPED) expect(operatorFactorsSchema.parse(file).tables.length).toBeGreaterThan(20);
  });

  test('never beat a published roof, and reach a good part of it where calls are large', () => {
    for (const { device } of SHIPPED) {
      for (const call of [product('bf16', 8192, 8192), { ...decode, sequences: 256 }]) {
        const { seconds, roofSeconds } = timed(device, 'vllm', call);
        const share = roofSeconds / seconds;
        expect(share, `${device} ${call.family}`).toBeLessThanOrEqual(1);
        expect(share, `${device} ${call.family}`).toBeGreaterThan(device === 'rtx-pro-6000' ? 0.4 : 0.5);
      }
    }
  });

  test('messages are counted in elements: buses run as fast as NCCL reports', () => {
    const elements = 2 ** 28;
    const bus = (device: string) =>
      (2 * elements * 2 * (7 / 8)) / timed(device, 'nccl', collective('all-reduce', elements)).seconds;
    expect(bus('h100') / 1e9).toBeGreaterThan(430);
    expect(bus('h100') / 1e9).toBeLessThan(480);
    expect(bus('b200') / 1e9).toBeGreaterThan(680);
    expect(bus('b200') / 1e9).toBeLessThan(740);
  });

  test('a window ends what is read of a cache', () => {
    const windowed = { ...decode, window: 1024 };
    const { workOf } = familyNamed('attention');
    expect(workOf(windowed).bytes).toBeCloseTo(workOf({ ...decode, cachedTokens: 1023 }).bytes, -3);
    const time = timed('h100', 'vllm', windowed);
    expect(time.seconds).toBeLessThan(timed('h100', 'vllm', decode).seconds / 4);
    expect(time.roofSeconds / time.seconds).toBeLessThanOrEqual(1);
  });

  test('a launch is the same with every engine, as far as formats are', () => {
    const launch = (engine: string) => timed('h100', engine, product('fp8', 1, 64)).seconds * 1e6;
    expect(launch('trtllm')).toBeLessThan(6);
    expect(launch('trtllm') / launch('sglang')).toBeGreaterThan(0.7);
  });

  test('beyond the last measurement times follow the roof', () => {
    const half = timed('h100', 'vllm', product('bf16', 65_536, 16_384));
    const whole = timed('h100', 'vllm', product('bf16', 131_072, 16_384));
    expect(whole.seconds / half.seconds).toBeCloseTo(2, 1);
  });
});

describe('a call without a table of its own', () => {
  test("takes another engine's with a wider spread, and says so", () => {
    // vLLM's table of it was timed from the host.
    const time = timed('h100', 'vllm', product('fp8-block', 64));
    expect(time.widened).toMatch(/^taken from tables of (SGLang|TensorRT-LLM) /);
    expect(time.spread).toBeGreaterThan(1.2 * timed('h100', 'trtllm', product('fp8-block', 64)).spread);
    expect(timed('h100', 'sglang', product('fp8-block', 64)).widened).toBeNull();
  });

  test("takes another device's under its own roofs, and another release's", () => {
    const gh200 = timed('gh200', 'vllm', product('bf16', 1, 8192));
    expect(gh200.widened).toBe('taken from tables on NVIDIA H100 SXM 80GB');
    expect(gh200.roofSeconds).toBeCloseTo((8192 * 8192 * 2) / 4e12, 5);
    const old = timesOn(h100, 'vllm', '0.12.0').timeOf(product('bf16', 1));
    expect(old).toMatchObject({ widened: 'taken from tables of release 0.24.0' });
  });

  test('is refused with the reason where nothing is like it', () => {
    const cpu = requireHardware('epyc-7763');
    expect(timesOn(cpu, 'vllm').timeOf(collective('all-reduce', 1024))).toEqual({
      seconds: null,
      reason: `no table of collective all-reduce on a device like ${cpu.name}`,
    });
  });
});

test('work of large calls stands under the same roofs as anything else', () => {
  const roof = roofTimeOf(
    familyNamed('product').workOf(product('bf16', 8192, 8192)),
    publishedCeilings(h100),
  );
  expect(roof).toMatchObject({ limit: 'compute' });
  expect(roof!.seconds).toBeCloseTo((2 * 8192 ** 3) / 989.5e12, 6);
});

test('what only passes bytes through runs near the bandwidth, with every engine', () => {
  for (const engine of ['vllm', 'sglang', 'trtllm']) {
    const { seconds, roofSeconds } = timed('h100', engine, { family: 'stream', bytes: 1e9 });
    expect(roofSeconds / seconds, engine).toBeGreaterThan(0.6);
  }
});
