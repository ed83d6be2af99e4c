import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CommandError, EXIT } from '../../../cli/exit.js';
import { createProgram } from '../../../cli/program.js';
import { sharedFolder } from '../../support/folder.js';
import { heard } from '../../support/heard.js';
import { sampleRoofs } from '../roofs/sample.js';

const folder = sharedFolder();
afterEach(() => vi.restoreAllMocks());

/** Runs `ridge roofline` in this process. */
async function roofline(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const said = heard();
  await (await createProgram()).parseAsync(['node', 'ridge', 'roofline', ...args]);
  return said;
}

async function refusal(...args: string[]): Promise<{ message: string; hint: string | null }> {
  const error = await roofline(...args).then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CommandError)) throw new Error(`not refused: ${String(error)}`);
  expect(error.exitCode).toBe(EXIT.usage);
  return { message: error.message, hint: error.hint };
}

const H100 = ['--hardware', 'h100', '--context', '128'];

describe('ridge roofline', () => {
  test('shows every operator of both phases, totals and memory', async () => {
    const { stdout } = await roofline('--model', 'builtin:small', ...H100);
    expect(stdout).toContain('builtin:small on h100 (published figures): 3.35 TB/s');
    for (const word of [
      'prefill of 128 tokens',
      'decode step at 128 tokens',
      'down_proj',
      'lm_head',
      'total:',
      'memory:',
    ])
      expect(stdout).toContain(word);
  });

  test('lists become a table, one line a combination', async () => {
    const { stdout, stderr } = await roofline(
      ...'--model llama-2-7b,opt-6.7b --hardware A6000,m1-max --context 512 --batch 1-4*2'.split(' '),
      ...['--mode', 'corrected,llm-viewer'],
    );
    expect(stdout.split('\n').filter((line) => / t\/s /.test(line))).toHaveLength(2 * 3 * 3);
    expect(stderr).toContain('left out: 6 points: LLM-Viewer has no device "m1-max"');
  });

  test('JSON and CSV hold the same numbers in base units', async () => {
    const args = ['--model', 'llama-2-7b', ...H100];
    const json = JSON.parse((await roofline(...args, '--json')).stdout) as {
      analyses: [{ decode: { seconds: number; rows: unknown[] }; prefill: { rows: unknown[] } }];
    };
    const [{ decode, prefill }] = json.analyses;
    const operators = (await roofline(...args, '--csv')).stdout.trimEnd().split('\r\n');
    expect(operators).toHaveLength(1 + decode.rows.length + prefill.rows.length);
    const [head = '', line = ''] = (await roofline(...args, '--csv', 'points')).stdout.split('\r\n');
    expect(Number(line.split(',')[head.split(',').indexOf('decodeSeconds')])).toBe(decode.seconds);
  });

  test('what goes over links has columns where something does', async () => {
    const args = ['--model', 'mixtral-8x7b', ...H100, '--batch', '8'];
    expect((await roofline(...args)).stdout).not.toContain('link time');
    const split = [...args, '--expert-parallel', '8', '--pipeline-parallel', '2', '--micro-batches', '1'];
    const { stdout } = await roofline(...split, '--html', join(folder, 'links.html'));
    expect(stdout).toContain('on 16 devices; operators and memory are those of one in each stage');
    expect(stdout).toMatch(/operator +module +calls +FLOP +bytes +FLOP\/B +link +link time +bound/);
    expect(stdout).toMatch(/all_to_all +collective +32 /);
    expect(stdout).toMatch(/over links in .*, each stage idle for 50.0 %/);
    expect(readFileSync(join(folder, 'links.html'), 'utf8')).toContain('<th>link time</th>');
    const [head = '', ...lines] = (await roofline(...split, '--csv')).stdout.trimEnd().split('\r\n');
    const cells = (name: string) =>
      lines.map((line) => Number(line.split(',')[head.split(',').indexOf(name)]));
    const points = (await roofline(...split, '--csv', 'points')).stdout.split('\r\n');
    const total = (name: string) => Number(points[1]!.split(',')[points[0]!.split(',').indexOf(name)]);
    for (const kind of ['Bytes', 'Seconds']) {
      const sum = cells(`link${kind}`).reduce((a, b) => a + b, 0);
      expect(total(`prefillLink${kind}`) + total(`decodeLink${kind}`)).toBeCloseTo(sum, 9);
      expect(sum).toBeGreaterThan(0);
    }
    expect(total('devices')).toBe(16);
    const several = (await roofline(...args, '--expert-parallel', '1,8')).stdout;
    expect(several).toMatch(/expertParallel +devices +prefill .* step link +link time +memory/);
  });

  test('draws a chart and a page without scripts', async () => {
    const svg = join(folder, 'chart.svg');
    const html = join(folder, 'page.html');
    await roofline('--model', 'llama-2-7b', ...H100, '--svg', svg, '--html', html);
    const chart = readFileSync(svg, 'utf8');
    expect(chart).toMatch(/^<svg/);
    for (const word of ['ridge point 295 FLOP/B', '3.35 TB/s', 'down_proj', 'prefill'])
      expect(chart).toContain(word);
    const page = readFileSync(html, 'utf8');
    expect(page).toContain("default-src 'none'");
    expect(page).not.toContain('<script');
    expect(page).toContain('<svg');
    await roofline('--model', 'llama-2-7b', ...H100, '--batch', '1,2,4', '--svg', svg);
    expect(readFileSync(svg, 'utf8')).toContain('decode over batch');
  });

  test('reads models from configs, safetensors folders and files', async () => {
    const config = { model_type: 'llama', num_hidden_layers: 2, hidden_size: 64, num_attention_heads: 4 };
    const path = join(folder, 'config.json');
    writeFileSync(
      path,
      JSON.stringify({ ...config, intermediate_size: 128, vocab_size: 100, max_position_embeddings: 256 }),
    );
    for (const model of [path, folder]) {
      expect((await roofline('--model', model, ...H100)).stdout).toContain('q_proj');
    }
    writeFileSync(path, JSON.stringify({ ...config, num_hidden_layers: 0 }));
    expect((await refusal('--model', path, ...H100)).message).toMatch(/num_hidden_layers/);
    writeFileSync(
      path,
      JSON.stringify({
        ...config,
        intermediate_size: 128,
        vocab_size: 9,
        num_key_value_heads: 3,
        max_position_embeddings: 256,
      }),
    );
    expect((await refusal('--model', path, ...H100)).message).toMatch(
      /4 heads cannot share 3 key\/value heads/,
    );
    writeFileSync(path, '{');
    expect((await refusal('--model', path, ...H100)).message).toMatch(/config.json is not JSON/);
  });

  test('stands under measured ceilings, and says so', async () => {
    const path = join(folder, 'roofs.json');
    writeFileSync(path, JSON.stringify(sampleRoofs()));
    const { stdout } = await roofline('--model', 'builtin:small', '--hardware', path, '--context', '128');
    expect(stdout).toMatch(/\(measured figures\): 40.0 GB\/s/);
    const args = ['--model', 'builtin:small', '--hardware', path, '--context', '128'];
    expect((await roofline(...args, '--offload', '0.5')).stdout).toMatch(/fetch_weights .* link /);
    expect((await roofline(...args, '--pipeline-parallel', '2', '--batch', '2')).stdout).toContain('send');
    writeFileSync(path, JSON.stringify(sampleRoofs({ links: [] })));
    expect((await refusal(...args, '--offload', '0.5')).message).toContain('has no measured link to a host');
  });

  test('lists devices and models', async () => {
    const { stdout, stderr } = await roofline('--list');
    expect(stdout).toMatch(/^h100 +NVIDIA H100 SXM 80GB/m);
    expect(stderr).toContain('llama-2-7b');
  });
});

