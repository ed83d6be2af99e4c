import { describe, expect, test } from 'vitest';
import { describeSynthetic } from '../../../artifacts/files/synthetic/model.js';
import { readSynthetic } from '../../../core/models/synthetic.js';
import { sizeOf } from '../../../core/work/model-size.js';
import { CONFIGS, namedArchitecture, nearestModel } from '../../../roofline/configs/index.js';
import { architectureFromConfig } from '../../../roofline/readers/config.js';
import { architectureFromGguf } from '../../../roofline/readers/gguf.js';
import type { ArchitectureReading } from '../../../roofline/readers/reading.js';
import { architectureFromSafetensors } from '../../../roofline/readers/safetensors.js';
import { sound } from '../../support/reading.js';

function read(reading: ArchitectureReading) {
  if (!reading.ok) throw new Error(reading.reason);
  return reading.architecture;
}
function refused(reading: ArchitectureReading): string {
  return reading.ok ? 'was read' : `${reading.reason}. ${reading.hint}`;
}

describe('published models have as many parameters as their files', () => {
  // Totals of the models' safetensors indices, which no number of a config repeats.
  const totals: Readonly<Record<string, number>> = {
    'llama-2-7b': 6_738_415_616,
    'llama-2-70b': 68_976_648_192,
    'llama-3.1-405b': 405_853_388_800,
    'llama-3.2-1b': 1_235_814_400,
    'smollm2-135m': 134_515_008,
    'mistral-nemo-12b': 12_247_782_400,
    'mixtral-8x7b': 46_702_792_704,
    'mixtral-8x22b': 140_620_634_112,
    'qwen2.5-0.5b': 494_032_768,
    'qwen2.5-72b': 72_706_203_648,
    'qwen3-0.6b': 596_049_920,
    'qwen3-30b-a3b': 30_532_122_624,
    'qwen3-235b-a22b': 235_093_634_560,
    'qwen1.5-moe-a2.7b': 14_315_784_192,
    'gemma-7b': 8_537_680_896,
    'gemma-2-9b': 9_241_705_984,
    'gemma-3-270m': 268_098_176,
    'gemma-3-1b': 999_885_952,
    gpt2: 124_439_808,
    'gpt2-xl': 1_557_611_200,
    'gpt-j-6b': 6_050_882_784,
    'opt-125m': 125_239_296,
    'opt-6.7b': 6_658_473_984,
    'falcon-7b': 6_921_720_704,
    'falcon-40b': 41_303_293_952,
    'phi-2': 2_779_683_840,
    'phi-4': 14_659_507_200,
    'chatglm3-6b': 6_243_584_000,
    'starcoder2-3b': 3_030_371_328,
    'deepseek-v2-lite': 15_706_484_224,
    // Without the bias that only chooses experts: 256 in each of 58 layers.
    'deepseek-v3': 671_026_419_200 - 58 * 256,
    // Without what pools: a matrix of the embedding and its bias.
    'bert-base': 109_482_240 - 768 * 769,
    'all-minilm-l6-v2': 22_713_216 - 384 * 385,
  };
  for (const [name, parameters] of Object.entries(totals)) {
    test(name, () => {
      expect(sizeOf(read(namedArchitecture(name))).parameters).toBe(parameters);
    });
  }

  test('GPT-OSS, to what its paper rounds to', () => {
    // arXiv 2508.10925, table 1.
    const billions = (name: string) => (sizeOf(read(namedArchitecture(name))).parameters / 1e9).toFixed(2);
    expect(['gpt-oss-20b', 'gpt-oss-120b'].map(billions)).toEqual(['20.91', '116.83']);
  });

  test('every name can be read, and says where it is published', () => {
    for (const [name, { source }] of CONFIGS) {
      expect(read(namedArchitecture(name)).layers.length).toBeGreaterThan(0);
      expect(source).toMatch(/^https:\/\/huggingface\.co\/[\w.-]+\/[\w.-]+\/blob\/main\/config\.json$/);
    }
    expect(namedArchitecture('meta-llama/Llama-2-7b-hf')).toEqual(namedArchitecture('llama-2-7b'));
  });
});

