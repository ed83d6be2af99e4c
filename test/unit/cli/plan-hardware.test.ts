import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CommandError, EXIT } from '../../../cli/exit.js';
import { createProgram } from '../../../cli/program.js';
import { temporaryFolder } from '../../support/folder.js';
import { heard } from '../../support/heard.js';
import { file } from '../sweep/documents.js';

afterEach(() => vi.restoreAllMocks());

const SPEC = {
  models: 'hf:meta-llama/Llama-3.1-8B',
  runners: { kind: 'vllm', tensorParallel: [1, 2] },
  workloads: { kind: 'serving', concurrency: [4, 16], requests: 32, inputTokens: 512, outputTokens: 32 },
  placement: { device: 'cuda' },
};

/** Runs `ridge plan` on a sweep in this process. */
async function ridgePlan(spec: Record<string, unknown>, ...args: string[]) {
  const path = join(temporaryFolder(), 'sweep.yaml');
  writeFileSync(path, file({ ...SPEC, ...spec }));
  const said = heard();
  const error = await (await createProgram()).parseAsync(['node', 'ridge', 'plan', path, ...args]).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error !== null && !(error instanceof CommandError)) throw error;
  return { stdout: said.stdout, stderr: said.stderr, error };
}

interface Node {
  readonly hardware: string;
  readonly starts: number;
  readonly deviceHours: { value: number; low: number; high: number };
  readonly kilowattHours: { value: number } | null;
  readonly money: { value: number } | null;
  readonly rows: readonly {
    position: number;
    predicted: {
      source: string;
      load: string;
      server: string;
      devices: number;
      startSeconds: number;
      spread: number;
    } | null;
    absent: readonly string[];
  }[];
}

async function nodesOf(spec: Record<string, unknown>, ...args: string[]): Promise<readonly Node[]> {
  const { stdout, error } = await ridgePlan(spec, ...args, '--json');
  expect(error).toBeNull();
  return (JSON.parse(stdout) as { nodes: Node[] }).nodes;
}

