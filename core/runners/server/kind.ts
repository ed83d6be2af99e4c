import { z } from 'zod';
import type { Rule } from '../../experiment/rule.js';
import type { ServedPasses } from '../../work/engine-passes.js';
import type { RunnerKind } from '../runner.js';
import { SERVER_OPTION_NAMES, SERVER_OPTIONS, type ServerOption } from './options.js';
import { knownValues, optionsIn, type ServerProfile } from './profile.js';

/** What a profile cannot say as data. */
interface More {
  readonly rules: readonly Rule[];
  readonly pretends: string | null;
  /** Opens the file that is served where a server cannot say what is asked, such as the logits of a text. */
  readonly standIn: string | null;
  /** How the passes of its engine are counted; left out = nobody knows what it computes. */
  readonly passes: ServedPasses;
  /** Its kernels are those that efficiency factors are fitted of. */
  readonly fitted: boolean;
}

/** @returns the runner that a profile describes: its options are those of the list that the profile maps to arguments. */
export function serverKind(
  profile: ServerProfile,
  { rules, pretends, standIn, passes, fitted }: Partial<More> = {},
): RunnerKind {
  const known = optionsKnown(profile);
  const shape = Object.fromEntries(known.map((name) => [name, SERVER_OPTIONS[name]]));
  return {
    kind: profile.name,
    summary: profile.summary,
    options: z.strictObject(shape) as unknown as RunnerKind['options'],
    devices: profile.devices,
    offers: ['endpoint'],
    formats: profile.formats,
    techniques: profile.techniques,
    rules: [
      ...known.flatMap((name) => [...valuesRule(profile, name), ...needsRule(profile, name)]),
      draftTokensNeedDrafts,
      ...(rules ?? []),
    ],
    alsoKnownAs: Object.fromEntries(
      Object.entries(ALSO_KNOWN_AS).filter(([, name]) => known.some((option) => option === name)),
    ),
    answerOptions: profile.answerOptions,
    standIn: standIn ?? null,
    memory: null,
    counting:
      passes === undefined
        ? {
            by: 'nothing',
            reason: `what ${profile.name} computes is not known, so there is no work to place`,
          }
        : { by: 'served', engine: passes },
    fitted: fitted ?? false,
    pretends: pretends ?? null,
  };
}

/** Those that become arguments, or are filled into some. */
function optionsKnown({ options }: ServerProfile): ServerOption[] {
  const filled = Object.values(options)
    .flatMap((option) => ('cases' in option ? Object.values(option.cases).flat() : option.arguments))
    .flatMap(optionsIn);
  return SERVER_OPTION_NAMES.filter(
    (name) => name === 'server' || options[name] !== undefined || filled.includes(name),
  );
}

/** A word that the server of this profile does not know. */
function valuesRule({ name: server, options }: ServerProfile, name: ServerOption): Rule[] {
  const option = options[name];
  const values = option === undefined ? null : knownValues(option);
  if (values === null) return [];
  return [
    {
      axes: ['runner', name],
      reason: ({ runner, [name]: value }) =>
        runner !== server || value === null || value === undefined || values.includes(String(value))
          ? null
          : `${server} has no ${name} ${value}: it knows ${values.join(', ')}`,
    },
  ];
}

/** What the words of a value are filled in with, and nothing would stand there. */
function needsRule({ name: server, options }: ServerProfile, name: ServerOption): Rule[] {
  const option = options[name];
  if (option === undefined || !('cases' in option)) return [];
  return SERVER_OPTION_NAMES.flatMap((needed) => {
    const asking = Object.entries(option.cases).flatMap(([value, words]) =>
      words.some((word) => optionsIn(word).includes(needed)) ? [value] : [],
    );
    if (asking.length === 0) return [];
    const rule: Rule = {
      axes: ['runner', name, needed],
      reason: ({ runner, [name]: value, [needed]: given }) =>
        runner === server && given === null && asking.includes(String(value))
          ? `${name} ${value} of ${server} needs ${needed}: set it`
          : null,
    };
    return [rule];
  });
}

const draftTokensNeedDrafts: Rule = {
  axes: ['speculative', 'draftTokens'],
  reason: ({ speculative, draftTokens }) =>
    draftTokens !== null && (speculative === null || speculative === 'off')
      ? 'draftTokens needs speculative decoding: set speculative, or leave draftTokens out'
      : null,
};

/** As vLLM, SGLang, TensorRT-LLM, TGI and llama-server spell them. */
const ALSO_KNOWN_AS: Readonly<Record<string, string>> = {
  max_num_seqs: 'maxSequences',
  maxNumSeqs: 'maxSequences',
  max_running_requests: 'maxSequences',
  max_batch_size: 'maxSequences',
  np: 'maxSequences',
  max_model_len: 'maxContext',
  maxModelLen: 'maxContext',
  context_length: 'maxContext',
  max_num_batched_tokens: 'batchedTokens',
  maxNumBatchedTokens: 'batchedTokens',
  max_num_tokens: 'batchedTokens',
  chunked_prefill_size: 'batchedTokens',
  max_batch_prefill_tokens: 'batchedTokens',
  enable_prefix_caching: 'prefixCaching',
  enable_chunked_prefill: 'chunkedPrefill',
  kv_cache_dtype: 'kvCacheType',
  kvCacheDtype: 'kvCacheType',
  dtype: 'dataType',
  tensor_parallel_size: 'tensorParallel',
  tp: 'tensorParallel',
  tp_size: 'tensorParallel',
  pipeline_parallel_size: 'pipelineParallel',
  pp: 'pipelineParallel',
  gpu_memory_utilization: 'memoryShare',
  gpuMemoryUtilization: 'memoryShare',
  mem_fraction_static: 'memoryShare',
  max_seq_len: 'maxContext',
  max_total_tokens: 'maxContext',
  data_parallel_size: 'dataParallel',
  dp_size: 'dataParallel',
  num_shard: 'tensorParallel',
  enable_expert_parallel: 'expertParallel',
  free_gpu_memory_fraction: 'memoryShare',
  cuda_memory_fraction: 'memoryShare',
  attention_backend: 'attentionBackend',
  quantize: 'quantizationMethod',
  num_speculative_tokens: 'draftTokens',
  speculate: 'draftTokens',
  max_loras: 'maxLoras',
};
