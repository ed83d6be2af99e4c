import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { resolveModel } from '../../../../artifacts/files/resolve.js';
import { toFailure } from '../../../../core/errors.js';
import { type ResultRecord, resultSchema } from '../../../../core/result/result.js';
import { ATTRIBUTE, ENTRY, GRAPH, Message, NODE, TENSOR } from '../../../../formats/onnx/wire.js';
import { launch } from '../../../../process/isolation/launch.js';
import { type EndlessAnswer, startEndless } from '../../../support/endless.js';
import { tinyLlama, writeFolder } from '../../../support/model-folder.js';
import { startRidge } from '../../../support/ridge.js';
import { fakeSweep } from '../../../support/sweeps.js';
import { aNode, aRecord } from '../../../support/wire-records.js';
import type { Check, Outcome } from '../check.js';
import { type Ground, heard, megabytes, recordsOf, submit, within } from '../ground.js';
import { peakBytes } from '../process-figures.js';

const ROOT = join(import.meta.dirname, '../../../..');
const COLLECTING = join(import.meta.dirname, '../collecting-child.mjs');
/** Of `ridge`, whatever a stranger makes it read: some 150 MB are its own. */
const MOST_BYTES = 500e6;
const SENTENCE = /^(?!.*(?:undefined|\[object|\n))\S.{10,600}$/s;

/** A server that is healthy and answers a request for tokens as OpenAI's does, but for what is given. */
const server = (given: Readonly<Record<string, EndlessAnswer>>) => (path: string) => {
  const chunk = {
    choices: [{ text: 'a', finish_reason: 'length' }],
    usage: { prompt_tokens: 3, completion_tokens: 8 },
  };
  const usual: Readonly<Record<string, EndlessAnswer>> = {
    '/v1/models': { part: '', before: '{"data":[{"id":"m"}]}' },
    '/v1/completions': {
      part: '',
      headers: { 'content-type': 'text/event-stream' },
      before: `data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`,
    },
  };
  return given[path] ?? usual[path] ?? { part: '' };
};

interface Ran {
  readonly record: ResultRecord | undefined;
  readonly stderr: string;
  readonly peakBytes: number;
}

/** Runs one point against a server of this process, which `ridge` attaches to. */
async function attached(
  ground: Ground,
  given: Readonly<Record<string, EndlessAnswer>>,
  workload: object = {},
): Promise<Ran> {
  const answers = server(given);
  const attacker = await startEndless(({ url }) => answers(url ?? ''));
  ground.later(() => attacker.close());
  const change = { readiness: { path: '/health', seconds: 2 } };
  const environment = { NODE_OPTIONS: `--import ${COLLECTING}` };
  return await run(
    ground,
    { openai: { attach: attacker.url, change } },
    { kind: 'openai' },
    workload,
    environment,
  );
}

async function run(
  ground: Ground,
  servers: object,
  runner: object,
  workload: object = {},
  environment: Record<string, string> = {},
): Promise<Ran> {
  const folder = ground.path('run');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'agent.yaml'), JSON.stringify({ servers, cacheFolder: join(folder, 'cache') }));
  const load = {
    kind: 'serving',
    requests: 2,
    warmupRequests: 0,
    outputTokens: 8,
    inputTokens: 8,
    audit: false,
  };
  const spec = {
    models: 'builtin:tiny',
    runners: [runner],
    workloads: [{ ...load, requestTimeoutSeconds: 20, ...workload }],
    measure: { starts: 1, retryInvalid: 0 },
    placement: { retries: 0, driftControl: false, device: 'cpu' },
  };
  const sweep = { apiVersion: 'ridgepoint.dev/v1', kind: 'Sweep', metadata: { name: 'opened' }, spec };
  writeFileSync(join(folder, 'sweep.yaml'), JSON.stringify(sweep));
  const running = startRidge(['run', 'sweep.yaml', '--config', 'agent.yaml', '--out', 'out', '--no-roofs'], {
    cwd: folder,
    env: environment,
  });
  ground.later(() => running.process.kill('SIGKILL'));
  let peak = 0;
  const watch = setInterval(() => {
    try {
      const seen = peakBytes(running.process.pid ?? 0);
      // What has ended and was not waited for has none.
      if (seen > peak) peak = seen;
    } catch {
      // It has ended.
    }
  }, 50);
  const { stderr } = await within(240, 'ridge run to end', running.ended).finally(() => clearInterval(watch));
  let lines: string[] = [];
  try {
    lines = readFileSync(join(folder, 'out', 'results.jsonl'), 'utf8')
      .split('\n')
      .filter(Boolean);
  } catch {
    // It gave no row.
  }
  const [record] = lines.map((line) => resultSchema.parse(JSON.parse(line)));
  return { record, stderr, peakBytes: peak };
}