describe('what a config says', () => {
  test('heads may be wider than embedding / heads', () => {
    const [group] = read(namedArchitecture('qwen3-0.6b')).layers;
    expect(group?.attention).toMatchObject({
      heads: 16,
      keyLength: 128,
      query: { inputs: 1024, outputs: 2048 },
    });
    expect(group?.norms.onQueryAndKey).toBe(true);
  });

  test('OLMo 2 has norms of queries and keys, and 1.48 billion parameters of its smallest', () => {
    // huggingface.co/allenai/OLMo-2-0425-1B, config.json
    const config = {
      model_type: 'olmo2',
      torch_dtype: 'float32',
      hidden_size: 2048,
      num_hidden_layers: 16,
      num_attention_heads: 16,
      num_key_value_heads: 16,
      intermediate_size: 8192,
      vocab_size: 100352,
      max_position_embeddings: 4096,
      tie_word_embeddings: false,
    };
    const architecture = read(architectureFromConfig(config));
    expect(architecture.layers[0]!.norms).toEqual({
      perLayer: 2,
      onQueryAndKey: true,
      behind: true,
      acrossHeads: true,
    });
    expect(sizeOf(architecture).parameters).toBe(1_484_916_736);
  });

  test('layers that see a window, and those between', () => {
    const windows = (name: string) =>
      read(namedArchitecture(name)).layers.map(({ count, attention }) => [
        count,
        attention.kind === 'dot-product' ? attention.window : null,
      ]);
    expect(windows('gemma-3-270m')).toEqual([
      [5, 512],
      [1, null],
      [5, 512],
      [1, null],
      [5, 512],
      [1, null],
    ]);
    expect(windows('mistral-7b')).toEqual([[32, 4096]]);
    expect(windows('qwen2.5-7b')).toEqual([[28, null]]);
  });

  test('experts of GPT-OSS have bits of their own, and every second layer a window', () => {
    const { layers } = read(namedArchitecture('gpt-oss-20b'));
    expect(layers.slice(0, 2)).toMatchObject([
      { count: 1, attention: { window: 128, sinks: true, output: { bits: 16 } } },
      { count: 1, attention: { window: null }, feedForward: { up: { bits: 4.25, bias: true } } },
    ]);
    expect(layers).toHaveLength(24);
  });

  test('every fourth layer of SmolLM3 is without positions', () => {
    const config = {
      model_type: 'smollm3',
      hidden_size: 64,
      num_hidden_layers: 5,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      intermediate_size: 96,
      vocab_size: 512,
      max_position_embeddings: 256,
    };
    const unturned = (more: object) =>
      read(architectureFromConfig({ ...config, ...more })).layers.map(({ count, attention }) => [
        count,
        attention.kind === 'dot-product' && attention.unturned === true,
      ]);
    expect(unturned({})).toEqual([
      [3, false],
      [1, true],
      [1, false],
    ]);
    expect(unturned({ no_rope_layers: [0, 1, 1, 1, 1] })).toEqual([
      [1, true],
      [4, false],
    ]);
  });

  test('dense layers come before those with experts', () => {
    const groups = read(namedArchitecture('deepseek-v3')).layers;
    expect(groups.map(({ count, feedForward }) => [count, feedForward.experts?.count ?? 0])).toEqual([
      [3, 0],
      [58, 256],
    ]);
  });

  test('how it is quantized, scales included', () => {
    const base = CONFIGS.get('llama-2-7b')!.config;
    const bits = (quantization_config: object) =>
      read(architectureFromConfig({ ...base, quantization_config })).layers[0]!.feedForward.up.bits;
    expect(bits({ quant_method: 'gptq', bits: 4, group_size: 128 })).toBe(4 + 20 / 128);
    expect(bits({ quant_method: 'awq', bits: 4, group_size: 64 })).toBe(4 + 20 / 64);
    expect(bits({ quant_method: 'fp8', weight_block_size: [128, 128] })).toBe(8 + 32 / 128 ** 2);
    expect(bits({ load_in_4bit: true, bnb_4bit_use_double_quant: true })).toBeCloseTo(4.127, 3);
    expect(refused(architectureFromConfig({ ...base, torch_dtype: 'float6' }))).toMatch(
      /torch_dtype "float6", whose bits are not known/,
    );
    expect(
      refused(architectureFromConfig({ ...base, quantization_config: { quant_method: 'aqlm' } })),
    ).toMatch(/quantized by "aqlm", whose bits are not known/);
  });
});

