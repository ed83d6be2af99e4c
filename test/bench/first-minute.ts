/**
 * From nothing to the first table, twice: a bare clone with `npm run quickstart`, and the archives of
 * `scripts/pack.mjs` installed where no compiler is to be found. "Nothing" is an empty cache of npm and an
 * empty home; for the clone a PATH of its own with Node.js 22 (`--node=20`) from the registry, npm, a shell,
 * git and compilers, for the archives an empty root (chroot) with that Node.js, npm, a shell, tar and the
 * libraries of these. It needs what `npm run build` needs, for the archives are made of this checkout, and
 * the registry.
 *
 * Table means: every point of the quickstart is measured, and there are columns of speed, memory, quality,
 * percent of roof and prediction. Rows that other processes made invalid are counted and do not fail it. The
 * clone is of what is committed. `--only=clone` and `--only=packed` do one of the two.
 */
import { type SpawnSyncReturns, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { MANIFEST } from '../../process/package.js';
import {
  barePath,
  fetchNode,
  type Machine,
  MINIMAL_TOOLS,
  machineIn,
  makeEmptyRoot,
  mayEnterRoots,
  must,
} from '../../scripts/machines.js';
import { ROOT } from '../support/ridge.js';
import { freePort, until } from '../support/services.js';
import { conclude, type Figure } from './figure.js';

const NODE_BYTES = 150e6;
const COORDINATOR_BYTES = 100e6;
/** `--node=20`: another release, of which 20 has no SQLite of its own. */
const NODE_MAJOR = Number(
  process.argv.find((word) => word.startsWith('--node='))?.slice('--node='.length) ?? 22,
);
const TABLE_SECONDS = NODE_MAJOR < 22 ? 240 : 180;
/** What is installed beside the archives there. */
const SQLITE = '@photostructure/sqlite';
const BESIDE = NODE_MAJOR < 22 ? [`${SQLITE}@${MANIFEST.devDependencies[SQLITE]}`] : [];
const COMPILERS = ['cc', 'c++', 'gcc', 'g++', 'clang', 'make', 'cmake', 'ninja', 'python', 'python3'];
/** What a compiler calls by name. */
const BINUTILS = ['as', 'ld', 'ar', 'ranlib', 'nm', 'objcopy', 'objdump', 'strip'];
/** Points of docs/examples/quickstart.yaml. */
const POINTS = 12;

const only = process.argv.find((word) => word.startsWith('--only='))?.slice('--only='.length);
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-first-minute-'));
const figures: Figure[] = [];

function bytesOf(path: string): number {
  return readdirSync(path, { withFileTypes: true }).reduce((sum, entry) => {
    const child = join(path, entry.name);
    return sum + (entry.isDirectory() ? bytesOf(child) : entry.isFile() ? statSync(child).size : 0);
  }, 0);
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Lines in which npm or Node.js complain. */
const warningsIn = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => /\b(warn|warning|deprecated|gyp|ERR!)\b/i.test(line) && !/^ready: /.test(line));

/** The columns that a first table has, by the metric behind each. */
const COLUMNS: Readonly<Record<string, string>> = {
  decode: 'decodeTokensPerSecond',
  'peak RSS': 'peakResidentBytes',
  PPL: 'perplexity',
  'decode % of roof': 'decodeRoofRatio',
  predicted: 'predictedTimePerOutputTokenSeconds',
};

interface Row {
  readonly status: string;
  readonly valid: boolean;
  readonly sweep: { readonly position: number };
  readonly measurements: Readonly<Record<string, { readonly value: number | null }>>;
}

/** What lacks of the quickstart's table, and how many of its starts are valid. */
function tableOf(
  out: string,
  { status, stdout }: SpawnSyncReturns<string>,
): { lacks: string[]; starts: number; valid: number } {
  const path = join(out, 'ridge-out/quickstart/results.jsonl');
  // 4: rows are invalid, for other processes used the machine.
  if ((status !== 0 && status !== 4) || !existsSync(path))
    return { lacks: [`exit code ${status}`], starts: 0, valid: 0 };
  const records = readFileSync(path, 'utf8').trim().split('\n');
  const rows = records.map((line) => JSON.parse(line) as Row).filter((row) => row.status === 'complete');
  const points = new Set(rows.map(({ sweep }) => sweep.position));
  const columns = Object.entries(COLUMNS).filter(
    ([heading, metric]) =>
      !stdout.includes(heading) || rows.some(({ measurements }) => measurements[metric]?.value == null),
  );
  const unmeasured = POINTS - points.size;
  return {
    lacks: [
      ...(unmeasured > 0 ? [`${unmeasured} points`] : []),
      ...columns.map(([heading]) => `column ${heading}`),
    ],
    starts: rows.length,
    valid: rows.filter(({ valid }) => valid).length,
  };
}

const load = (): string => loadavg()[0]!.toFixed(1);

/** @returns how a first table came about, as a figure says it. */
function tableText(table: ReturnType<typeof tableOf>, seconds: number): string {
  return table.lacks.length > 0
    ? `no whole table (${table.lacks.join(', ')}) after ${seconds.toFixed(0)} s`
    : `table after ${seconds.toFixed(0)} s, ${table.valid} of ${table.starts} starts valid`;
}

function fromClone(node: string): void {
  const machine = barePath(join(folder, 'clone-machine'), node, [
    ...MINIMAL_TOOLS,
    'git',
    ...COMPILERS,
    ...BINUTILS,
  ]);
  const clone = join(folder, 'clone');
  must('git', ['clone', '--quiet', ROOT, clone], folder);
  const before = load();
  const run = machine.run('npm', ['run', '--silent', 'quickstart'], clone);
  const table = tableOf(clone, run);
  const warnings = warningsIn(run.stderr);
  figures.push({
    claim:
      'a bare clone, `npm run quickstart`: speed, memory, quality, percent of roof and prediction of every point',
    measured: `${tableText(table, run.seconds)}; ${megabytes(bytesOf(clone))} with packages and builds; load ${before} before`,
    required: `within ${TABLE_SECONDS} s`,
    holds: table.lacks.length === 0 && run.seconds <= TABLE_SECONDS,
  });
  figures.push({
    claim: 'that says no warning',
    measured: `${warnings.length} warnings ${warnings.slice(0, 3).join(' | ')}`.trim(),
    required: 'none',
    holds: warnings.length === 0,
  });
}

/**
 * A machine where the archives are installed: an empty root, or a PATH of its own where none may be entered.
 */
function packedMachine(place: string, node: string): Machine {
  if (!mayEnterRoots()) return barePath(place, node, MINIMAL_TOOLS);
  makeEmptyRoot(place, node, MINIMAL_TOOLS);
  return machineIn(place);
}

async function fromArchives(node: string): Promise<void> {
  const archives = must(process.execPath, [join(ROOT, 'scripts/pack.mjs')], ROOT)
    .split('\n')
    .map((path) => {
      const here = join(folder, basename(path));
      copyFileSync(path, here);
      return here;
    });
  const place = join(folder, 'packed-machine');
  const machine = packedMachine(place, node);
  const compilers = COMPILERS.filter((tool) => machine.has(tool));
  const prefix = join(folder, 'prefix');
  const install = machine.run(
    'npm',
    ['install', '-g', '--ignore-scripts', '--prefix', prefix, ...archives, ...BESIDE],
    folder,
  );
  const warnings = warningsIn(install.stderr);
  const bytes = install.status === 0 ? bytesOf(prefix) : 0;
  figures.push({
    claim: `\`npm install -g --ignore-scripts\` of the archives (${archives.map((path) => megabytes(statSync(path).size)).join(' and ')}), no compiler on the path: no warning`,
    measured:
      `${machine.what}, exit code ${install.status}, ${install.seconds.toFixed(0)} s, ${compilers.length} compilers, ${warnings.length} warnings ${warnings.slice(0, 3).join(' | ')}`.trim(),
    required: 'exit code 0, none',
    holds: install.status === 0 && compilers.length === 0 && warnings.length === 0,
  });
  figures.push({
    claim: 'a node without a GPU, all files together, engine and native kernels included',
    measured: megabytes(bytes),
    required: `under ${megabytes(NODE_BYTES)}`,
    holds: install.status === 0 && bytes < NODE_BYTES,
  });
  if (install.status !== 0) return;

  const home = join(prefix, 'lib/node_modules/ridgepoint');
  const ridge = (args: readonly string[], cwd: string) =>
    machine.run('node', [join(home, 'dist/cli/main.js'), ...args], cwd);
  const doctor = ridge(['doctor', '--json'], folder);
  const { findings } = JSON.parse(doctor.stdout) as {
    findings: { name: string; ok: boolean; found: string }[];
  };
  const found = (name: string) => findings.find((finding) => finding.name === name);
  figures.push({
    claim: 'there `ridge doctor` finds the engine and the native kernels, and nothing warns',
    measured: ['llama.cpp', 'native kernels'].map((name) => `${name}: ${found(name)?.found}`).join('; '),
    required: 'both, and no warning',
    holds:
      found('llama.cpp')?.ok === true &&
      found('native kernels')?.ok === true &&
      warningsIn(doctor.stderr).length === 0,
  });
  const work = join(folder, 'work');
  mkdirSync(work);
  const before = load();
  const sweep = ridge(['run', join(home, 'docs/examples/quickstart.yaml')], work);
  const table = tableOf(work, sweep);
  const seconds = install.seconds + sweep.seconds;
  figures.push({
    claim: 'there the quickstart gives the same table, without a warning of Node.js',
    measured: `${tableText(table, seconds)}, installation (${install.seconds.toFixed(0)} s) included; load ${before} before`,
    required: `within ${TABLE_SECONDS} s`,
    holds: table.lacks.length === 0 && seconds <= TABLE_SECONDS && !/ExperimentalWarning/.test(sweep.stderr),
  });
  await coordinatorAlone(machine, archives[0] ?? '');
}

/** A coordinator's machine needs no engine and no kernels. */
async function coordinatorAlone(machine: Machine, archive: string): Promise<void> {
  const thin = join(folder, 'thin');
  mkdirSync(thin);
  // Not with -g: of a global archive npm 11.19 installs optional packages, whatever --omit says.
  const words = ['install', '--ignore-scripts', '--omit=optional', '--prefix', thin, archive, ...BESIDE];
  machine.run('npm', words, folder);
  const bytes = bytesOf(thin);
  const [port, http] = [await freePort(), await freePort()];
  const start = machine.command(
    'node',
    [
      join(thin, 'node_modules/ridgepoint/dist/cli/main.js'),
      'coordinator',
      ...['--listen', `127.0.0.1:${port}`, '--metrics', `127.0.0.1:${http}`, '--web', 'off'],
      ...['--data', join(folder, 'data')],
    ],
    folder,
  );
  const coordinator = spawn(start.file, start.args, { stdio: 'ignore', env: start.env });
  const ended = new Promise<number | null>((resolve) => coordinator.once('close', resolve));
  const ready = await until('the coordinator to be ready', async () =>
    (await fetch(`http://127.0.0.1:${http}/readyz`)).ok ? true : null,
  ).catch(() => false);
  coordinator.kill('SIGTERM');
  const code = await ended;
  figures.push({
    claim:
      'a coordinator without engines (`--omit=optional`), all files together; it starts, is ready and drains',
    measured: `${megabytes(bytes)}, ${ready ? 'ready' : 'not ready'}, exit code ${code}`,
    required: `under ${megabytes(COORDINATOR_BYTES)}, ready, exit code 0`,
    holds: bytes < COORDINATOR_BYTES && ready && code === 0,
  });
}

try {
  const node = fetchNode(folder, NODE_MAJOR);
  if (only !== 'packed') fromClone(node);
  if (only !== 'clone') await fromArchives(node);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
conclude('first-minute', figures);
