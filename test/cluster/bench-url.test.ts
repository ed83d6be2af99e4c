import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtinFolder } from '../../artifacts/files/source.js';
import { metricValue, type ResultRecord } from '../../core/result/result.js';
import { PROFILES } from '../../core/runners/server/index.js';
import { commandOf } from '../../engines/servers/config.js';
import { findProgram } from '../../process/isolation/start-tools.js';
import { metricText } from '../../report/scale.js';
import { temporaryFolder } from '../support/folder.js';
import { recordsIn } from '../support/reading.js';
import { ridgeHere } from '../support/ridge-here.js';
import { withLlamaServer } from '../support/servers.js';
import { withSimulator } from '../support/simulator.js';

const LOAD =
  '--max-concurrency 1,2 --num-prompts 12 --random-input-len 48 --random-output-len 6 --num-warmups 1 --energy none --audit false';

/**
 * Runs it as a user would who knows `vllm bench serve`. @returns what it said, its records and its folder.
 */
async function bench(url: string, cwd: string, ...more: string[]) {
  const before = new Set(runsIn(cwd));
  const { code, stderr, stdout } = await ridgeHere(['bench', '--url', url, ...LOAD.split(' '), ...more], {
    cwd,
  });
  // 4: the machine was too busy for a row. How calm it is is not the question here.
  expect([0, 4], stderr).toContain(code);
  const [folder] = runsIn(cwd).filter((name) => !before.has(name));
  const records = recordsIn(join(cwd, 'ridge-out', folder!));
  expect(records.map(({ failure }) => failure?.message ?? null)).toEqual([null, null]);
  return { stderr, stdout, records, folder: folder! };
}

function runsIn(cwd: string): string[] {
  return readdirSync(cwd).includes('ridge-out') ? readdirSync(join(cwd, 'ridge-out')).toSorted() : [];
}

const sentBy = ({ serving }: ResultRecord) => {
  const { promptTokens, outputTokens, usage } = serving!.requests;
  return { promptTokens: new Set(promptTokens), outputTokens: new Set(outputTokens), requests: usage.length };
};

test('ridge bench --url asks a simulated server in one line, and each run is one of its own', async () => {
  const cwd = temporaryFolder();
  await withSimulator({ ttft: 0.002, itl: 0.001 }, async ({ url, counters }) => {
    const { records, stderr, stdout } = await bench(url, cwd);
    expect(stderr).toContain(`attached to simulated-server at ${url}, model simulated, `);
    expect(stdout).toContain('concurrency');
    expect(records.map(({ experiment }) => experiment.workload.options.concurrency).toSorted()).toEqual([
      1, 2,
    ]);
    for (const record of records) {
      expect(record.experiment.runner.kind).toBe('simulated-server');
      expect(record.environment.server).toBe('attached-simulated-server');
      expect(sentBy(record)).toMatchObject({ requests: 12, outputTokens: new Set([6]) });
      // What is said as a row comes is the number that the table has under that heading.
      const ttft = metricValue(record, 'timeToFirstTokenSeconds')!;
      expect(stderr).toContain(`TTFT ${metricText('timeToFirstTokenSeconds', ttft)}`);
    }
    expect(counters.answered).toBe(2 * 13);
    // The server may run otherwise by now, so it is asked again; the experiments are the same, for
    // `ridge compare`.
    const again = await bench(`${url}/v1`, cwd, '-o', 'csv');
    expect(counters.answered).toBe(4 * 13);
    const ids = (all: readonly ResultRecord[]) => all.map(({ experimentId }) => experimentId).toSorted();
    expect(ids(again.records)).toEqual(ids(records));
  });
}, 180_000);

test('of a server whose engine is known and whose model is elsewhere, each chunk is counted as that engine tells', async () => {
  await withSimulator({ speaks: 'vLLM', ttft: 0.002, itl: 0.001, model: 'a/elsewhere' }, async ({ url }) => {
    const { records, stderr } = await bench(url, temporaryFolder());
    expect(stderr).toContain(`attached to vllm 0.32.0 at ${url}, model a/elsewhere, no tokenizer`);
    for (const record of records) {
      expect(record.experiment).toMatchObject({ runner: { kind: 'openai' }, model: { name: 'elsewhere' } });
      expect(record.environment.server).toBe('attached-vllm');
      expect(record.serving).toMatchObject({ tokenizer: null, outputTokensBy: 'chunks' });
      expect(sentBy(record)).toMatchObject({ requests: 12, outputTokens: new Set([6]) });
    }
  });
}, 180_000);

const program = process.env.RIDGEPOINT_LLAMA_SERVER ?? commandOf(PROFILES['llama-server'])[0]!;
test.skipIf(findProgram(program, process.env.PATH) === null)(
  'ridge bench --url finds release, model and tokenizer of a real llama-server, and sends exactly the tokens that were asked for (needs one on the PATH, built, or in RIDGEPOINT_LLAMA_SERVER)',
  async () => {
    await withLlamaServer(program, async (url) => {
      const { records, stderr } = await bench(url, temporaryFolder());
      const path = join(builtinFolder(), 'small-f16.gguf');
      expect(stderr).toMatch(/attached to llama-server b\S+ at http/);
      expect(stderr).toContain(`, model small, tokenizer from ${path}`);
      for (const record of records) {
        expect(record.experiment).toMatchObject({
          runner: { kind: 'llama-server' },
          model: { name: 'small', source: path },
        });
        expect(record.environment.serverRelease).toMatch(/^llama-server b/);
        expect(record.serving!.tokenizer).not.toBeNull();
        expect(sentBy(record)).toMatchObject({ requests: 12, promptTokens: new Set([48]) });
        const read = record.serving!.requests.usage.map((usage) => usage?.promptTokens);
        expect(new Set(read)).toEqual(new Set([48]));
        // Its process was found by its port.
        expect(record.measurements.peakResidentBytes!.value).toBeGreaterThan(1e6);
      }
    });
  },
  180_000,
);