describe('what a GGUF file says', () => {
  const header = (source: string) => {
    const reading = sound(readSynthetic(source));
    return describeSynthetic(reading.model).header;
  };

  for (const source of [
    'synthetic:llama-3.2-1b?type=q8_0',
    'synthetic:qwen2.5-0.5b',
    'synthetic:deepseek2?layers=3&embedding=512&headLength=32',
    'synthetic:smollm2-135m?tied=false',
  ]) {
    test(`${source}: every byte of its weights`, () => {
      const file = header(source);
      const stored = file.tensors.reduce((sum, { bytes }) => sum + bytes, 0);
      // Factors of the rotary frequencies are no weights of an operator that is counted.
      const factors = file.tensors.find(({ name }) => name === 'rope_freqs.weight')?.bytes ?? 0;
      const size = sizeOf(read(architectureFromGguf(file)));
      expect(size.bytes).toBeCloseTo(stored - factors, 3);
    });
  }

  test('the same shape as the config it is written from', () => {
    const fromFile = read(architectureFromGguf(header('synthetic:qwen2.5-0.5b')));
    const named = read(namedArchitecture('qwen2.5-0.5b'));
    const shape = (architecture: typeof named) =>
      JSON.parse(
        JSON.stringify(architecture, (key, value: unknown) =>
          ['type', 'outputType', 'vectorBits', 'contextLength'].includes(key) ? undefined : value,
        ),
      ) as unknown;
    expect(shape(fromFile)).toEqual(shape(named));
  });

  test('the bits of each matrix are its own', () => {
    const file = header('synthetic:llama-3.2-1b?type=q4_0');
    const { layers, embeddingBits, outputType } = read(architectureFromGguf(file));
    expect(layers[0]?.feedForward.up).toMatchObject({ bits: 4.5, type: 'q4_0' });
    expect([embeddingBits, outputType]).toEqual([4.5, 'q4_0']);
  });

  test('what is damaged or unknown is refused in a sentence', () => {
    const { metadata, tensors } = header('synthetic:llama-3.2-1b');
    const without = (name: string) => tensors.filter((tensor) => tensor.name !== name);
    const as = (family: string) => new Map([...metadata, ['general.architecture', family] as const]);
    expect(refused(architectureFromGguf({ metadata: as('mamba'), tensors }))).toMatch(
      /cannot be counted for the architecture "mamba".*Known are llama/,
    );
    expect(refused(architectureFromGguf({ metadata, tensors: without('blk.3.ffn_down.weight') }))).toMatch(
      /no tensor blk\.3\.ffn_down\.weight/,
    );
    expect(refused(architectureFromGguf({ metadata: new Map(), tensors }))).toMatch(
      /does not say its architecture/,
    );
  });
});

