import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { builtinFolder } from '../../artifacts/files/source.js';
import { type ResultRecord, resultSchema } from '../../core/result/result.js';
import { FileServer } from '../support/file-server.js';
import { sharedFolder } from '../support/folder.js';
import { jsonLines, recordsIn } from '../support/reading.js';
import { type Running, ridge, startRidge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';
import { freePort } from '../support/services.js';

const folder = sharedFolder();
let env: Record<string, string>;
const running: Running[] = [];

beforeAll(() => {
  env = { XDG_CACHE_HOME: join(folder, 'cache'), XDG_STATE_HOME: join(folder, 'state') };
  copyFileSync(join(builtinFolder(), 'tiny-f16.gguf'), join(folder, 'tiny.gguf'));
  file('text.txt', readFileSync(join(builtinFolder(), 'sample.txt'), 'utf8').slice(0, 4000));
  file('short.txt', 'Once upon a time.');
  const item = (id: number, language: string, rest: object) =>
    JSON.stringify({ id: `q${id}`, context: 'They went into the', language, ...rest });
  const choices = [' forest', ' of', ' 7 xq'];
  file(
    'exam.jsonl',
    [0, 1, 2, 0].map((answer, i) => item(i, i < 2 ? 'en' : 'de', { choices, answer })).join('\n'),
  );
  file('wrong.jsonl', item(0, 'en', { choices, answer: 3 }));
  file('said.jsonl', [0, 1].map((i) => item(i, 'en', { answer: 'forest' })).join('\n'));
  task('exam', 'items: exam.jsonl, fields: { group: [language] }');
  task('said', 'items: said.jsonl, mode: generate, scorers: [exact, "external:judge"], maxTokens: 3');
  file(
    'judge.mjs',
    `import { createInterface } from 'node:readline';
     for await (const line of createInterface({ input: process.stdin })) {
       console.log(JSON.stringify({ id: JSON.parse(line).id, score: 0.25 }));
     }`,
  );
  const command = JSON.stringify([process.execPath, join(folder, 'judge.mjs')]);
  file('node.yaml', `scorers: { judge: { command: ${command} } }\n`);
});
afterEach(async () => {
  for (const one of running.splice(0)) {
    one.process.kill('SIGKILL');
    await one.ended;
  }
});

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

function task(name: string, spec: string): void {
  file(
    `${name}.yaml`,
    `apiVersion: ridgepoint.dev/v1\nkind: Task\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`,
  );
}

/** One quick point of the real engine; no gate may fire on a busy machine, since that is not the question. */
function sweep(name: string, quality: string, rest: { model?: string; quantization?: string } = {}): string {
  const { model = 'tiny.gguf', quantization = 'q4_0' } = rest;
  return file(
    `${name}-sweep.yaml`,
    `apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: ${name} }
spec:
  models: [{ name: tiny, source: "${model}" }]
  techniques: { quantization: ${quantization} }
  runners: [{ kind: llama-cpp, threads: 1 }]
  workloads: [{ kind: latency, promptTokens: 16, generateTokens: 4 }]
  measure: { starts: 1, maxRepeats: 1, minRepeats: 1, maxWarmups: 0 }
  placement: { retries: 0, driftControl: false }
  quality: ${quality}
`,
  );
}

async function run(path: string, name: string, ...more: readonly string[]) {
  const out = join(folder, name);
  const done = await ridgeHere(['run', path, '--out', out, '--energy', 'none', ...more], {
    cwd: folder,
    env,
  });
  return { done, out };
}

const QUALITY = '{ text: text.txt, contextTokens: 64, maxWindows: 4, tasks: [exam.yaml, said.yaml] }';

/** What a row has to carry, however the sweep was run. */
function expectComplete({ status, failure, measurements, quality, artifact }: ResultRecord): void {
  expect(failure).toBeNull();
  expect(status).toBe('complete');
  const value = (name: string) => measurements[name]?.value ?? null;
  const interval = (name: string) => {
    const found = measurements[name];
    return found !== undefined && 'ci95' in found ? found.ci95 : null;
  };
  expect(value('perplexity')).toBeGreaterThan(5);
  expect(interval('perplexity')?.[0]).toBeLessThan(value('perplexity')!);
  expect(value('klDivergenceNats')).toBeGreaterThan(0);
  expect(interval('klDivergenceNats')).toHaveLength(2);
  expect(value('topAgreementRatio')).toBeGreaterThan(0.5);
  expect(interval('taskScoreRatio')).toHaveLength(2);
  expect(value('taskRetentionRatio')).toBeGreaterThan(0);
  expect(quality?.tasks.map(({ name, items, chance }) => [name, items, chance])).toEqual([
    ['exam', 4, 1 / 3],
    ['said', 2, null],
  ]);
  const [exam, said] = quality!.tasks;
  const [sum] = exam!.scores;
  expect(sum).toMatchObject({
    name: 'sum',
    score: { standardError: expect.any(Number) },
    base: { value: expect.any(Number) },
    retentionPercent: { value: expect.any(Number), standardError: expect.any(Number) },
  });
  const [grouping] = sum!.groupings;
  expect(grouping).toMatchObject({ by: 'language', groups: [{ group: 'en' }, { group: 'de' }] });
  expect(grouping?.spread?.range.standardError).toBeGreaterThanOrEqual(0);
  expect(said!.scores.map(({ name, score }) => [name, score.value])).toEqual([
    ['exact', expect.any(Number)],
    ['external:judge', 0.25],
  ]);
  expect(quality?.textDigest).toMatch(/^sha256:/);
  expect(quality?.taskDigests).toHaveLength(4);
  expect(artifact?.steps.map(({ recipe }) => recipe)).toEqual(['quantize(q4_0)']);
}

describe('quality in a sweep', () => {
  /** One run of the base and of what is made of it, which the first tests look at. */
  let out: string;
  beforeAll(async () => {
    const path = sweep('whole', QUALITY, { quantization: '[base, q4_0]' });
    const ran = await run(path, 'whole', '--config', 'node.yaml');
    expect(ran.done.code, ran.done.stderr).toBe(0);
    out = ran.out;
  });

  test('ridge run: a row has perplexity, divergence, scores with their errors, and what is retained', () => {
    const records = recordsIn(out);
    expect(records.map(({ experiment }) => experiment.technique.quantization)).toEqual(['base', 'q4_0']);
    expectComplete(records[1]!);
  });

  test('ridge answers: what was said to each item of each row, exported, joined and held against each other', async () => {
    const [first, second] = recordsIn(out);
    for (const { quality } of [first!, second!]) {
      const [file] = quality!.answers!;
      expect(file).toMatchObject({ items: 6, window: { joules: null, reason: expect.any(String) } });
      const text = readFileSync(
        join(out, 'answers', `${file!.digest.slice('sha256:'.length)}.jsonl`),
        'utf8',
      );
      expect(text.trim().split('\n')).toHaveLength(6);
      expect(Buffer.byteLength(text)).toBe(file!.bytes);
    }
    const answers = async (...words: string[]) => {
      const { code, stdout, stderr } = await ridgeHere(['answers', ...words], { cwd: folder, env });
      expect(code, stderr).toBe(0);
      return stdout;
    };
    const lines = async (...words: string[]) => jsonLines(await answers(...words, '--format', 'jsonl'));
    expect(await lines(out)).toHaveLength(12);
    const chosen = await lines(`${out}#quantization=q4_0`, '--task', 'exam', '--group', 'language=de');
    expect(chosen.map(({ item, technique }) => [item, technique])).toEqual(
      ['q2', 'q3'].map((item) => [item, expect.objectContaining({ quantization: 'q4_0' })]),
    );
    file('human.csv', 'task,item,human\nsaid,q0,0.5\nsaid,q1,1\n');
    const joined = await lines(out, '--task', 'said', '--scores', 'human.csv');
    expect(joined.map(({ outside }) => outside)).toEqual([0.5, 1, 0.5, 1].map((human) => ({ human })));
    const metrics = JSON.parse(await answers(out, '--by', 'language', '--format', 'json')) as {
      rows: { group: string; items: number; score: { value: number } }[];
    };
    const ofTask = first!.quality!.tasks[0]!.scores.find(({ name }) => name === 'perByte')!;
    expect(metrics.rows[0]).toMatchObject({ group: 'all', items: 4, score: { value: ofTask.score.value } });
    expect(metrics.rows.map(({ group }) => group)).toContain('language=de');
    file('prices.yaml', 'currency: EUR\nrows: { default: { perHour: 1 } }\n');
    const words = [out, '--task', 'exam', '--prices', 'prices.yaml', '--matrix', '--format', 'json'];
    const matrix = JSON.parse(await answers(...words)) as { curves: { cost: string }[]; scores: unknown[] };
    expect(matrix).toMatchObject({ items: 4, rows: [{ score: { how: 'wilson' } }, {}], agreement: [{}] });
    expect(matrix.curves.map(({ cost }) => cost)).toEqual(['seconds', 'tokens', 'money']);
    expect(matrix.scores).toHaveLength(4);
    expect(await answers(out, '--matrix')).toContain('the best of each item');
    await answers(out, '--format', 'parquet', '--output', join(folder, 'answers.parquet'));
    expect(readFileSync(join(folder, 'answers.parquet')).subarray(0, 4).toString()).toBe('PAR1');
    expect((await answers(out, '--format', 'csv')).trim().split('\r\n')).toHaveLength(13);
    const measured = JSON.parse(
      await answers(out, '--task', 'exam', ...['--measure', 'f1', '--measure', 'auc', '--format', 'json']),
    ) as { measures: { measure: string; figures: { name: string; items: number }[] }[] };
    expect(measured.measures.map(({ measure }) => measure)).toEqual(['f1', 'auc', 'f1', 'auc']);
    expect(measured.measures[0]!.figures[0]).toMatchObject({ name: 'accuracy', items: 4 });
    const raters = ['--scores', 'human.csv', '--measure', 'agreement', '--score', 'exact'];
    expect(await answers(out, '--task', 'said', ...raters)).toMatch(/ICC\(2,1\), score and human/);
    expect(await answers(out, '--by', 'tokensIn')).toMatch(/tokensIn=\d+ to \d+ .*\d/);
    file('other.csv', 'item,human\nelsewhere,1\n');
    const other = await ridgeHere(['answers', out, '--scores', 'other.csv'], { cwd: folder, env });
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringContaining('none of the 1 scores is of an answer'),
    ]);
    const none = await ridgeHere(['answers', out, '--scores', 'text.txt'], { cwd: folder, env });
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('cannot be joined')]);
  });

  test('a run that is killed goes on behind the last item that was answered, and each counts once', async () => {
    // More than is answered between two looks at the journal on a machine that has much else to do.
    const count = 600;
    const item = (i: number) =>
      JSON.stringify({ id: `k${i}`, context: 'They went into the', answer: 'forest' });
    file('many.jsonl', Array.from({ length: count }, (_, i) => item(i)).join('\n'));
    task('many', 'items: many.jsonl, mode: generate, maxTokens: 32, stop: [never]');
    const path = sweep('killed', '{ tasks: [many.yaml] }', { quantization: 'base' });
    const cache = join(folder, 'cache-killed');
    const own = { ...env, XDG_CACHE_HOME: cache };
    const words = ['run', path, '--out', join(folder, 'killed'), '--energy', 'none'];
    const first = startRidge(words, { cwd: folder, env: own });
    running.push(first);
    const asked = join(cache, 'ridgepoint', 'quality');
    const journal = () => {
      const name = existsSync(asked) ? readdirSync(asked).find((one) => one.endsWith('.jsonl')) : undefined;
      return name === undefined ? 0 : readFileSync(join(asked, name), 'utf8').split('\n').length - 2;
    };
    await expect.poll(journal, { timeout: 60_000, interval: 5 }).toBeGreaterThan(4);
    first.process.kill('SIGKILL');
    await first.ended;
    const again = await ridgeHere(words, { cwd: folder, env: own });
    expect(again.code, again.stderr).toBe(0);
    const [record] = recordsIn(join(folder, 'killed'));
    const { digest, items } = record!.quality!.answers![0]!;
    expect(items).toBe(count);
    const kept = readFileSync(join(folder, 'killed', 'answers', `${digest.slice(7)}.jsonl`), 'utf8');
    const lines = jsonLines<{ item: string; sitting: number }>(kept);
    expect(new Set(lines.map((line) => line.item)).size).toBe(count);
    expect(lines[0]?.sitting).toBe(0);
    expect(lines.at(-1)?.sitting).toBe(1);
    expect(record!.quality!.tasks[0]).toMatchObject({ name: 'many', items: count });
    expect(readdirSync(asked).filter((name) => name.endsWith('.jsonl'))).toEqual([]);
  });

  test('ridge submit: the same from a node that allows the scorer and the source of the model', {
    timeout: 180_000,
  }, async () => {
    const server = await new FileServer().start();
    const model = server.put('/tiny.gguf', readFileSync(join(folder, 'tiny.gguf')));
    const node = readFileSync(join(folder, 'node.yaml'), 'utf8');
    const config = `${node}sources: { https: ["${server.url}"] }\nrunners: [llama-cpp]\n`;
    const address = `127.0.0.1:${await freePort()}`;
    const at = ['--coordinator', address];
    const start = (args: readonly string[]): Running => {
      const one = startRidge(args, { cwd: folder, env });
      running.push(one);
      return one;
    };
    await start(['coordinator', '--listen', address, '--metrics', 'off', '--web', 'off', '--data', 'c']).says(
      /agents and tools at/,
    );
    start([
      'agent',
      ...at,
      '--config',
      file('agent.yaml', config),
      '--models',
      folder,
      '--data',
      'a',
      '--energy',
      'none',
    ]);
    const submitted = await ridgeHere(['submit', sweep('far', QUALITY, { model }), ...at, '--watch'], {
      cwd: folder,
      env,
    });
    expect(submitted.code, submitted.stderr).toBe(0);
    const printed = await ridgeHere(['results', ...at, '--format', 'jsonl'], { cwd: folder, env });
    const [record] = jsonLines(printed.stdout).map((line) => resultSchema.parse(line));
    expectComplete(record!);
    expect(record!.environment.fetchedFrom).toBe(model);
    expect(server.seen).toHaveLength(1);

    // What was said came with the record: the node and its cache are not needed any more.
    rmSync(join(folder, 'cache'), { recursive: true });
    const said = await ridgeHere(['answers', 'far', ...at, '--format', 'jsonl'], { cwd: folder, env });
    expect([said.code, said.stderr]).toEqual([0, '']);
    expect(said.stdout.trim().split('\n')).toHaveLength(6);
    const left = await ridgeHere(['results', 'far', ...at, '--bodies', 'left'], { cwd: folder, env });
    expect(left.stderr).toContain('wrote left: 1 results, 1 files of answers and calls');
    expect(parse(readFileSync(join(folder, 'left/sweep.yaml'), 'utf8')).metadata.name).toBe('far');
    const again = await ridgeHere(['answers', 'left', '--format', 'jsonl'], { cwd: folder, env });
    const bundled = await ridgeHere(['bundle', 'far', ...at, '-o', 'far.ridge'], { cwd: folder, env });
    expect(bundled.stderr).toMatch(/wrote far\.ridge: \d+ trials, 5 files/);
    expect((await ridgeHere(['bundle', 'verify', 'far.ridge'], { cwd: folder, env })).code).toBe(0);
    expect(again.stdout).toBe(said.stdout);
  });

  test('an error in a task file is reported before anything runs', async () => {
    const refused = (words: readonly string[]) => ridgeHere(words, { cwd: folder, env });
    const tasks = sweep('wrong', '{ tasks: wrong.jsonl }');
    const done = await refused(['run', tasks, '--out', join(folder, 'wrong')]);
    expect(done.code).toBe(2);
    expect(done.stderr).toMatch(
      /wrong\.jsonl:1 the answer 3 is not a whole number from 0 to 2 \(3 options\)/,
    );
    const judged = sweep('judged', '{ tasks: said.yaml }');
    const scorer = await refused(['run', judged, '--out', join(folder, 'judged')]);
    expect(scorer.code).toBe(2);
    expect(scorer.stderr).toContain('this node has no scorer judge');
    const plan = await refused(['plan', tasks]);
    expect(plan.code).toBe(2);
    expect(plan.stderr).toContain('wrong.jsonl:1');
  });

  test('a text shorter than one window leaves the speed, and the row says why it has no quality', async () => {
    const { done, out } = await run(sweep('short', '{ text: short.txt }', { quantization: 'base' }), 'short');
    expect(done.code, done.stderr).toBe(0);
    const [record] = recordsIn(out);
    expect(record).toMatchObject({ status: 'complete', quality: null });
    expect(record?.measurements.decodeTokensPerSecond?.value).toBeGreaterThan(0);
    expect(record?.measurements.perplexity?.value).toBeNull();
    expect(record?.absent.quality).toMatch(
      /short\.txt: the text has \d+ tokens, and llama windows of 512 need at least 1024/,
    );
    expect(record?.warnings.map(({ code }) => code)).toContain('quality-missing');
  });
});

