import { existsSync } from 'node:fs';
import { toFailure } from '../../core/errors.js';
import { answerOf } from '../../process/isolation/answer-of.js';
import { ownProgram } from '../../process/isolation/own-program.js';
import { isLoopback } from '../../proto/loopback.js';
import { cpuLevels } from './cpu-levels.js';
import { openCuda } from './cuda.js';
import { nativeEngineFile } from './engines/location.js';
import {
  isPrebuilt,
  kernelsLibrary,
  measuringLibrary,
  missingLibrary,
  openKernelLibrary,
} from './kernel-library.js';
import { loadLlama } from './llama.js';
import { findRpcLibrary, greetRpcServer } from './llama-cpp/rpc.js';
import type { ConfiguredRpc } from './llama-cpp/rpc-config.js';
import { type ConfiguredRuntimes, findLibraries, noLibrary } from './onnxruntime/libraries.js';
import { probeProviders } from './onnxruntime/probe.js';
import { findEngine } from './packages.js';
import { loadPlugins, type PluginState } from './plugins.js';

/** One line of `ridge doctor`. */
export interface EngineDiagnosis {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, or what is wrong. */
  readonly reason: string;
  /** What to do about it; null when nothing has to be done. */
  readonly hint: string | null;
}

const LIMIT_MS = 60_000;

/**
 * Looks at every engine of this machine in a child process, since looking means loading native code.
 * Never throws: what goes wrong is a diagnosis.
 */
export function diagnoseEngines(): Promise<EngineDiagnosis[]> {
  return answerOf<EngineDiagnosis[]>(ownProgram('engines/native/diagnose-child'), LIMIT_MS, (how) => {
    const reason = `loading the engines ended their process with ${how}`;
    return [{ name: 'llama.cpp', ok: false, reason, hint: 'Reinstall with `npm ci`.' }];
  });
}

/** The line of something that does not work. */
function failing(name: string, error: unknown): EngineDiagnosis {
  const { message, hint } = toFailure(error);
  return { name, ok: false, reason: message, hint };
}

/**
 * ONNX Runtime's libraries and their execution providers, each tried with a small graph in a process of its
 * own.
 */
export async function diagnoseOnnxRuntime(runtimes: ConfiguredRuntimes): Promise<EngineDiagnosis[]> {
  const libraries = findLibraries(runtimes);
  if (libraries.length === 0) {
    const { message, hint } = noLibrary().failure;
    return [
      { name: 'onnxruntime', ok: false, reason: message.replace(/\.$/, ''), hint: `Optional: ${hint}` },
    ];
  }
  const found = await probeProviders(libraries);
  return found.map(({ library, provider, release, problem, hint }) => ({
    name: `onnxruntime ${library.name === null ? '' : `${library.name} `}${provider}`,
    ok: problem === null,
    reason: problem ?? `${release}, ${library.file}`,
    hint,
  }));
}

/**
 * The backend for RPC servers and those that the configuration names, each greeted; nothing to say where it
 * names none.
 */
export async function diagnoseRpc(rpc: ConfiguredRpc): Promise<EngineDiagnosis[]> {
  const servers = Object.entries(rpc.servers);
  if (servers.length === 0) return [];
  const answers = await Promise.all(servers.map(([, address]) => greetRpcServer(address)));
  return [
    rpcLibrary(rpc),
    ...servers.map(([name, address], i) => {
      const problem = answers[i]!;
      const called = `rpc server ${name}`;
      if (problem !== null) {
        const hint = 'Start it there (docs/rpc.md), or mend rpc.servers in the agent’s configuration.';
        return { name: called, ok: false, reason: `${address}: ${problem}`, hint };
      }
      const open = `Its protocol has no passwords and no encryption: whoever reaches ${address} can read and write its memory. Keep it to a network of your own (docs/rpc.md).`;
      return {
        name: called,
        ok: true,
        reason: `answers at ${address}`,
        hint: isLoopback(address) ? null : open,
      };
    }),
  ];
}

function rpcLibrary(rpc: ConfiguredRpc): EngineDiagnosis {
  const name = 'rpc backend';
  try {
    const found = findRpcLibrary(rpc);
    return 'file' in found
      ? { name, ok: true, reason: found.file, hint: null }
      : { name, ok: false, ...found };
  } catch (error) {
    return failing(name, error);
  }
}

/** The work of the child. */
export async function diagnoseHere(): Promise<EngineDiagnosis[]> {
  return [...(await diagnoseLlama()), await diagnoseKernels(), ...(await diagnoseCuda())];
}