const bounded = ({ peakBytes: peak, record }: Ran, what: string): Outcome => ({
  holds: peak > 0 && peak < MOST_BYTES && record !== undefined,
  figure: `${what}: ridge peaked at ${megabytes(peak)}, the trial ${record?.status ?? 'gave no record'}${
    record?.failure == null ? '' : ` (${record.failure.message.slice(0, 100)})`
  }`,
});

/** Looks at a model as an agent does, in a child. @returns its digest, or why it is refused. */
async function looked(
  source: string,
  folder: string,
  ground: Ground,
): Promise<{ digest: string } | { why: string }> {
  try {
    const settings = { modelFolders: [folder], cacheFolder: ground.path('cache') };
    return { digest: (await resolveModel(source, settings, { launcher: launch })).digest };
  } catch (error) {
    return { why: toFailure(error).message };
  }
}

const said = (answer: { digest: string } | { why: string }) =>
  'why' in answer ? answer.why : `taken as ${answer.digest}`;
const refused = (answer: { digest: string } | { why: string }, words: RegExp): Outcome => ({
  holds: 'why' in answer && words.test(answer.why) && SENTENCE.test(answer.why),
  figure: said(answer),
});

/** A graph whose one Constant lies in another file. */
function constantIn(location: string): Uint8Array {
  const entry = new Message().text(ENTRY.key, 'location').text(ENTRY.value, location).finish();
  const tensor = new Message()
    .text(TENSOR.name, 'c')
    .entry(TENSOR.external, entry)
    .int(TENSOR.location, 1)
    .finish();
  const attribute = new Message().text(ATTRIBUTE.name, 'value').entry(ATTRIBUTE.tensor, tensor).finish();
  const node = new Message().text(NODE.kind, 'Constant').entry(NODE.attribute, attribute).finish();
  return new Message().entry(7, new Message().entry(GRAPH.node, node).finish()).finish();
}

const FILLER = ' '.repeat(65_536);
const EVENTS = { headers: { 'content-type': 'text/event-stream' } };

/** A folder with llama's weights, in a model folder of its own. */
async function published(ground: Ground): Promise<{ folder: string; path: string }> {
  const folder = ground.path('models');
  const path = join(folder, 'published');
  mkdirSync(path, { recursive: true });
  await writeFolder(tinyLlama(), { at: path });
  return { folder, path };
}

