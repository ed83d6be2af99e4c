#!/usr/bin/env node
// Makes what is published, from a checkout that is built (`npm run build`), in dist/packages/: the package
// itself, and its native kernels as packages of their own, one for each platform, which the first names as
// optional; and a bill of materials (`npm sbom`). Prints the archives, one a line, the package first. The
// kernels need the C library of the machine that built them, or a newer one: a release is built on the oldest
// system it is for.
//
// - `--cross`: also those for linux-arm64, by Debian's cross compiler (g++-aarch64-linux-gnu)
// - `--also darwin-arm64`: the package names the kernels of that platform, which are packed on such a machine
// - `--to FOLDER`: the archives are made there
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({
  options: {
    cross: { type: 'boolean', default: false },
    also: { type: 'string', multiple: true, default: [] },
    to: { type: 'string', default: join(root, 'dist/packages') },
  },
});
const out = resolve(values.to);
const fileOf = (system) =>
  ({ darwin: 'libridgepoint-kernels.dylib', win32: 'ridgepoint-kernels.dll' })[system] ??
  'libridgepoint-kernels.so';

/** Platforms whose kernels are packed here, with the folder that they are built in. */
const platforms = [{ system: process.platform, processor: process.arch, built: 'dist/kernels' }];
if (
  !existsSync(join(root, 'dist/cli/main.js')) ||
  !existsSync(join(root, 'dist/kernels', fileOf(process.platform)))
) {
  console.error('pack: dist/ is not built; run `npm run build` (with CMake and a C++ compiler) first');
  process.exit(1);
}
const here = `${process.platform}-${process.arch}`;
if (values.cross && here !== 'linux-arm64') {
  const script = join(root, 'scripts/build-kernels.mjs');
  const { status } = spawnSync(process.execPath, [script, 'linux-arm64'], { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(1);
  platforms.push({ system: 'linux', processor: 'arm64', built: 'dist/kernels-linux-arm64' });
}

const readManifest = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const writeManifest = (folder, manifest) =>
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
/** @returns the name of the archive. */
const pack = (folder, to) =>
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', to], {
    cwd: folder,
    encoding: 'utf8',
  }).trim();

const own = readManifest(root);
const nameOf = (platform) => `@ridgepoint/kernels-${platform}`;

/** @returns the folder of the kernels of a platform, ready to be packed. */
function kernelsFolder({ system, processor, built }, work) {
  const platform = `${system}-${processor}`;
  const folder = join(work, platform);
  mkdirSync(folder);
  writeManifest(folder, {
    name: nameOf(platform),
    version: own.version,
    description: `Native kernels of Ridgepoint for ${platform}: every level of instructions, chosen at run time.`,
    license: own.license,
    os: [system],
    cpu: [processor],
    ...(system === 'linux' && { libc: ['glibc'] }),
  });
  for (const name of [fileOf(system), 'cuda']) {
    const from = join(root, built, name);
    if (existsSync(from)) cpSync(from, join(folder, name), { recursive: true });
  }
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  return folder;
}

mkdirSync(out, { recursive: true });
// Those of before are not to be published beside these.
for (const name of readdirSync(out)) if (/^ridgepoint-.*\.tgz$/.test(name)) rmSync(join(out, name));
const work = mkdtempSync(join(tmpdir(), 'ridgepoint-pack-'));
try {
  const folders = platforms.map((platform) => kernelsFolder(platform, work));
  // A checkout names no kernels, for its own are built in it; what is published does.
  execFileSync('tar', ['-xzf', join(work, pack(root, work)), '-C', work]);
  const published = join(work, 'package');
  const manifest = readManifest(published);
  const named = [...platforms.map(({ system, processor }) => `${system}-${processor}`), ...values.also];
  for (const platform of named) manifest.optionalDependencies[nameOf(platform)] = own.version;
  writeManifest(published, manifest);
  for (const each of [published, ...folders]) console.log(join(out, pack(each, out)));
  // What is in it, for who has to know (CycloneDX): from the lock file, without what only building and
  // testing take.
  const words = [
    'sbom',
    '--sbom-format',
    'cyclonedx',
    '--sbom-type',
    'application',
    '--omit',
    'dev',
    '--package-lock-only',
  ];
  const bill = execFileSync('npm', words, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 });
  writeFileSync(join(out, `ridgepoint-${own.version}.cdx.json`), bill);
} finally {
  rmSync(work, { recursive: true, force: true });
}
