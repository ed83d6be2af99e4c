import {
  FILE_ARCHITECTURES,
  FOLDER_ARCHITECTURES,
  type FolderArchitecture,
} from '../../../../core/models/conversions.js';
import type { Architecture, NamedArchitecture } from '../architecture.js';
import { bert } from './bert.js';
import { deepseekV2, deepseekV3 } from './deepseek2.js';
import { gemma2 } from './gemma2.js';
import { gemma3 } from './gemma3.js';
import { gptOss } from './gpt-oss.js';
import { llama } from './llama.js';
import { mixtral } from './mixtral.js';
import { olmo2 } from './olmo2.js';
import { phi3 } from './phi3.js';
import { qwen2 } from './qwen2.js';
import { qwen2Moe } from './qwen2-moe.js';
import { qwen3 } from './qwen3.js';
import { qwen3Moe } from './qwen3-moe.js';
import { smollm3 } from './smollm3.js';

const FILES: Readonly<Record<FolderArchitecture, Architecture>> = {
  llama,
  mistral: llama,
  mixtral,
  qwen2,
  qwen2_moe: qwen2Moe,
  qwen3,
  qwen3_moe: qwen3Moe,
  gemma2,
  gemma3,
  gemma3_text: gemma3,
  phi3,
  smollm3,
  olmo2,
  deepseek_v2: deepseekV2,
  deepseek_v3: deepseekV3,
  gpt_oss: gptOss,
  bert,
};

/** By the `model_type` of a config. */
export const ARCHITECTURES = Object.fromEntries(
  FOLDER_ARCHITECTURES.map((name) => [name, { ...FILES[name], gguf: FILE_ARCHITECTURES[name] }]),
) as Readonly<Record<FolderArchitecture, NamedArchitecture>>;