describe('what safetensors say', () => {
  const config = {
    model_type: 'llama',
    hidden_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    intermediate_size: 16,
    vocab_size: 32,
    max_position_embeddings: 64,
  };
  const tensor = (name: string, shape: number[], bits: number) => ({
    name,
    shape,
    bytes: (shape.reduce((a, b) => a * b) * bits) / 8,
  });
  const at = 'model.layers.0';
  const matrices = [
    ['self_attn.q_proj', 8, 8],
    ['self_attn.k_proj', 4, 8],
    ['self_attn.v_proj', 4, 8],
    ['self_attn.o_proj', 8, 8],
    ['mlp.gate_proj', 16, 8],
    ['mlp.up_proj', 16, 8],
    ['mlp.down_proj', 8, 16],
  ] as const;
  const frame = [
    tensor('model.embed_tokens.weight', [32, 8], 16),
    tensor(`${at}.input_layernorm.weight`, [8], 32),
    tensor(`${at}.post_attention_layernorm.weight`, [8], 32),
  ];

  test('each kind of weight has the bits it is stored in', () => {
    const stored = matrices.map(([name, out, into]) => tensor(`${at}.${name}.weight`, [out, into], 8));
    const found = read(architectureFromSafetensors(config, [...frame, ...stored]));
    expect(found).toMatchObject({ embeddingBits: 16, vectorBits: 32, tied: true });
    expect(found.layers[0]?.attention.output.bits).toBe(8);
  });

  test('packed weights count with their scales', () => {
    const packed = matrices.flatMap(([name, out, into]) => [
      tensor(`${at}.${name}.qweight`, [into / 8, out], 32),
      tensor(`${at}.${name}.scales`, [1, out], 16),
    ]);
    const [group] = read(architectureFromSafetensors(config, [...frame, ...packed])).layers;
    const weights = matrices.reduce((sum, [, out, into]) => sum + out * into, 0);
    const scales = matrices.reduce((sum, [, out]) => sum + out, 0);
    expect(group?.feedForward.up.bits).toBeCloseTo(4 + (16 * scales) / weights, 10);
  });

  test('a contradiction between both is refused', () => {
    const narrow = [tensor('model.embed_tokens.weight', [32, 4], 16)];
    expect(refused(architectureFromSafetensors(config, narrow))).toMatch(
      /rows of 4 elements, and the config says 8/,
    );
    expect(refused(architectureFromSafetensors(config, frame))).toMatch(/parts may be missing/);
  });
});

describe('what is no model is refused in a sentence', () => {
  const llama = CONFIGS.get('llama-2-7b')!.config;
  for (const [config, sentence] of [
    [null, /is not an object/],
    [{}, /does not say its model_type/],
    [{ model_type: 'mamba' }, /cannot be counted for the model_type "mamba"/],
    [{ ...llama, hidden_size: undefined }, /does not say hidden_size/],
    [{ ...llama, hidden_size: -1 }, /hidden_size = -1, which is no size/],
    [{ ...llama, num_attention_heads: 33 }, /33 heads do not divide 4096 elements/],
    [{ ...llama, num_key_value_heads: 5 }, /32 heads cannot share 5 key\/value heads/],
    [{ ...llama, num_hidden_layers: 1e6 }, /1000000 layers/],
    [{ ...CONFIGS.get('opt-125m')!.config, word_embed_proj_dim: 512 }, /opt-350m alone/],
  ] as const) {
    test(String(sentence), () => {
      expect(refused(architectureFromConfig(config))).toMatch(sentence);
    });
  }

  test('a name that is nearly one', () => {
    expect(refused(namedArchitecture('lama-2-7b'))).toMatch(/called "lama-2-7b"\. Did you mean llama-2-7b\?/);
  });
});

test.each([
  ['llama-70b', 'llama-2-70b'],
  ['meta-llama/Llama-3.1-70B-Chat', 'llama-3.1-70b'],
  ['qwen-7b', 'qwen2.5-7b'],
  ['lama-2-7b', 'llama-2-7b'],
  ['llama-9b', 'llama-7b'],
  ['nothing-of-the-kind', null],
])('%s is near %s: the size counts for more than letters', (word, near) => {
  expect(nearestModel(word)).toBe(near);
});
