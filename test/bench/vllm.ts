/**
 * bench:vllm: a real vLLM (0.32, float32, on a CPU), started by Ridgepoint and attached to, with the shipped
 * model:
 *
 * - four loads, prefix caching on and off: requests and tokens are exactly those of its counters, TTFT and
 *   TPOT those of its own histograms over the same requests within 10 ms and 2 %. AIPerf 0.13 and
 *   `vllm bench serve` are held against the same in the same run;
 * - the server gives no fewer tokens per second under ours than under either of them, interleaved;
 * - tokens of answers are as many as their ids; perplexity through the server is llama.cpp's of the same
 *   weights within 0.1 %;
 * - two points with three starts each, twice, at one server with its prefix cache on: hits are those that the
 *   load shares, TTFT of starts alike;
 * - each request is answered by the LoRA adapter that it names;
 * - killed while loading, in prefill, in decode or idle, and its engine or keeper in its place: the run ends
 *   within 5 s with a sentence, and no process is left;
 * - rows of `ridge run` have time and memory of the server's processes, and are clean on a machine that is
 *   otherwise idle.
 *
 * vLLM takes minutes to start on two CPUs, so the bench has parts that are kept in a folder: what is there is
 * not measured again unless it is named.
 *
 *   RIDGEPOINT_VLLM=…/bin/vllm RIDGEPOINT_AIPERF=…/bin/python npm run bench -- vllm
 *   [--part=off,on,attached,prefix,started,loras,kills] [--state=FOLDER] [--rounds=5]
 *   [--moments=loading,idle]
 *
 * `vllm bench serve` needs pandas beside vLLM. `--part=trace` writes what tests replay
 * (test/fixtures/servers/traces).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { conclude, type Figure } from './figure.js';
import { kill, MOMENTS, type Moment } from './vllm/kills.js';
import { cost, loads, tokens } from './vllm/loads.js';
import { loras } from './vllm/loras.js';
import { prefix } from './vllm/prefix.js';
import { perplexity, rows } from './vllm/rows.js';
import { type Place, tokenizerOf, wantedOf, withVllm } from './vllm/server.js';
import { recordTrace } from './vllm/trace.js';

const { values: options } = parseArgs({
  options: {
    part: { type: 'string' },
    state: { type: 'string', default: join(tmpdir(), 'ridgepoint-bench-vllm') },
    rounds: { type: 'string', default: '5' },
    moments: { type: 'string', default: Object.keys(MOMENTS).join(';') },
    release: { type: 'string', default: '0.32.0' },
  },
});
const vllm = process.env.RIDGEPOINT_VLLM;
if (vllm === undefined || !existsSync(vllm)) {
  console.error(
    'Name the program vllm in RIDGEPOINT_VLLM, and a Python that has AIPerf in RIDGEPOINT_AIPERF.',
  );
  process.exit(2);
}
const place: Place = { folder: options.state, vllm };
mkdirSync(place.folder, { recursive: true });

const PARTS: Readonly<Record<string, () => Promise<Figure[]>>> = {
  async off() {
    const tokenizer = await tokenizerOf();
    return await withVllm(wantedOf(place, { prefixCaching: false }), async (served) => [
      ...(await loads(place, served, tokenizer, 'off')),
      ...(await tokens(served, tokenizer)),
      ...(await cost(place, served, tokenizer, Number(options.rounds))),
    ]);
  },
  async on() {
    const tokenizer = await tokenizerOf();
    return await withVllm(
      wantedOf(place, { prefixCaching: true }),
      async (served) => await loads(place, served, tokenizer, 'on'),
    );
  },
  async attached() {
    return await withVllm(wantedOf(place, { prefixCaching: false }), async ({ url }) => [
      ...(await rows(place, url)),
      ...(await perplexity(place, url)),
    ]);
  },
  async prefix() {
    return await withVllm(wantedOf(place, {}), async ({ url }) => await prefix(place, url));
  },
  started: async () => await rows(place, null),
  loras: async () => await loras(place),
  async kills() {
    const figures: Figure[] = [];
    for (const moment of options.moments.split(';')) figures.push(...(await kill(place, moment as Moment)));
    return figures;
  },
};

if (options.part === 'trace') {
  const wanted = wantedOf(place, {});
  console.log(await withVllm(wanted, async ({ url }) => await recordTrace(url, 'small', options.release)));
  process.exit(0);
}
const named = options.part?.split(',') ?? [];
const unknown = named.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  console.error(
    `There is no part ${unknown.join(', ')}; there are: ${Object.keys(PARTS).join(', ')}, trace.`,
  );
  process.exit(2);
}
const fileOf = (name: string) => join(place.folder, `${name}.figures.json`);
for (const [name, measure] of Object.entries(PARTS)) {
  const wanted = options.part === undefined ? !existsSync(fileOf(name)) : named.includes(name);
  if (!wanted) continue;
  console.log(`\n${name}`);
  writeFileSync(fileOf(name), JSON.stringify(await measure(), null, 1));
}
const there = Object.keys(PARTS).filter((name) => existsSync(fileOf(name)));
for (const name of Object.keys(PARTS))
  if (!there.includes(name)) console.log(`${name} has not been measured`);
conclude(
  'vllm',
  there.flatMap((name) => JSON.parse(readFileSync(fileOf(name), 'utf8')) as Figure[]),
);
process.exit();
