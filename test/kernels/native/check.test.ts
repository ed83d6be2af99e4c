import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { type NativeOps, openOps } from '../../../engines/native/ops.js';

const kernels = inject('kernels');
const script = join(import.meta.dirname, '../../../scripts/build-kernels.mjs');

let library: string;
let opened: NativeOps | null = null;
const broken = async (): Promise<NativeOps> => {
  opened ??= await openOps(library);
  return opened;
};
const request = (variant: string, count = 1000) =>
  ({ op: 'double', variant, type: 'f32', shape: [count], threads: 2, seed: 3 }) as const;

describe.skipIf(!kernels.tools)('the check of ops (needs cmake and a C++ compiler)', () => {
  beforeAll(() => {
    expect(kernels.failure).toBeNull();
    const words = [script, 'broken-ops'];
    library = execFileSync(process.execPath, words, { encoding: 'utf8' }).trim();
  }, 300_000);

  test('lets a right one pass', async () => {
    expect((await broken()).check(request('right'))).toMatchObject({ ok: true, compared: 1000, fault: null });
  });

  test.each([
    ['off-by-little', /^unit 999, number 0 is .* and should be /],
    ['leaves-one', /^number 500 of the output is not a number, or was not written$/],
    ['behind', /^it wrote behind the end of y$/],
    ['before', /^it wrote before the beginning of y$/],
    ['spoils-input', /^it changed its input x$/],
    ['right-once', /^unit 0, number 0 is /],
    ['infinite', /^unit 0, number 0 is inf and should be /],
  ])('finds out one that is %s', async (variant, fault) => {
    const ops = await broken();
    expect(ops.check(request(variant))).toMatchObject({ ok: false, fault: expect.stringMatching(fault) });
    expect(() => ops.prepare(request(variant), 'warm')).toThrow(
      /is wrong on this machine, so it is not timed/,
    );
  });

  test('compares a sample of what is large, and the last number is in it', async () => {
    const verdict = (await broken()).check(request('off-by-little', 2 ** 20));
    expect(verdict).toMatchObject({ ok: false, of: 2 ** 20 });
    expect(verdict.compared).toBeLessThan(2 ** 19);
  });
});