describe('wrong words end with one sentence and 2', () => {
  const SMALL = ['--model', 'builtin:small'];

  test('an unknown model, with the nearest', async () => {
    const { message } = await refusal('--model', 'lama-2-7b', ...H100);
    expect(message).toContain('no published model is called "lama-2-7b"');
    expect(message).toContain('Did you mean llama-2-7b?');
  });

  test('an unknown device, with the nearest', async () => {
    const { message } = await refusal(...SMALL, '--hardware', 'h10O', '--context', '8');
    expect(message).toContain('there is no device "h10O" in the hardware catalogue');
    expect(message).toContain('Did you mean h100?');
  });

  test('a device that this node has not, and roofs that are none', async () => {
    const context = ['--context', '8'];
    expect((await refusal(...SMALL, '--hardware', 'this:gpu7', ...context)).message).toContain(
      'this node has no device gpu7',
    );
    const path = join(folder, 'no-roofs.json');
    writeFileSync(path, '{}');
    expect((await refusal(...SMALL, '--hardware', path, ...context)).message).toMatch(
      /cannot be read as roofs/,
    );
  });

  test.each([
    [['--batch', '0'], '--batch: batch must be a whole number of at least 1, not 0'],
    [['--batch', '-1'], '--batch: batch must be a whole number of at least 1, not -1'],
    [['--batch', '1.5'], '--batch: batch must be a whole number of at least 1, not 1.5'],
    [['--batch', ''], '--batch: batch is an empty list: give at least one value or leave it out'],
    [['--batch', '4-1'], '--batch: "4-1" ends before it begins: write the smaller number first'],
    [['--context', 'long'], '--context: context must be a whole number of at least 1, not "long"'],
    [
      ['--mode', 'llmviewer'],
      '--mode: mode must be corrected or llm-viewer, not "llmviewer" (did you mean llm-viewer?)',
    ],
    [['--flash-attention', 'maybe'], '--flash-attention: flashAttention must be true or false, not "maybe"'],
    [['--context', '513'], 'a context of 513 tokens, and the model has at most 512'],
    [
      ['--tensor-parallel', '3'],
      'This pass is not possible: 4 attention heads cannot be shared evenly by 3 devices.',
    ],
  ])('%j', async (args, message) => {
    expect((await refusal(...SMALL, ...H100, ...args)).message).toBe(message);
  });

  test('unknown bits, with what is known', async () => {
    expect((await refusal(...SMALL, ...H100, '--bits', 'w5x')).message).toMatch(
      /^--bits: bits "w5x" are unknown; known are/,
    );
  });

  test('a context that nobody says is the default, or what the model has room for, and said', async () => {
    const contextOf = async (...args: string[]) => {
      const { stdout, stderr } = await roofline('--hardware', 'h100', '--json', ...args);
      const [first] = (JSON.parse(stdout) as { analyses: { point: { context: number } }[] }).analyses;
      expect(stderr).toContain(`context ${first?.point.context}: `);
      return first?.point.context;
    };
    expect(await contextOf('--model', 'llama-2-7b')).toBe(2048);
    expect(await contextOf('--model', 'builtin:small')).toBe(512);
    expect(await contextOf('--model', 'builtin:small,llama-2-7b', '--generate', '12')).toBe(500);
    expect(await contextOf('--model', 'llama-2-7b', '--prompt', '4000')).toBe(4000);
  });

  test('what is missing', async () => {
    expect((await refusal('--hardware', 'h100')).message).toBe('model is missing: it must be a name');
    expect((await refusal(join(folder, 'nowhere.yaml'))).message).toContain('there is no such file');
  });

  test('all that can be seen at once: words, what is missing, and names that lead nowhere', async () => {
    const unknown = await refusal('--model', 'lama-2-7b', '--hardware', 'h10O,rtx', '--batch', '0');
    expect(unknown.message.split('\n')).toEqual([
      '--batch: batch must be a whole number of at least 1, not 0',
      'there is no file lama-2-7b, and no published model is called "lama-2-7b"',
      '       Did you mean llama-2-7b? `ridge roofline --list` shows every published model.',
      'there is no device "h10O" in the hardware catalogue',
      '       Did you mean h100? `ridge roofline --list` shows every device.',
      'there is no device "rtx" in the hardware catalogue',
      expect.stringMatching(/^ {7}Known here are .*rtx-4090.*`ridge roofline --list` shows every device\.$/),
    ]);
    const file = join(folder, 'bad.yaml');
    writeFileSync(
      file,
      'apiVersion: ridgepoint.dev/v1\nkind: Roofline\nmetadata: { name: x }\nspec: { model: llama-2-7b, offload: 2 }\n',
    );
    expect((await refusal(file)).message).toMatch(
      /3 errors in [\s\S]*hardware is missing[\s\S]*context is missing[\s\S]*offload must be/,
    );
    writeFileSync(file, readFileSync(file, 'utf8').replace('llama-2-7b', 'lama-2-7b, hardware: [h10O]'));
    expect((await refusal(file, '--context', '8')).message).toMatch(
      /offload must be[\s\S]*"lama-2-7b"[\s\S]*no device "h10O"/,
    );
    expect((await refusal(file, '--hardware', 'h10O', '--mode', 'best')).message).toMatch(
      /offload must be a number from 0 to 1, not 2[\s\S]*--mode: mode must be[\s\S]*no device "h10O"/,
    );
  });

  test.each([
    [['--pipeline-parallel', '33'], /33 pipeline stages for \d+ layers/],
    [['--expert-parallel', '2'], /expert parallelism needs a model with experts/],
    [['--offload', '1.5'], /^--offload: offload must be a number from 0 to 1, not 1.5$/],
    [['--sparsity', 'bitmap'], /^--sparsity: sparsity must be none, 2:4, bitmap:SHARE/],
    [['--attention', 'kv-head:2'], /^--attention: attention must be base, mqa/],
    [['--kv-cache-type-k', 'q9'], /^--kv-cache-type-k: kvCacheTypeK must be one of f32, f16/],
  ] as const)('%j', async (args, message) => {
    expect((await refusal(...SMALL, ...H100, ...args)).message).toMatch(message);
  });

  test('a chart of a sweep that has one point', async () => {
    const args = [...SMALL, ...H100, '--chart', 'tokens', '--svg', join(folder, 'x.svg')];
    expect((await refusal(...args)).message).toBe('--chart tokens needs a list of more than one value');
  });
});
