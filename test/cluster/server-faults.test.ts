import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ResultRecord } from '../../core/result/result.js';
import { FAULTS } from '../../load/simulator/options.js';
import { descendantsOf } from '../../process/isolation/processes.js';
import { LONG } from '../support/cases.js';
import { sharedFolder } from '../support/folder.js';
import { recordsIn } from '../support/reading.js';
import { type Finished, ridge, startRidge } from '../support/ridge.js';
import { ridgeHere } from '../support/ridge-here.js';

/** Whole runs of `ridge`, several at once. */
const LIMIT = 400_000;
/** Requests of a point, of which so many are on their way at once. */
const REQUESTS = 6;
const CONCURRENT = 3;
/**
 * What a server answers before the fault begins: one request of its start, one of warm-up, and the first that
 * are measured.
 */
const AFTER = 2 + CONCURRENT;

/** Every process of these runs has it in its environment. */
const MARK = `RIDGE_SERVER_FAULTS=${process.pid}`;
const ENV = Object.fromEntries([MARK.split('=')]);

const folder = sharedFolder();

interface Parts {
  readonly models?: string;
  readonly runners: readonly object[];
  readonly workloads: readonly object[];
}

function sweep(name: string, { models = 'builtin:tiny', runners, workloads }: Parts): string {
  const file = join(folder, `${name}.yaml`);
  const spec = {
    models,
    runners,
    workloads: workloads.map((workload) => ({ kind: 'serving', ...LOAD, ...workload })),
    // Faults are the question, and no doubt of a busy machine is.
    measure: { starts: 1, retryInvalid: 0 },
    placement: { retries: 0, driftControl: false, device: 'cpu' },
  };
  writeFileSync(
    file,
    JSON.stringify({ apiVersion: 'ridgepoint.dev/v1', kind: 'Sweep', metadata: { name }, spec }),
  );
  return file;
}

const LOAD = {
  concurrency: CONCURRENT,
  requests: REQUESTS,
  warmupRequests: 1,
  inputTokens: 16,
  outputTokens: 8,
  // A good answer is never waited for so long, however busy the machine is.
  requestTimeoutSeconds: 60,
  // Servers count what they answer before their fault begins.
  audit: false,
};
/**
 * Faults that are known by waiting alone, and how long that is; a good answer may come later than that, too,
 * on a busy machine.
 */
const WAITING = ['hang', 'no-end', 'slow-loris'];
const GIVEN_UP_SECONDS = 1;
const SIMULATED = {
  kind: 'simulated-server',
  server: 'good',
  simulatedTtftSeconds: 0.002,
  simulatedItlSeconds: 0.001,
};

function config(name: string, content: object): string {
  const file = join(folder, `${name}.config.yaml`);
  writeFileSync(file, JSON.stringify(content));
  return file;
}

const runWords = (file: string, out: string) => [
  ...['run', file, '--out', out, '--config', join(folder, 'node.config.yaml')],
  ...['--models', join(folder, 'models')],
];

async function run(name: string, parts: Parts): Promise<{ ended: Finished; rows: ResultRecord[] }> {
  const out = join(folder, name);
  const ended = await ridge(runWords(sweep(name, parts), out), { env: ENV });
  return { ended, rows: recordsIn(out) };
}

function countsOf({ serving }: ResultRecord): Record<string, number> | null {
  if (serving === undefined || serving === null) return null;
  const counts: Record<string, number> = {};
  for (const outcome of serving.requests.outcome) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

const codesOf = ({ warnings }: ResultRecord) => warnings.map(({ code }) => code);

/** One sentence: no stack, no line break, no value that nobody wrote out. */
const SENTENCE = /^(?!.*(undefined|\[object|\n))\S.{15,400}$/;

/** What is left of these runs. */
function left(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(MARK);
      } catch {
        return false;
      }
    })
    .map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
}

let plain: Server;

