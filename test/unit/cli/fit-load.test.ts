import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { CommandError, EXIT } from '../../../cli/exit.js';
import { createProgram } from '../../../cli/program.js';
import { NO_HOST } from '../../../roofline/step/setting.js';
import { sharedFolder } from '../../support/folder.js';
import { heard } from '../../support/heard.js';

afterEach(() => vi.restoreAllMocks());

async function ridgeFit(...args: readonly string[]) {
  const said = heard();
  const error = await (await createProgram()).parseAsync(['node', 'ridge', 'fit', ...args]).then(
    () => null,
    (reason: unknown) => reason,
  );
  vi.restoreAllMocks();
  if (error !== null && !(error instanceof CommandError)) throw error;
  return { stdout: said.stdout, stderr: said.stderr, error };
}

interface Placed {
  readonly device: string;
  readonly bits: string;
  readonly devices: number;
  readonly replicas: number;
  readonly band: { readonly low: number | null; readonly high: number | null };
  readonly money: string | { readonly currency: string; readonly perHour: number };
  readonly energy: { readonly perMillionTokens: readonly number[] };
}
interface Answer {
  readonly engines: readonly string[];
  readonly best: Placed;
  readonly versus: {
    readonly runnerUp: Placed;
    readonly certain: boolean;
    readonly priceRatio: number | null;
    readonly speeds: readonly { readonly speed: number; readonly best: number }[];
  };
  readonly lines: readonly Placed[];
  readonly windows: readonly { readonly requests: number; readonly replicas: number }[] | null;
}

const SLO = ['--slo', 'ttft:p95<500ms,tpot:p95<20ms'];
const RATE = ['--request-rate', '20', '--input-len', '512', '--output-len', '64', '--num-prompts', '200'];
const ON_H100 = ['--hardware', 'h100', '--bits', 'native', '--devices', '1'];

async function answersOf(...args: readonly string[]): Promise<readonly Answer[]> {
  const { stdout, error } = await ridgeFit('llama-3.1-8b', ...args, '--json');
  expect(error).toBeNull();
  return (JSON.parse(stdout) as { answers: Answer[] }).answers;
}

const folder = sharedFolder();
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** So many requests a second, in each of the parts of a minute. */
const trace = (...rates: readonly number[]) =>
  rates
    .flatMap((rate, part) =>
      Array.from({ length: 20 * rate }, (_, i) => ({
        timestamp: 20_000 * part + (1000 * i) / rate,
        input_length: 512,
        output_length: 64,
      })),
    )
    .map((line) => JSON.stringify(line))
    .join('\n');

