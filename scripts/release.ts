/**
 * Everything of a release but publishing it: `npm run release -- --dry-run`. Asks npm whether a dependency is
 * known to be unsafe; builds and packs this checkout; publishes the packages to a registry on loopback;
 * installs them from there into an empty root, which has no compiler, and makes an image of that; signs what
 * came about; changes a byte of each file, which has to be noticed; and unpacks the image, where the
 * quickstart runs as a user without rights. Needs root, for it enters other roots, what `npm run build`
 * needs, and npm's registry. Four minutes on two calm cores.
 *
 * Exit code 0: each step passed or was skipped by name; 1: a step failed; 2: there is something to mend
 * first.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  fetchNode,
  type Machine,
  MINIMAL_TOOLS,
  machineIn,
  makeEmptyRoot,
  mayEnterRoots,
} from './machines.js';
import {
  ATTESTATION_ENDING,
  digestOfFile,
  type Subject,
  subjectsIn,
  writeAttestation,
} from './release/attestation.js';
import { unpackImage, writeImage } from './release/image.js';
import { type Registry, startRegistry } from './release/registry.js';

const ROOT = join(import.meta.dirname, '..');
const VERIFY = join(import.meta.dirname, 'release/verify.mjs');
/** The release of Node.js in the image. */
const NODE_MAJOR = 24;
/** Where the packages are installed in the image. */
const PREFIX = '/opt/ridgepoint';
const HOME = join(PREFIX, 'lib/node_modules/ridgepoint');
const MAIN = join(HOME, 'dist/cli/main.js');
const USER = '10001:10001';
const SWEEP = join(HOME, 'docs/examples/quickstart.yaml');

/** What has to be mended before a release can be made. */
class Refusal extends Error {}

interface Step {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What was found, in a sentence. */
  readonly found: string;
  readonly seconds: number;
}

/** What a step found; it throws where it fails. */
interface Finding {
  readonly skipped?: true;
  readonly found: string;
}

interface Options {
  readonly key: string | undefined;
  readonly to: string;
  readonly allowChanges: boolean;
}

function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'dry-run': { type: 'boolean', default: false },
      'allow-changes': { type: 'boolean', default: false },
      key: { type: 'string' },
      to: { type: 'string', default: join(ROOT, 'dist/release') },
    },
  });
  if (!values['dry-run'])
    throw new Refusal(
      'only --dry-run can be done here; a release is published by .github/workflows/release.yml, from a tag',
    );
  return { key: values.key, to: resolve(values.to), allowChanges: values['allow-changes'] };
}

const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();

function readKey(file: string): KeyObject {
  try {
    const key = createPrivateKey(readFileSync(file));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (error) {
    throw new Refusal(`--key: ${file} cannot be read as a private key: ${(error as Error).message}`);
  }
  throw new Refusal(`--key: ${file} is no key of Ed25519; openssl genpkey -algorithm ed25519 makes one`);
}

/** Asks npm's registry whether dependencies of the package are known to be unsafe. */
function audit(): Finding {
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { cwd: ROOT, encoding: 'utf8' });
  const answer = JSON.parse(stdout) as {
    statusCode?: number;
    error?: { code?: string; summary?: string };
    metadata?: { vulnerabilities: { total: number } };
  };
  if (answer.metadata === undefined) {
    const reason = answer.error?.summary || answer.error?.code || `HTTP ${answer.statusCode}`;
    return { skipped: true, found: `the registry answers no audits (${reason})` };
  }
  const { total } = answer.metadata.vulnerabilities;
  if (total > 0) throw new Error(`${total} known vulnerabilities; npm audit --omit=dev lists them`);
  return { found: 'no known vulnerabilities' };
}

function node(script: string, ...args: string[]): string {
  const { status, stdout } = spawnSync(process.execPath, [join(ROOT, script), ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 2],
  });
  if (status !== 0) throw new Error(`${script} ended with ${status}`);
  return stdout.trim();
}