beforeAll(async () => {
  mkdirSync(join(folder, 'models'));
  const put = (name: string, lines: readonly object[]) =>
    writeFileSync(join(folder, 'models', name), lines.map((line) => JSON.stringify(line)).join('\n'));
  put('good.jsonl', [{ prompt: 'hello' }]);
  put('wrong.jsonl', [{ prompt: 'hello' }, { prompt: 7 }]);
  put('wrong-trace.jsonl', [{ timestamp: 0, input_length: 5, output_length: 3 }, { timestamp: 'soon' }]);
  plain = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  const { port } = plain.address() as { port: number };
  const own = { profile: 'simulated-server', command: ['ridge-simulated-server'] };
  const change = { readiness: { path: '/health', seconds: 2 }, shutdown: { seconds: 0.5 } };
  config('node', {
    servers: {
      // Long enough for a busy machine: what is not ready is another fault than these.
      good: { ...own, change: { ...change, readiness: { path: '/health', seconds: 5 } } },
      'no-program': { ...own, command: ['no-such-program'] },
      keyless: { ...own, apiKeyFile: join(folder, 'no-such-key') },
      'wrong-words': { ...own, arguments: ['--fault', 'no-such-fault'] },
      pretender: { profile: 'llama-server', command: ['ridge-simulated-server'] },
      dead: { profile: 'openai', attach: 'http://127.0.0.1:9' },
      tls: { profile: 'openai', attach: `https://127.0.0.1:${port}` },
    },
  });
});
afterAll(() => plain.close());

/** What a fault does to a request, and what is said of it. */
const REQUEST_FAULTS: Readonly<Record<string, readonly [outcome: string, problem: RegExp]>> = {
  hang: ['timed-out', /^The request was given up after 1 s, without any answer\.$/],
  'too-many': ['rejected', /^The server answered 429: "too many requests", to be asked again after 1\.$/],
  'internal-error': ['server-error', /^The server answered 500: "out of memory"\.$/],
  'broken-json': ['broken', /^The server sent JSON in a chunk of its stream that cannot be read: /],
  'content-type': ['broken', /^A stream of events was asked for, and the server answers text\/html\.$/],
  'chunk-error': [
    'server-error',
    /^The server gave up in the middle of its stream: "the context is full"\.$/,
  ],
  'no-done': ['broken', /^The stream ended without \[DONE\] and without a finish_reason, after 4 chunks\.$/],
  'no-end': [
    'timed-out',
    /^The request was given up after 1 s, in the middle of its answer, after \d+ chunks\.$/,
  ],
  'half-close': [
    'broken',
    /^The connection to the server .*in the middle of its answer, after \d chunks?\.$/,
  ],
  reset: ['broken', /^The connection to the server .*in the middle of its answer, after \d chunks?\.$/],
  'slow-loris': ['timed-out', /^The request was given up after 1 s, without a token\.$/],
  redirect: ['rejected', /^The server redirects \(307\) to \/v2\/completions; redirects are not followed\.$/],
};
/** Faults that every request meets, the one of the start, too: the server is not taken. */
const AT_START: Readonly<Record<string, RegExp>> = {
  die: /^the server good ended before it was ready with exit code 1; its last line: died, as its fault says$/,
  hang: /^the server good was ready but answered no request within 5 s: \/v1\/completions did not answer for 5 s$/,
  'too-many':
    /^the server good was ready but answered no request within 5 s: .* answered 429: .*too many requests/,
  'internal-error':
    /^the server good was ready but answered no request within 5 s: .* answered 500: .*out of memory/,
  redirect: /^the server good was ready but answered no request within 5 s: \/v1\/completions answered 307$/,
};
const NAMES = Object.keys(FAULTS);
/**
 * Of the faults from the start, and of those in the middle, some of each kind; what a request says of each is
 * tried in test/unit/serving/load.test.ts.
 */
const ALONE = LONG ? NAMES : ['none', 'die', 'too-many', 'content-type', 'short'];
const LATER = LONG ? NAMES : ['none', 'die', 'hang', 'reset', 'stays-open'];

