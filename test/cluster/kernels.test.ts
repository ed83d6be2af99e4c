import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recompute } from '../../batching/judge.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { sharedFolder } from '../support/folder.js';
import { recordsIn } from '../support/reading.js';
import { ridge } from '../support/ridge.js';

const folder = sharedFolder();

const SWEEP = `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: ops }
spec:
  models: builtin:tiny
  runners: { kind: kernels, threads: 1 }
  workloads:
    - { kind: kernel, op: attention-decode, variant: [plain, packed], context: 256, heads: 4, kvHeads: 2, cacheState: warm }
    - { kind: kernel, op: nsa-decode, elementType: f32, heads: 4, kvHeads: 2, context: 1024 }
  measure: { starts: 1, maxRepeats: 3, maxSeconds: 1, maxWarmups: 1, meters: "off" }
`;

describe.skipIf(kernelsLibrary() === null)('ridge run over ops (needs cmake and a C++ compiler)', () => {
  test('checks, times and places each, and a record can be judged again', async () => {
    writeFileSync(join(folder, 'ops.yaml'), SWEEP);
    const done = await ridge(['run', 'ops.yaml', '--out', 'out'], {
      cwd: folder,
      // Where no roofs are, whatever the machine has.
      env: { XDG_CACHE_HOME: join(folder, 'cache'), XDG_STATE_HOME: join(folder, 'state') },
    });
    expect(done.code, done.stderr).toBe(0);
    const records = recordsIn(join(folder, 'out')).filter(({ sweep }) => sweep.purpose === 'measure');
    expect(records).toHaveLength(3);
    for (const record of records) {
      const { kernel, measurements, phases } = record;
      expect(record.status).toBe('complete');
      expect(kernel!.check.error).toBeLessThanOrEqual(1);
      expect(kernel!.callSeconds).toHaveLength(record.repeats.count);
      const seconds = measurements.kernelSeconds!.value!;
      expect(seconds).toBeGreaterThan(0);
      expect(measurements.achievedBytesPerSecond!.value! * seconds).toBeCloseTo(kernel!.bytes, -3);
      expect(measurements.kernelRoofRatio).toMatchObject({ value: null });
      expect(phases.filter(({ name }) => name === 'kernel')).toHaveLength(record.repeats.count);
      expect(recompute(record)).toEqual(record);
    }
    const nsa = records.find(({ kernel }) => kernel?.op === 'nsa-decode');
    // 63 compressed blocks, all 16 blocks of 64, a window of 512.
    expect(nsa?.kernel?.facts).toEqual({ tokensRead: 63 + 1024 + 512 });
  });
});
