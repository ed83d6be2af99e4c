import { attachedAdapters } from '../../artifacts/adapters/attach.js';
import { locateAdapter } from '../../artifacts/adapters/source.js';
import { locateSource } from '../../artifacts/files/source.js';
import { failed } from '../../core/errors.js';
import { leasedDevices } from '../../core/experiment/lease.js';
import { quantitiesOf } from '../../core/metrics/meters.js';
import { runnerOffers } from '../../core/runners/index.js';
import { lorasOf, type NamedLora } from '../../core/serving/loras.js';
import { devicesOf, type ServedSplit } from '../../core/work/served-work.js';
import { firstModel, whyNotReady } from '../../engines/servers/ask.js';
import { commandLine } from '../../engines/servers/command.js';
import { type ConfiguredServer, serverFor } from '../../engines/servers/config.js';
import { gpusMissing, gpusOf, isLocal, splitOf } from '../../engines/servers/devices.js';
import { keyOf } from '../../engines/servers/key.js';
import { listenerAt, portOf } from '../../engines/servers/listener.js';
import type { Served } from '../../engines/servers/pool.js';
import { releaseAt } from '../../engines/servers/recognize.js';
import type { AskedProfile, ServedEndpoint } from '../../engines/servers/served.js';
import { childLimits, type TrialRun } from './context.js';
import { draftFile } from './draft.js';
import { noteIdle } from './idle.js';
import type { TrialNotes } from './notes.js';
import type { PreparedModel } from './preparation.js';

/** What a trial asks, and what tells that it has ended. */
export interface ServedModel {
  readonly endpoint: ServedEndpoint;
  /** Rejects with a FailureError when the server ends; null for a server that somebody else started. */
  readonly died: Promise<never> | null;
  /** GPUs that its energy and memory are read of, all together; on a CPU its device. */
  readonly gpus: readonly string[];
}

/**
 * @returns what is given; throws what the server died of meanwhile: then the child has nothing more to ask.
 */
export async function whileServed<T>(
  { child }: TrialRun,
  served: Pick<ServedModel, 'died'> | null,
  given: Promise<T>,
): Promise<T> {
  if (served?.died == null) return await given;
  try {
    return await Promise.race([given, served.died]);
  } catch (error) {
    child.kill('the server has ended');
    await given.catch(() => {});
    throw error;
  }
}

/** @returns whether a server runs where this node measures nothing. */
export function isElsewhere(served: ServedModel | null): boolean {
  return served !== null && served.endpoint.pid === null && !isLocal(served.endpoint.url);
}

/**
 * Starts the server of a point and waits until it answers. Whatever else runs on its device is stopped first.
 * @returns null for workloads that ask no server.
 * @throws FailureError `engine-missing`, `load-failed`, `crashed`, `impossible-combination`, and what
 *   resolving a draft model throws.
 */
