import { Option } from 'commander';
import type { z } from 'zod';
import { DEFAULT_RUNNER, RUNNERS } from '../../core/runners/index.js';
import type { RunnerKind } from '../../core/runners/runner.js';
import { latency } from '../../core/workloads/latency.js';
import { serving } from '../../core/workloads/serving.js';
import type { WorkloadKind } from '../../core/workloads/workload.js';
import { usageError } from '../exit.js';
import { INSTEAD_OF_VLLM, type Instead } from './vllm-flags.js';

/** Flags of llama-bench that no option of a sweep answers to, and what to do instead. */
const INSTEAD: Instead = [
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

const REFUSED: readonly (readonly [tool: string, refused: Instead])[] = [
  ['llama-bench', INSTEAD],
  ['vllm bench serve', INSTEAD_OF_VLLM],
];

/** What a flag can vary: an option of a runner or a workload. */
export interface BenchOption {
  readonly name: string;
  /** What it holds. */
  readonly schema: z.ZodType;
  readonly help: string;
  readonly fallback: unknown;
  /** The field's other words for it. */
  readonly alsoKnownAs: readonly string[];
}

/** The engine that llama-bench measures is the one that runs where a sweep names none. */
export const BENCH_RUNNERS = RUNNERS.filter(({ kind }) => kind === DEFAULT_RUNNER);

/** Of the engine that llama-bench measures. */
export const ENGINE_OPTIONS: readonly BenchOption[] = BENCH_RUNNERS.flatMap(optionsOf);

/** What llama-bench can vary: that, and the workload that has its semantics. */
export const BENCH_OPTIONS: readonly BenchOption[] = [...optionsOf(latency), ...ENGINE_OPTIONS];

/** Of a load on a server that runs (`--url`). */
export const LOAD_OPTIONS: readonly BenchOption[] = optionsOf(serving);

function optionsOf({ options, alsoKnownAs }: RunnerKind | WorkloadKind): BenchOption[] {
  return Object.entries(options.shape).map(([name, schema]) => ({
    name,
    schema,
    help: schema.description ?? '',
    fallback: schema.parse(undefined),
    alsoKnownAs: Object.entries(alsoKnownAs).flatMap(([flag, option]) => (option === name ? [flag] : [])),
  }));
}

/** `kvCacheTypeK` → kv-cache-type-k. */
const dashed = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
/** `n-prompt`, `n_prompt` and `nPrompt` are one word. */
const plain = (name: string) => name.replace(/[-_]/g, '').toLowerCase();

/** @returns every spelling of an option → its own flag. */
function spellingsOf(options: readonly BenchOption[]): ReadonlyMap<string, string> {
  return new Map(
    options.flatMap(({ name, alsoKnownAs }) =>
      [name, ...alsoKnownAs].map((flag) => [plain(flag), dashed(name)] as const),
    ),
  );
}

const SPELLINGS = spellingsOf([...LOAD_OPTIONS, ...BENCH_OPTIONS]);
const LOAD_SPELLINGS = spellingsOf(LOAD_OPTIONS);

/**
 * @returns the flags of an option as commander declares them: `-p, --prompt-tokens`,
 *   `--ctk, --kv-cache-type-k`.
 */
export function flagsOf({ name, alsoKnownAs }: BenchOption): string {
  const [short] = alsoKnownAs.filter((flag) => flag.length <= 3).sort((a, b) => a.length - b.length);
  const long = `--${dashed(name)}`;
  if (short === undefined) return long;
  return `${short.length === 1 ? '-' : '--'}${short}, ${long}`;
}

/**
 * Translates llama-bench's way to write flags, names of several letters after one dash included, into ours:
 * `-ctk` and `--cache-type-k` → `--kv-cache-type-k`. Words that are no flags, and flags of one letter, stay.
 * @throws CommandError (exit code 2) for a flag of llama-bench that Ridgepoint has no option for.
 */
export const spelledOut = (flag: string): string => spelledBy(flag, SPELLINGS);

/** The same for a command that has the options of a load alone. */
export const spelledLoad = (flag: string): string => spelledBy(flag, LOAD_SPELLINGS);

function spelledBy(flag: string, spellings: ReadonlyMap<string, string>): string {
  const match = /^--?([A-Za-z][\w-]*)(=.*)?$/.exec(flag);
  const name = match?.[1];
  if (name === undefined) return flag;
  for (const [tool, refusals] of REFUSED) {
    const refused = refusals.find(([flags]) => flags.includes(name.replaceAll('_', '-')));
    if (refused !== undefined)
      throw usageError(`${tool}'s ${flag.split('=')[0]} is no option here: ${refused[1]}`);
  }
  if (name.length === 1) return flag;
  return `--${spellings.get(plain(name)) ?? name}${match?.[2] ?? ''}`;
}

/** Reads what was typed behind an option, and what was typed before. */
type ReadTyped = (text: string, before?: readonly string[]) => readonly string[];

export const readList: ReadTyped = (text, before = []) => [...before, ...text.split(',')];

/**
 * @returns what reads a list of values, some of which have commas of their own:
 *   `ttft:p90<=1s,tpot:p90<=50ms`.
 */
const listUnlessValue =
  ({ schema }: BenchOption): ReadTyped =>
  (text, before = []) =>
    schema.safeParse(text).success ? [...before, text] : readList(text, before);

export function optionOf(option: BenchOption, read: ReadTyped): Option {
  const fallback = option.fallback === null ? '' : ` (default: ${option.fallback})`;
  return new Option(`${flagsOf(option)} <values>`, `${option.help}${fallback}`).argParser(read);
}

/** @returns an option of a load, as commander declares it. */
export const loadOptionOf = (option: BenchOption) => optionOf(option, listUnlessValue(option));

/** @returns what was typed of these options, by their names. */
export function typedOf(
  options: readonly BenchOption[],
  typed: Readonly<Record<string, unknown>>,
): Record<string, readonly string[]> {
  return Object.fromEntries(options.map(({ name }) => [name, (typed[name] ?? []) as readonly string[]]));
}

/** @returns the flags of these options that were typed. */
export const flagsTyped = (
  options: readonly BenchOption[],
  typed: Readonly<Record<string, readonly string[]>>,
): string[] => options.flatMap((option) => ((typed[option.name] ?? []).length > 0 ? [flagsOf(option)] : []));

/** @returns what a sweep says of a value, after the flag that was typed. */
export function withFlag(message: string): string {
  const option = [...BENCH_OPTIONS, ...LOAD_OPTIONS].find(({ name }) => message.startsWith(`${name} `));
  return option === undefined ? message : `${flagsOf(option)}: ${message}`;
}
