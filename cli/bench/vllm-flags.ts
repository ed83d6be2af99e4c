import { usageError } from '../exit.js';

/** Flags that no option of a sweep answers to, and what to do instead. */
export type Instead = readonly (readonly [flags: readonly string[], instead: string])[];

/** Flags that change nothing, whether each brings a value, and why they change nothing. */
export type Ignored = readonly (readonly [flags: readonly string[], value: boolean, why: string])[];

/** Of `vllm bench serve` 0.32. */
export const INSTEAD_OF_VLLM: Instead = [
  [['host', 'port'], 'give both as --url http://HOST:PORT'],
  [['header'], 'a key is read from the file of --api-key-file, and no other header is sent'],
  [['insecure'], 'NODE_EXTRA_CA_CERTS=FILE in the environment names the certificate to trust'],
  [
    ['goodput'],
    'use --slo ttft:p90<=500ms,tpot:p90<=50ms, with the share of requests and the unit of each limit',
  ],
  [
    ['random-range-ratio'],
    'use --random-input-len uniform:64..192, which draws lengths between both, and --random-output-len likewise',
  ],
  [
    ['random-prefix-len', 'prefix-repetition-prefix-len'],
    'use --shared-prefix 0.5, the share of each prompt',
  ],
  [
    ['ramp-up-strategy', 'ramp-up-start-rps', 'ramp-up-end-rps'],
    'use --arrival ramp --requests-per-second FROM --ramp-to-per-second TO',
  ],
  [['lora-modules', 'lora-assignment'], 'use --lora-shares NAME:1,NAME:1'],
  [['probe-request-rate'], 'latencies are those of the load itself, so leave it out'],
  [
    ['percentile-metrics', 'metric-percentiles'],
    'every metric is kept; choose those of the table with --columns NAMES (docs/metrics.md)',
  ],
  [
    ['result-dir', 'result-filename', 'save-detailed', 'append-result'],
    'every run keeps all requests in the folder of --out; `ridge report FOLDER --format vllm-json` writes vLLM’s file',
  ],
  [['profile'], 'ask the server’s own profiler; `ridge profile` is of models that run here'],
  [
    [
      'top-p',
      'top-k',
      'min-p',
      'frequency-penalty',
      'presence-penalty',
      'repetition-penalty',
      'use-beam-search',
    ],
    'of sampling --temperature alone can be said, so leave it out',
  ],
  [['logprobs', 'extra-body', 'chat-template-kwargs'], 'requests have no further fields, so leave it out'],
  [['served-model-name'], 'use --model NAME'],
  [
    ['tokenizer-mode', 'skip-tokenizer-init'],
    'the tokenizer is that of the model’s file or folder; name it with --tokenizer',
  ],
  [
    ['plot-timeline', 'timeline-itl-thresholds', 'plot-dataset-stats'],
    'report.html of the run has its plots',
  ],
  [['seed'], 'use --load-seed N'],
];

/** Of the same. */
export const IGNORED_OF_VLLM: Ignored = [
  [['disable-tqdm'], false, 'progress is always on stderr'],
  [['save-result'], false, 'every run is kept in the folder of --out'],
  [
    ['ignore-eos'],
    false,
    'answers go on to their length; --exact-length false ends them where the model does',
  ],
  [['trust-remote-code'], false, 'no code of a model is run'],
  [['ready-check-timeout-sec'], true, 'the server has to answer now'],
  [['label', 'metadata', 'request-id-prefix'], true, 'records name the server, the load and the time'],
];

/** Its flags that are other spellings of options of a load. */
export const VLLM_SPELLINGS = [
  'request-rate',
  'max-concurrency',
  'burstiness',
  'num-prompts',
  'num-warmups',
  'random-input-len',
  'random-output-len',
  'input-len',
  'output-len',
  'dataset-path',
  'temperature',
] as const;

/** For the end of `ridge bench --help`. */
export const VLLM_HELP = `
Of vllm bench serve these work with --url, and lists of them are axes (--max-concurrency 1,2,4,8):
  ${VLLM_SPELLINGS.map((name) => `--${name}`).join(' ')}
  --base-url --model --tokenizer, --dataset-name random or custom, --backend and --endpoint of completions or chat
The others are answered with what to use instead, or with why they change nothing here.
Without --request-rate and --max-concurrency one request at a time is sent; vLLM’s own default is --request-rate inf.`;

/** Flags that say in one word which API is asked, or what prompts are. */
const CHOICES: Readonly<Record<string, (value: string) => readonly string[] | null>> = {
  'base-url': (address) => ['--url', address],
  backend: apiOf,
  'endpoint-type': apiOf,
  endpoint: apiOf,
  // What it calls custom are lines of JSON with a prompt, which --dataset-path names.
  'dataset-name': (name) => (name === 'random' || name === 'custom' ? [] : null),
};

function apiOf(name: string): readonly string[] | null {
  if (/embed|audio|rerank|pooling|score/.test(name)) return null;
  return name.includes('chat') ? ['--api', 'chat'] : [];
}

/**
 * Puts our flags in place of those of `vllm bench serve` that choose by a word.
 * @throws CommandError (2) for a choice that there is not.
 */
export function withoutVllmChoices(args: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    const [, name = '', said] = /^--([a-z][\w-]*)(?:=(.*))?$/.exec(argument) ?? [];
    const plain = name.replaceAll('_', '-');
    const choose = Object.hasOwn(CHOICES, plain) ? CHOICES[plain] : undefined;
    const value = said ?? args[i + 1];
    if (choose === undefined || value === undefined) {
      kept.push(argument);
      continue;
    }
    if (said === undefined) i += 1;
    const chosen = choose(value);
    if (chosen === null)
      throw usageError(
        `vllm bench serve's --${name} ${value} is no option here`,
        'Prompts are random words, or lines of the JSONL file of --dataset-path, and go to /v1/completions or, with --api chat, to /v1/chat/completions.',
      );
    kept.push(...chosen);
  }
  return kept;
}
