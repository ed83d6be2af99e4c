import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtinFolder } from '../../../artifacts/files/source.js';
import { llamaCpp } from '../../../core/runners/llama-cpp.js';
import type { EngineDevice, Llama } from '../../../engines/native/llama.js';
import { freeHandles } from '../../../engines/runners/llama-cpp/handles.js';
import { chooseDevices, shareOnCpu } from '../../../engines/runners/llama-cpp/load.js';
import { settingsOf } from '../../../engines/runners/llama-cpp/settings.js';
import { sharesOver } from '../../../engines/runners/llama-cpp/spread.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';

const device = (index: number, id: string): EngineDevice =>
  ({
    name: `CUDA${index}`,
    id,
    description: 'H100',
    backend: 'cuda',
    kind: 'gpu',
    handle: BigInt(index + 1),
  }) as EngineDevice;
const engine = (...ids: string[]) => ({ devices: ids.map((id, index) => device(index, id)) });
const names = (devices: readonly EngineDevice[]) => devices.map(({ name }) => name);

describe('the devices of a trial', () => {
  test('are those of the lease, in its order', () => {
    const llama = engine('a', 'b', 'c');
    const held = { deviceClass: 'cuda:h100', deviceId: 'c', otherDeviceIds: ['a'] };
    expect(names(chooseDevices(llama, held))).toEqual(['CUDA2', 'CUDA0']);
  });

  test('are all that the engine sees where it knows them by other ids and they are as many', () => {
    const held = { deviceClass: 'cuda', deviceId: 'GPU-1', otherDeviceIds: ['GPU-2'] };
    expect(names(chooseDevices(engine('0000:01', '0000:02'), held))).toEqual(['CUDA0', 'CUDA1']);
    expect(() => chooseDevices(engine('0000:01', '0000:02', '0000:03'), held)).toThrow(
      'llama.cpp does not see the devices GPU-1, GPU-2; it sees CUDA0 (0000:01), CUDA1 (0000:02), CUDA2 (0000:03).',
    );
  });

  test('are none on a CPU', () => {
    expect(chooseDevices(engine('a'), { deviceClass: 'cpu', deviceId: 'cpu0' })).toEqual([]);
  });
});