export async function serveModel(trial: TrialRun, model: PreparedModel | null): Promise<ServedModel | null> {
  const { lease, node, device, notes, child } = trial;
  const { runner } = lease.experiment;
  const held = leasedDevices(lease);
  for (const id of held.slice(1)) await node.servers.free(id);
  if (!runnerOffers(runner.kind, 'endpoint')) {
    await node.servers.free(device.id);
    return null;
  }
  const server = chosen(trial);
  notes.environment.server = server.name;
  noteSplit(notes, splitOf(server, runner.options, lease.experiment.device, held.length));
  if (server.address !== null) return { ...(await attached(server, notes)), gpus: [device.id] };

  const missing = gpusMissing(server, runner.options, lease.experiment.device, held.length);
  if (missing !== null) throw failed('impossible-combination', missing);
  const loras = await loadedLoras(trial, server, model);
  const command = commandLine(server, {
    options: runner.options,
    modelPath: model?.artifact.path ?? null,
    modelName: lease.experiment.model.name,
    adapters: model?.adapters ?? [],
    loras,
    draftPath: await draftPath(trial),
    cpus: device.cpus.length,
    deviceClass: lease.experiment.device,
  });
  notes.environment.serverCommand = command.join(' ');
  const gpus = gpusOf(server, device, held, 'nvml' in node.nvml ? node.nvml.nvml.devices : []);
  await noteIdle(trial, gpus);
  const { profile, devices } = server;
  const { readiness, shutdown, paths, log } = profile;
  const served = await node.servers.take(
    device.id,
    {
      request: {
        name: server.name,
        command,
        environment: {
          // No server finds a GPU that the trial was not given.
          ...(device.classes.includes('cpu') && { CUDA_VISIBLE_DEVICES: '' }),
          ...profile.environment,
          ...server.environment,
          ...(devices !== null && {
            CUDA_VISIBLE_DEVICES: devices.join(','),
            CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
          }),
        },
        profile: { readiness, shutdown, paths, log },
        model: server.model,
        apiKey: keyOf(server),
        deviceId: devices === null ? held.join(',') : '',
      },
      block: `${lease.sweepId}/${lease.block}`,
      cpus: device.cpus,
      memoryLimitBytes: childLimits(trial).memoryLimitBytes,
      cgroupFolder: node.limits.cgroupFolder,
    },
    (launched) => child.watch(launched),
  );
  await noteRelease(notes, { url: served.url, apiKey: keyOf(server) }, profile);
  const names = loras.map(({ name }) => name);
  return { endpoint: { ...endpointOf(server, served), loras: names }, died: served.died, gpus };
}

/** Whose tables predict it follows from its release. */
async function noteRelease(
  notes: TrialNotes,
  at: Parameters<typeof releaseAt>[0],
  profile: ConfiguredServer['profile'],
): Promise<void> {
  const release = await releaseAt(at, profile);
  if (release !== null) notes.environment.serverRelease = `${profile.name} ${release}`;
}

/** How many devices share a server's work. Where that is not known, the row has no place under roofs. */
function noteSplit(notes: TrialNotes, split: ServedSplit | string): void {
  if (notes.roofline === null) return;
  if (typeof split === 'string') {
    notes.absent = { ...notes.absent, roofline: split };
    notes.roofline = null;
  } else if (devicesOf(split) > 1) notes.roofline = { ...notes.roofline, split };
}

/**
 * The one that the point names, or the first that was found with its profile.
 * @throws FailureError `engine-missing`.
 */
function chosen({ lease, node }: TrialRun): ConfiguredServer {
  const { runner } = lease.experiment;
  const there = node.profile.runners.find((one) => one.kind === runner.kind)?.variants ?? [];
  const here = node.engines.servers.filter(({ name }) => there.includes(name));
  const found = serverFor(runner, here);
  if (found !== undefined) return found;
  const known = there.length > 0 ? `it has ${there.join(', ')}` : 'it has none';
  const { kind, options } = runner;
  throw failed(
    'engine-missing',
    `the node has no server ${options.server ?? kind} with the profile ${kind}: ${known}`,
    'Name it under servers in the agent’s configuration (docs/servers.md).',
  );
}

async function attached(server: ConfiguredServer, notes: TrialNotes): Promise<Omit<ServedModel, 'gpus'>> {
  const { name, profile } = server;
  const url = server.address!;
  const at = { url, apiKey: keyOf(server) };
  const why = await whyNotReady(at, profile.readiness.path);
  if (why !== null) {
    throw failed(
      'load-failed',
      `the server ${name} does not answer at ${url}${profile.readiness.path}: ${why}`,
      'Start it, or mend attach or readiness.path in the node’s configuration.',
    );
  }
  await noteRelease(notes, at, profile);
  const model = server.model ?? (await firstModel(at, profile.paths.models)) ?? 'default';
  const pid = isLocal(url) ? listenerOf(url, notes) : null;
  const times = { startSeconds: null, weightsLoadSeconds: null };
  return {
    endpoint: { name, ...at, profile: askedBy(server), model, loras: [], pid, ...times, kept: true },
    died: null,
  };
}