describe('ridge fit under a load', () => {
  test('answers what to rent, what comes second, and on what that stands', async () => {
    const args = [...SLO, ...RATE, '--hardware', 'h100,a100-80gb', '--bits', 'native,fp8'];
    const { stdout, stderr, error } = await ridgeFit('llama-3.1-8b', ...args);
    expect(error).toBeNull();
    expect(stdout).toMatch(
      /^\d+ × h100 .*, with vLLM\. (All requests|\d+\.\d % of requests or more) keep each objective/,
    );
    expect(stdout).toContain('No money is stated: no price list was given.');
    expect(stdout).toMatch(/The runner-up: \d+ × a100-80gb/);
    expect(stdout).toMatch(/\ndevice +in +engine +devices +as +keep +times ±\n/);
    for (const words of ['20 requests/s (Poisson)', 'chunked prefill', 'tables of vLLM', 'simulations of'])
      expect(stderr).toContain(words);
  });

  test('needs more for more, and no fewer the tighter the SLO is', async () => {
    const devicesAt = async (rate: string, slo: string) => {
      const [answer] = await answersOf('--slo', slo, ...RATE, '--request-rate', rate, ...ON_H100);
      return answer!.best.devices;
    };
    const loose = await devicesAt('60', 'ttft:p95<1s,tpot:p95<20ms');
    expect(await devicesAt('240', 'ttft:p95<1s,tpot:p95<20ms')).toBeGreaterThan(loose);
    expect(await devicesAt('60', 'ttft:p95<60ms,tpot:p95<9ms')).toBeGreaterThan(loose);
  });

  test('ranks by the money of a price list, and says where the order turns', async () => {
    const args = [...SLO, ...RATE, '--hardware', 'h100,a100-80gb', '--bits', 'native'];
    const prices = (a100: number) =>
      file(
        `${a100}.yaml`,
        `currency: EUR\nperDeviceHour: { h100: 4, A100-80GB: ${a100} }\nperKilowattHour: 0.2\n`,
      );
    const [cheap] = await answersOf(...args, '--prices', prices(0.1));
    expect(cheap!.best.device).toBe('a100-80gb');
    const [dear] = await answersOf(...args, '--prices', prices(4));
    expect(dear!.best.device).toBe('h100');
    const { money, devices } = dear!.best;
    expect(money).toMatchObject({ currency: 'EUR' });
    expect((money as { perHour: number }).perHour).toBeGreaterThan(4 * devices);
    const { priceRatio, runnerUp } = dear!.versus;
    expect(priceRatio).toBe(devices / runnerUp.devices);
  });

  test('energy has a band, and the band of times a number of devices at either end', async () => {
    const [answer] = await answersOf(...SLO, ...RATE, '--request-rate', '150', ...ON_H100);
    const { band, devices, energy } = answer!.best;
    expect(band.low).toBeLessThanOrEqual(devices);
    expect(band.high).toBeGreaterThanOrEqual(devices);
    const [low, middle, high] = energy.perMillionTokens as [number, number, number];
    expect(low).toBeLessThan(middle);
    expect(middle).toBeLessThan(high);
  });

  test('says what each window of a trace needs', async () => {
    const path = file('load.jsonl', trace(5, 200, 5));
    const tight = ['--slo', 'ttft:p95<300ms,tpot:p95<9ms'];
    const [answer] = await answersOf(...tight, '--trace', path, '--window', '20s', ...ON_H100);
    const [before, busy, after] = answer!.windows!;
    expect([before, busy, after].map((one) => one!.requests)).toEqual([100, 4000, 100]);
    expect(busy!.replicas).toBeGreaterThan(before!.replicas);
    expect(after!.replicas).toBe(before!.replicas);
    expect(answer!.windows).toHaveLength(3);
  });

  test('engines that nobody calibrated are not ranked against one another', async () => {
    const args = [...SLO, ...RATE, ...ON_H100, '--engine', 'vllm,sglang'];
    const answers = await answersOf(...args);
    expect(answers.map(({ engines }) => engines)).toEqual([['vllm'], ['sglang']]);
    expect((await ridgeFit('llama-3.1-8b', ...args)).stderr).toContain('engines are not ranked');
    const host = JSON.stringify({ ...NO_HOST, stepSeconds: 0.0005, spread: 0.05, source: 'a test' });
    const own = file('host.json', host);
    const [one, ...none] = await answersOf(...args, '--calibration', `vllm=${own},sglang=${own}`);
    expect(one!.engines).toEqual(['vllm', 'sglang']);
    expect(none).toEqual([]);
  });

  test('--ttft and --tpot are short forms', async () => {
    const args = [...RATE, ...ON_H100];
    const [short] = await answersOf('--ttft', '500', '--tpot', '20', ...args);
    const [long] = await answersOf(...SLO, ...args);
    expect(short).toEqual(long);
  });

  test('says what starts the answer, with replicas and the flags that were simulated', async () => {
    const args = [...SLO, ...RATE, '--hardware', 'h100', '--bits', 'fp8kv8', '--devices', '1'];
    const asked = async (...more: readonly string[]) => await ridgeFit('llama-3.1-8b', ...args, ...more);
    const { stdout, stderr } = await asked('--as', 'vllm');
    for (const words of [
      'vllm serve llama-3.1-8b',
      '--max-num-batched-tokens 8192',
      '--max-model-len 576',
      '--quantization fp8',
      '--kv-cache-dtype fp8',
    ])
      expect(stdout).toContain(words);
    expect(stderr).toContain('with vLLM');
    const [best] = await answersOf(...args, '--request-rate', '300').then(([one]) => [one!.best]);
    expect(best!.replicas).toBeGreaterThan(1);
    const more = ['--request-rate', '300', '--as'];
    const [deployment] = parseAllDocuments((await asked(...more, 'kubernetes')).stdout).map((one) =>
      one.toJS(),
    );
    expect(deployment.spec.replicas).toBe(best!.replicas);
    expect(deployment.spec.template.spec.containers[0].resources.limits).toEqual({ 'nvidia.com/gpu': '1' });
    const chart = parse((await asked(...more, 'helm')).stdout);
    expect(chart.servingEngineSpec.modelSpec[0]).toMatchObject({
      replicaCount: best!.replicas,
      requestGPU: 1,
    });
    expect((await asked('--as', 'sglang')).error?.message).toContain('the answer is of vllm');
  });

  test('draws how many requests keep the SLO on how many devices, with bands', async () => {
    const [svg, html] = [join(folder, 'chart.svg'), join(folder, 'page.html')];
    const args = [...SLO, ...RATE, '--request-rate', '150', '--hardware', 'h100', '--bits', 'native,fp8'];
    const { error } = await ridgeFit('llama-3.1-8b', ...args, '--svg', svg, '--html', html);
    expect(error).toBeNull();
    const drawn = readFileSync(svg, 'utf8');
    for (const part of ['h100 fp8', 'has to be 95 %', '<polygon', '<polyline']) expect(drawn).toContain(part);
    const page = readFileSync(html, 'utf8');
    expect(page).toContain(drawn.trim());
    expect(page).toContain('150 requests/s (Poisson)');
    expect(page).not.toContain('<script');
  });

  test('ends with 3 where nothing keeps the SLO, and says what stands in the way', async () => {
    const { error } = await ridgeFit('llama-3.1-8b', '--slo', 'tpot:p95<1ms', ...RATE, ...ON_H100);
    expect(error?.exitCode).toBe(EXIT.gate);
    expect(error?.message).toMatch(/h100 native: a lone sequence takes \d.* ms a token/);
    const large = await ridgeFit('llama-3.1-405b', ...SLO, ...RATE, ...ON_H100);
    expect(large.error?.message).toMatch(/it does not fit on 1 × NVIDIA H100.*weights take/);
    expect(large.error?.hint).toMatch(
      /^(8|16) × h100 as published hold the model: allow them with --devices \1\.$/,
    );
  });

  const times = (...all: readonly number[]) =>
    all.map((timestamp) => JSON.stringify({ timestamp, input_length: 8, output_length: 8 })).join('\n');
  test.each([
    [[...SLO], /no load is named/],
    [[...RATE], /no SLO is named/],
    [['--slo', 'ttft:p95<500', ...RATE], /"ttft:p95<500" has no unit: say 500ms or 0.5s/],
    [[...SLO, '--trace', file('empty.jsonl', '')], /The trace has no request/],
    [[...SLO, '--trace', file('back.jsonl', times(5000, 1000))], /run backwards/],
    [[...SLO, '--trace', join(folder, 'none')], /the trace .* cannot be read/],
    [[...SLO, ...RATE, '--input-len', '200000'], /a request of the load has 200064 tokens/],
    [[...SLO, ...RATE, '--output-len', '1'], /answers of one token/],
    [[...SLO, ...RATE, '--window', '1min'], /--window cuts a trace/],
    [[...SLO, ...RATE, '--bits', 'q4_k_m'], /engines on GPUs serve/],
    [[...SLO, ...RATE, '--train', 'lora'], /--train: says nothing to the simulation of a load/],
    [[...SLO, ...RATE, '--flag', 'maxNumSeq=8'], /no flag maxNumSeq: did you mean maxNumSeqs\?/],
    [[...SLO, ...RATE, '--batch', '8'], /--batch: says nothing/],
    [[...SLO, ...RATE, '--hardware', 'epyc-7763'], /is no GPU/],
    [[...SLO, ...RATE, '--calibration', 'sglang=x', '--engine', 'vllm,trtllm'], /name each with its file/],
    [
      [...SLO, ...RATE, '--prices', file('l40s.yaml', 'currency: USD\nperDeviceHour: { l40s: 1 }')],
      /has prices of l40s, and asked for are h100/,
    ],
    [
      [...SLO, ...RATE, '--prices', file('typo.yaml', 'currency: USD\nperDeviceHour: { h10O: 1 }')],
      /no device "h10O"/,
    ],
    [
      [...SLO, ...RATE, '--prices', file('less.yaml', 'currency: USD\nperDeviceHour: { h100: -1 }')],
      /perDeviceHour\.h100/,
    ],
  ])('%j is one sentence', async (args, words) => {
    const { error } = await ridgeFit('llama-3.1-8b', ...ON_H100, ...args);
    expect(error?.exitCode).toBe(EXIT.usage);
    expect(error?.message).toMatch(words);
  });
});
