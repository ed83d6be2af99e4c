import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What is asked of a server at a known address. */
export interface Asked {
  readonly url: string;
  readonly concurrency: number;
  readonly requests: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/** Words of the simulated server's answers: one token each for it, as they are for us. */
const WORDS = '[UNK] the of and to in is that it was for'.split(' ');

/** @returns AIPerf's medians in seconds; null = RIDGEPOINT_AIPERF names no Python. */
export function aiperf(asked: Asked): { readonly TTFT: number; readonly ITL: number } | null {
  const python = process.env.RIDGEPOINT_AIPERF;
  if (python === undefined) return null;
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-aiperf-'));
  try {
    writeTokenizer(folder);
    const { url, concurrency, requests, promptTokens, outputTokens } = asked;
    const words =
      `-m aiperf profile -m simulated --url ${url} --endpoint-type completions --streaming --ui none ` +
      `--concurrency ${concurrency} --request-count ${requests} --isl ${promptTokens} --osl ${outputTokens} ` +
      `--tokenizer ${folder} --artifact-dir ${join(folder, 'out')}`;
    execFileSync(python, words.split(' '), { stdio: 'ignore' });
    const said = JSON.parse(readFileSync(join(folder, 'out/profile_export_aiperf.json'), 'utf8'));
    return { TTFT: said.time_to_first_token.p50 / 1000, ITL: said.inter_token_latency.p50 / 1000 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A tokenizer of words, for there is none that needs no network. */
function writeTokenizer(folder: string): void {
  const tokenizer = {
    version: '1.0',
    added_tokens: [],
    pre_tokenizer: { type: 'WhitespaceSplit' },
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries(WORDS.map((word, i) => [word, i])),
      unk_token: WORDS[0],
    },
  };
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    unk_token: WORDS[0],
    model_max_length: 100_000,
  };
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
}
