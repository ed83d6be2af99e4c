import { type FailureError, failed } from '../../core/errors.js';
import { type FloatType, isFloatType } from '../../core/techniques/float-types.js';
import { shown } from '../../formats/format.js';
import { matricesOf } from '../../formats/gguf/experts.js';
import { modelFacts } from '../../formats/gguf/facts.js';
import type { FileTensor, GgufFile } from '../../formats/gguf/header.js';

/**
 * Architectures whose blocks can be run alone: each takes the residual stream and gives it on, the embedding
 * is not scaled, and nothing but the block's own tensors differs from block to block (llama.cpp src/models).
 */
const WALKED: Readonly<Record<string, string>> = {
  llama: 'Llama, Mistral and Mixtral',
  qwen2: 'Qwen2',
  qwen2moe: 'Qwen2 MoE',
  qwen3: 'Qwen3',
  qwen3moe: 'Qwen3 MoE',
  olmoe: 'OLMoE',
  deepseek: 'DeepSeek',
  deepseek2: 'DeepSeek V2 and V3',
};

/** A matrix of a block: y = W x. An expert is one by itself. */
export interface Linear {
  /** As the file has it: `blk.3.attn_q.weight`; of an expert as `expertName` says. */
  readonly name: string;
  readonly block: number;
  readonly tensor: FileTensor;
  /** Input channels. */
  readonly columns: number;
  readonly rows: number;
}

const BLOCK = /^blk\.(\d+)\.(.+)$/;

/** @returns the number of a tensor's block and its name inside, or null. */
export function inBlock(name: string): { readonly block: number; readonly rest: string } | null {
  const match = BLOCK.exec(name);
  return match === null ? null : { block: Number(match[1]), rest: match[2]! };
}

/** @returns the linear layers of a model that are wanted, in the order of their blocks and of the file. */
export function linearsOf(header: GgufFile, wanted: (name: string) => boolean): Linear[] {
  const linears = header.tensors.flatMap(matricesOf).flatMap((tensor): Linear[] => {
    const place = inBlock(tensor.name);
    if (place === null || !tensor.name.endsWith('.weight') || tensor.shape.length !== 2) return [];
    const [columns, rows] = tensor.shape as [number, number];
    return wanted(tensor.name) ? [{ name: tensor.name, block: place.block, tensor, columns, rows }] : [];
  });
  return linears.sort((a, b) => a.block - b.block);
}

/** What a walk over the blocks needs of the header. */
export interface WalkPlan {
  readonly architecture: string;
  readonly blocks: number;
  /** Values of a hidden state. */
  readonly width: number;
  readonly contextLength: number;
  readonly embedding: FileTensor & { readonly type: FloatType };
  readonly linears: readonly Linear[];
}

/**
 * @throws FailureError `model-unsupported` for a model whose blocks cannot be run alone or have no floats.
 */
export function planWalk(header: GgufFile, wanted: (name: string) => boolean): WalkPlan {
  const { architecture, layers, embeddingLength, contextLength } = modelFacts(header);
  const known = Object.values(WALKED).join(', ');
  const other = `its architecture is ${shown(architecture)}, and layers are calibrated one by one of ${known} alone`;
  if (!(architecture in WALKED)) throw unsupported(other);
  const embedding = header.tensors.find(({ name }) => name === 'token_embd.weight');
  if (embedding === undefined) throw unsupported('it has no token_embd.weight');
  const linears = linearsOf(header, wanted);
  const further = linears.find(({ block }) => block >= layers - furtherBlocks(header, architecture));
  if (further !== undefined) {
    const why = `${shown(further.name)} is of a block that predicts further tokens, and a text does not run it`;
    throw unsupported(why, `Leave it out (exclude=blk.${further.block}.*).`);
  }
  for (const { name, type } of [embedding, ...linears.map(({ tensor }) => tensor)]) {
    if (isFloatType(type)) continue;
    const why = `${shown(name)} is ${type}, and layers are calibrated one by one in f32, f16 or bf16`;
    throw unsupported(why, 'Start from the f16, bf16 or f32 file and quantize afterwards.');
  }
  const sizes = { blocks: layers, width: embeddingLength, contextLength };
  return { architecture, ...sizes, embedding: embedding as WalkPlan['embedding'], linears };
}

/** Blocks behind the others that guess at the tokens after the next one. */
function furtherBlocks({ metadata }: GgufFile, architecture: string): number {
  const count = metadata.get(`${architecture}.nextn_predict_layers`);
  return typeof count === 'number' ? count : 0;
}

function unsupported(message: string, hint: string | null = null): FailureError {
  return failed('model-unsupported', message, hint);
}