describe('ridge judge', () => {
  const answers = [
    { id: 'a', prompt: 'They went into the', answer: ' forest', references: ['forest'] },
    { id: 'b', prompt: 'They went into the', answer: ' 7 xq' },
  ];

  test('rates answers of a task, as a scorer of the configuration', async () => {
    const judge = [
      process.execPath,
      join(import.meta.dirname, '../../dist/cli/main.js'),
      'judge',
      'builtin:tiny',
    ];
    const config = file('judge-agent.yaml', JSON.stringify({ scorers: { judge: { command: judge, env } } }));
    const judged = file(
      'judged.yaml',
      JSON.stringify({
        apiVersion: 'ridgepoint.dev/v1',
        kind: 'Task',
        metadata: { name: 'judged' },
        spec: { items: 'said.jsonl', mode: 'generate', scorers: ['external:judge'], maxTokens: 4 },
      }),
    );
    const args = ['quality', 'tiny.gguf', '--task', judged, '--config', config, '--json'];
    const { code, stdout, stderr } = await ridge(args, { cwd: folder, env });
    expect(stderr + code).toMatch(/0$/);
    const [task] = (
      JSON.parse(stdout) as { tasks: { scores: { scorer: string; score: { value: number } }[] }[] }
    ).tasks;
    expect(JSON.stringify(task)).toContain('external:judge');
  });

  test('holds answers against others in both orders, tells its position bias, and several are a pool', async () => {
    const pairs = [
      { id: 'same', prompt: 'They went into the', answer: ' forest', references: [' forest'] },
      { id: 'b', prompt: 'They went into the', answer: ' forest', references: [' 7 xq'] },
    ];
    const input = pairs.map((pair) => JSON.stringify(pair)).join('\n');
    const words = ['judge', 'builtin:tiny', 'builtin:tiny', '--pairwise', '--pool', 'majority'];
    const { code, stdout, stderr } = await ridge(words, { cwd: folder, env, input });
    expect(code, stderr).toBe(0);
    const [same, other] = jsonLines<{ id: string; score: number }>(stdout);
    // Of two equal answers a place is preferred, or neither.
    expect(same).toEqual({ id: 'same', score: 0.5 });
    expect([0, 0.5, 1]).toContain(other!.score);
    expect(stderr).toMatch(/position bias: \d of 4 verdicts changed with the order/);
  });

  test('says the same twice, and in the order of the questions', async () => {
    const input = answers.map((answer) => JSON.stringify(answer)).join('\n');
    const [first, second] = await Promise.all(
      [1, 2].map(() => ridge(['judge', 'builtin:tiny'], { cwd: folder, env, input })),
    );
    expect(first!.stdout).toBe(second!.stdout);
    const scores = jsonLines<{ id: string; score: number }>(first!.stdout);
    expect(scores.map(({ id }) => id)).toEqual(['a', 'b']);
    for (const { score } of scores) expect(score > 0 && score < 1).toBe(true);
  });

  test.each([
    ['a line that is none', [], '{"id": 1}', 'line 1 of standard input is no answer to rate'],
    [
      'a template that is not there',
      ['--template', 'none.txt'],
      '',
      'the template none.txt cannot be read: there is no such file',
    ],
    ['a template without an answer', ['--template', 'text.txt'], '', 'the template text.txt has no {answer}'],
  ])('refuses %s', async (_, words, input, message) => {
    const { code, stderr } = await ridge(['judge', 'builtin:tiny', ...words], { cwd: folder, env, input });
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
