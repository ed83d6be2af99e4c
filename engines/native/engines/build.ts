import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { failed } from '../../../core/errors.js';
import { findEngine } from '../packages.js';
import { installEngine } from './install.js';
import { builtLibraryFile, builtProgramFile, cacheFolder, nativeEngineFile } from './location.js';
import { run, type ToolOptions } from './tools.js';

export interface BuildOptions extends Pick<ToolOptions, 'onLine'> {
  /** Compilers at work at once; all CPUs when absent. */
  readonly jobs?: number;
}

export interface BuiltEngine {
  readonly path: string;
  readonly seconds: number;
}

const HINT = 'Read its last lines; GCC 11, Clang 14 or something newer is needed.';

/** GCC and Clang pick the instructions of this processor by different names of the same option. */
const TUNE = process.arch === 'arm64' ? '-mcpu=native' : '-march=native';
/**
 * llama.cpp refuses GGML_NATIVE together with plug-ins, so the compiler is told, and nothing else chooses.
 */
const X86_SWITCHES = ['SSE42', 'AVX', 'AVX2', 'BMI2', 'FMA', 'F16C'].map((name) => `-DGGML_${name}=OFF`);

/**
 * The flags that make a CPU backend the shipped libraries accept: the same plug-in interface, no OpenMP
 * (as they have none), and the plain name `libggml-base.so` as dependency, which the linker then finds
 * among the libraries already loaded.
 */
const CMAKE_FLAGS: readonly string[] = [
  '-DCMAKE_BUILD_TYPE=Release',
  '-DBUILD_SHARED_LIBS=ON',
  '-DGGML_BACKEND_DL=ON',
  '-DGGML_NATIVE=OFF',
  `-DCMAKE_C_FLAGS=${TUNE}`,
  `-DCMAKE_CXX_FLAGS=${TUNE}`,
  ...(process.arch === 'x64' ? X86_SWITCHES : []),
  '-DGGML_OPENMP=OFF',
  '-DGGML_LLAMAFILE=ON',
  '-DGGML_CCACHE=OFF',
  '-DCMAKE_PLATFORM_NO_VERSIONED_SONAME=ON',
  '-DCMAKE_BUILD_RPATH_USE_ORIGIN=ON',
  // Nothing but ggml is built, and nothing is downloaded.
  ...['TESTS', 'EXAMPLES', 'TOOLS', 'SERVER', 'COMMON', 'APP', 'UI'].map(
    (part) => `-DLLAMA_BUILD_${part}=OFF`,
  ),
  '-DLLAMA_CURL=OFF',
];

/**
 * llama.cpp v0.4.0 linked into one file ends at its first AMX instruction with SIGILL, for it has not asked
 * Linux for the tiles by then.
 */
const NO_AMX = '-mno-amx-tile -mno-amx-int8 -mno-amx-bf16';

/** Of a program that is one file: all it needs is in it. */
const PROGRAM_FLAGS: readonly string[] = [
  '-DCMAKE_BUILD_TYPE=Release',
  '-DBUILD_SHARED_LIBS=OFF',
  '-DGGML_NATIVE=ON',
  ...(process.arch === 'x64' ? [`-DCMAKE_C_FLAGS=${NO_AMX}`, `-DCMAKE_CXX_FLAGS=${NO_AMX}`] : []),
  '-DGGML_OPENMP=OFF',
  '-DGGML_CCACHE=OFF',
  ...['TESTS', 'EXAMPLES', 'APP', 'UI'].map((part) => `-DLLAMA_BUILD_${part}=OFF`),
  '-DLLAMA_CURL=OFF',
  '-DLLAMA_OPENSSL=OFF',
];

/**
 * Builds the CPU backend from the sources of the installed release, which are fetched once, with this
 * machine's own compiler, for this machine's processor alone (`cpuBackend: native`).
 * @throws FailureError `engine-missing` naming the tool that lacks, or `artifact-failed` with the compiler's
 * last lines.
 */
export async function buildCpuEngine(options: BuildOptions = {}): Promise<BuiltEngine> {
  const { release } = findEngine();
  return await build(
    { name: 'build-native', flags: CMAKE_FLAGS, target: 'ggml-cpu', says: 'engine.json' },
    nativeEngineFile(release),
    options,
  );
}

/** What the backend for RPC servers and the server itself are built with beside the rest. */
const RPC = '-DGGML_RPC=ON';

