import { expect, test } from 'vitest';
import { workingSets } from '../../../agent/roofs/cuda-take.js';

test('arrays are larger than the cache by as much as STREAM asks, where the memory allows it', () => {
  expect(workingSets({ cacheBytes: 50e6, memoryBytes: 80e9 })).toEqual({ L2: 25e6, memory: 600e6 });
  expect(workingSets({ cacheBytes: 50e6, memoryBytes: 1e9 }).memory).toBe(250e6);
});
