import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type FailureError, failed } from '../../core/errors.js';
import { MANIFEST } from '../../process/package.js';
import { cacheFolder } from './engines/location.js';

/**
 * Where llama.cpp's libraries lie on this machine. They are those that node-llama-cpp publishes, without its
 * JavaScript.
 */
export interface EnginePackage {
  /** Release of llama.cpp, e.g. `v0.4.0`. */
  readonly release: string;
  /** Version of the npm packages. */
  readonly version: string;
  /** Folder with libllama, libggml, libggml-base and the CPU variants of this platform. */
  readonly folder: string;
  /** Backends in packages of their own, by device class; every file is tried in order. */
  readonly plugins: readonly { readonly deviceClass: string; readonly files: readonly string[] }[];
}

const CORE_PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'linux-arm': 'linux-armv7l',
  'darwin-arm64': 'mac-arm64-metal',
  'darwin-x64': 'mac-x64',
};

/**
 * What of llama.cpp is fetched by itself: part → ending of the package's name. The build for CUDA 12 is
 * called `ext` there.
 */
const PARTS = { cpu: '', cuda: '-cuda', 'cuda-12': '-cuda-ext', vulkan: '-vulkan' } as const;
/**
 * `sources` is what `ridge engines build` compiles; `onnxruntime` is no part of llama.cpp, and comes with a
 * clone alone.
 */
export type EnginePart = keyof typeof PARTS | 'sources' | 'onnxruntime';
export const ENGINE_PARTS: readonly EnginePart[] = [
  'cpu',
  'cuda',
  'cuda-12',
  'vulkan',
  'sources',
  'onnxruntime',
];

const PLUGINS = [
  { deviceClass: 'cuda', parts: ['cuda', 'cuda-12'], library: /^libggml-cuda\.so$/ },
  { deviceClass: 'vulkan', parts: ['vulkan'], library: /^libggml-vulkan\.so$/ },
] as const;

/**
 * Version of all of them, whichever are installed: our package.json names it at those that come by
 * themselves.
 */
const VERSION = Object.entries(MANIFEST.optionalDependencies).find(([name]) =>
  name.startsWith('@node-llama-cpp/'),
)![1];

interface NpmPackage {
  readonly name: string;
  readonly version: string;
}

const ONNXRUNTIME = 'onnxruntime-node';
/** It carries the files of every platform that it is made for. */
const ONNXRUNTIME_PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];

/**
 * @returns the npm package of a part for this platform and its version.
 * @throws FailureError `engine-missing`: none is published for it.
 */
export function enginePackageOf(part: EnginePart): NpmPackage {
  if (part === 'sources') return { name: 'node-llama-cpp', version: VERSION };
  const platform = `${process.platform}-${process.arch}`;
  if (part === 'onnxruntime') {
    if (ONNXRUNTIME_PLATFORMS.includes(platform))
      return { name: ONNXRUNTIME, version: MANIFEST.devDependencies[ONNXRUNTIME]! };
    const hint = 'Name a libonnxruntime for it under onnxRuntimes in the agent’s configuration.';
    const message = `onnxruntime-node is not published for ${platform}.`;
    throw failed('engine-missing', message, hint);
  }
  const core = CORE_PACKAGES[platform];
  if (core === undefined) throw missing(`llama.cpp is not shipped for ${platform}.`);
  return { name: `@node-llama-cpp/${core}${PARTS[part]}`, version: VERSION };
}

/** @returns what of a package is needed here, below its folder; null = all of it. */
export function neededOf(part: EnginePart): readonly string[] | null {
  return part === 'onnxruntime' ? ['package.json', onnxRuntimeFiles()] : null;
}

/** @returns where onnxruntime-node has the libraries of this platform. */
export function onnxRuntimeFiles(): string {
  return join('bin/napi-v6', process.platform, process.arch);
}

/** @returns where `ridge engines install` puts a package: each version beside the others. */
export function fetchedFolder({ name, version }: NpmPackage): string {
  return join(cacheFolder(), 'engines/packages', version, name);
}

/** @returns the folder of a part: npm's, or the one that was fetched; null where neither is there. */
export function partFolder(part: EnginePart): string | null {
  const wanted = enginePackageOf(part);
  try {
    return join(dirname(createRequire(import.meta.url).resolve(wanted.name)), '..');
  } catch {
    const fetched = fetchedFolder(wanted);
    return existsSync(fetched) ? fetched : null;
  }
}

/**
 * Names the folder of another build of the same release of llama.cpp, whose libraries are taken in place of
 * those that came with us.
 */
export const BUILD_VARIABLE = 'RIDGE_LLAMA_CPP';

/**
 * Finds the installed engine.
 * @throws FailureError `engine-missing`: llama.cpp for this platform is not installed, or the folder of
 *   another build holds none.
 */
export function findEngine(): EnginePackage {
  const engine = installedEngine();
  const folder = process.env[BUILD_VARIABLE];
  if (!folder) return engine;
  if (existsSync(folder) && readdirSync(folder).some((name) => LIBLLAMA.test(name)))
    return { ...engine, folder };
  throw failed(
    'engine-missing',
    `${folder}, which ${BUILD_VARIABLE} names, holds no libllama.`,
    `It has to be a folder with the shared libraries of llama.cpp ${engine.release}.`,
  );
}

/** The file name of the engine's main library. */
export const LIBLLAMA = /^libllama(?:\.[^-]*)?\.(so|dylib)$/;

function installedEngine(): EnginePackage {
  const core = partFolder('cpu');
  const folder = binaries('cpu').find((f) => readdirSync(f).some((name) => LIBLLAMA.test(name)));
  if (core === null || folder === undefined) {
    throw missing(`The package ${enginePackageOf('cpu').name}, which carries llama.cpp, is not installed.`);
  }
  const { version } = readJson(join(core, 'package.json')) as { version: string };
  const built = readJson(join(folder, '_nlcBuildMetadata.json')) as {
    buildOptions: { llamaCpp: { release: string } };
  };
  const plugins = PLUGINS.map(({ deviceClass, parts, library }) => ({
    deviceClass,
    files: parts.flatMap(binaries).flatMap((f) =>
      readdirSync(f)
        .filter((n) => library.test(n))
        .map((n) => join(f, n)),
    ),
  }));
  return { release: built.buildOptions.llamaCpp.release, version, folder, plugins };
}

/** @returns the folders with libraries of one part: `bins/<platform>` and its `fallback`. */
function binaries(part: EnginePart): string[] {
  const folder = partFolder(part);
  const bins = folder === null ? null : join(folder, 'bins');
  if (bins === null || !existsSync(bins)) return [];
  return readdirSync(bins).flatMap((platform) => {
    const own = join(bins, platform);
    return [own, join(own, 'fallback')].filter((f) => existsSync(f));
  });
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function missing(message: string): FailureError {
  return failed('engine-missing', message, 'Run `ridge engines install cpu`, then `ridge doctor`.');
}
