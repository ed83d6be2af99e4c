import type { MatrixShape, ModelArchitecture } from '../architecture.js';
import { typeBits } from '../model-size.js';
import type { OperatorWork } from '../work.js';
import { added, elementwise, norm } from './elementwise.js';
import type { LayerPass } from './layer-pass.js';
import { linear } from './linear.js';
import { calling, operator } from './operators.js';
import { logitsCollective, vocabularyCollective } from './sharding.js';

/** A row of the table for each token, and, where positions are learned, one of theirs and their sum. */
export function embed(
  pass: LayerPass,
  { embeddingBits, embeddingScaled, positions, encoder }: ModelArchitecture,
): OperatorWork[] {
  const elements = pass.tokens * pass.embedding;
  const bytes = elements * pass.activationBytes;
  const whole = { module: 'embedding', flops: elements, read: elements, written: elements } as const;
  const gather = (name: string, bits: number) =>
    operator({
      name,
      module: 'embedding',
      class: 'gather',
      arithmetic: pass.arithmetic.vector,
      traffic: { weightsRead: (elements * bits) / 8, activationsWritten: bytes },
      kernelCalls: calling(pass, { family: 'stream', bytes: (elements * bits) / 8 + bytes }),
    });
  return [
    gather('embed_tokens', embeddingBits),
    ...vocabularyCollective(pass),
    ...(embeddingScaled ? [elementwise(pass, { name: 'embed_scale', ...whole })] : []),
    ...(encoder !== undefined && encoder.tokenTypes > 0 ? [tokenTypes(pass, positions)] : []),
    ...(positions.kind === 'learned'
      ? [gather('embed_positions', positions.bits), added(pass, 'embed_add', 'embedding', elements)]
      : []),
    ...(encoder === undefined ? [] : [norm(pass, 'embed_norm', pass.tokens)]),
  ];
}

/** The row of the first kind of segments, added to every token. */
function tokenTypes(pass: LayerPass, positions: ModelArchitecture['positions']): OperatorWork {
  const elements = pass.tokens * pass.embedding;
  return elementwise(pass, {
    name: 'embed_types',
    module: 'embedding',
    flops: elements,
    read: elements,
    written: elements,
    weightsRead: (pass.embedding * typeBits(positions, pass.vectorBits)) / 8,
  });
}

/**
 * The tokens that have logits, taken out of the last layer.
 * @param vectors of each: its own, and what stands beside it in the residual.
 */
export function selectRows(pass: LayerPass, rows: number, vectors = 2): OperatorWork {
  const bytes = vectors * rows * pass.embedding * pass.activationBytes;
  return operator({
    name: 'select_rows',
    module: 'other',
    class: 'gather',
    arithmetic: pass.arithmetic.vector,
    traffic: { activationsRead: bytes, activationsWritten: bytes },
    kernelCalls: calling(pass, { family: 'stream', bytes: 2 * bytes }, 'sampled'),
  });
}

/** The last norm, and vocabulary × embedding for each row of logits: 2 · embedding · vocabulary FLOPs. */
export function logits(pass: LayerPass, architecture: ModelArchitecture, rows: number): OperatorWork[] {
  const { embedding, vocabulary, outputBits, outputType, outputPacked, outputBias } = architecture;
  const matrix: MatrixShape = {
    inputs: embedding,
    outputs: vocabulary,
    bits: outputBits,
    type: outputType,
    bias: outputBias,
    packed: outputPacked,
    format: 'bf16',
  };
  // What is done to the matrices of layers leaves the output as it is.
  const head = { ...pass, weights: null };
  const { selectsRows, trimsLastLayer, tokens } = pass;
  return [
    ...(selectsRows && !trimsLastLayer ? [selectRows(pass, rows, 1)] : []),
    norm(pass, 'output_norm', trimsLastLayer || selectsRows ? rows : tokens),
    ...linear(head, matrix, { name: 'lm_head', module: 'lm-head', rows, follows: 'sampled' }),
    ...logitsCollective(pass, rows, vocabulary),
  ];
}
