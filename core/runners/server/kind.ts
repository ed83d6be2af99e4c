import { z } from 'zod';
import { type Rule, refuse } from '../../experiment/rule.js';
import { aliases } from '../../input/aliases.js';
import { lorasOf, parseLoraShares, parseLoras } from '../../serving/loras.js';
import { NO_ADAPTER } from '../../techniques/adapter.js';
import type { ServedPasses } from '../../work/engine-passes.js';
import type { RunnerKind } from '../runner.js';
import { SERVER_OPTION_NAMES, SERVER_OPTIONS, type ServerOption } from './options.js';
import { knownValues, optionsIn, type ServerProfile } from './profile.js';

/** What a profile cannot say as data. */
interface More {
  readonly rules: readonly Rule[];
  readonly madeUp: string | null;
  /** Opens the file that is served where a server cannot say what is asked, such as the logits of a text. */
  readonly plainRunner: string | null;
  /** How the passes of its engine are counted; left out = nobody knows what it computes. */
  readonly passes: ServedPasses;
  /** Its kernels are those that efficiency factors are fitted of. */
  readonly fitted: boolean;
  /** The engine that tables of operators on GPUs name it by; left out = there are none. */
  readonly tables: string;
}

type ServerKind = RunnerKind & { readonly offers: readonly ('endpoint' | 'completions')[] };

/**
 * @returns the runner that a profile describes: its options are those of the list that the profile maps to
 *   arguments.
 */
export function serverKind(
  profile: ServerProfile,
  { rules, madeUp, plainRunner, passes, fitted, tables }: Partial<More> = {},
): ServerKind {
  const known = optionsKnown(profile);
  const shape: Readonly<Record<string, z.ZodDefault>> = Object.fromEntries(
    known.map((name) => [name, SERVER_OPTIONS[name]]),
  );
  return {
    kind: profile.name,
    summary: profile.summary,
    options: z.strictObject(shape),
    devices: profile.devices,
    offers: ['endpoint', 'completions'],
    formats: profile.formats,
    techniques: profile.techniques,
    rules: [
      ...known.flatMap((name) => [...valuesRule(profile, name), ...needsRule(profile, name)]),
      draftTokensNeedDrafts,
      ...lorasRules(profile),
      ...(rules ?? []),
    ],
    alsoKnownAs: Object.fromEntries(
      Object.entries(ALSO_KNOWN_AS).filter(([, name]) => known.some((option) => option === name)),
    ),
    answerOptions: profile.answerOptions,
    plainRunner: plainRunner ?? null,
    memory: null,
    counting:
      passes === undefined
        ? {
            by: 'nothing',
            reason: `what ${profile.name} computes is not known, so there is no work to place`,
          }
        : { by: 'served', engine: passes },
    fitted: fitted ?? false,
    tables: tables ?? null,
    madeUp: madeUp ?? null,
  };
}

/** Those that become arguments, or are filled into some. */
function optionsKnown({ options, loras }: ServerProfile): ServerOption[] {
  const filled = Object.values(options)
    .flatMap((option) => ('cases' in option ? Object.values(option.cases).flat() : option.arguments))
    .flatMap(optionsIn);
  return SERVER_OPTION_NAMES.filter(
    (name) =>
      name === 'server' ||
      (name === 'loras' && loras !== null && loras.adapter.length > 0) ||
      options[name] !== undefined ||
      filled.includes(name),
  );
}

/** A word that the server of this profile does not know. */
function valuesRule({ name: server, options }: ServerProfile, name: ServerOption): Rule[] {
  const option = options[name];
  const values = option === undefined ? null : knownValues(option);
  if (values === null) return [];
  return [
    refuse(
      ['runner', name],
      ({ runner, [name]: value }) => runner === server && value != null && !values.includes(String(value)),
      ({ [name]: value }) => `${server} has no ${name} ${value}: it knows ${values.join(', ')}`,
    ),
  ];
}

