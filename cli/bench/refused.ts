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

/** The same by flag, without its dashes. */
export const REFUSED: ReadonlyMap<string, string> = new Map(
  INSTEAD.flatMap(([flags, instead]) => flags.map((flag) => [flag, instead] as const)),
);
