import type {
  AttentionShape,
  FeedForwardShape,
  LayerGroup,
  MatrixShape,
  ModelArchitecture,
} from '../architecture.js';
import type { OperatorWork } from '../work.js';
import type { LayerPass } from './layer-pass.js';
import { operator } from './operators.js';
import type { Parallelism } from './setting.js';

/**
 * The part of a model that one device of a tensor-parallel group has (Megatron-LM, arXiv 1909.08053, section
 * 3): heads, feed-forward and vocabulary are shared out; norms, routers and latent vectors are on every
 * device. K/V heads that are fewer than devices are repeated, so the cache of a device stops shrinking.
 */
export function shardOf(architecture: ModelArchitecture, { tensor, expert }: Parallelism): ModelArchitecture {
  if (tensor === 1) return architecture;
  return {
    ...architecture,
    vocabulary: Math.ceil(architecture.vocabulary / tensor),
    layers: architecture.layers.map(
      (group): LayerGroup => ({
        ...group,
        attention: shardAttention(group.attention, tensor),
        feedForward: shardFeedForward(group.feedForward, tensor, expert),
      }),
    ),
  };
}

function shardAttention(shape: AttentionShape, tensor: number): AttentionShape {
  const heads = shape.heads / tensor;
  const rows = (matrix: MatrixShape): MatrixShape => ({ ...matrix, inputs: matrix.inputs / tensor });
  const columns = (matrix: MatrixShape): MatrixShape => ({ ...matrix, outputs: matrix.outputs / tensor });
  if (shape.kind === 'latent') {
    return {
      ...shape,
      heads,
      upQuery: columns(shape.upQuery),
      upKey: columns(shape.upKey),
      upValue: columns(shape.upValue),
      output: rows(shape.output),
    };
  }
  const kvHeads = Math.ceil(shape.kvHeads / tensor);
  return {
    ...shape,
    heads,
    kvHeads,
    query: columns(shape.query),
    key: { ...shape.key, outputs: kvHeads * shape.keyLength },
    value: { ...shape.value, outputs: kvHeads * shape.valueLength },
    output: rows(shape.output),
  };
}

function shardFeedForward(shape: FeedForwardShape, tensor: number, expert: number): FeedForwardShape {
  const { experts, gate, up, down } = shape;
  const shared =
    experts === null ? null : { ...experts, sharedWidth: Math.ceil(experts.sharedWidth / tensor) };
  // Experts that are spread over devices stay whole.
  if (experts !== null && expert > 1) return { ...shape, experts: shared };
  const columns = (matrix: MatrixShape): MatrixShape => ({
    ...matrix,
    outputs: Math.ceil(matrix.outputs / tensor),
  });
  return {
    ...shape,
    gate: gate === null ? null : columns(gate),
    up: columns(up),
    down: { ...down, inputs: Math.ceil(down.inputs / tensor) },
    experts: shared,
  };
}

/**
 * A ring all-reduce sends 2 (p − 1)/p of the message from every device (arXiv 1802.05799), an all-gather half
 * of that.
 */
const allReduce = (devices: number) => (2 * (devices - 1)) / devices;
const allGather = (devices: number) => (devices - 1) / devices;

function collective(pass: LayerPass, name: string, linkBytes: number, elements: number): OperatorWork[] {
  if (linkBytes === 0) return [];
  const bytes = elements * pass.activationBytes;
  return [
    operator({
      name,
      module: 'collective',
      class: 'collective',
      arithmetic: pass.arithmetic.vector,
      traffic: { activationsRead: bytes, activationsWritten: bytes },
      linkBytes,
    }),
  ];
}

/** Partial sums of a layer's output matrix, added up over the devices. */
export function attentionCollective(pass: LayerPass): OperatorWork[] {
  const { tensor } = pass.parallelism;
  const elements = pass.tokens * pass.embedding;
  return collective(pass, 'all_reduce', allReduce(tensor) * elements * pass.activationBytes, elements);
}

/**
 * The same behind the feed-forward; with spread experts instead tokens go to them and come back, each device
 * sending those of its share of the batch: 2 · (tokens/tensor) · used · embedding · (e − 1)/e.
 */
export function feedForwardCollective(pass: LayerPass, { experts }: FeedForwardShape): OperatorWork[] {
  const { tensor, expert } = pass.parallelism;
  const elements = pass.feedForwardTokens * pass.embedding;
  const reduced = collective(
    pass,
    'all_reduce',
    allReduce(tensor) * elements * pass.activationBytes,
    elements,
  );
  if (experts === null || expert === 1) return reduced;
  const sent = (2 * elements * experts.usedPerToken) / tensor;
  return [
    ...collective(pass, 'all_to_all', sent * allGather(expert) * pass.activationBytes, sent),
    // What each device put together for its share of the tokens goes to the others, shared experts included.
    ...collective(pass, 'all_gather', allGather(tensor) * elements * pass.activationBytes, elements),
  ];
}

/** Rows of the embedding that other devices hold come as a sum with zeros; logits are gathered. */
export function vocabularyCollective(pass: LayerPass): OperatorWork[] {
  const { tensor } = pass.parallelism;
  const elements = pass.tokens * pass.embedding;
  return collective(pass, 'all_reduce', allReduce(tensor) * elements * pass.activationBytes, elements);
}

export function logitsCollective(pass: LayerPass, rows: number, shardVocabulary: number): OperatorWork[] {
  const { tensor } = pass.parallelism;
  const elements = rows * shardVocabulary * tensor;
  return collective(pass, 'all_gather', allGather(tensor) * elements * pass.activationBytes, elements);
}

/** A stage hands the residual of every token to the next one. */
export function stageCollective(pass: LayerPass): OperatorWork[] {
  const elements = pass.tokens * pass.embedding;
  return collective(pass, 'send', elements * pass.activationBytes, elements);
}