export const openedChecks: readonly Check[] = [
  {
    name: 'opened-endless-models',
    claim: 'a server whose list of models never ends takes no memory and no time without bound',
    seconds: 300,
    run: async (ground) =>
      bounded(await attached(ground, { '/v1/models': { part: FILLER } }), 'endless /v1/models'),
  },
  {
    name: 'opened-trickling-health',
    claim: 'a server that trickles is given up, whatever the garbage collector does',
    seconds: 300,
    run: async (ground) => {
      const ran = await attached(ground, { '/health': { part: ' ', everyMilliseconds: 50 } });
      const why = /[^\n:]*it says nothing for 2 s/.exec(ran.stderr)?.[0] ?? ran.stderr.slice(-200);
      return { holds: /it says nothing for 2 s/.test(why), figure: why.trim() };
    },
  },
  {
    name: 'opened-gzip-bomb',
    claim: 'what a server packs is not unpacked',
    seconds: 300,
    run: async (ground) => {
      const before = gzipSync(Buffer.alloc(2 ** 30), { level: 9 });
      const headers = { 'content-encoding': 'gzip', 'content-type': 'application/json' };
      return bounded(
        await attached(ground, { '/v1/models': { part: '', before, headers } }),
        `1 GiB in ${megabytes(before.length)}`,
      );
    },
  },
  ...(
    [
      ['line', 'data: ', FILLER],
      ['event', '', `data: ${FILLER}\n`],
      ['comments', '', `: ${FILLER}\n\n`],
    ] as const
  ).map(
    ([what, before, part]): Check => ({
      name: `opened-stream-${what}`,
      claim: `an answer of a ${what} without end is given up by what was asked for`,
      seconds: 300,
      run: async (ground) => {
        const ran = await attached(ground, { '/v1/completions': { ...EVENTS, before, part } });
        const problem = ran.record?.serving?.requests.problem?.find((one) => one !== null) ?? null;
        const { holds, figure } = bounded(ran, what);
        return {
          holds: holds && /more than \d+ (?:bytes|characters)/.test(problem ?? ''),
          figure: `${figure}; ${problem}`,
        };
      },
    }),
  ),
  {
    name: 'opened-token-count',
    claim: 'a server that counts 10^12 tokens where 8 were asked for makes no rate',
    seconds: 300,
    run: async (ground) => {
      const usage = { prompt_tokens: 1e12, completion_tokens: 1e12 };
      const before = `data: ${JSON.stringify({ choices: [{ text: 'a', finish_reason: 'length' }], usage })}\n\ndata: [DONE]\n\n`;
      const { record } = await attached(ground, { '/v1/completions': { ...EVENTS, before, part: '' } });
      const { outputTokensPerSecond: out, inputTokensPerSecond: into } = record?.measurements ?? {};
      const rates = [out, into].map((one) =>
        one === undefined ? 'none' : String('value' in one ? one.value : null),
      );
      return {
        holds:
          record?.status === 'complete' &&
          rates.every((rate) => rate === 'none' || rate === 'null' || Number(rate) < 1e6),
        figure: `rates ${rates.join(' and ')}`,
      };
    },
  },
  {
    name: 'opened-onnx-constant',
    claim: 'weights of a Constant node in another file are in the digest, and no file elsewhere is named',
    run: async (ground) => {
      const folder = ground.path('models');
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'weights.bin'), 'one');
      const put = (location: string) => writeFileSync(join(folder, 'model.onnx'), constantIn(location));
      put('weights.bin');
      const one = await looked('model.onnx', folder, ground);
      writeFileSync(join(folder, 'weights.bin'), 'two');
      const two = await looked('model.onnx', folder, ground);
      const away = [];
      for (const location of ['/etc/passwd', '../weights.bin', '*/_ORT_MEM_ADDR_/*']) {
        put(location);
        away.push(await looked('model.onnx', folder, ground));
      }
      const secret = ground.path('secret');
      writeFileSync(secret, 'secret');
      symlinkSync(secret, join(folder, 'link.bin'));
      put('link.bin');
      const linked = refused(await looked('model.onnx', folder, ground), /not inside a model folder/);
      return {
        holds:
          'digest' in one &&
          'digest' in two &&
          one.digest !== two.digest &&
          linked.holds &&
          away.every((answer) => refused(answer, /is no file beside it/).holds),
        figure: `${said(one).slice(0, 24)}, changed ${said(two).slice(0, 24)}; link: ${linked.figure}`,
      };
    },
  },
  {
    name: 'opened-large-config',
    claim: 'a config of 256 MB is refused in a sentence and never read',
    run: async (ground) => {
      const { folder, path } = await published(ground);
      writeFileSync(join(path, 'config.json'), Buffer.alloc(256e6, '['));
      const before = process.memoryUsage().rss;
      const { holds, figure } = refused(
        await looked('published', folder, ground),
        /config\.json has 256000000 bytes/,
      );
      const grown = process.memoryUsage().rss - before;
      return { holds: holds && grown < 200e6, figure: `${figure}; grew by ${megabytes(Math.max(0, grown))}` };
    },
  },
  {
    name: 'opened-template-time',
    claim: 'a chat template without end is ended within seconds, in a sentence, and the trial with it',
    seconds: 300,
    run: async (ground) => {
      const { path } = await published(ground);
      cpSync(join(ROOT, 'test/fixtures/tokenizer/tokenizer.json'), join(path, 'tokenizer.json'));
      const loop = '{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}';
      writeFileSync(join(path, 'chat_template.jinja'), loop);
      const began = performance.now();
      const answer = await inChild(path);
      const seconds = (performance.now() - began) / 1000;
      return {
        holds: /takes longer than \d+ s/.test(answer) && SENTENCE.test(answer),
        figure: `${seconds.toFixed(1)} s: ${answer}`,
      };
    },
  },
  {
    name: 'opened-pattern-time',
    claim: "a tokenizer's pattern that backtracks without end is ended within seconds, in a sentence",
    seconds: 300,
    run: async (ground) => {
      const { path } = await published(ground);
      const plain = JSON.parse(readFileSync(join(ROOT, 'test/fixtures/tokenizer/tokenizer.json'), 'utf8'));
      const split = { type: 'Split', pattern: { Regex: '(?:a+)+$' }, behavior: 'Isolated', invert: false };
      writeFileSync(join(path, 'tokenizer.json'), JSON.stringify({ ...plain, pre_tokenizer: split }));
      const began = performance.now();
      const answer = await inChild(path, `${'a'.repeat(60)}!`);
      const seconds = (performance.now() - began) / 1000;
      return {
        holds: /takes longer than \d+ s/.test(answer) && SENTENCE.test(answer),
        figure: `${seconds.toFixed(1)} s: ${answer}`,
      };
    },
  },
  {
    name: 'opened-template-link',
    claim:
      'no link of a model folder leads out, additional chat templates and files that only a server opens included',
    run: async (ground) => {
      const secret = ground.path('secret');
      writeFileSync(secret, 'secret');
      const answers: Outcome[] = [];
      for (const place of ['additional_chat_templates/rag.jinja', 'pytorch_model.bin', 'sub/params.json']) {
        const { folder, path } = await published(ground);
        mkdirSync(dirname(join(path, place)), { recursive: true });
        symlinkSync(secret, join(path, place));
        answers.push(refused(await looked('published', folder, ground), /not inside a model folder/));
      }
      return {
        holds: answers.every(({ holds }) => holds),
        figure: answers.map(({ figure }) => figure).join('; '),
      };
    },
  },
  {
    name: 'opened-trial-limit',
    claim: "a sweep that asks for a day ends at the node's own limit",
    seconds: 240,
    run: async (ground) => {
      const target = await ground.coordinator();
      ground.agent(target.grpcAddress, 'node-a', undefined, { limits: { trialTimeoutSeconds: 4 } });
      const control = ground.control(target);
      const sweepId = await submit(
        control,
        `
apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: day }
spec:
  models: "builtin:tiny"
  runners: [{ kind: fake, fakeDecodeTokensPerSecond: 1 }]
  workloads: [{ kind: latency, promptTokens: 8, generateTokens: 4096 }]
  measure: { starts: 1, trialTimeoutSeconds: 86400 }
  placement: { driftControl: false, retries: 0 }
`,
      );
      for (let i = 0; i < 180; i++) {
        const [record] = await recordsOf(control, sweepId);
        if (record !== undefined)
          return {
            holds: record.failure?.code === 'timed-out' && / 4 s$/.test(record.failure.message),
            figure: record.failure?.message ?? record.status,
          };
        await sleep(1000);
      }
      return { holds: false, figure: 'still running after 180 s' };
    },
  },
  {
    name: 'opened-token',
    claim: 'no server and no probe of one has RIDGE_TOKEN in its environment',
    seconds: 300,
    run: async (ground) => {
      const seen = ground.path('environment');
      const command = ['sh', '-c', `echo version 1.2; env >> ${seen}; exit 3`];
      const servers = { one: { profile: 'simulated-server', command } };
      const environment = { RIDGE_TOKEN: 'only-for-the-coordinator', ORDINARY: 'inherited' };
      await run(ground, servers, { kind: 'simulated-server' }, {}, environment);
      const text = readFileSync(seen, 'utf8');
      const started = text.match(/^ORDINARY=inherited$/gm)?.length ?? 0;
      const leaked = text.includes('only-for-the-coordinator');
      return {
        holds: started === 2 && !leaked,
        figure: `${started} programs started, token ${leaked ? 'inherited' : 'not there'}`,
      };
    },
  },
  {
    name: 'opened-late-result',
    claim: 'a late honest result beside its re-measurement is one start',
    seconds: 120,
    run: async (ground) => {
      const target = await ground.coordinator({ leaseSeconds: 3 });
      const control = ground.control(target);
      const slow = await ground.fakeAgent(target, { profile: aNode('node-a') });
      const sweepId = await submit(control, fakeSweep(1));
      const late = await within(20, 'a lease', slow.lease());
      const other = await ground.fakeAgent(target, { profile: aNode('node-b') });
      const again = await within(60, 'the point to be leased again', other.lease());
      await other.report(again);
      const answer = await slow.answerTo(aRecord(late, slow.profile));
      await heard(slow);
      const counted = (await recordsOf(control, sweepId)).filter(({ sweep }) => sweep.purpose === 'measure');
      return {
        holds: answer === null && counted.length === 1 && counted[0]?.trialId === again.trialId,
        figure: `${answer ?? 'acknowledged'}; ${counted.length} of 2 results count`,
      };
    },
  },
];

/** Opens a tokenizer and counts a chat, in a process that this one waits for. @returns what it says. */
async function inChild(folder: string, text = 'hello'): Promise<string> {
  const words = ['--import', 'tsx', join(import.meta.dirname, '../tokenizer-child.ts'), folder, text];
  return await new Promise((resolve) => {
    execFile(process.execPath, words, { cwd: ROOT, timeout: 200_000 }, (error, stdout) =>
      resolve(stdout.trim() === '' ? `it ended with ${error?.message ?? 'no word'}` : stdout.trim()),
    );
  });
}
