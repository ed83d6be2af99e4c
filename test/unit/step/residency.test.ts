import { describe, expect, test } from 'vitest';
import type { ModelArchitecture } from '../../../core/work/architecture.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { readEngine, unknownEngine } from '../../../roofline/step/engines.js';
import { residency } from '../../../roofline/step/residency.js';
import { servedIn } from '../../../roofline/step/served-in.js';
import { kernelsIn } from '../../../roofline/step/setting.js';
import { sound } from '../../support/reading.js';

const GIB = 2 ** 30;
const H100 = 79.22 * GIB;

function served(name: string): ModelArchitecture {
  return servedIn(sound(namedArchitecture(name)).architecture, 'bf16');
}

const { memory: vllm } = readEngine('vLLM')!.engine;
const one = { parallelism: { tensor: 1, pipeline: 1, expert: 1 }, kernels: kernelsIn('bf16') };

describe('what fits beside an engine', () => {
  // github.com/vllm-project/vllm/pull/10511: 14.96 GiB of weights, 53.29 GiB of cache on an H100 of 79.22 GiB
  // at 0.90; pull/12126 has 1.6 GiB less beside PyTorch.
  test("is what vLLM's log says of Llama-3-8B on an H100", () => {
    const { weightBytes, activationBytes, cacheBytes } = residency(served('llama-3-8b'), one, vllm, H100);
    expect(weightBytes / GIB).toBeCloseTo(14.96, 1);
    expect(activationBytes / GIB).toBeGreaterThan(1);
    expect(activationBytes / GIB).toBeLessThan(2);
    expect(cacheBytes / GIB).toBeGreaterThan(53);
    expect(cacheBytes / GIB).toBeLessThan(55);
  });

  test('sequences take whole blocks of the cache', () => {
    const { cacheBytes, sequencesOf } = residency(served('llama-3-8b'), one, vllm, H100);
    // 32 layers × 2 × 8 heads × 128 × 2 bytes a token.
    expect(sequencesOf(2041)).toBe(Math.floor(cacheBytes / (2048 * 131072)));
    expect(sequencesOf(2048)).toBe(sequencesOf(2041));
  });

  test('grows with the share and shrinks to none, and a cache in fp8 holds twice as many', () => {
    const held = (share: number | null, deviceBytes = H100, cache: 'bf16' | 'fp8' = 'bf16') =>
      residency(
        served('llama-3-8b'),
        { ...one, kernels: kernelsIn(cache) },
        vllm,
        deviceBytes,
        share,
      ).sequencesOf(4096);
    expect(held(0.95)).toBeGreaterThan(held(null));
    expect(held(null)).toBe(held(0.9));
    expect(held(null, 16 * GIB)).toBe(0);
    expect(held(null, H100, 'fp8') / held(null)).toBeCloseTo(2, 1);
  });

  test('an engine that is not known is one sentence', () => {
    expect(unknownEngine('vlm')).toBe(
      'there are no measured operators of an engine "vlm": known are vllm, sglang, trtllm, each also as NAME@RELEASE; did you mean vllm?',
    );
    expect(readEngine('TensorRT-LLM')?.engine.id).toBe('trtllm');
    expect(readEngine('vllm@0.24.0')?.release).toBe('0.24.0');
    expect(readEngine('tgi')).toBeNull();
    expect(readEngine('vllm@')).toBeNull();
  });
});