/** @returns the archives, the package first. */
function pack(to: string): string[] {
  node('scripts/build.mjs');
  return node('scripts/pack.mjs', '--to', to).split('\n');
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

function check(ended: ReturnType<Machine['run']>, what: string, allowed = [0]): string {
  if (ended.status === null || !allowed.includes(ended.status))
    throw new Error(`${what} ended with ${ended.status ?? ended.signal}: ${ended.stdout.slice(-2000)}`);
  return ended.stdout;
}

/** @returns what `ridge doctor` finds of the parts that measuring needs. */
function doctor(machine: Machine): string {
  const { stdout } = machine.run('node', [MAIN, 'doctor', '--json'], '/tmp');
  const { findings } = JSON.parse(stdout) as { findings: { name: string; ok: boolean; found: string }[] };
  return ['llama.cpp', 'native kernels']
    .map((name) => {
      const finding = findings.find((each) => each.name === name);
      if (!finding?.ok) throw new Error(`ridge doctor: ${name}: ${finding?.found ?? 'missing'}`);
      return `${name}: ${finding.found}`;
    })
    .join('; ');
}

/** Installs from the registry into a root that has no compiler. */
function install(root: string, nodeFolder: string, registry: Registry, version: string): Finding {
  makeEmptyRoot(root, nodeFolder, MINIMAL_TOOLS);
  const machine = machineIn(root);
  const words = ['install', '-g', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', PREFIX];
  const ended = machine.run('npm', [...words, '--registry', registry.url, `ridgepoint@${version}`], '/tmp');
  check(ended, 'npm install');
  return { found: `npm install in ${ended.seconds.toFixed(0)} s; ${doctor(machine)}` };
}

/** Makes the image of a root, without what it took to install and without what is this machine's. */
async function makeImage(root: string, layout: string, madeAt: number): Promise<Finding> {
  for (const path of ['tmp', 'npm-cache', 'usr/lib/npm', 'bin/npm', 'etc/resolv.conf', 'etc/nsswitch.conf'])
    rmSync(join(root, path), { recursive: true, force: true });
  mkdirSync(join(root, 'tmp'));
  execFileSync('chmod', ['1777', join(root, 'tmp')]);
  const etc = {
    passwd: 'root:x:0:0:root:/:/bin/sh\nridge:x:10001:10001:ridge:/tmp:/bin/sh\n',
    group: 'root:x:0:\nridge:x:10001:\n',
    hosts: '127.0.0.1 localhost\n',
  };
  for (const [name, text] of Object.entries(etc)) writeFileSync(join(root, 'etc', name), text);
  const digest = await writeImage(
    layout,
    root,
    {
      user: USER,
      entrypoint: ['/bin/node', MAIN],
      env: ['PATH=/bin', 'HOME=/tmp', 'NODE_ENV=production'],
    },
    madeAt,
  );
  return { found: `${digest.slice(0, 19)}…, ${megabytes(bytesOf(layout))}` };
}

const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
const bytesOf = (folder: string): number =>
  filesOf(folder).reduce((sum, file) => sum + readFileSync(file).length, 0);

/** What was built from what (https://slsa.dev/provenance/v1). */
async function provenance(commit: string, version: string, begun: Date) {
  return {
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'urn:ridgepoint:release:1',
        externalParameters: { version, command: 'npm run release' },
        internalParameters: { node: process.version, platform: `${process.platform}-${process.arch}` },
        resolvedDependencies: [
          { name: 'ridgepoint', digest: { gitCommit: commit } },
          {
            name: 'package-lock.json',
            digest: { sha256: await digestOfFile(join(ROOT, 'package-lock.json')) },
          },
        ],
      },
      runDetails: {
        builder: { id: 'urn:ridgepoint:builder:local' },
        metadata: { startedOn: begun.toISOString(), finishedOn: new Date().toISOString() },
      },
    },
  };
}

/** Signs what lies in the folder: where it comes from, and what is in the package. */
async function attest(folder: string, key: KeyObject, commit: string, version: string, begun: Date) {
  const subjects = await subjectsIn(folder);
  const claim = await provenance(commit, version, begun);
  writeAttestation(join(folder, `provenance${ATTESTATION_ENDING}`), key, subjects, claim);
  const bill = JSON.parse(readFileSync(join(folder, `ridgepoint-${version}.cdx.json`), 'utf8')) as unknown;
  const packages: Subject[] = subjects.filter(({ name }) => name.endsWith('.tgz'));
  writeAttestation(join(folder, `bill-of-materials${ATTESTATION_ENDING}`), key, packages, {
    predicateType: 'https://cyclonedx.org/bom',
    predicate: bill,
  });
  return { found: `${subjects.length} files` };
}

const verify = (folder: string, publicKey: string) =>
  spawnSync(process.execPath, [VERIFY, '--key', publicKey, folder], { encoding: 'utf8' });

/** The release is taken as it is, and refused with any one of its files changed by a byte. */
function verifyAndFlip(folder: string, publicKey: string, scratch: string): Finding {
  const whole = verify(folder, publicKey);
  if (whole.status !== 0) throw new Error(`the untouched release is refused: ${whole.stderr.trim()}`);
  cpSync(folder, scratch, { recursive: true });
  const files = filesOf(scratch);
  for (const file of files) {
    const bytes = readFileSync(file);
    const place = Math.floor(bytes.length / 2);
    bytes[place]! ^= 1;
    writeFileSync(file, bytes);
    const { status, stderr } = verify(scratch, publicKey);
    if (status !== 1 || !stderr.includes(basename(file)))
      throw new Error(`${file} with a flipped byte: exit code ${status}, ${stderr.trim()}`);
    bytes[place]! ^= 1;
    writeFileSync(file, bytes);
  }
  return { found: `accepted as it is; refused ${files.length} times, with a byte of each file flipped` };
}

