import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CommandError, EXIT } from '../../../cli/exit.js';
import { createProgram } from '../../../cli/program.js';
import { temporaryFolder } from '../../support/folder.js';
import { heard } from '../../support/heard.js';
import { sampleRoofs } from '../roofs/sample.js';

afterEach(() => vi.restoreAllMocks());

/** Runs `ridge fit` in this process. */
async function ridgeFit(...args: string[]): Promise<{ stdout: string; error: CommandError | null }> {
  const said = heard();
  const error = await (await createProgram()).parseAsync(['node', 'ridge', 'fit', ...args]).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error !== null && !(error instanceof CommandError)) throw error;
  return { stdout: said.stdout, error };
}

describe('ridge fit', () => {
  test('the fewest devices come first, what does not fit last and with its reason', async () => {
    const { stdout, error } = await ridgeFit(
      ...['--model', 'llama-2-70b', '--hardware', 'a100-80gb,h200,t4', '--batch', '8', '--ttft', '2000'],
    );
    expect(error).toBeNull();
    const lines = stdout.trim().split('\n');
    expect(lines[0]).toMatch(
      /^device +number +split +memory each +of +TTFT +TPOT +throughput +link +link time +90 % band of TPOT +times from +largest batch +fits$/,
    );
    expect(lines[1]).toMatch(/^h200 +2 .*yes$/);
    expect(lines[2]).toMatch(/^a100-80gb +2 .*yes$/);
    expect(lines[3]).toMatch(/^t4 +8 .*no: memory, time to first token$/);
  });

  test('says how devices share the model, and what they send', async () => {
    const args = ['--model', 'mixtral-8x7b', '--hardware', 'h100', '--batch', '64', '--tpot', '12'];
    const { stdout } = await ridgeFit(...args, '--json');
    const { fits } = JSON.parse(stdout) as { fits: Record<string, unknown>[] };
    expect(fits[0]).toMatchObject({ devices: 8, split: { pipeline: 1 }, offload: 0, misses: [] });
    expect(fits[0]?.stepLinkBytes).toBeGreaterThan(0);
    expect((await ridgeFit(...args)).stdout).toMatch(/\nh100 +8 +(tensor \d|experts 8).*yes/);
    const staged = await ridgeFit(...args.slice(0, 6), '--pipeline-parallel', '2', '--tensor-parallel', '1');
    expect(staged.stdout).toMatch(/\nh100 +2 +2 stages /);
  });

  test('takes measured operators where there are any, says so, and assumes a share of the roofs elsewhere', async () => {
    const args = ['--model', 'llama-3.1-8b', '--hardware', 'h100,a6000', '--json'];
    const fitsOf = async (...more: string[]) =>
      (
        JSON.parse((await ridgeFit(...args, ...more)).stdout) as {
          fits: { hardware: string; source: string | null; tokenSeconds: number; memoryBytes: number }[];
        }
      ).fits.sort((a, b) => a.hardware.localeCompare(b.hardware));
    const [a6000, h100] = await fitsOf();
    expect(h100?.source).toMatch(/^tables of vLLM .* on NVIDIA H100/);
    expect(a6000).toMatchObject({ source: null, spread: null });
    // What nobody measured is assumed, and so is all of a quantization that engines on GPUs do not serve.
    const [, slower] = await fitsOf('--efficiency', '0.1');
    expect(slower?.tokenSeconds).toBe(h100?.tokenSeconds);
    const [, quantized] = await fitsOf('--bits', 'q4_k_m');
    expect(quantized?.source).toBeNull();
    const [, assumed] = await fitsOf('--bits', 'w16a16');
    // vLLM keeps 0.7 GiB for itself.
    expect(h100!.memoryBytes - assumed!.memoryBytes).toBeGreaterThan(0.5e9);
    expect((await ridgeFit(...args, '--engine', 'vlm')).error?.message).toContain('did you mean vllm?');
  });

  test('weights may stay with the host', async () => {
    const args = ['--model', 'llama-3.1-70b', '--hardware', 'h100', '--devices', '1'];
    expect((await ridgeFit(...args)).error?.exitCode).toBe(EXIT.gate);
    const { stdout, error } = await ridgeFit(...args, '--max-offload', '0.9');
    expect(error).toBeNull();
    expect(stdout).toMatch(/with the host/);
    expect(stdout).toMatch(/\nh100 +1 +whole .*5\d\.\d %.*yes/);
  });

  test('all wrong words at once', async () => {
    const { error } = await ridgeFit(
      '--hardware',
      'h10O,h1000x',
      '--bits',
      'w5x',
      '--context',
      '8',
      '--prompt',
      '9',
    );
    expect(error?.exitCode).toBe(EXIT.usage);
    for (const part of [
      'no device "h10O"',
      'Did you mean h100?',
      'no device "h1000x"',
      '--model is missing',
      '--prompt 9 is longer than --context 8',
      'bits "w5x" are unknown',
    ])
      expect(error?.message).toContain(part);
  });

  test('measured roofs stand beside the catalogue', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'roofs.json');
    writeFileSync(file, JSON.stringify(sampleRoofs()));
    const args = ['--model', 'llama-3.2-1b', '--hardware', `${file},h100`, '--json'];
    const { stdout, error } = await ridgeFit(...args);
    expect(error).toBeNull();
    const { fits } = JSON.parse(stdout) as { fits: { hardware: string; tokenSeconds: number }[] };
    expect(fits.map(({ hardware }) => hardware).sort()).toEqual([sampleRoofs().device.name, 'h100'].sort());
  });

  test('JSON has the goal and every figure', async () => {
    const { stdout } = await ridgeFit(...'--model llama-2-7b --hardware h100 --tpot 20 --json'.split(' '));
    expect(JSON.parse(stdout)).toMatchObject({
      model: 'llama-2-7b',
      goal: { maxTokenSeconds: 0.02, maxFirstTokenSeconds: null, efficiency: 0.6 },
      fits: [{ hardware: 'h100', devices: 1, misses: [] }],
    });
  });

  test('fine-tuning, by what is kept', async () => {
    const { stdout, error } = await ridgeFit(
      ...'--model llama-2-7b --train full --zero 3 --recompute full --hardware a100-80gb,rtx-4090'.split(' '),
    );
    expect(error).toBeNull();
    expect(stdout).toMatch(/^device +number +weights +gradients +optimizer +activations/);
    expect(stdout).toMatch(/\na100-80gb +2 .*yes\n/);
  });

  test('ends with 3 when nothing fits, and says what to change', async () => {
    const { error } = await ridgeFit('--model', 'llama-3.1-405b', '--hardware', 't4', '--devices', '2');
    expect(error?.exitCode).toBe(EXIT.gate);
    expect(error?.message).toMatch(/nothing fits with up to 2 devices: memory/);
    expect(error?.hint).toMatch(/--devices/);
  });

  test.each([
    [['--model', 'lama-2-7b'], /no file lama-2-7b/, /Did you mean llama-2-7b/],
    [
      ['--model', 'llama-2-7b', '--hardware', 'h1000x'],
      /no device "h1000x" in the hardware catalogue/,
      /ridge roofline --list/,
    ],
    [
      ['--model', 'llama-2-7b', '--context', '5000'],
      /--context 5000: the model has at most 4096 tokens/,
      null,
    ],
    [
      ['--model', 'llama-2-7b', '--context', '10', '--prompt', '11'],
      /--prompt 11 is longer than --context 10/,
      null,
    ],
    [['--model', 'llama-2-7b', '--expert-parallel', '2'], /needs a model with experts/, null],
    [['--model', 'llama-2-7b', '--tensor-parallel', '3'], /32 attention heads cannot be shared evenly/, null],
    [['--model', 'llama-2-7b', '--pipeline-parallel', '33'], /33 pipeline stages for 32 layers/, null],
    [
      ['--model', 'llama-2-7b', '--pipeline-parallel', '16'],
      /needs 16 devices, and --devices allows 8/,
      null,
    ],
    [['--model', 'llama-2-7b', '--train', 'lora', '--tensor-parallel', '2'], /are for serving/, /--zero/],
    [
      ['--model', 'llama-2-7b', '--hardware', 'm1-max', '--max-offload', '1'],
      /m1-max has no published link to a host/,
      /hostBytesPerSecond/,
    ],
    [['--model', 'llama-2-7b', '--bits', 'w3.5'], /bits "w3.5" are unknown/, null],
  ] as const)('%j is a wrong word', async (args, message, hint) => {
    const { error } = await ridgeFit(
      ...args,
      ...(args.includes('--hardware' as never) ? [] : ['--hardware', 'h100']),
    );
    expect(error?.exitCode).toBe(EXIT.usage);
    expect(error?.message).toMatch(message);
    if (hint !== null) expect(error?.hint).toMatch(hint);
  });
});