describe('ridge plan --hardware', () => {
  test('adds up what every start takes of the devices, and names what it does not predict', async () => {
    const [h100, h200] = await nodesOf({}, '--hardware', 'h100,2xh200');
    expect(h100!.rows.map(({ predicted }) => predicted?.devices ?? null)).toEqual([1, 1, null, null]);
    expect(h100!.rows[2]!.absent).toEqual(['it takes 2 devices, and h100 has 1']);
    expect(h200!.rows.map(({ predicted }) => predicted!.devices)).toEqual([1, 1, 2, 2]);
    for (const { rows, starts, deviceHours } of [h100!, h200!]) {
      const known = rows.flatMap(({ predicted }) => (predicted === null ? [] : [predicted]));
      const each = known.reduce((sum, one) => sum + one.devices * one.startSeconds, 0) / known.length;
      expect(deviceHours.value).toBeCloseTo((starts * each) / 3600, 9);
      expect(deviceHours.low).toBeLessThan(deviceHours.value);
      expect(deviceHours.high).toBeGreaterThan(deviceHours.value);
      for (const { source, load, server, spread } of known) {
        expect(source).toMatch(/^tables of vLLM \S+ on NVIDIA H[12]00/);
        expect([load, server].every((said) => said.length > 20)).toBe(true);
        expect(spread).toBeGreaterThan(0);
      }
    }
    // Three starts of each point, and two drift controls where there are more than three of them.
    expect([h100!.starts, h200!.starts]).toEqual([6, 18]);
  });

  test('says beside each number that it is predicted, by what, and within which band', async () => {
    const { stdout, stderr } = await ridgePlan({}, '--hardware', 'h100');
    expect(stdout).toContain(
      '1 × NVIDIA H100 SXM 80GB: 2 of 4 points predicted by tables of vLLM 0.24.0 on NVIDIA H100 SXM 80GB, host times fitted on',
    );
    expect(stdout).toMatch(
      /\n {2}time: about .+ \(.+ to .+\) of device time, for 6 starts; what servers take/,
    );
    expect(stdout).toMatch(/\nposition +predicted TTFT \(90 % band\) +predicted TPOT \(90 % band\) /);
    expect(stdout).toMatch(/\n +0 +\S+ ms \(\S+ ms to \S+ ms\) +\S+ ms \(\S+ ms to \S+ ms\) /);
    expect(stdout).toContain('\n  not predicted: 2 of 4: it takes 2 devices, and h100 has 1');
    expect(stderr).toContain('nothing here was measured');
    expect(stderr).toContain('its shapes are those that are published as meta-llama/Llama-3.1-8B');
  });

  test('a server that takes time to start takes it of every start', async () => {
    const [without] = await nodesOf({}, '--hardware', 'h100');
    const [with90] = await nodesOf({}, '--hardware', 'h100', '--server-start', '90s');
    const more = 3600 * (with90!.deviceHours.value - without!.deviceHours.value);
    expect(more).toBeCloseTo(90 * without!.starts, 6);
    // At the floor of an H100, a fifth to a third of 700 W.
    const watts = (3.6e6 * (with90!.kilowattHours!.value - without!.kilowattHours!.value)) / more;
    expect(watts).toBeGreaterThan(100);
    expect(watts).toBeLessThan(300);
  });

  test('money is rent of the device-hours and their energy, by the list that ridge fit takes', async () => {
    const list = (text: string) => {
      const path = join(temporaryFolder(), 'prices.yaml');
      writeFileSync(path, text);
      return path;
    };
    const priced = list('currency: EUR\nperDeviceHour: { h100: 30, a100-80gb: 1 }\nperKilowattHour: 10\n');
    const [h100, h200] = await nodesOf({}, '--hardware', 'h100,2xh200', '--prices', priced);
    expect(h100!.money!.value).toBeCloseTo(30 * h100!.deviceHours.value + 10 * h100!.kilowattHours!.value, 9);
    expect(h200!.money).toBeNull();
    const { stdout, stderr } = await ridgePlan({}, '--hardware', 'h100,2xh200', '--prices', priced);
    expect(stdout).toMatch(/\n {2}money: about \d+\.\d\d EUR \(\d+\.\d\d EUR to \d+\.\d\d EUR\)/);
    expect(stdout).toContain('\n  money: the list has no price of h200');
    expect(stderr).toContain('prices of a100-80gb are not used');
    const others = list('currency: EUR\nperDeviceHour: { b200: 4 }\n');
    const { error } = await ridgePlan({}, '--hardware', 'h100', '--prices', others);
    expect(error?.message).toMatch(/has prices of b200, and asked for are h100$/);
  });

  test('a sweep that leaves the spread open has it on all devices of the node, and is told to say so', async () => {
    const runners = { kind: 'vllm' };
    const [node] = await nodesOf({ runners }, '--hardware', '4xh100');
    expect(node!.rows.map(({ predicted }) => predicted!.devices)).toEqual([4, 4]);
    const { stderr } = await ridgePlan({ runners }, '--hardware', '4xh100');
    expect(stderr).toContain('predicted with tensorParallel 4, which its file has to say');
    const { error } = await ridgePlan({ runners }, '--hardware', '3xh100');
    expect(error?.exitCode).toBe(EXIT.nothingRuns);
    expect(error?.message).toBe(
      'nothing of the sweep can be predicted: on 3 × NVIDIA H100 SXM 80GB This pass is not possible: 32 attention heads cannot be shared evenly by 3 devices',
    );
  });

  test('a search takes as many starts as its budget has', async () => {
    const search = (budget: Record<string, unknown>) => ({ search: { budget } });
    const [trials] = await nodesOf(search({ trials: 5 }), '--hardware', '2xh200');
    expect(trials!.starts).toBe(5);
    const [hours] = await nodesOf(search({ deviceHours: 0.01 }), '--hardware', '2xh200');
    expect(hours!.deviceHours.value).toBeLessThan(0.0101);
    const { stdout } = await ridgePlan(search({ trials: 5 }), '--hardware', '2xh200');
    expect(stdout).toContain('the search ends when its budget of 5 trials is spent');
  });

  test.each([
    ['an unknown device', {}, ['h1000'], /^there is no device "h1000" in the hardware catalogue/],
    ['no device', {}, ['0xh100'], /^--hardware "0xh100" names no devices/],
    ['a CPU', {}, ['epyc-9654'], /is no GPU, and servers are predicted on GPUs alone/],
    [
      'runners for CPUs',
      { runners: [{ kind: 'llama-cpp' }, { kind: 'onnx' }], workloads: { kind: 'latency' } },
      ['h100'],
      /^no operators were measured on GPUs of the runners of this sweep: llama-cpp, onnx$/,
    ],
    ['CPUs alone', { placement: { device: 'cpu' } }, ['h100'], /^the sweep asks for no GPU: .* has cpu$/],
    ['a fleet beside it', {}, ['h100', '--fleet'], /^--hardware is of devices that are not there yet/],
    ['no calibration', {}, ['h100', '--calibration', 'none.json'], /^none.json cannot be read: /],
    [
      'a model that nobody knows',
      { models: 'nobody-1b' },
      ['h100'],
      /^nothing of the sweep can be predicted: on 1 × .*no published model is called nobody-1b/,
    ],
    [
      'a model that does not fit',
      { models: 'llama-3.1-70b', runners: { kind: 'vllm' } },
      ['h100'],
      /^nothing of the sweep can be predicted: .*it does not fit on 1 × NVIDIA H100/,
    ],
    [
      'another device than the sweep asks for',
      { placement: { device: 'cuda:b200' } },
      ['h100'],
      /^nothing of the sweep .* it asks for a device of class cuda:b200$/,
    ],
  ] as const)('has one sentence for %s', async (_, spec, args, message) => {
    const { error } = await ridgePlan(spec, '--hardware', ...args);
    expect(error?.message).toMatch(message);
  });
});
