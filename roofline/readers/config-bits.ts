import type { StoredBits } from './assemble.js';
import { ConfigFile } from './config-file.js';
import { excludedBy } from './excluded.js';
import { Unreadable } from './reading.js';

const TYPE_BITS: Readonly<Record<string, number>> = {
  float64: 64,
  float32: 32,
  float16: 16,
  bfloat16: 16,
  float8_e4m3fn: 8,
  float8_e5m2: 8,
  int8: 8,
  // As the files have it, of which nothing is known here: as without one.
  auto: 16,
};

/**
 * Bits of weights by `torch_dtype` (16 without one), and of matrices by `quantization_config`, scales
 * included.
 */
export function storedBits(config: ConfigFile): StoredBits {
  const inner = config.nested('text_config');
  const named =
    [config, inner].flatMap((one) => [one?.text('torch_dtype'), one?.text('dtype')]).find((name) => name) ??
    'float16';
  const type = named.replace(/^torch\./, '');
  const whole = Object.hasOwn(TYPE_BITS, type) ? TYPE_BITS[type] : undefined;
  if (whole === undefined)
    throw new Unreadable(
      `the config says torch_dtype ${JSON.stringify(type)}, whose bits are not known`,
      `Known are ${Object.keys(TYPE_BITS).join(', ')}.`,
    );
  const quantization = config.nested('quantization_config') ?? inner?.nested('quantization_config') ?? null;
  const matrix = quantization === null ? whole : quantizedBits(quantization, whole);
  const plain = { embedding: whole, output: whole, vector: whole };
  if (quantization === null) return { ...plain, matrix };
  // GPT-OSS is published with its experts alone in MXFP4.
  const expertsAlone = quantization.text('quant_method') === 'mxfp4';
  if (expertsAlone) return { ...plain, matrix: whole, experts: matrix };
  return { ...plain, matrix, excluded: { bits: whole, has: excludedBy(quantization) } };
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

function quantizedBits(config: ConfigFile, whole: number): number {
  const method = methodOf(config);
  switch (method) {
    case 'modelopt':
    case 'modelopt_fp4':
      return modelOptBits(config);
    case 'gptq':
    case 'awq': {
      // A scale in f16 and a zero of the weights' width for each group; −1 = one group a row, next to
      // nothing.
      const bits = config.size('bits', config.optionalSize('w_bit') ?? 4);
      const group = config.number('group_size', config.number('q_group_size', 128));
      return group > 0 ? bits + (16 + bits) / group : bits;
    }
    case 'fp8': {
      // A scale in f32 for each block of weight_block_size, or one a matrix.
      const [rows, columns] = config.list('weight_block_size') ?? [];
      return typeof rows === 'number' && typeof columns === 'number' ? 8 + 32 / (rows * columns) : 8;
    }
    case 'bitsandbytes':
      if (config.flag('load_in_8bit', false)) return 8;
      // NF4 in blocks of 64: a scale in f32, or 8 bits in blocks of 256 with one in f32 (arXiv 2305.14314,
      // section 3).
      return config.flag('bnb_4bit_use_double_quant', false) ? 4 + 8 / 64 + 32 / (64 * 256) : 4 + 32 / 64;
    case 'compressed-tensors': {
      const [group] = Object.values(fieldsOf(config.get('config_groups')));
      const weights = new ConfigFile(fieldsOf(fieldsOf(group).weights));
      const size = weights.number('group_size', -1);
      return weights.size('num_bits', whole) + (size > 0 ? 16 / size : 0);
    }
    // Blocks of 32 with a scale of 8 bits (OCP Microscaling, MXFP4).
    case 'mxfp4':
      return 4 + 8 / 32;
    case null:
      return whole;
    default:
      throw new Unreadable(
        `the config is quantized by ${JSON.stringify(method)}, whose bits are not known`,
        'Say the bits of the weights yourself; known are gptq, awq, fp8, compressed-tensors, modelopt, mxfp4 and bitsandbytes.',
      );
  }
}

/** ModelOpt's own file names an algorithm and no method. */
function methodOf(config: ConfigFile): string | null {
  const named = config.text('quant_method');
  if (named !== null) return named;
  if (config.text('quant_algo') !== null) return 'modelopt';
  return config.get('load_in_4bit') === true ? 'bitsandbytes' : null;
}

/**
 * Bits by ModelOpt's names of algorithms: NVFP4 has a scale of 8 bits for each block of 16, MXFP8 one for
 * each 32; one in f32 for the whole matrix is next to nothing.
 */
const MODEL_OPT_BITS: Readonly<Record<string, number>> = {
  FP8: 8,
  FP8_PB_WO: 8 + 32 / 128 ** 2,
  FP8_PB_REAL: 8 + 32 / 128 ** 2,
  MXFP8: 8 + 8 / 32,
  NVFP4: 4 + 8 / 16,
  W4A16_NVFP4: 4 + 8 / 16,
};

function modelOptBits(config: ConfigFile): number {
  const algorithm = config.text('quant_algo') ?? '';
  const bits = Object.hasOwn(MODEL_OPT_BITS, algorithm) ? MODEL_OPT_BITS[algorithm] : undefined;
  if (bits !== undefined) return bits;
  throw new Unreadable(
    `the config is quantized by ModelOpt's ${JSON.stringify(algorithm)}, whose bits are not known`,
    `Say the bits of the weights yourself; known are ${Object.keys(MODEL_OPT_BITS).join(', ')}.`,
  );
}