describe.skipIf(process.platform !== 'linux')('servers that fail (needs Linux)', () => {
  let alone: Map<unknown, ResultRecord>;
  let later: Map<unknown, ResultRecord>;
  let orphans: string[];

  beforeAll(async () => {
    const byFault = async (name: string, faults: readonly string[]) => {
      const waits = (fault: string) => WAITING.some((known) => fault.startsWith(known));
      const parts = [
        {
          part: 'waiting',
          some: faults.filter(waits),
          workload: { requestTimeoutSeconds: GIVEN_UP_SECONDS },
        },
        { part: 'told', some: faults.filter((fault) => !waits(fault)), workload: {} },
      ];
      const runs = parts
        .filter(({ some }) => some.length > 0)
        .map(async ({ part, some, workload }) => {
          const { ended, rows } = await run(`${name}-${part}`, {
            runners: [{ ...SIMULATED, simulatedFault: some }],
            workloads: [workload],
          });
          expect(ended.stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
          expect(rows).toHaveLength(some.length);
          return rows;
        });
      const rows = (await Promise.all(runs)).flat();
      return new Map(rows.map((row) => [row.experiment.runner.options.simulatedFault, row]));
    };
    [alone, later] = await Promise.all([
      byFault('alone', ALONE),
      byFault(
        'later',
        LATER.map((name) => (name === 'none' ? name : `${name}:${AFTER}`)),
      ),
    ]);
    orphans = left();
  }, LIMIT);

  test('leave no process behind', () => {
    expect(orphans).toEqual([]);
  });

  test('are followed by points that are measured', () => {
    for (const rows of [alone, later]) {
      expect(rows.get('none')).toMatchObject({ status: 'complete', failure: null });
      expect(countsOf(rows.get('none')!)).toEqual({ complete: REQUESTS });
      const inOrder = [...rows.values()].toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
      const firstFailed = inOrder.findIndex(({ status }) => status === 'failed');
      expect(inOrder.slice(firstFailed).some(({ status }) => status === 'complete')).toBe(true);
    }
  });

  test.each(ALONE.filter((name) => AT_START[name] !== undefined))('%s from the start: no server', (name) => {
    const { status, failure, serving } = alone.get(name)!;
    expect(failure?.message).toMatch(AT_START[name]!);
    expect({ status, code: failure?.code, serving: serving ?? null }).toEqual({
      status: 'failed',
      code: 'load-failed',
      serving: null,
    });
  });

  const asked = Object.entries(REQUEST_FAULTS).map(([name, said]) => [name, ...said] as const);
  test.each(asked.filter(([name]) => ALONE.includes(name) && AT_START[name] === undefined))(
    '%s from the start: nothing is served',
    (name, outcome, problem) => {
      const row = alone.get(name)!;
      expect(row.status).toBe('complete');
      expect(countsOf(row)).toEqual({ [outcome]: REQUESTS });
      expect(row.valid).toBe(false);
      expect(codesOf(row)).toContain('nothing-served');
      const { problem: said } = row.serving!.requests;
      const byFault = said.filter((one) => problem.test(one ?? ''));
      // Of one that is given up, how far it had come is a matter of the machine.
      if (WAITING.includes(name)) expect(byFault).not.toEqual([]);
      else expect(byFault).toEqual(said);
    },
  );

  test.each(asked.filter(([name]) => LATER.includes(name)))(
    '%s in the middle: requests failed',
    (name, outcome, problem) => {
      const row = later.get(`${name}:${AFTER}`)!;
      expect(row.status).toBe('complete');
      expect(codesOf(row)).toContain('requests-failed');
      const problems = row.serving!.requests.problem.filter((said) => said !== null);
      for (const said of problems) expect(said).toMatch(SENTENCE);
      const byFault = problems.filter((said) => problem.test(said));
      if (WAITING.includes(name)) {
        const { complete = 0, [outcome]: failed = 0, ...others } = countsOf(row)!;
        expect([complete + failed, others]).toEqual([REQUESTS, {}]);
        expect(failed).toBeGreaterThanOrEqual(REQUESTS - CONCURRENT);
        expect(byFault).not.toEqual([]);
      } else {
        expect(countsOf(row)).toEqual({ complete: CONCURRENT, [outcome]: REQUESTS - CONCURRENT });
        expect(byFault).toEqual(problems);
      }
    },
  );

  test('die in the middle: the row is of a crash', () => {
    expect(later.get(`die:${AFTER}`)).toMatchObject({
      status: 'failed',
      failure: {
        code: 'crashed',
        message:
          'the server good ended while it was measured with exit code 1; its last line: died, as its fault says',
      },
    });
  });

  test.each([
    ['stays-open', false],
    ['short', true],
  ])('%s answers all the same', (name, mismatch) => {
    const rows = [alone.get(name), later.get(`${name}:${AFTER}`)].filter((row) => row !== undefined);
    expect(rows).not.toEqual([]);
    for (const row of rows) {
      expect(countsOf(row)).toEqual({ complete: REQUESTS });
      expect(codesOf(row).includes('length-forced')).toBe(mismatch);
    }
  });
});

describe.skipIf(process.platform !== 'linux')('a server that is kept (needs Linux)', () => {
  const SEEDS = [1, 2, 3, 4];
  const PER_POINT = 1 + REQUESTS;

  test(
    'and dies, or is killed, is started again for the next point',
    async () => {
      const loads = { runners: [SIMULATED], workloads: [{ loadSeed: SEEDS }] };
      // It dies in the middle of the third point.
      const dying = { ...SIMULATED, simulatedFault: `die:${1 + 2 * PER_POINT + AFTER}` };
      const died = run('dies', { ...loads, runners: [dying] });

      const out = join(folder, 'killed');
      const running = startRidge(runWords(sweep('killed', loads), out), { env: ENV });
      await running.says(/[12]\/4/);
      const servers = descendantsOf(running.process.pid!).filter((pid) =>
        /simulator\/main.*--port/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8')),
      );
      expect(servers).toHaveLength(1);
      process.kill(servers[0]!, 'SIGKILL');
      await running.ended;

      const inOrder = (rows: ResultRecord[]) =>
        rows.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
      const dead = inOrder((await died).rows);
      expect(dead.map(({ failure }) => failure?.code ?? null)).toEqual([null, null, 'crashed', null]);
      expect(dead.map(({ serving }) => serving?.kept ?? null)).toEqual([false, true, null, false]);

      // Whether it was killed before the second point had begun is a matter of milliseconds.
      const killed = inOrder(recordsIn(out));
      expect(killed).toHaveLength(SEEDS.length);
      const again = killed.findIndex(({ serving }, index) => index > 0 && serving?.kept === false);
      expect(again).toBeGreaterThan(0);
      for (const [index, row] of killed.entries()) {
        if (index === again - 1 && row.failure !== null) {
          expect(row.failure).toMatchObject({
            code: 'crashed',
            message: expect.stringMatching(/ by SIGKILL/),
          });
        } else expect(countsOf(row)).toEqual({ complete: REQUESTS });
      }
      expect(left()).toEqual([]);
    },
    LIMIT,
  );
});

describe('a node or a sweep that names what is not there', () => {
  test('is refused at the door: the configuration', async () => {
    const file = sweep('any', { runners: [SIMULATED], workloads: [{}] });
    const entries = {
      one: { profile: 'no-such' },
      two: { profile: 'openai', command: ['x'], attach: 'http://127.0.0.1:9' },
      three: { profile: 'openai', attach: 'http://127.0.0.1:9/v1' },
      four: { profile: 'openai', attach: 'ftp://127.0.0.1:9' },
      five: { profile: 'vllm', comand: ['x'] },
    };
    const bad = ['plan', file, '--config', config('bad', { servers: entries })];
    const refused = await ridgeHere(bad);
    expect(refused.code).toBe(2);
    for (const sentence of [
      /^servers\.one\.profile: .*"llama-server"/m,
      /^servers\.two: give either command or attach/m,
      /^servers\.three\.attach: give the address without a path$/m,
      /^servers\.four\.attach: Invalid URL$/m,
      /^servers\.five: .*"comand"/m,
    ]) {
      expect(refused.stderr).toMatch(sentence);
    }
    const without = await ridgeHere([
      'plan',
      file,
      '--config',
      config('without', { servers: { six: { profile: 'openai' } } }),
    ]);
    expect(without.code).toBe(2);
    expect(without.stderr).toMatch(
      /^servers\.six: the profile openai has no command of its own: give command or attach$/m,
    );
  });

  test('is refused at the door: the sweep', async () => {
    const file = sweep('words', {
      runners: [
        { kind: 'simulated-server', simulatedFoo: 1 },
        { kind: 'no-server' },
        { kind: 'vllm', chunkedPrefill: 'maybe' },
      ],
      workloads: [{ arrival: 'sometimes' }, { inputTokens: 'some' }, { slo: 5 }],
    });
    const { code, stderr } = await ridgeHere(['plan', file]);
    expect(code).toBe(2);
    for (const sentence of [
      /"simulatedFoo" is not a key here \(did you mean simulatedFault\?\)/,
      /kind must be .*vllm, not "no-server"/,
      /chunkedPrefill must be .*, not "maybe"/,
      /arrival must be closed, .*, not "sometimes"/,
      /inputTokens must be .*uniform:64\.\.256.*, not "some"/,
      /slo must be .*, not 5/,
    ]) {
      expect(stderr).toMatch(sentence);
    }
  });

  test('is refused at the door: combinations of a sweep', async () => {
    const closed = { concurrency: 1 };
    const file = sweep('rules', {
      runners: [SIMULATED],
      workloads: [
        { ...closed, arrival: 'poisson' },
        { ...closed, requestsPerSecond: 3 },
        { arrival: 'offline' },
        { ...closed, arrival: 'trace' },
        { trace: 'good.jsonl' },
        { inputTokens: 'uniform:9..3' },
        { outputTokens: 'normal:10,99' },
        { slo: 'ttft<=soon' },
        { findHighest: 'concurrency' },
      ],
    });
    const { code, stdout } = await ridgeHere(['plan', file]);
    expect(code).toBe(5);
    for (const sentence of [
      'arrival poisson needs requestsPerSecond',
      'requestsPerSecond says nothing where arrival is closed',
      'concurrency is what a closed loop holds, and arrival is offline',
      'arrival trace needs trace, the file that says when requests start',
      'a trace says when requests start: set arrival to trace',
      'inputTokens cannot be read: "uniform:9..3" is no length: the end has to be between 9 and',
      'outputTokens cannot be read: "normal:10,99" is no length: the deviation is more than the mean',
      'slo cannot be read: "ttft<=soon" is no objective',
      'findHighest needs slo',
    ]) {
      expect(stdout).toContain(`impossible: 1: ${sentence}`);
    }
  });

  test(
    'fails with one sentence for every point, and the others go on',
    async () => {
      const named = (server: string | null, kind = 'simulated-server') => ({ kind, server });
      const [servers, files] = await Promise.all([
        run('names', {
          runners: [
            { ...SIMULATED, server: ['good', 'no-program', 'nobody', 'keyless', 'wrong-words'] },
            {
              ...named('pretender', 'llama-server'),
              speculative: 'draft',
              draftModel: 'no-such-draft.gguf',
            },
            named('dead', 'openai'),
            named('tls', 'openai'),
          ],
          workloads: [{}],
        }),
        run('files', {
          runners: [SIMULATED],
          workloads: [
            { promptDataset: ['good.jsonl', 'missing.jsonl', 'wrong.jsonl', '/etc/hosts'] },
            { concurrency: 1, arrival: 'trace', trace: 'wrong-trace.jsonl' },
          ],
        }),
      ]);
      const said = new Map(
        servers.rows.map(({ experiment, failure }) => [experiment.runner.options.server, failure?.message]),
      );
      expect(said.get('good')).toBeUndefined();
      expect(said.get('pretender')).toBe('there is no file no-such-draft.gguf');
      expect(said.get('keyless')).toMatch(
        /^servers\.keyless: cannot read .*no-such-key: there is no such file$/,
      );
      expect(said.get('wrong-words')).toMatch(
        /ended before it was ready with exit code 2; its last line: .*there is no fault/,
      );
      // No node can run them, so that they never became a trial.
      for (const sentence of [
        /does-not-fit: .* needs the server no-program; \S+ has good.*: there is no program no-such-program/,
        /does-not-fit: .* needs the server nobody; \S+ has good/,
        // The two points of this runner fail with the same words, and are one line.
        /does-not-fit: tiny openai server=(dead|tls) needs the runner openai, .*nothing answers at http:\S+: nobody listens there \(ECONNREFUSED\);.*there is no secure connection \(EPROTO\);.*\(2 points\)/,
      ]) {
        expect(servers.ended.stderr).toMatch(sentence);
      }

      const of = new Map(
        files.rows.map(({ experiment: { workload }, failure }) => [
          workload.options.promptDataset ?? workload.options.trace,
          failure?.message,
        ]),
      );
      expect(of.get('good.jsonl')).toBeUndefined();
      expect(of.get('missing.jsonl')).toBe('there is no file missing.jsonl');
      expect(of.get('wrong.jsonl')).toMatch(
        /^the requests .*wrong\.jsonl cannot be read: Line 2 has neither a text "prompt"/,
      );
      expect(of.get('/etc/hosts')).toMatch(SENTENCE);
      expect(of.get('wrong-trace.jsonl')).toMatch(
        /^the requests .*wrong-trace\.jsonl cannot be read: Line 2/,
      );
      for (const message of [...said.values(), ...of.values()])
        if (message !== undefined) expect(message).toMatch(SENTENCE);
      expect(left()).toEqual([]);
    },
    LIMIT,
  );
});
