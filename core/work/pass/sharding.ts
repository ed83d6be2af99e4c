import type {
  AttentionShape,
  FeedForwardShape,
  LayerGroup,
  MatrixShape,
  ModelArchitecture,
} from '../architecture.js';
import type { CollectiveCall } from '../operator-call.js';
import type { KernelCall, OperatorWork } from '../work.js';
import { expertTensorOf, replicasOf } from './devices.js';
import type { LayerPass } from './layer-pass.js';
import { calling, operator } from './operators.js';
import type { Parallelism } from './setting.js';

/**
 * The part of a model that one device of a tensor-parallel group has (Megatron-LM, arXiv 1909.08053, section
 * 3): heads, feed-forward and vocabulary are shared out; norms, routers, latent vectors and what chooses
 * tokens are on every device. K/V heads that are fewer than devices are repeated, so the cache of a device
 * stops shrinking.
 */
export function shardOf(architecture: ModelArchitecture, parallelism: Parallelism): ModelArchitecture {
  const { tensor } = parallelism;
  const expertTensor = expertTensorOf(parallelism);
  if (tensor === 1 && expertTensor === 1) return architecture;
  return {
    ...architecture,
    vocabulary: Math.ceil(architecture.vocabulary / tensor),
    layers: architecture.layers.map(
      (group): LayerGroup => ({
        ...group,
        attention: shardAttention(group.attention, tensor),
        feedForward: shardFeedForward(group.feedForward, tensor, expertTensor),
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
  if (shape.kind === 'gated-delta') {
    const { input, gate, control, output, keyHeads } = shape;
    return {
      ...shape,
      heads,
      keyHeads: keyHeads / tensor,
      input: columns(input),
      gate: columns(gate),
      control: columns(control),
      output: rows(output),
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

/** Experts are cut over other devices than all else where they are spread, or meet several groups' tokens. */
function shardFeedForward(shape: FeedForwardShape, tensor: number, expertTensor: number): FeedForwardShape {
  const { experts, gate, up, down } = shape;
  const shared =
    experts === null ? null : { ...experts, sharedWidth: Math.ceil(experts.sharedWidth / tensor) };
  const parts = experts === null ? tensor : expertTensor;
  const columns = (matrix: MatrixShape): MatrixShape => ({
    ...matrix,
    outputs: Math.ceil(matrix.outputs / parts),
  });
  return {
    ...shape,
    gate: gate === null ? null : columns(gate),
    up: columns(up),
    down: { ...down, inputs: Math.ceil(down.inputs / parts) },
    experts: shared,
  };
}

/**
 * A ring all-reduce sends 2 (p − 1)/p of the message from every device (arXiv 1802.05799), an all-gather half
 * of that.
 */
const allReduce = (devices: number) => (2 * (devices - 1)) / devices;
const allGather = (devices: number) => (devices - 1) / devices;

/** A message of so many elements between so many devices. */
interface Message {
  readonly operation: CollectiveCall['operation'];
  readonly devices: number;
  readonly linkBytes: number;
  readonly elements: number;
  readonly follows?: KernelCall['follows'];
}

function collective(pass: LayerPass, message: Message): OperatorWork[] {
  const { operation, devices, linkBytes, elements, follows } = message;
  if (linkBytes === 0) return [];
  const bytes = elements * pass.activationBytes;
  return [
    operator({
      name: operation.replaceAll('-', '_'),
      module: 'collective',
      class: 'collective',
      arithmetic: pass.arithmetic.vector,
      traffic: { activationsRead: bytes, activationsWritten: bytes },
      linkBytes,
      kernelCalls: calling(pass, { family: 'collective', operation, devices, elements }, follows),
    }),
  ];
}

function allReduced(pass: LayerPass, elements: number): OperatorWork[] {
  const { tensor: devices } = pass.parallelism;
  const linkBytes = allReduce(devices) * elements * pass.activationBytes;
  return collective(pass, { operation: 'all-reduce', devices, linkBytes, elements });
}

/** Partial sums of a layer's output matrix, added up over the devices. */
export function attentionCollective(pass: LayerPass): OperatorWork[] {
  return allReduced(pass, pass.tokens * pass.embedding);
}

/**
 * Tokens of all groups of devices with an attention of their own are gathered before experts that they share,
 * as servers do unless told otherwise (vLLM: `allgather_reducescatter`). Where no kernels are asked about,
 * what moves is counted behind the experts.
 */
export function dispatched(pass: LayerPass, { experts }: FeedForwardShape): OperatorWork[] {
  const replicas = replicasOf(pass.parallelism);
  if (pass.kernels === null || experts === null || replicas === 1) return [];
  return betweenGroups(pass, 'all-gather');
}

/** A message of the tokens of all groups: every device has its share of it, or gets that. */
function betweenGroups(pass: LayerPass, operation: 'all-gather' | 'reduce-scatter'): OperatorWork[] {
  const { parallelism, feedForwardTokens, embedding, activationBytes } = pass;
  const devices = parallelism.tensor * replicasOf(parallelism);
  const elements = feedForwardTokens * replicasOf(parallelism) * embedding;
  const linkBytes = allGather(devices) * elements * activationBytes;
  return collective(pass, { operation, devices, linkBytes, elements });
}

/**
 * The same behind the feed-forward; with spread experts instead tokens go to them and come back, each device
 * sending those of its share of the batch: 2 · (tokens/tensor) · used · embedding · (e − 1)/e. Servers, whose
 * kernels are asked about, add up over all devices what each has.
 */
export function feedForwardCollective(pass: LayerPass, { experts }: FeedForwardShape): OperatorWork[] {
  const { parallelism, feedForwardTokens, embedding, activationBytes, kernels } = pass;
  const { tensor, expert } = parallelism;
  const elements = feedForwardTokens * embedding;
  if (experts !== null && kernels !== null && replicasOf(parallelism) > 1)
    return betweenGroups(pass, 'reduce-scatter');
  if (experts === null || expert === 1 || kernels !== null) return allReduced(pass, elements);
  const sent = (2 * elements * experts.usedPerToken) / tensor;
  return [
    ...collective(pass, {
      operation: 'all-to-all',
      devices: expert,
      linkBytes: sent * allGather(expert) * activationBytes,
      elements: sent,
    }),
    // What each device put together for its share of the tokens goes to the others, shared experts included.
    ...collective(pass, {
      operation: 'all-gather',
      devices: tensor,
      linkBytes: allGather(tensor) * elements * activationBytes,
      elements,
    }),
  ];
}

/** Rows of the embedding that other devices hold come as a sum with zeros; logits are gathered. */
export function vocabularyCollective(pass: LayerPass): OperatorWork[] {
  return allReduced(pass, pass.tokens * pass.embedding);
}

export function logitsCollective(pass: LayerPass, rows: number, shardVocabulary: number): OperatorWork[] {
  const { tensor: devices } = pass.parallelism;
  const elements = rows * shardVocabulary * devices;
  return collective(pass, {
    operation: 'all-gather',
    devices,
    linkBytes: allGather(devices) * elements * pass.activationBytes,
    elements,
    follows: 'sampled',
  });
}

/** A stage hands the residual of every token to the next one. */
export function stageCollective(pass: LayerPass): OperatorWork[] {
  const elements = pass.tokens * pass.embedding;
  return collective(pass, {
    operation: 'send',
    devices: 2,
    linkBytes: elements * pass.activationBytes,
    elements,
  });
}
