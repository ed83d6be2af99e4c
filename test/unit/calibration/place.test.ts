import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { densePassOf } from '../../../artifacts/calibration/place.js';
import { ON_CPU, placeOfClass } from '../../../engines/runners/observer.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';

const header = readGgufHeader(join(import.meta.dirname, '../../../models/tiny-f16.gguf'));
const quantized = { ...header, tensors: header.tensors.map((tensor) => ({ ...tensor, type: 'q8_0' })) };
const gpu = placeOfClass('cuda');
const devices = (freeBytes: number | null) => ({ name: 'A GPU', freeBytes });

test('a model is run whole where it fits, with room beside its weights', () => {
  expect(densePassOf(header, gpu, devices(header.fileBytes * 2))).toEqual({ place: gpu, whole: true });
  expect(densePassOf(header, gpu, devices(header.fileBytes))).toEqual({ place: gpu, whole: false });
  expect(densePassOf(header, gpu, devices(null))).toEqual({ place: gpu, whole: true });
  expect(densePassOf(header, ON_CPU, null)).toEqual({ place: ON_CPU, whole: true });
});

test('one that fits nowhere and has no blocks to run alone goes to the CPU, with the reason', () => {
  const available = vi.spyOn(process, 'availableMemory').mockReturnValue(header.fileBytes);
  const { place, whole } = densePassOf(quantized, gpu, devices(1e6));
  available.mockRestore();
  expect(whole).toBe(true);
  expect(place).toEqual({
    ...gpu,
    cpuReason: expect.stringMatching(
      /^the model has [\d.]+ GB and A GPU room for 0\.000900 GB, and it cannot be run a block at a time: token_embd\.weight is q8_0/,
    ),
  });
});
