#!/usr/bin/env node
// Makes what is published, from a checkout that is built (`npm run build`), in dist/packages/: the package itself, and its native
// kernels for this platform as a package of their own, which the first names as optional. Prints the two archives, one a line.
// The kernels need the C library of the machine that built them, or a newer one: a release is built on the oldest system it is for.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, 'dist/packages');
const platform = `${process.platform}-${process.arch}`;
const library = { darwin: 'libridgepoint-kernels.dylib', win32: 'ridgepoint-kernels.dll' };
const file = library[process.platform] ?? 'libridgepoint-kernels.so';
const built = join(root, 'dist/kernels');
if (!existsSync(join(built, file)) || !existsSync(join(root, 'dist/cli/main.js'))) {
  console.error('pack: dist/ is not built; run `npm run build` (with CMake and a C++ compiler) first');
  process.exit(1);
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
const kernels = {
  name: `@ridgepoint/kernels-${platform}`,
  version: own.version,
  description: `Native kernels of Ridgepoint for ${platform}: every level of instructions, chosen at run time.`,
  license: own.license,
  os: [process.platform],
  cpu: [process.arch],
  ...(process.platform === 'linux' && { libc: ['glibc'] }),
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const work = mkdtempSync(join(tmpdir(), 'ridgepoint-pack-'));
try {
  const folder = join(work, 'kernels');
  mkdirSync(folder);
  writeManifest(folder, kernels);
  for (const name of [file, 'cuda'])
    if (existsSync(join(built, name))) cpSync(join(built, name), join(folder, name), { recursive: true });
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));

  // A checkout names no kernels, for its own are built in it; what is published does.
  execFileSync('tar', ['-xzf', join(work, pack(root, work)), '-C', work]);
  const published = join(work, 'package');
  const manifest = readManifest(published);
  manifest.optionalDependencies[kernels.name] = kernels.version;
  writeManifest(published, manifest);
  for (const each of [published, folder]) console.log(join(out, pack(each, out)));
} finally {
  rmSync(work, { recursive: true, force: true });
}