/** The image as a container engine unpacks it, and the quickstart in it as its user. */
async function tryImage(layout: string, place: string): Promise<Finding> {
  const root = join(place, 'root');
  const { user } = await unpackImage(layout, root);
  const machine = machineIn(root, { home: '/tmp', user });
  const found = doctor(machine);
  // 4: every point is measured, and other processes disturbed rows.
  const run = machine.run('node', [MAIN, 'run', SWEEP], '/tmp');
  check(run, 'the quickstart', [0, 4]);
  const rows = readFileSync(join(root, 'tmp/ridge-out/quickstart/results.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { status: string; valid: boolean });
  const complete = rows.filter(({ status }) => status === 'complete');
  const valid = complete.filter((row) => row.valid).length;
  return {
    found: `user ${user}; ${found}; quickstart in ${run.seconds.toFixed(0)} s, ${complete.length} of ${rows.length} starts complete, ${valid} undisturbed`,
  };
}

function refuseWhatIsNotReady({ allowChanges }: Options): void {
  if (!mayEnterRoots()) throw new Refusal('this needs root, for it installs into an empty root (chroot)');
  if (!allowChanges && git('status', '--porcelain') !== '')
    throw new Refusal('there are changes that are not committed; commit them, or name --allow-changes');
}

/** Does the steps in turn until one fails. */
async function releaseTo(options: Options, key: KeyObject, work: string): Promise<Step[]> {
  const begun = new Date();
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const commit = git('rev-parse', 'HEAD');
  const madeAt = Number(git('log', '-1', '--format=%ct'));
  const folder = options.to;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const publicKey = `${folder}.pub.pem`;
  writeFileSync(publicKey, createPublicKey(key).export({ type: 'spki', format: 'pem' }));
  const [root, layout] = [join(work, 'built/root'), join(folder, 'image')];
  mkdirSync(join(work, 'built'));
  let archives: string[] = [];
  let registry: Registry | null = null;
  const steps: readonly [string, () => Finding | Promise<Finding>][] = [
    ['known vulnerabilities', audit],
    [
      'packages',
      () => {
        archives = pack(folder);
        return { found: archives.map((path) => basename(path)).join(', ') };
      },
    ],
    [
      'publish to a registry',
      async () => {
        registry = await startRegistry(join(work, 'registry'));
        // The package last, for it names the kernels.
        for (const archive of archives.toReversed()) registry.publish(archive);
        return { found: `${archives.length} packages at ${registry.url}` };
      },
    ],
    ['install in an empty root', () => install(root, fetchNode(work, NODE_MAJOR), registry!, version)],
    ['image', () => makeImage(root, layout, madeAt)],
    ['attestations', () => attest(folder, key, commit, version, begun)],
    ['verification', () => verifyAndFlip(folder, publicKey, join(work, 'flipped'))],
    ['image, unpacked', () => tryImage(layout, join(work, 'unpacked'))],
  ];
  try {
    return await inTurn(steps);
  } finally {
    await (registry as Registry | null)?.stop();
  }
}

async function inTurn(steps: readonly [string, () => Finding | Promise<Finding>][]): Promise<Step[]> {
  const done: Step[] = [];
  for (const [name, act] of steps) {
    const begin = performance.now();
    const seconds = () => (performance.now() - begin) / 1000;
    let step: Step;
    try {
      const { found, skipped } = await act();
      step = { name, outcome: skipped ? 'skipped' : 'passed', found, seconds: seconds() };
    } catch (error) {
      step = { name, outcome: 'failed', found: (error as Error).message, seconds: seconds() };
    }
    done.push(step);
    console.log(`${step.outcome.padEnd(7)}  ${name}: ${step.found} (${step.seconds.toFixed(0)} s)`);
    if (step.outcome === 'failed') break;
  }
  return done;
}

async function main(): Promise<number> {
  const options = optionsOf(process.argv.slice(2));
  const key = options.key === undefined ? generateKeyPairSync('ed25519').privateKey : readKey(options.key);
  refuseWhatIsNotReady(options);
  const work = mkdtempSync(join(tmpdir(), 'ridgepoint-release-'));
  try {
    const steps = await releaseTo(options, key, work);
    if (steps.some(({ outcome }) => outcome === 'failed')) return 1;
    console.log(`\n${options.to} is what would be published. To check it as others will:`);
    console.log(`  node scripts/release/verify.mjs --key ${options.to}.pub.pem ${options.to}`);
    return 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`release: ${(error as Error).message}`);
  const badOption = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  process.exitCode = error instanceof Refusal || badOption ? 2 : 1;
}
