import { IGNORED_OF_VLLM, type Ignored } from './vllm-flags.js';

/** Flags of llama-bench and vLLM's bench that change nothing here. */
const IGNORED: Ignored = [
  [['progress'], false, 'progress is always on stderr'],
  [['v', 'verbose'], false, 'RIDGE_DEBUG=1 says more'],
  [['oe', 'output-err'], true, 'stderr has the progress'],
  [['prio'], true, 'trials run at the priority of ridge itself'],
  [['delay'], true, 'there is no pause between rows'],
  ...IGNORED_OF_VLLM,
];

/** Switches of llama-bench that a sweep has no option for, and that are off here, too. */
const OFF = [
  ...[
    'embd',
    'embeddings',
    'nkvo',
    'no-kv-offload',
    'nopo',
    'no-op-offload',
    'no-host',
    'ncmoe',
    'n-cpu-moe',
  ],
  ...['dio', 'direct-io', 'cpu-strict'],
];

/**
 * Takes out of the words of other benches those that change nothing.
 * @param say is told of each but of switches that are off.
 */
export function withoutIgnored(args: readonly string[], say: (sentence: string) => void): string[] {
  const kept: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const argument = args[i]!;
    const [, name = '', value] = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/.exec(argument) ?? [];
    const plain = name.replaceAll('_', '-');
    const ignored = IGNORED.find(([flags]) => flags.includes(plain));
    if (ignored !== undefined) {
      const [, takesValue, why] = ignored;
      if (takesValue && value === undefined) i++;
      say(`${argument.split('=')[0]} changes nothing here: ${why}`);
    } else if (OFF.includes(plain) && (value ?? args[i + 1]) === '0') {
      if (value === undefined) i++;
    } else kept.push(argument);
  }
  return kept;
}
