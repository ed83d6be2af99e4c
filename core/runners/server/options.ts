import { z } from 'zod';
import { above0, integerBetween, numberBetween, orNull, textUpTo } from '../../bounds.js';
import { draftModel, draftTokens, prefixCaching, speculative } from '../../work/drafting-options.js';
import { LLAMA_CPP_OPTIONS } from '../../work/llama-cpp-options.js';

const shortText = textUpTo(200)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/+-]*$/)
  .meta({ title: 'a word of letters, digits and . _ : / + -' });
const count = (most: number) => integerBetween(1, most).nullable();
const flag = () => orNull(z.boolean());

/** What the simulated server pretends to be. */
const SIMULATED_OPTIONS = {
  simulatedTiming: orNull(shortText).describe(
    'As fast as a GPU with an engine: `h100:vllm:llama-3.1-8b`; null = by the constants below.',
  ),
  simulatedTtftSeconds: numberBetween(0, 3600)
    .default(0.02)
    .describe('Seconds from a request to its first token.'),
  simulatedItlSeconds: numberBetween(0, 3600).default(0.005).describe('Seconds from token to token.'),
  simulatedChunkTokens: integerBetween(1, 1000).default(1).describe('Tokens of one chunk of its answers.'),
  simulatedFault: textUpTo(100)
    .regex(/^[a-z0-9][a-z0-9:-]*$/)
    .meta({ title: 'the name of a fault' })
    .default('none')
    .describe('How it fails, as `ridge-simulated-server --help` lists it; none answers well.'),
  simulatedPrefillTokensPerSecond: integerBetween(0, 1e9)
    .default(0)
    .describe('Words of a prompt per second; 0 = prompts take no time.'),
  simulatedKeeps: z
    .enum(['nothing', 'prefixes', 'answers', 'beginnings'])
    .default('nothing')
    .describe('What it keeps of prompts that it has seen; of beginnings the words that two have in common.'),
} as const;

/**
 * What a sweep may vary on a server, by one name for all of them, so that two servers can be compared at the
 * same setting. A profile says which of them its server has, how they are spelled as arguments, and which
 * values it knows. null leaves an option to the server.
 */
export const SERVER_OPTIONS = {
  server: orNull(
    z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/)
      .meta({ title: 'a name of small letters, digits and dashes' }),
  ).describe("Which server of the node's configuration; null takes the first with this profile."),
  maxSequences: count(65_536).default(null).describe('Requests that are worked on at once, at most.'),
  maxContext: count(16_777_216).default(null).describe('Tokens of one request, prompt and answer together.'),
  batchedTokens: count(16_777_216).default(null).describe('Tokens of one step of the scheduler, at most.'),
  chunkedPrefill: flag().describe('Long prompts are cut up and mixed with decode steps.'),
  prefixCaching,
  quantizationMethod: orNull(shortText).describe(
    'How the server quantizes or reads the weights: fp8, awq, gptq, … as it spells it.',
  ),
  dataType: orNull(shortText).describe(
    'Type of weights and activations that are not quantized: auto, bfloat16, float16.',
  ),
  kvCacheType: orNull(shortText).describe(
    'Type of the KV cache, keys and values alike, as the server spells it.',
  ),
  tensorParallel: count(1024).default(null).describe('GPUs that each layer is split over.'),
  pipelineParallel: count(1024).default(null).describe('Groups of GPUs that the layers are split over.'),
  dataParallel: count(1024).default(null).describe('Copies of the model behind one address.'),
  expertParallel: flag().describe('Experts are spread over the GPUs instead of being split.'),
  memoryShare: orNull(above0(1)).describe('Share of the memory of a GPU that the server may take.'),
  attentionBackend: orNull(shortText).describe(
    'Attention kernels, as the server spells them: FLASH_ATTN, flashinfer, triton, …',
  ),
  cudaGraphs: flag().describe('Decode steps are replayed as CUDA graphs; false runs them eagerly.'),
  speculative,
  draftModel,
  draftTokens,
  maxLoras: count(1024).default(null).describe('LoRA adapters in one batch, at most.'),
  loras: orNull(
    textUpTo(20_000)
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*=[^,]+(?:,[A-Za-z0-9][A-Za-z0-9_.-]*=[^,]+)*$/)
      .meta({ title: 'adapters as name=source, with commas between' }),
  ).describe(
    'LoRA adapters that requests choose among (loraShares), such as sql=adapters/sql,chat=adapters/chat: a name for requests, and the source.',
  ),
  ...LLAMA_CPP_OPTIONS,
  ...SIMULATED_OPTIONS,
} as const satisfies Readonly<Record<string, z.ZodDefault>>;

export type ServerOption = keyof typeof SERVER_OPTIONS;

/** In the order of the list. */
export const SERVER_OPTION_NAMES = Object.keys(SERVER_OPTIONS) as [ServerOption, ...ServerOption[]];
