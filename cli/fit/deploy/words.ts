import type { Deployed } from '../../../batching/deploy/answer.js';
import { PROFILES, profileOf, SERVER_KINDS } from '../../../core/runners/server/index.js';
import { knownValues, type ServerProfile } from '../../../core/runners/server/profile.js';
import { replicasOf } from '../../../core/work/pass/devices.js';
import { serverArguments } from '../../../engines/door.js';
import { asWords, usageError } from '../../exit.js';
import {
  deploymentName,
  isContained,
  refuseWithoutChart,
  renderDeployment,
} from '../../recommend/deploy/render.js';
import type { FitOptions } from '../command.js';

const DEFAULT_PORT = 8000;

/**
 * @param longest tokens of a request, which its context has to hold.
 * @returns what starts an answer's servers, with flags as they were simulated, and what the reader has to do
 *   besides.
 * @throws CommandError (2) for a target that the engine is not started by.
 */
export function deploymentWords(
  best: Deployed,
  model: string,
  longest: number,
  memoryShare: number | null,
  { as = 'command', modelPath, image, port = DEFAULT_PORT }: FitOptions,
): { readonly text: string; readonly notes: readonly string[] } {
  const { engine, predicted, parallelism, attained, bits } = best;
  const profile = serverOf(engine.engine.id);
  if (as !== profile.name && Object.hasOwn(PROFILES, as))
    throw usageError(
      `the answer is of ${profile.name}, and what it says is no figure of ${as}`,
      `Take --as ${profile.name}, or ask with --engine.`,
    );
  refuseWithoutChart(profile, as);
  const { tensor, expert } = parallelism;
  const { scheduler } = predicted.server;
  const groups = replicasOf(parallelism);
  const format = formatWords(bits, profile);
  const parts = {
    options: {
      maxSequences: scheduler.mostSequences,
      batchedTokens: scheduler.stepTokens,
      maxContext: longest,
      tensorParallel: tensor,
      dataParallel: groups === 1 ? null : groups,
      expertParallel: expert > 1 ? true : null,
      memoryShare: memoryShare ?? engine.engine.memory.share,
      ...format.options,
    },
    modelPath: modelPath ?? model,
    modelName: model,
    deviceClass: 'cuda',
    adapters: [],
    loras: [],
    draftPath: null,
    cpus: 1,
  };
  const words = asWords(() => serverArguments(profile, parts, port));
  const deployment = {
    profile,
    port,
    arguments: isContained(as) ? words.map((word) => (word === '127.0.0.1' ? '0.0.0.0' : word)) : words,
    name: deploymentName(profile, model),
    replicas: attained.replicas,
    gpus: predicted.devices,
    cpus: null,
    memoryBytes: null,
    release: engine.release,
    experiment: null,
  };
  const served = `each of ${attained.replicas} replicas runs on ${predicted.devices} × ${best.device.name}, behind a router that sends each request to the one with the fewest`;
  return { text: renderDeployment(deployment, as, image), notes: [served, ...format.notes] };
}

/** @returns the profile of the server whose operators tables name so. */
function serverOf(tables: string): ServerProfile {
  const kind = Object.values(SERVER_KINDS).find((one) => one.tables === tables);
  return profileOf(kind!.kind)!;
}

/** Formats that engines make of any checkpoint; others have to be published. */
const MADE_ON_LOADING: ReadonlySet<string> = new Set(['fp8']);

/** Options of a format, as far as the server has words for them. */
function formatWords(bits: string, { name, options }: ServerProfile) {
  const spelled = (option: 'quantizationMethod' | 'kvCacheType') => {
    const known = options[option];
    return (known === undefined ? [] : (knownValues(known) ?? [])).find((value) => value.startsWith('fp8'));
  };
  const matrices = bits.replace(/kv8$/, '');
  const quantizes = MADE_ON_LOADING.has(matrices) ? spelled('quantizationMethod') : undefined;
  const cache = matrices === bits ? undefined : spelled('kvCacheType');
  const notes = [
    ...(matrices === 'native' || quantizes !== undefined
      ? []
      : [`serve a checkpoint in ${matrices}: its path is that of --model-path`]),
    ...(matrices === bits || cache !== undefined ? [] : [`a cache in fp8 is set in a file of ${name}`]),
  ];
  return {
    options: {
      ...(quantizes === undefined ? {} : { quantizationMethod: quantizes }),
      ...(cache === undefined ? {} : { kvCacheType: cache }),
    },
    notes,
  };
}