/** Our own library is optional: models run, are quantized and are measured without it. */
async function diagnoseKernels(): Promise<EngineDiagnosis> {
  const name = 'native kernels';
  const library = kernelsLibrary();
  const build =
    'with CMake and a C++17 compiler (`apt-get install cmake g++`), `npm run build` in a clone compiles them';
  if (library === null && measuringLibrary() !== null) {
    const hint = `Optional: ${build}. Without the rest nothing is pruned or calibrated, and kernels cannot be measured.`;
    return { name, ok: false, reason: 'those that measuring models takes were built, and no others', hint };
  }
  if (library === null) {
    const { message } = missingLibrary().failure;
    const hint = `Optional: ${build}. Without them nothing is pruned or calibrated, and roofs and kernels cannot be measured.`;
    return { name, ok: false, reason: message.replace(/^.*?: /, ''), hint };
  }
  try {
    const levels = cpuLevels(await openKernelLibrary(library, 'pruning'));
    const from = isPrebuilt(library) ? 'came with this release' : 'built on this machine';
    const reason = `${from}; instructions ${levels.inUse()} of ${levels.names.join(', ')}`;
    return { name, ok: true, reason, hint: null };
  } catch (error) {
    const line = failing(name, error);
    const again = sentence(line.hint);
    return { ...line, hint: isPrebuilt(library) ? `${again} Or ${build}.` : again };
  }
}

/**
 * Our CUDA kernels: driver, GPU, images, and what of these is missing. Nothing to say without the library
 * they are part of.
 */
async function diagnoseCuda(): Promise<EngineDiagnosis[]> {
  const name = 'cuda kernels';
  const library = kernelsLibrary();
  if (library === null) return [];
  try {
    const { absent, device, images } = (await openCuda(library)).describe();
    const there = images.length > 0 ? `images: ${images.join(', ')}` : 'no images';
    if (device === null) {
      const hint =
        images.length > 0
          ? 'Optional: they need an NVIDIA GPU of compute capability 8.0 or more and its driver.'
          : 'Optional: `npm run build` in a clone compiles them where nvcc is found, and releases carry them.';
      return [{ name, ok: false, reason: `${absent} (${there})`, hint }];
    }
    const capability = device.capability.toFixed(1);
    const reason = `${device.name}, compute capability ${capability}, driver for CUDA ${device.driver}, runs ${device.image} (${there})`;
    return [{ name, ok: true, reason, hint: null }];
  } catch (error) {
    const line = failing(name, error);
    return [{ ...line, hint: sentence(line.hint) }];
  }
}

/** As doctor prints them. */
function sentence(hint: string | null): string {
  const text = hint ?? '';
  return text === '' ? 'Build them again.' : `${text[0]!.toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;
}

async function diagnoseLlama(): Promise<EngineDiagnosis[]> {
  try {
    const engine = findEngine();
    const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
    const native = existsSync(nativeEngineFile(engine.release));
    const carrier = `packages of node-llama-cpp ${engine.version}`;
    return [
      { name: 'llama.cpp', ok: true, reason: `${engine.release}, from ${carrier}`, hint: null },
      { name: 'llama.cpp cpu', ok: true, reason: llama.cpuLibrary ?? 'loaded', hint: null },
      {
        name: 'llama.cpp cpu (native)',
        ok: native,
        reason: native ? 'built on this machine' : 'not built on this machine',
        hint: native ? null : 'Optional: `ridge engines build` compiles one for this processor.',
      },
      ...loadPlugins(llama, engine).map((state) => ({
        name: `llama.cpp ${state.deviceClass}`,
        ok: state.ok,
        reason: state.reason,
        hint: state.ok ? null : remedy(state),
      })),
    ];
  } catch (error) {
    return [failing('llama.cpp', error)];
  }
}

/** Library → what brings it. The first that is missing decides: without a driver the rest is of no use. */
const REMEDIES: readonly [RegExp, string][] = [
  [
    /^libcuda\.so/,
    'Install the NVIDIA driver; in a container, run it with the NVIDIA container toolkit (--gpus all).',
  ],
  [
    /^lib(cudart|cublas)\.so\.(\d+)/,
    "Install the CUDA runtime and cuBLAS of that major version from NVIDIA's repository (cuda-cudart, libcublas).",
  ],
  [
    /^libvulkan\.so/,
    'Install the Vulkan loader (Debian and Ubuntu: libvulkan1) and a GPU driver with Vulkan.',
  ],
];

function remedy({ deviceClass, installed, missing }: PluginState): string {
  const found = REMEDIES.find(([library]) => missing.some((name) => library.test(name)));
  const install = installed ? '' : `: \`ridge engines install ${deviceClass}\` fetches it`;
  return found?.[1] ?? `Only needed to measure on ${deviceClass} devices${install}.`;
}
