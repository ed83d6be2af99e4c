import { z } from 'zod';
import { numberBetween } from '../bounds.js';
import { ACTIVATION_FUNCTIONS, GATINGS, type LayerGroup, type ModelArchitecture } from './architecture.js';

const size = z.number().int().nonnegative().meta({ id: 'size' });
const bits = z.number().positive();

const packed = z.object({ valueBits: bits, density: numberBetween(0, 1) }).optional();

const matrix = z
  .object({
    inputs: size,
    outputs: size,
    bits,
    type: z.string().optional(),
    bias: z.boolean(),
    packed,
  })
  .meta({ id: 'matrix' });

const dotProduct = z.object({
  kind: z.literal('dot-product'),
  heads: size,
  kvHeads: size,
  keyLength: size,
  valueLength: size,
  window: size.nullable(),
  query: matrix,
  key: matrix,
  value: matrix,
  output: matrix,
  fused: z.boolean(),
  unturned: z.boolean().optional(),
  sinks: z.boolean().optional(),
  gated: z.boolean().optional(),
  sparse: z
    .object({
      compressBlock: size,
      compressStride: size,
      selectBlock: size,
      selectCount: size,
      window: size,
    })
    .nullable(),
});

const latent = z.object({
  kind: z.literal('latent'),
  heads: size,
  kvRank: size,
  queryRank: size.nullable(),
  ropeLength: size,
  headLength: size,
  valueLength: size,
  downQuery: matrix.nullable(),
  upQuery: matrix,
  downKeyValue: matrix,
  upKey: matrix,
  upValue: matrix,
  output: matrix,
  fused: z.boolean().optional(),
  index: z
    .object({
      heads: size,
      headLength: size,
      chosen: size,
      matrices: z.object({ query: matrix, key: matrix, weight: matrix }).nullable(),
    })
    .optional(),
});

const gatedDelta = z.object({
  kind: z.literal('gated-delta'),
  heads: size,
  keyHeads: size,
  keyLength: size,
  valueLength: size,
  convolution: size,
  stateBits: bits,
  input: matrix,
  gate: matrix,
  control: matrix,
  output: matrix,
  fused: z.boolean().optional(),
});

const feedForward = z.object({
  kind: z.enum(['gated', 'plain']),
  activation: z.enum(ACTIVATION_FUNCTIONS),
  fused: z.boolean(),
  gate: matrix.nullable(),
  up: matrix,
  down: matrix,
  experts: z
    .object({
      count: size,
      usedPerToken: size,
      sharedWidth: size,
      sharedStored: z.object({ bits }).optional(),
      sharedGate: z.boolean(),
      router: matrix,
      gating: z.enum(GATINGS).optional(),
    })
    .nullable(),
});

/** An architecture as a record keeps it, so that its work can be counted again. */
export const architectureSchema: z.ZodType<ModelArchitecture> = z.object({
  family: z.string(),
  embedding: size,
  vocabulary: size,
  contextLength: size,
  tied: z.boolean(),
  layers: z.array(
    z.object({
      count: size,
      attention: z.discriminatedUnion('kind', [dotProduct, latent, gatedDelta]),
      feedForward,
      norms: z.object({
        perLayer: size,
        onQueryAndKey: z.boolean(),
        behind: z.boolean().optional(),
        acrossHeads: z.boolean().optional(),
      }),
    }),
  ),
  embeddingBits: bits,
  outputBits: bits,
  outputType: z.string().optional(),
  outputPacked: packed,
  outputBias: z.boolean(),
  positions: z.union([
    z.object({ kind: z.literal('rotary'), length: size }),
    z.object({ kind: z.literal('learned'), rows: size, bits }),
    z.object({ kind: z.enum(['alibi', 'none']) }),
  ]),
  norm: z.enum(['rms', 'layer']),
  vectorBits: bits,
  embeddingScaled: z.boolean(),
  encoder: z.object({ tokenTypes: size }).optional(),
  wholeLastLayer: z.boolean().optional(),
  graphLogits: z.enum(['all', 'last']).optional(),
  leftOut: z.array(z.string()).optional(),
});

/**
 * A mixture of types makes a group of almost every layer. Work does not depend on their order, but for the
 * last layer, which may be trimmed: equal groups are put together, those of the last layer at the end.
 */
export function compactArchitecture(architecture: ModelArchitecture): ModelArchitecture {
  const found = new Map<string, LayerGroup>();
  for (const { count, ...layer } of architecture.layers) {
    const key = JSON.stringify(layer);
    const before = found.get(key)?.count ?? 0;
    found.delete(key);
    found.set(key, { ...layer, count: before + count });
  }
  return { ...architecture, layers: [...found.values()] };
}