/**
 * Builds the backend for RPC servers, which the shipped libraries come without, likewise.
 * @throws FailureError
 */
export async function buildRpc(options: BuildOptions = {}): Promise<BuiltEngine> {
  const { release } = findEngine();
  return await build(
    { name: 'build-rpc', flags: [...CMAKE_FLAGS, RPC], target: 'ggml-rpc', says: 'rpc.json' },
    builtLibraryFile(release, 'libggml-rpc'),
    options,
  );
}

/** Builds the server of the other end, which gives this machine's CPU, in one file. @throws FailureError */
export function buildRpcServer(options: BuildOptions = {}): Promise<BuiltEngine> {
  return buildProgram('ggml-rpc-server', options, [RPC]);
}

/** Builds a program of the same release, likewise, such as its server. @throws FailureError */
export async function buildProgram(
  program: string,
  options: BuildOptions = {},
  more: readonly string[] = [],
): Promise<BuiltEngine> {
  const { release } = findEngine();
  const flags = [...PROGRAM_FLAGS, ...more];
  return await build(
    { name: `build-${program}`, flags, target: program, says: `${program}.json` },
    builtProgramFile(release, program),
    options,
  );
}

interface Recipe {
  /** Of the folder that it is built in. */
  readonly name: string;
  readonly flags: readonly string[];
  /** Of CMake. */
  readonly target: string;
  /** The file beside the result that says what made it. */
  readonly says: string;
}

async function build(
  { name, flags, target, says }: Recipe,
  file: string,
  options: BuildOptions,
): Promise<BuiltEngine> {
  const begin = process.hrtime.bigint();
  if (process.platform === 'win32') {
    throw failed('engine-missing', '`ridge engines build` does not support Windows.');
  }
  requireTools();
  const { release } = findEngine();
  const sources = await checkOutSources(release, options);
  const tools: ToolOptions = { ...options, hint: HINT };
  const folder = join(sources, name);
  const generator = works('ninja', ['--version']) ? ['-G', 'Ninja'] : [];
  // Settings of an attempt that failed would stay in CMake's cache.
  rmSync(folder, { recursive: true, force: true });
  await run('cmake', ['-S', sources, '-B', folder, ...generator, ...flags], tools);
  const jobs = String(options.jobs ?? availableParallelism());
  await run('cmake', ['--build', folder, '--target', target, '-j', jobs], tools);

  const made = [join(folder, 'bin', basename(file)), join(folder, 'src', basename(file))].find(existsSync);
  if (made === undefined) {
    throw failed('artifact-failed', `The build in ${folder} made no ${basename(file)}.`);
  }
  mkdirSync(dirname(file), { recursive: true });
  // A running trial may have the old file mapped: replace it by name, never write into it.
  renameSync(made, file);
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  const compiler = spawnSync('c++', ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0] ?? '';
  const record = { release, compiler, flags, seconds };
  writeFileSync(join(dirname(file), says), `${JSON.stringify(record, null, 2)}\n`);
  return { path: file, seconds };
}

const works = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

const TOOLS = [
  ['git', 'git'],
  ['cmake', 'cmake'],
  ['c++', 'g++'],
  ['make', 'make'],
] as const;

function requireTools(): void {
  const missing = TOOLS.filter(
    ([command]) => !works(command, ['--version']) && !(command === 'make' && works('ninja', ['--version'])),
  );
  if (missing.length === 0) return;
  const names = missing.map(([command]) => command).join(', ');
  throw failed(
    'engine-missing',
    `Building an engine needs ${names}, which this machine lacks.`,
    `On Debian and Ubuntu: sudo apt-get install ${missing.map(([, name]) => name).join(' ')}.`,
  );
}

/**
 * @returns the folder with the sources of the installed release, cloned from the bundle of its package once.
 */
export async function checkOutSources(release: string, { onLine }: BuildOptions = {}): Promise<string> {
  const sources = join(cacheFolder(), 'engines', release, 'llama.cpp');
  if (existsSync(join(sources, 'CMakeLists.txt'))) return sources;
  const options = onLine ? { onLine } : {};
  const { folder } = await installEngine('sources', options);
  const partial = `${sources}.${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(dirname(sources), { recursive: true });
  const bundle = join(folder, 'llama/gitRelease.bundle');
  await run('git', ['-c', 'advice.detachedHead=false', 'clone', '--quiet', bundle, partial], options);
  if (existsSync(sources)) rmSync(partial, { recursive: true });
  else renameSync(partial, sources);
  return sources;
}
