import { describe, expect, test } from 'vitest';
import { roofsSchema } from '../../../core/result/roofs.js';
import { recordRoofsOf, recordRoofsSchema } from '../../../core/result/roofs-record.js';
import { peakFor } from '../../../roofline/ceilings.js';
import { ceilingsAt } from '../../../roofline/ceilings-at.js';
import { sampleRoofs } from './sample.js';

const device = { name: 'a processor', memoryBytes: 8e9 };

describe('roofs of a record', () => {
  test('keep every ceiling and drop the repeats', () => {
    const roofs = roofsSchema.parse(sampleRoofs());
    const kept = recordRoofsSchema.parse(recordRoofsOf(roofs, '0123456789abcdef'));
    expect(kept.bandwidth).toHaveLength(roofs.bandwidth.length);
    expect(kept.bandwidth[0]).toEqual({ level: 'memory', access: 'read', threads: 1, bytesPerSecond: 20e9 });
    expect(kept.compute).toHaveLength(roofs.compute.length);
    expect(kept.launchSeconds).toBe(2e-6);
    expect(JSON.stringify(kept)).not.toContain('samples');
    for (const name of ['warnings', 'caveats']) {
      expect(recordRoofsSchema.safeParse({ ...kept, [name]: undefined }).error?.issues[0]?.path).toEqual([
        name,
      ]);
    }
  });

  test('give the ceilings of a number of threads: reading memory, the better unit of each arithmetic', () => {
    const kept = recordRoofsOf(sampleRoofs(), 'id');
    const one = ceilingsAt(kept, device, 1)!;
    expect(one).toMatchObject({ origin: 'measured', memoryBytesPerSecond: 20e9, memoryBytes: 8e9 });
    expect(one.hostBytesPerSecond).toBe(25e9);
    expect(one.peerBytesPerSecond).toBeNull();
    expect(peakFor(one, 'f32')).toEqual({ arithmetic: 'f32', flopsPerSecond: 250e9 });
    expect(peakFor(one, 'f16')).toEqual({ arithmetic: 'f32', flopsPerSecond: 250e9 });
    const two = ceilingsAt(kept, device, 2)!;
    expect(two.memoryBytesPerSecond).toBe(40e9);
    expect(two.peaks.int8).toBe(2e12);
  });

  test('a number of threads between those measured stands under the next lower, one below all under the lowest', () => {
    const roofs = sampleRoofs();
    const without = (threads: number) => ({
      ...roofs,
      bandwidth: roofs.bandwidth.map((roof) => (roof.threads === 1 ? { ...roof, threads } : roof)),
    });
    expect(ceilingsAt(recordRoofsOf(roofs, 'id'), device, 64)?.memoryBytesPerSecond).toBe(40e9);
    expect(ceilingsAt(recordRoofsOf(without(4), 'id'), device, 3)?.memoryBytesPerSecond).toBe(40e9);
    expect(ceilingsAt(recordRoofsOf(without(4), 'id'), device, 1)?.memoryBytesPerSecond).toBe(40e9);
    expect(ceilingsAt(recordRoofsOf(without(4), 'id'), device, 5)?.memoryBytesPerSecond).toBe(20e9);
  });

  test('memory is what can be read at these threads, and another access only where nothing was read', () => {
    const at = (access: 'read' | 'copy', threads: number, value: number) => ({
      ...sampleRoofs().bandwidth[0]!,
      access,
      threads,
      bytesPerSecond: { value, samples: [value], cv: null },
    });
    const memory = (...bandwidth: ReturnType<typeof at>[]) =>
      ceilingsAt(recordRoofsOf(sampleRoofs({ bandwidth }), 'id'), device, 2)?.memoryBytesPerSecond;
    expect(memory(at('read', 1, 10e9), at('copy', 1, 12e9), at('copy', 2, 30e9))).toBe(10e9);
    expect(memory(at('copy', 1, 12e9), at('copy', 2, 30e9))).toBe(30e9);
  });

  test('without a bandwidth of memory there are no ceilings', () => {
    const roofs = sampleRoofs({ bandwidth: sampleRoofs().bandwidth.filter(({ level }) => level === 'L1') });
    expect(ceilingsAt(recordRoofsOf(roofs, 'id'), device, 1)).toBeNull();
  });
});
