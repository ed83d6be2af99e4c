import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { installEngine } from '../../../engines/native/engines/install.js';
import { cacheFolder } from '../../../engines/native/engines/location.js';
import { run } from '../../../engines/native/engines/tools.js';
import { findEngine } from '../../../engines/native/packages.js';

/** Tools of llama.cpp that something here is compared with. */
export type Tool = 'llama-bench' | 'llama-quantize' | 'llama-perplexity' | 'llama-imatrix';

/** A tool, ready to be run. */
export interface Peer {
  readonly program: string;
  /** For LD_LIBRARY_PATH. */
  readonly libraries: string;
}

/**
 * One of llama.cpp's own tools, from the sources of the installed release, built with the
 * compiler of this machine into Ridgepoint's cache. The tool runs on the shipped libraries: the very files
 * that our runner loads, so that both sides differ in nothing but who calls them. Linux only.
 */
export async function peer(tool: Tool, say: (line: string) => void): Promise<Peer> {
  const { release, folder, plugins } = findEngine();
  const sources = join(cacheFolder(), 'peers', `llama.cpp-${release}`);
  const built = join(sources, 'build/bin');
  if (!existsSync(join(built, tool))) {
    say(`building ${tool} ${release} in ${sources} (cmake and ninja or make; some minutes, once)`);
    await build(tool, sources, say);
  }
  // The tool asks for libraries by versioned names; links give it the shipped files under those names.
  // Its backends are found beside the program itself, so the program is copied and not linked.
  const libraries = join(cacheFolder(), 'peers', `${tool}-${release}`);
  rmSync(libraries, { recursive: true, force: true });
  mkdirSync(libraries, { recursive: true });
  for (const name of [tool, `lib${tool}-impl.so`]) {
    if (existsSync(join(built, name))) copyFileSync(join(built, name), join(libraries, name));
  }
  for (const name of readdirSync(folder).filter((n) => n.endsWith('.so'))) {
    symlinkSync(join(folder, name), join(libraries, name));
    const plain = name.replace(`.${release}`, '');
    if (/^lib(llama|llama-common|ggml|ggml-base)\.so$/.test(plain)) {
      symlinkSync(join(folder, name), join(libraries, `${plain}.0`));
    }
  }
  // Backends of GPUs lie in packages of their own, and are found beside the program, too.
  for (const file of plugins.flatMap(({ files }) => files.slice(0, 1))) {
    symlinkSync(file, join(libraries, basename(file)));
  }
  return { program: join(libraries, tool), libraries };
}

async function build(tool: Tool, sources: string, say: (line: string) => void): Promise<void> {
  if (!existsSync(sources)) {
    const { folder: engine } = await installEngine('sources', { onLine: say });
    const bundle = join(engine, 'llama/gitRelease.bundle');
    const partial = `${sources}.${process.pid}`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    await run('git', ['-c', 'advice.detachedHead=false', 'clone', '--quiet', bundle, partial], {});
    renameSync(partial, sources);
  }
  const flags = [
    '-DCMAKE_BUILD_TYPE=Release',
    '-DGGML_BACKEND_DL=ON',
    '-DGGML_NATIVE=OFF',
    '-DGGML_OPENMP=OFF',
  ];
  const without = [
    'LLAMA_CURL',
    'LLAMA_OPENSSL',
    'LLAMA_BUILD_TESTS',
    'LLAMA_BUILD_EXAMPLES',
    'LLAMA_BUILD_SERVER',
  ];
  const folder = join(sources, 'build');
  await run('cmake', ['-S', sources, '-B', folder, ...flags, ...without.map((name) => `-D${name}=OFF`)], {});
  await run('cmake', ['--build', folder, '--target', tool, '-j', String(availableParallelism())], {
    onLine: say,
  });
}