/** What the words of a value are filled in with, and nothing would stand there. */
function needsRule({ name: server, options }: ServerProfile, name: ServerOption): Rule[] {
  const option = options[name];
  if (option === undefined || !('cases' in option)) return [];
  return SERVER_OPTION_NAMES.flatMap((needed) => {
    const asking = Object.entries(option.cases).flatMap(([value, args]) =>
      args.some((argument) => optionsIn(argument).includes(needed)) ? [value] : [],
    );
    if (asking.length === 0) return [];
    const rule = refuse(
      ['runner', name, needed],
      ({ runner, [name]: value, [needed]: given }) =>
        runner === server && given === null && asking.includes(String(value)),
      ({ [name]: value }) => `${name} ${value} of ${server} needs ${needed}: set it`,
    );
    return [rule];
  });
}

const draftTokensNeedDrafts = refuse(
  ['speculative', 'draftTokens'],
  ({ speculative, draftTokens }) => draftTokens !== null && (speculative === null || speculative === 'off'),
  'draftTokens needs speculative decoding: set speculative, or leave draftTokens out',
);

/**
 * Adapters that requests choose among have to be readable, to be loaded, and not beside one that all requests
 * have.
 */
function lorasRules({ name: server, loras }: ServerProfile): Rule[] {
  if (loras === null) {
    const none = refuse(
      ['runner', 'loraShares'],
      ({ runner, loraShares }) => runner === server && loraShares !== null,
      `requests to ${server} cannot choose an adapter: leave loraShares out`,
    );
    return [none];
  }
  const byPlace = JSON.stringify(loras.request).includes('"{index}"');
  return [
    {
      axes: ['runner', 'loras'],
      reason({ runner, loras: written }) {
        const read = runner === server && typeof written === 'string' ? parseLoras(written) : null;
        return typeof read === 'string' ? `loras cannot be read: ${read}` : null;
      },
    },
    refuse(
      ['runner', 'loras', 'adapter'],
      ({ runner, loras: written, adapter }) => runner === server && written != null && adapter !== NO_ADAPTER,
      'loras are adapters of single requests, and the technique adapter is one of all: name it among loras, or leave one of them out',
    ),
    {
      axes: ['runner', 'loras', 'loraShares'],
      reason(values) {
        const { runner, loraShares, loras: written } = values;
        const shares = runner === server && typeof loraShares === 'string' ? parseLoraShares(loraShares) : [];
        // Those of the node's own arguments are known by name, and by nothing else.
        if (typeof shares === 'string' || (written === null && !byPlace)) return null;
        const known = lorasOf(values).map(({ name }) => name);
        const unknown = shares.find(({ name }) => name !== null && !known.includes(name));
        if (unknown === undefined) return null;
        const has = known.length === 0 ? 'none' : known.join(', ');
        return `loraShares names ${unknown.name}, and loras of ${server} has ${has}`;
      },
    },
  ];
}

/** As vLLM, SGLang, TensorRT-LLM, TGI and llama-server spell them. */
const ALSO_KNOWN_AS: Readonly<Record<string, string>> = aliases({
  maxSequences: ['max_num_seqs', 'maxNumSeqs', 'max_running_requests', 'max_batch_size', 'np'],
  maxContext: ['max_model_len', 'maxModelLen', 'context_length', 'max_seq_len', 'max_total_tokens'],
  batchedTokens: [
    'max_num_batched_tokens',
    'maxNumBatchedTokens',
    'max_num_tokens',
    'chunked_prefill_size',
    'max_batch_prefill_tokens',
  ],
  prefixCaching: ['enable_prefix_caching'],
  chunkedPrefill: ['enable_chunked_prefill'],
  kvCacheType: ['kv_cache_dtype', 'kvCacheDtype'],
  dataType: ['dtype'],
  tensorParallel: ['tensor_parallel_size', 'tp', 'tp_size', 'num_shard'],
  pipelineParallel: ['pipeline_parallel_size', 'pp'],
  memoryShare: [
    'gpu_memory_utilization',
    'gpuMemoryUtilization',
    'mem_fraction_static',
    'free_gpu_memory_fraction',
    'cuda_memory_fraction',
  ],
  dataParallel: ['data_parallel_size', 'dp_size'],
  expertParallel: ['enable_expert_parallel'],
  attentionBackend: ['attention_backend'],
  quantizationMethod: ['quantize'],
  draftTokens: ['num_speculative_tokens', 'speculate'],
  maxLoras: ['max_loras'],
  loras: ['lora_modules', 'lora_paths'],
});
