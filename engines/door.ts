import type { Experiment } from '../core/experiment/experiment.js';
import { nodeDemands } from '../core/runners/node-demands.js';
import { ANY_SERVER, profileOf } from '../core/runners/server/index.js';
import type { ServerProfile } from '../core/runners/server/profile.js';
import { lorasOf } from '../core/serving/loras.js';
import type { NodeEngines } from './config.js';
import { buildFolder, isBuildHere } from './native/engine-build.js';
import { BUILD_VARIABLE, findEngine, LIBLLAMA } from './native/packages.js';
import { type CommandParts, commandLine, PORT } from './servers/command.js';
import { type ConfiguredServer, serverFor } from './servers/config.js';
import { gpusMissing } from './servers/devices.js';
import type { NotRecognized, RunningServer } from './servers/recognize.js';

// What commands ask of this room. What loads native code, or compiles it, is loaded by whoever asks for it.

/**
 * Looks at every engine and server that a configuration allows here, in processes of their own. Never throws:
 * what goes wrong is a finding.
 */
export async function diagnose({ servers, onnxRuntimes, rpc }: NodeEngines) {
  const [{ diagnoseEngines, diagnoseOnnxRuntime, diagnoseRpc }, { findServers }] = await Promise.all([
    import('./native/diagnose.js'),
    import('./servers/find.js'),
  ]);
  const [native, onnx, remote, found] = await Promise.all([
    diagnoseEngines(),
    diagnoseOnnxRuntime(onnxRuntimes),
    diagnoseRpc(rpc),
    findServers(servers),
  ]);
  return {
    engines: [...native, ...onnx, ...remote],
    servers: found.map(({ server, release, problem }) => ({
      server,
      ok: problem === null,
      found: release ?? problem ?? '',
      hint:
        problem === null ? null : `Install it, or mend servers.${server.name} in the agent’s configuration.`,
    })),
  };
}

/** @returns whether a build is here still, and of several of llama.cpp the one that this process takes. */
export async function isBuildThatRuns(build: string): Promise<boolean> {
  const folder = await buildFolder(build, LIBLLAMA);
  return folder === null ? await isBuildHere(build) : folder === findEngine().folder;
}

/** What to do where the build that measured a row is gone. */
export const GET_BUILD = `Build or install it again; ${BUILD_VARIABLE} names the folder of another build of llama.cpp.`;

/**
 * @param build as a record names it; null = it names none.
 * @returns a function that makes trials which begin from now on use that build of llama.cpp, if it is here.
 *   That function returns another one, which restores the build before.
 */
export async function buildSwitch(build: string | null): Promise<() => () => void> {
  const folder = build === null ? null : await buildFolder(build, LIBLLAMA);
  return () => {
    const before = process.env[BUILD_VARIABLE];
    if (folder !== null) process.env[BUILD_VARIABLE] = folder;
    return () => {
      if (before === undefined) delete process.env[BUILD_VARIABLE];
      else process.env[BUILD_VARIABLE] = before;
    };
  };
}

/**
 * @param servers of a node's configuration.
 * @param cpus logical CPUs of the device.
 * @param placeOf where a model or an adapter lies that the experiment names.
 * @returns the server that an experiment asks: the command that would start it, `{port}` where its port goes,
 *   or the address where it runs; and why the node could not run it so, as far as its configuration says.
 *   null = the experiment asks none of these.
 */
export function serverOf(
  { runner, model, device }: Experiment,
  servers: readonly ConfiguredServer[],
  cpus: number,
  placeOf: (source: string) => string,
) {
  const server = profileOf(runner.kind) === undefined ? undefined : serverFor(runner, servers);
  if (server === undefined) return null;
  const { options } = runner;
  const { name, address } = server;
  const { draftModel } = options;
  const parts = () => ({
    options,
    cpus,
    deviceClass: device,
    adapters: [],
    modelPath: placeOf(model.source),
    modelName: model.name,
    loras: lorasOf(options).map((lora) => ({ name: lora.name, path: placeOf(lora.source) })),
    draftPath: typeof draftModel === 'string' ? placeOf(draftModel) : null,
  });
  return {
    server: name,
    command: address === null ? commandLine(server, parts()) : null,
    address,
    problem: gpusMissing(server, options, device, nodeDemands(options).devices),
  };
}

/** A running server, and where its model is on this machine; null = it is not. */
export interface ServerHere extends RunningServer {
  readonly modelPath: string | null;
}

/**
 * Asks a running server what it is, and looks for its model on this machine.
 * @param key what it asks for; null = nothing.
 */
export async function lookAtServer(url: string, key: string | null): Promise<ServerHere | NotRecognized> {
  const [{ recognizeServer }, { modelHere }] = await Promise.all([
    import('./servers/recognize.js'),
    import('./servers/model-here.js'),
  ]);
  const found = await recognizeServer({ url, apiKey: key });
  if ('why' in found) return found;
  const { modelSource } = found;
  return { ...found, modelPath: modelSource === null ? null : modelHere(url, modelSource) };
}

/**
 * @returns the entry of a configuration for a server whose model is not on this machine: it is asked as its
 *   profile says, by a runner that opens no file.
 */
export function attachedWithoutModel(profile: ServerProfile) {
  const { readiness, paths, exactLength, streamOptions, prefixes, metrics } = profile;
  return { profile: ANY_SERVER, change: { readiness, paths, exactLength, streamOptions, prefixes, metrics } };
}

/**
 * @returns what the program of a profile is started with where no configuration changes it.
 * @throws FailureError `impossible-combination`
 */
export function serverArguments(profile: ServerProfile, parts: CommandParts, port: number): string[] {
  const { name, command } = profile;
  const plain = { name, profile, command, arguments: [], environment: {} };
  const none = { devices: null, address: null, model: null, apiKeyFile: null };
  const line = commandLine({ ...plain, ...none }, parts).slice(command.length);
  return line.map((argument) => argument.replaceAll(PORT, String(port)));
}
