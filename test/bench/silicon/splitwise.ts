import { groupBy } from '../../../core/maps.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { type StepBatch, withHost } from '../../../roofline/step/setting.js';
import { median } from '../../../statistics/quantile.js';
import type { Clone } from './clone.js';
import type { Host } from './host.js';
import { type CsvRow, readCsv } from './points.js';
import { timedServer } from './predictions.js';

type Misses = readonly (readonly [key: string, miss: number | string])[];

const MODELS: Readonly<Record<string, string>> = { 'llama2-70b': 'llama-2-70b', 'bloom-176b': 'bloom' };
/** A capped H100 has the roofs of the other: what it loses by the cap is what is printed. */
const DEVICES: Readonly<Record<string, string>> = {
  'a100-80gb': 'a100-80gb',
  'h100-80gb': 'h100',
  'h100-80gb-pcap': 'h100',
};
const F16 = { attention: 'bf16', feedForward: 'bf16', shared: 'bf16', experts: 'bf16' } as const;

/**
 * Splitwise's measurements (Mutinifni/splitwise-sim, `data/perf_model.csv`, MIT; Patel et al., ISCA 2024): a
 * batch of prompts, then tokens of it, with vLLM of 2023; medians over repeats.
 * @returns misses of the prompt's time and of the time between tokens.
 */
export function splitwiseMisses(clone: Clone, host: Host): [string, Misses][] {
  const rows = readCsv(clone.read('data/perf_model.csv'));
  const settings = [
    ...groupBy(rows, ({ model, hardware, prompt_size, batch_size, token_size, tensor_parallel }) =>
      [model, hardware, prompt_size, batch_size, token_size, tensor_parallel].join(' '),
    ).values(),
  ];
  const servers = new Map<string, ReturnType<typeof timedServer>>();
  const judged = settings.map((same) => ({
    key: `${same[0]!.model} ${same[0]!.hardware}`,
    ...missesOf(same, servers, host),
  }));
  return [
    [
      `Splitwise: prompts (${rows.length} rows, ${settings.length} settings)`,
      judged.map(({ key, prompt }) => [key, prompt]),
    ],
    ['Splitwise: time between tokens', judged.map(({ key, token }) => [key, token])],
  ];
}

function missesOf(
  same: readonly CsvRow[],
  servers: Map<string, ReturnType<typeof timedServer>>,
  host: Host,
): { prompt: number | string; token: number | string } {
  const row = same[0]!;
  const tensor = Number(row.tensor_parallel);
  const key = `${row.model} ${row.hardware} ${tensor}`;
  let server = servers.get(key);
  if (server === undefined) {
    const read = namedArchitecture(MODELS[row.model!]!);
    server = read.ok
      ? timedServer(read.architecture, {
          formats: F16,
          device: DEVICES[row.hardware!]!,
          engine: 'vllm',
          served: { devices: tensor, tensor, data: 1, expert: 1, expertTensor: tensor },
          cache: 'bf16',
          memoryShare: null,
          flags: {},
        })
      : read.reason;
    servers.set(key, server);
  }
  if (typeof server === 'string') return { prompt: server, token: server };
  const [sequences, prompt, answer] = [
    Number(row.batch_size),
    Number(row.prompt_size),
    Number(row.token_size),
  ];
  const measured = (name: string) => median(same.map((one) => Number(one[name]))) / 1000;
  const seconds = (batch: StepBatch) => withHost(server.step.secondsOf(batch), 1, newTokensOf(batch), host);
  const chunks = Array.from({ length: sequences }, () => ({ newTokens: prompt, cachedTokens: 0 }));
  return {
    prompt: Math.log(seconds({ decodes: 0, contextTokens: 0, chunks }) / measured('prompt_time')),
    token: Math.log(
      seconds({ decodes: sequences, contextTokens: prompt + answer / 2, chunks: [] }) /
        measured('token_time'),
    ),
  };
}

const newTokensOf = ({ decodes, chunks }: StepBatch) =>
  chunks.reduce((sum, { newTokens }) => sum + newTokens, decodes);
