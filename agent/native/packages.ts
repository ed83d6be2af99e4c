import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { FailureError, failure } from '../../core/errors.js';

/** Where the llama.cpp libraries that node-llama-cpp carries lie on this machine. */
export interface EnginePackage {
  /** Release of llama.cpp, e.g. `v0.4.0`. */
  readonly release: string;
  /** Version of the npm package. */
  readonly version: string;
  /** Folder with libllama, libggml, libggml-base and the CPU variants of this platform. */
  readonly folder: string;
  /** Git bundle with the sources of the same release. */
  readonly bundle: string;
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
/** cuda-ext is the build for the CUDA major version before the newest. */
const PLUGIN_PACKAGES = [
  { deviceClass: 'cuda', suffixes: ['cuda', 'cuda-ext'], library: /^libggml-cuda\.so$/ },
  { deviceClass: 'vulkan', suffixes: ['vulkan'], library: /^libggml-vulkan\.so$/ },
] as const;

const INSTALL = 'Run `npm install --include=optional` where Ridgepoint is installed, then `ridge doctor`.';

/**
 * Finds the installed engine.
 * @throws FailureError `engine-missing`: node-llama-cpp, or its package for this platform, is not installed.
 */
export function findEngine(): EnginePackage {
  const own = createRequire(import.meta.url);
  let entry: string;
  try {
    entry = own.resolve('node-llama-cpp');
  } catch {
    throw missing('The package node-llama-cpp, which carries llama.cpp, is not installed.');
  }
  const root = join(dirname(entry), '..');
  const theirs = createRequire(entry);
  const platform = `${process.platform}-${process.arch}`;
  const core = CORE_PACKAGES[platform];
  if (core === undefined) throw missing(`llama.cpp is not shipped for ${platform}.`);
  const folder = binaries(theirs, core).find((f) => readdirSync(f).some((name) => /^libllama\b/.test(name)));
  if (folder === undefined) {
    throw missing(`The package @node-llama-cpp/${core}, llama.cpp for ${platform}, is not installed.`);
  }
  const info = readJson(join(root, 'llama/llama.cpp.info.json')) as { tag: string };
  const { version } = readJson(join(root, 'package.json')) as { version: string };
  const plugins = PLUGIN_PACKAGES.map(({ deviceClass, suffixes, library }) => ({
    deviceClass,
    files: suffixes
      .flatMap((suffix) => binaries(theirs, `${core}-${suffix}`))
      .flatMap((f) =>
        readdirSync(f)
          .filter((n) => library.test(n))
          .map((n) => join(f, n)),
      ),
  }));
  return { release: info.tag, version, folder, bundle: join(root, 'llama/gitRelease.bundle'), plugins };
}

/** @returns the folders with libraries of one platform package: `bins/<platform>` and its `fallback`. */
function binaries(require: NodeJS.Require, name: string): string[] {
  let bins: string;
  try {
    bins = join(dirname(require.resolve(`@node-llama-cpp/${name}`)), '../bins');
  } catch {
    return [];
  }
  if (!existsSync(bins)) return [];
  return readdirSync(bins).flatMap((platform) => {
    const folder = join(bins, platform);
    return [folder, join(folder, 'fallback')].filter((f) => existsSync(f));
  });
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function missing(message: string): FailureError {
  return new FailureError(failure('engine-missing', message, { hint: INSTALL }));
}
