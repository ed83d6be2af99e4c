import { describe, expect, test } from 'vitest';
import type { ModelArchitecture } from '../../../core/work/architecture.js';
import { expertTensorOf } from '../../../core/work/pass/devices.js';
import type { PassRequest } from '../../../core/work/pass/setting.js';
import { passWork } from '../../../core/work/pass-work.js';
import type { KernelCall } from '../../../core/work/work.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { servedAsKept, servedIn, usualFormats } from '../../../roofline/step/served-in.js';
import { kernelsIn } from '../../../roofline/step/setting.js';
import { sound } from '../../support/reading.js';

function published(name: string): ModelArchitecture {
  return sound(namedArchitecture(name)).architecture;
}

const step = (sequences: number, context: number): Pick<PassRequest, 'phase' | 'batch'> => ({
  phase: 'decode',
  batch: [{ sequences, newTokens: 1, cachedTokens: context - 1 }],
});

function callsOf(
  architecture: ModelArchitecture,
  request: Pick<PassRequest, 'phase' | 'batch'> & Partial<PassRequest>,
): Record<string, readonly KernelCall[] | undefined> {
  const { operators } = passWork(architecture, { kernels: kernelsIn('bf16'), ...request });
  return Object.fromEntries(operators.map(({ name, kernelCalls }) => [name, kernelCalls]));
}

const llama = published('llama-3-8b');
const mixtral = published('mixtral-8x7b');

describe('calls of kernels', () => {
  test('stand beside the work that is counted, of every layer alike', () => {
    const calls = callsOf(servedIn(llama, 'bf16'), step(16, 1000));
    expect(calls.qkv_proj).toEqual([
      {
        call: { family: 'product', format: 'bf16', rows: 16, inputs: 4096, outputs: 6144 },
        times: 32,
        follows: 'tokens',
      },
    ]);
    expect(calls.gate_up_proj?.[0]?.call).toMatchObject({ inputs: 4096, outputs: 2 * 14336 });
    expect(calls.attention).toEqual([
      {
        call: {
          family: 'attention',
          phase: 'decode',
          format: 'bf16',
          cacheFormat: 'bf16',
          heads: 32,
          kvHeads: 8,
          headLength: 128,
          window: null,
          sequences: 16,
          newTokens: 1,
          cachedTokens: 999,
        },
        times: 32,
        follows: 'sequences',
      },
    ]);
    expect(calls.lm_head?.[0]).toMatchObject({ times: 1, follows: 'sampled' });
    // What runs inside another kernel says so.
    expect(calls.attn_add).toEqual([]);
    expect(calls.softmax).toEqual([]);
  });

  test('are left out where nobody asks about kernels, and the work is the same', () => {
    const plain = passWork(llama, step(4, 100)).operators;
    expect(plain.every(({ kernelCalls }) => kernelCalls === undefined)).toBe(true);
    const asked = passWork(llama, { ...step(4, 100), kernels: kernelsIn('bf16') }).operators;
    expect(asked.map(({ kernelCalls: _, ...work }) => work)).toEqual(plain);
  });

  test('of different shapes stay apart in one operator', () => {
    const [group] = llama.layers;
    if (group === undefined || group.attention.kind !== 'dot-product') throw new Error('not a Llama');
    const windowed: ModelArchitecture = {
      ...llama,
      layers: [
        { ...group, count: 8 },
        { ...group, count: 24, attention: { ...group.attention, window: 128 } },
      ],
    };
    const { attention } = callsOf(servedIn(windowed, 'bf16'), step(1, 1000));
    expect(attention?.map(({ call, times }) => ['window' in call && call.window, times])).toEqual([
      [null, 8],
      [128, 24],
    ]);
  });

  test('a mixed batch asks for prefill and decode', () => {
    const batch = [
      { sequences: 8, newTokens: 1, cachedTokens: 511 },
      { sequences: 1, newTokens: 512, cachedTokens: 256 },
    ];
    const calls = callsOf(servedIn(llama, 'bf16'), { phase: 'decode', batch });
    expect(calls.attention?.map(({ call }) => 'phase' in call && call.phase)).toEqual(['decode', 'prefill']);
    expect(calls.o_proj?.[0]?.call).toMatchObject({ rows: 520 });
    expect(calls.lm_head?.[0]?.call).toMatchObject({ rows: 9 });
  });

  test('scaling activations down is a kernel where the engine has one', () => {
    const kernels = { ...kernelsIn('fp8'), quantizes: ['fp8'] as const };
    const { quantize } = callsOf(servedIn(llama, 'fp8'), { ...step(16, 100), kernels });
    expect(quantize?.map(({ call, times }) => ['inputs' in call && call.inputs, times])).toEqual([
      [4096, 3 * 32],
      [14336, 32],
    ]);
  });

  test('chosen experts are one call, of the tokens of all groups that share them', () => {
    const parallelism = { tensor: 2, pipeline: 1, expert: 4, data: 4 };
    expect(expertTensorOf(parallelism)).toBe(2);
    const calls = callsOf(servedIn(mixtral, 'bf16'), { ...step(16, 100), parallelism });
    expect(calls.experts).toEqual([
      {
        call: {
          family: 'experts',
          format: 'bf16',
          tokens: 64,
          embedding: 4096,
          width: 14336,
          used: 2,
          count: 8,
          tensor: 2,
          expert: 4,
        },
        times: 32,
        follows: 'tokens',
      },
    ]);
    expect(Object.keys(calls)).not.toContain('expert_up_proj');
    const message = { devices: 8, elements: 64 * 4096 };
    expect(calls.all_gather?.[0]?.call).toMatchObject({ operation: 'all-gather', ...message });
    expect(calls.reduce_scatter?.[0]?.call).toMatchObject({ operation: 'reduce-scatter', ...message });
    expect(calls.all_reduce?.[0]?.call).toMatchObject({ devices: 2, elements: 16 * 4096 });
  });
});