describe('how a model is split', () => {
  const reasons = (values: Record<string, string | number | boolean | null>) =>
    llamaCpp.rules.map((rule) => rule.reason(values as never, null)).filter((reason) => reason !== null);
  const two = { device: 'cuda', gpus: 2, mainGpu: 0, tensorSplit: null };

  test('is refused where GPUs and shares are not as many, or the main one is none of them', () => {
    expect(reasons(two)).toEqual([]);
    expect(reasons({ ...two, tensorSplit: '3/1' })).toEqual([]);
    expect(reasons({ ...two, tensorSplit: '3/1/1' })).toEqual([
      'tensorSplit names 3 shares for 2 GPUs: give one of each',
    ]);
    expect(reasons({ ...two, mainGpu: 2 })).toEqual([
      'mainGpu is none of the GPUs: it counts from 0, and is below gpus',
    ]);
    expect(reasons({ ...two, device: 'cpu' })).toEqual([
      'the device cpu is one: exclude this pair, or leave gpus out',
    ]);
  });

  test('is refused where this llama.cpp cannot do it', () => {
    expect(llamaCpp.options.safeParse({ gpus: 2, splitMode: 'row' }).success).toBe(false);
    expect(reasons({ ...two, gpus: 1, splitMode: 'layer' })).toEqual([]);
    expect(reasons({ ...two, gpus: 1, splitMode: 'tensor' })).toEqual([
      'splitMode tensor needs several GPUs: raise gpus, or set splitMode to layer',
    ]);
    expect(reasons({ ...two, splitMode: 'tensor', flashAttention: 'auto' })).toEqual([]);
    expect(reasons({ ...two, splitMode: 'tensor', flashAttention: false })).toEqual([
      'splitMode tensor needs flash attention: set flashAttention to true or auto, or splitMode to layer',
    ]);
  });

  test('may be over RPC servers, by layers', () => {
    const servers = { device: 'cpu', rpcServers: 'desk/attic', splitMode: 'layer', gpuLayers: 12 };
    expect(reasons(servers)).toEqual([]);
    expect(reasons({ ...servers, rpcServers: null })).toEqual([
      'the device cpu takes no GPU layers: exclude this pair, or leave gpuLayers out',
    ]);
    // How many devices a server has is not known yet.
    expect(reasons({ ...servers, gpus: 1, tensorSplit: '1/2/3' })).toEqual([]);
    expect(reasons({ ...servers, rpcServers: 'desk/attic/desk' })).toEqual([
      'rpcServers names desk twice: a server serves one client at a time',
    ]);
    expect(reasons({ ...servers, splitMode: 'tensor' })).toEqual([
      'RPC servers take whole layers: set splitMode to layer, or leave rpcServers out',
    ]);
    const names = (value: unknown) => llamaCpp.options.safeParse({ rpcServers: value }).success;
    expect([names('desk/attic'), names('desk'), names(null)]).toEqual([true, true, true]);
    for (const word of ['10.0.0.1:50052', 'desk/', '', 'Desk']) expect(names(word)).toBe(false);
    expect(settingsOf({ rpcServers: 'desk/attic' }, 2).rpcServers).toEqual(['desk', 'attic']);
  });

  test('goes by shares that are asked for, or by what is free and known', () => {
    const [large, small] = [
      { freeBytes: 60, memoryBytes: 80 },
      { freeBytes: 20, memoryBytes: 80 },
    ];
    const settings = { tensorSplit: null, splitMode: 'layer' } as const;
    expect(sharesOver([large, small], settings)).toEqual([60, 20]);
    expect(sharesOver([large, small], { ...settings, tensorSplit: [1, 2] })).toEqual([1, 2]);
    expect(sharesOver([large, small], { ...settings, splitMode: 'tensor' })).toBeNull();
    expect(sharesOver([large, { freeBytes: 0, memoryBytes: 0 }], settings)).toBeNull();
    expect(sharesOver([large], { ...settings, tensorSplit: [1] })).toBeNull();
  });

  test('is read as shares', () => {
    expect(settingsOf({ tensorSplit: '3/1', splitMode: 'tensor' }, 2)).toMatchObject({
      tensorSplit: [3, 1],
      splitMode: 'tensor',
    });
  });

  test('leaves this machine’s memory what neither GPUs nor RPC servers take', () => {
    const file = join(builtinFolder(), 'tiny-f16.gguf');
    const { metadata } = readGgufHeader(file);
    const layers = Number(metadata.get(`${metadata.get('general.architecture')}.block_count`));
    const here = (backends: string[], options: object, path = file) =>
      shareOnCpu(
        backends.map((backend) => ({ backend })),
        settingsOf({ gpuLayers: 'all', ...options }, 1),
        path,
      );
    expect(here([], {})).toBe(1);
    expect(here(['cuda'], { gpuLayers: 1 })).toBe(0);
    const rpcServers = 'desk';
    expect(here(['rpc'], { rpcServers })).toBe(0);
    expect(here(['rpc'], { rpcServers, gpuLayers: 1 })).toBeCloseTo(layers / (layers + 1), 12);
    expect(here(['rpc', 'cuda'], { rpcServers, gpuLayers: 1 })).toBe(0);
  });

  test('is freed from its context down to the model, as far as it was opened', () => {
    const freed: unknown[] = [];
    const llama = {
      functions: { llama_free: () => freed.push('context'), llama_model_free: () => freed.push('model') },
    } as unknown as Llama;
    const threads = { release: () => freed.push('threads') };
    freeHandles(llama, { model: 1n });
    freeHandles(llama, { model: 1n, context: 2n });
    freeHandles(llama, { model: 1n, context: 2n, threads });
    expect(freed).toEqual(['model', 'context', 'model', 'context', 'threads', 'model']);
  });
});
