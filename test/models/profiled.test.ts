import { expect, test, vi } from 'vitest';
import { readOptions } from '../../core/experiment/options.js';
import { llamaCpp } from '../../core/runners/llama-cpp.js';
import { openProfiled } from '../../engines/runners/llama-cpp/profiled.js';

vi.mock(import('../../engines/native/kernel-library.js'), async (original) => ({
  ...(await original()),
  kernelsLibrary: () => null,
  measuringLibrary: () => '/no/libridgepoint-measuring.so',
}));
vi.mock(import('../../engines/native/llama.js'), async (original) => ({
  ...(await original()),
  loadLlama: async () => ({}) as never,
}));

test('profiling takes the library that measures alone, where there is no other', async () => {
  const options = readOptions(llamaCpp.options, {});
  const request = { modelPath: null, options, deviceClass: 'cpu', deviceId: 'cpu0', cpus: [] };
  await expect(openProfiled({ ...request, contextTokens: 1, sequences: 1 })).rejects.toThrow(
    '/no/libridgepoint-measuring.so cannot be opened',
  );
});