describe('formats', () => {
  test('the output, the router and what checkpoints leave alone stay bf16', () => {
    const calls = callsOf(servedIn(mixtral, 'nvfp4'), step(1, 10));
    const formats = Object.fromEntries(
      Object.entries(calls).flatMap(([name, all]) =>
        (all ?? []).flatMap(({ call }) => ('format' in call ? [[name, call.format]] : [])),
      ),
    );
    expect(formats).toMatchObject({ experts: 'nvfp4', qkv_proj: 'bf16', router: 'bf16', lm_head: 'bf16' });
    expect(usualFormats(llama, 'nvfp4').attention).toBe('nvfp4');
    expect(usualFormats(mixtral, 'fp8-block').attention).toBe('fp8-block');
  });

  test('a model as it is published has what its config says, part by part', () => {
    const formatsOf = (name: string) => {
      const calls = callsOf(servedAsKept(published(name))!, step(1, 10));
      const format = (operator: string) => {
        const call = calls[operator]?.[0]?.call;
        return call !== undefined && 'format' in call ? call.format : null;
      };
      return { experts: format('experts'), output: format('o_proj'), router: format('router') };
    };
    expect(formatsOf('gpt-oss-20b')).toEqual({ experts: 'mxfp4', output: 'bf16', router: 'bf16' });
    expect(formatsOf('mixtral-8x7b')).toEqual({ experts: 'bf16', output: 'bf16', router: 'bf16' });
    const deepseek = servedAsKept(published('deepseek-v3'));
    const [group] = deepseek!.layers;
    expect(group?.attention.output.format).toBe('fp8-block');
  });

  test('bits that several formats have, and types of GGUF files, are no format', () => {
    const kept = (change: { readonly bits: number; readonly type?: string }) =>
      servedAsKept({
        ...llama,
        layers: llama.layers.map((group) => ({
          ...group,
          feedForward: { ...group.feedForward, up: { ...group.feedForward.up, ...change } },
        })),
      });
    expect(kept({ bits: 4.5 })).toBeNull();
    expect(kept({ bits: 16, type: 'q4_k' })).toBeNull();
    expect(kept({ bits: 16, type: 'f16' })).not.toBeNull();
  });

  test('weights take what their format says', () => {
    const bytes = (format: 'bf16' | 'fp8' | 'nvfp4') =>
      passWork(servedIn(llama, format), step(1, 10)).operators.find(({ name }) => name === 'o_proj')!.traffic
        .weightsRead;
    expect(bytes('fp8')).toBe(bytes('bf16') / 2);
    expect(bytes('nvfp4')).toBe((bytes('bf16') * 4.5) / 16);
  });
});