/**
 * @returns the process that an attached server is; null = that is not known, and the notes say why of what it
 *   would tell.
 */
function listenerOf(url: string, notes: TrialNotes): number | null {
  const found = listenerAt(portOf(url));
  if (typeof found === 'number') return found;
  const reasons = Object.fromEntries(quantitiesOf('processes').map((name) => [name, found]));
  notes.absent = { ...notes.absent, ...reasons };
  return null;
}

function endpointOf(server: ConfiguredServer, { died: _, ...served }: Served): Omit<ServedEndpoint, 'loras'> {
  return { ...served, name: server.name, profile: askedBy(server), apiKey: keyOf(server) };
}

function askedBy({ profile }: ConfiguredServer): AskedProfile {
  const { paths, exactLength, streamOptions, metrics, prefixes } = profile;
  const { loras, promptLogProbabilities, nextLogProbabilities } = profile;
  return {
    paths,
    exactLength,
    streamOptions,
    metrics,
    prefixes,
    loras,
    promptLogProbabilities,
    nextLogProbabilities,
  };
}

interface LoadedLora {
  readonly name: string;
  readonly path: string;
}

/**
 * Finds the adapters that a point has its server load, and makes them what it loads; the notes have their
 * digests.
 * @throws FailureError as resolving adapters does, and `impossible-combination` for one that this server does
 *   not load.
 */
async function loadedLoras(
  trial: TrialRun,
  { profile }: ConfiguredServer,
  model: PreparedModel | null,
): Promise<LoadedLora[]> {
  const { lease, notes } = trial;
  const named = lorasOf(lease.experiment.runner.options);
  if (named.length === 0 || profile.loras === null || model === null) return [];
  const found =
    profile.loras.format === 'gguf'
      ? await attachable(trial, model, named)
      : await Promise.all(named.map((lora) => publishedLora(trial, lora)));
  notes.environment.serverLoras = found.map(({ name, digest }) => `${name}=${digest}`).join(' ');
  return found;
}

type Digested = LoadedLora & { readonly digest: string };

async function attachable(
  { lease, node, device, pins, child }: TrialRun,
  { base, artifact }: PreparedModel,
  named: readonly NamedLora[],
): Promise<Digested[]> {
  const attached = await attachedAdapters({
    parts: named.map(({ source }) => ({ source, scale: 1 })),
    base: { path: base.path ?? artifact.path, digest: base.digest, name: lease.experiment.model.name },
    shape: { path: artifact.path, digest: artifact.digest },
    settings: node.models,
    store: node.store,
    launcher: child.launch,
    uses: pins,
    cpus: device.cpus,
    timeLimitSeconds: node.limits.trialTimeoutSeconds,
  });
  return attached.map(({ path, digest }, i) => ({ name: named[i]!.name, path, digest }));
}

async function publishedLora({ lease, node }: TrialRun, { name, source }: NamedLora): Promise<Digested> {
  const { place, digest } = await locateAdapter(source, node.models);
  if (place.form === 'peft') return { name, path: place.path, digest };
  const { kind } = lease.experiment.runner;
  throw failed(
    'impossible-combination',
    `the adapter ${source} is no folder that ${kind} loads`,
    'It takes a folder as PEFT writes them: adapter_config.json beside adapter_model.safetensors.',
  );
}

/** @returns the path of the model that drafts; null where a point names none. */
async function draftPath(trial: TrialRun): Promise<string | null> {
  const source = trial.lease.experiment.runner.options.draftModel;
  return typeof source === 'string' ? (await draftFile(trial, source)).path : null;
}

/**
 * @returns the path of the prompts that a workload names, as `promptDataset` or `trace`; null = neither.
 * @throws FailureError `source-not-allowed`, `model-missing`.
 */
export function promptsPath({ lease, node }: TrialRun): string | null {
  const { promptDataset, trace } = lease.experiment.workload.options;
  const named = [promptDataset, trace].find((source) => typeof source === 'string');
  return named === undefined ? null : locateSource(String(named), node.models);
}
