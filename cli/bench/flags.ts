import { DEFAULT_RUNNER, RUNNERS } from '../../core/runners/index.js';
import { latency } from '../../core/workloads/latency.js';
import { usageError } from '../exit.js';

/** Flags of llama-bench that no option of a sweep answers to, and what to do instead. */
const INSTEAD: readonly (readonly [flags: readonly string[], instead: string])[] = [
  [
    ['hf', 'hfr', 'hf-repo', 'hff', 'hf-file'],
    'name the model as -m hf:OWNER/REPOSITORY:Q4_K_M, with --config FILE for what may be fetched',
  ],
  [['hft', 'hf-token'], 'set `sources.hfTokenFile` in the file of --config'],
  [
    ['rpc'],
    'a sweep names no address: name the servers under rpc.servers of an agent’s configuration and use `rpcServers` in a sweep',
  ],
  [['C', 'cpu-mask', 'cpu-strict', 'numa'], 'a trial is pinned to the CPUs of its device, so use -t'],
  [['list-devices'], 'use ridge doctor'],
  [
    [
      'ncmoe',
      'n-cpu-moe',
      'ot',
      'override-tensor',
      'nopo',
      'no-op-offload',
      'no-host',
      'nkvo',
      'no-kv-offload',
    ],
    'only whole layers are placed, so use -ngl',
  ],
  [
    ['embd', 'embeddings', 'dt', 'defrag-thold', 'dio', 'direct-io', 'fitt', 'fit-target', 'fitc', 'fit-ctx'],
    'the runner leaves it at the default of llama.cpp, so leave it out, too',
  ],
];

/** What a flag can vary: an option of the engine that llama-bench measures, or of the workload that has its semantics. */
export interface BenchOption {
  readonly name: string;
  readonly help: string;
  readonly fallback: unknown;
  /** The field's other words for it. */
  readonly alsoKnownAs: readonly string[];
}

/** The engine that llama-bench measures is the one that runs where a sweep names none. */
export const BENCH_RUNNERS = RUNNERS.filter(({ kind }) => kind === DEFAULT_RUNNER);

export const BENCH_OPTIONS: readonly BenchOption[] = [latency, ...BENCH_RUNNERS].flatMap(
  ({ options, alsoKnownAs }) =>
    Object.entries(options.shape).map(([name, schema]) => ({
      name,
      help: schema.description ?? '',
      fallback: schema.parse(undefined),
      alsoKnownAs: Object.entries(alsoKnownAs).flatMap(([flag, option]) => (option === name ? [flag] : [])),
    })),
);

/** `kvCacheTypeK` → kv-cache-type-k. */
const dashed = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
/** `n-prompt`, `n_prompt` and `nPrompt` are one word. */
const plain = (name: string) => name.replace(/[-_]/g, '').toLowerCase();

/** Every spelling of an option → its own flag. */
const SPELLINGS: ReadonlyMap<string, string> = new Map(
  BENCH_OPTIONS.flatMap(({ name, alsoKnownAs }) =>
    [name, ...alsoKnownAs].map((flag) => [plain(flag), dashed(name)] as const),
  ),
);

/** @returns the flags of an option as commander declares them: `-p, --prompt-tokens`, `--ctk, --kv-cache-type-k`. */
export function flagsOf({ name, alsoKnownAs }: BenchOption): string {
  const [short] = alsoKnownAs.filter((flag) => flag.length <= 3).sort((a, b) => a.length - b.length);
  const long = `--${dashed(name)}`;
  if (short === undefined) return long;
  return `${short.length === 1 ? '-' : '--'}${short}, ${long}`;
}

/**
 * Translates llama-bench's way to write flags, names of several letters after one dash included, into ours: `-ctk` and
 * `--cache-type-k` → `--kv-cache-type-k`. Words that are no flags, and flags of one letter, stay.
 * @throws CommandError (exit code 2) for a flag of llama-bench that Ridgepoint has no option for.
 */
export function spelledOut(flag: string): string {
  const match = /^--?([A-Za-z][\w-]*)(=.*)?$/.exec(flag);
  const name = match?.[1];
  if (name === undefined) return flag;
  const refused = INSTEAD.find(([flags]) => flags.includes(name));
  if (refused !== undefined)
    throw usageError(`llama-bench's ${flag.split('=')[0]} is no option here: ${refused[1]}`);
  if (name.length === 1) return flag;
  return `--${SPELLINGS.get(plain(name)) ?? name}${match?.[2] ?? ''}`;
}
