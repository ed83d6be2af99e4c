import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FormatError } from '../../../formats/format.js';
import { readSpan } from '../../../formats/gguf/copy.js';
import { type GgufFile, readGgufHeader } from '../../../formats/gguf/header.js';
import { decodeValue, type GgufValue } from '../../../formats/gguf/value.js';
import { writeGguf } from '../../../formats/gguf/writer.js';
import { GRAPH_FILE, VOCABULARY_FILE } from '../../../formats/onnx/model.js';
import { publishedTokenizer } from '../../../formats/tokenizers/published-tokenizer.js';
import { writeWhole } from '../../../formats/whole-file.js';
import type { Described } from './described.js';

/** Classes of `transformers`; the word for an architecture is llama.cpp's own in all of these. */
const CLASSES: Readonly<Record<Described['architecture'], string>> = {
  llama: 'LlamaForCausalLM',
  smollm3: 'SmolLM3ForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  gemma: 'GemmaForCausalLM',
};

/** @returns `config.json`: the shapes of a model, as exporters put them beside a graph. */
export function config(model: Described, file: GgufFile): Readonly<Record<string, unknown>> {
  const { begin, end } = tokens(file);
  return {
    architectures: [CLASSES[model.architecture]],
    model_type: model.architecture,
    vocab_size: model.vocabulary,
    hidden_size: model.embedding,
    intermediate_size: model.feedForward,
    num_hidden_layers: model.layers,
    num_attention_heads: model.heads,
    num_key_value_heads: model.kvHeads,
    head_dim: model.headLength,
    max_position_embeddings: model.contextLength,
    rms_norm_eps: model.rmsEpsilon,
    rope_theta: model.rotary.base,
    hidden_act: model.family.activation === 'silu' ? 'silu' : 'gelu_pytorch_tanh',
    tie_word_embeddings: !file.tensors.some(({ name }) => name === 'output.weight'),
    bos_token_id: begin,
    eos_token_id: end,
  };
}

/** @returns `genai_config.json`, by which onnxruntime-genai runs a graph. */
export function genaiConfig(model: Described, file: GgufFile): Readonly<Record<string, unknown>> {
  const { begin, end, padding } = tokens(file);
  const cache = (prefix: string, part: string) => `${prefix}.%d.${part}`;
  return {
    model: {
      type: model.architecture,
      vocab_size: model.vocabulary,
      context_length: model.contextLength,
      bos_token_id: begin,
      eos_token_id: end,
      pad_token_id: padding ?? end,
      decoder: {
        filename: GRAPH_FILE,
        head_size: model.headLength,
        hidden_size: model.embedding,
        num_attention_heads: model.heads,
        num_hidden_layers: model.layers,
        num_key_value_heads: model.kvHeads,
        session_options: { provider_options: [] },
        inputs: {
          input_ids: 'input_ids',
          attention_mask: 'attention_mask',
          past_key_names: cache('past_key_values', 'key'),
          past_value_names: cache('past_key_values', 'value'),
        },
        outputs: {
          logits: 'logits',
          present_key_names: cache('present', 'key'),
          present_value_names: cache('present', 'value'),
        },
      },
    },
    search: { max_length: model.contextLength, past_present_share_buffer: true },
  };
}

/**
 * Writes the tokenizer of a model twice: as a GGUF without weights, so that whoever runs the graph cuts text
 * as llama.cpp does, and as transformers and onnxruntime-genai read it.
 * @returns why the second is not there, where it is not.
 */
export async function writeTokenizer(inputPath: string, folder: string): Promise<readonly string[]> {
  const encoded = new Map<string, GgufValue>();
  const own = new Map<string, GgufValue>();
  for (const [key, span] of readGgufHeader(inputPath).spans) {
    const bytes = await readSpan(inputPath, span);
    encoded.set(key, { type: 'encoded', bytes });
    if (key.startsWith('tokenizer.')) own.set(key, decodeValue(bytes));
  }
  await writeGguf(join(folder, VOCABULARY_FILE), { metadata: encoded, tensors: [] });
  try {
    for (const [name, content] of publishedTokenizer(own).files) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeWhole(path, content);
    }
    return [];
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return [`no tokenizer.json lies beside the graph: ${error.message}`];
  }
}

function tokens({ metadata }: GgufFile) {
  const id = (name: string) => {
    const value = metadata.get(`tokenizer.ggml.${name}_token_id`);
    return typeof value === 'number' ? value : null;
  };
  return { begin: id('bos'), end: id('eos'), padding: id('padding') };
}
