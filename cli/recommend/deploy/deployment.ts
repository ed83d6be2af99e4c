import { basename } from 'node:path';
import { deviceKind, type Experiment, type Options } from '../../../core/experiment/experiment.js';
import { printable } from '../../../core/input/printable.js';
import { pathWord, shellLine } from '../../../core/input/shell-word.js';
import { runnerNamed } from '../../../core/runners/index.js';
import { nodeDemands } from '../../../core/runners/node-demands.js';
import { PROFILES, profileOf, SERVER_KINDS } from '../../../core/runners/server/index.js';
import { SERVER_OPTION_NAMES } from '../../../core/runners/server/options.js';
import type { ServerProfile } from '../../../core/runners/server/profile.js';
import { lorasOf } from '../../../core/serving/loras.js';
import { optionProblem } from '../../../core/sweep/stated.js';
import { readAdapter } from '../../../core/techniques/adapter.js';
import { UNCHANGED } from '../../../core/techniques/index.js';
import { serverArguments } from '../../../engines/door.js';
import { readQuantity } from '../../../report/recommend/quantity.js';
import type { Judged } from '../../../report/recommend/recommend.js';
import { asWords, usageError } from '../../exit.js';
import type { RecommendOptions } from '../command.js';
import { type Deployment, MODEL_FOLDER } from './deployed.js';
import { deploymentName, isContained, refuseWithoutChart, renderDeployment } from './render.js';

const DEFAULT_PORT = 8000;

export interface DeploymentText {
  readonly text: string;
  /** What the reader has to do or know besides, a sentence each. */
  readonly notes: readonly string[];
}

type Options_ = Pick<RecommendOptions, 'modelPath' | 'image' | 'port'>;

/**
 * @returns what deploys a recommended row: of a server its own command line; of llama.cpp in the trial's
 *   process that of llama-server with the same options, as its profile spells them.
 * @throws CommandError (2) for a row that this target cannot run, or whose record says what no sweep can.
 */
export function deploymentText(judged: Judged, target: string, options: Options_): DeploymentText {
  const problem = optionProblem(judged.candidate.experiment);
  if (problem !== null) throw notDeployed(problem);
  return asWords(() => textFor(judged, target, options));
}

function notDeployed(why: string) {
  return usageError(
    `the row is not deployed: ${why}`,
    'Its record is of another release, or was made to mislead: do not run it.',
  );
}

function textFor(judged: Judged, target: string, options: Options_): DeploymentText {
  const profile = profileFor(judged.candidate.experiment, target);
  refuseWithoutChart(profile, target);
  const { deployment, notes } = deploymentOf(judged, profile, options, isContained(target));
  return { text: renderDeployment(deployment, target, options.image), notes };
}

/** The row's own server, or the one that runs the same engine behind an address. */
function profileFor({ runner }: Experiment, target: string): ServerProfile {
  const served = Object.values(SERVER_KINDS).find(({ plainRunner }) => plainRunner === runner.kind);
  const profile = profileOf(runner.kind) ?? (served === undefined ? undefined : profileOf(served.kind));
  if (profile === undefined || profile.command.length === 0)
    throw usageError(
      `nothing is known that serves ${runner.kind}`,
      'Recommend among rows of a server, or of llama-cpp.',
    );
  if (runnerNamed(profile.name)?.madeUp != null)
    throw usageError(`${profile.name} serves nothing: ${runnerNamed(profile.name)?.madeUp}`);
  if (target !== profile.name && Object.hasOwn(PROFILES, target))
    throw usageError(
      `the row was measured on ${runner.kind}, and what it says is no figure of ${target}`,
      `Take --as ${profile.name}, or measure it on ${target}.`,
    );
  return profile;
}

function deploymentOf(judged: Judged, profile: ServerProfile, asked: Options_, contained: boolean) {
  const { experiment, record } = judged.candidate;
  const { model, technique, device } = experiment;
  const options = servedOptions(experiment);
  const model_ = modelAt(experiment, asked.modelPath, contained);
  const adapter = readAdapter(technique.adapter);
  const attached = adapter.ok && adapter.value?.mode === 'attached' ? adapter.value.parts : [];
  const pathInContainer = (source: string) => (contained ? `${MODEL_FOLDER}/${basename(source)}` : source);
  const { draftModel } = options;
  const port = asked.port ?? DEFAULT_PORT;
  const parts = serverArguments(
    profile,
    {
      options,
      modelPath: model_.path,
      modelName: model.name,
      deviceClass: device,
      adapters: attached.map(({ source, scale }) => ({ path: pathInContainer(source), source, scale })),
      loras: lorasOf(options).map(({ name, source }) => ({ name, path: pathInContainer(source) })),
      draftPath: typeof draftModel === 'string' ? pathInContainer(draftModel) : null,
      // Threads that the row left open were those of the device that it was measured on.
      cpus: threadsOf(judged),
    },
    port,
  ).map((setting) => (contained && setting === '127.0.0.1' ? '0.0.0.0' : setting));
  // It is pasted into a shell or a cluster: it must not contain what a terminal does not show.
  if ([...parts, experiment.id].some((word) => printable(word) !== word))
    throw notDeployed('a name or source in it has control characters');
  const engine = record?.environment.engine;
  const { threads } = experiment.runner.options;
  const notes = [
    ...model_.notes,
    ...unspelled(experiment, profile),
    ...(typeof engine === 'string' ? [`it was measured on ${engine}: another release is another row`] : []),
    ...(contained ? [`files lie in ${MODEL_FOLDER}, which the claim "models" holds`] : []),
  ];
  const deployment: Deployment = {
    profile,
    port,
    arguments: parts,
    name: deploymentName(profile, model.name),
    replicas: 1,
    gpus: deviceKind(device) === 'cpu' ? 0 : nodeDemands(experiment.runner.options).devices,
    cpus: typeof threads === 'number' ? threads : null,
    memoryBytes: memoryOf(judged),
    release: typeof engine === 'string' ? engine : null,
    experiment: experiment.id,
  };
  return { deployment, notes };
}

/** Of the memory that was measured, for what a longer life adds. */
const MEMORY_ROOM = 1.25;

function memoryOf({ candidate }: Judged): number | null {
  const resident = readQuantity('peakResidentBytes');
  const bytes = resident.ok ? candidate.figure(resident.value).value : null;
  return bytes === null ? null : bytes * MEMORY_ROOM;
}

/** Logical CPUs that the row had. */
function threadsOf({ candidate: { experiment, record } }: Judged): number {
  const { threads } = experiment.runner.options;
  if (typeof threads === 'number') return threads;
  return record?.node.cores ?? 1;
}

/**
 * Of a model in the trial's process, its sequences and its context are options of the workload; a server is
 * told them.
 */
function servedOptions({ runner, workload }: Experiment): Options {
  if (profileOf(runner.kind) !== undefined) return runner.options;
  const { parallel, promptTokens, generateTokens, contextDepth } = workload.options;
  const tokens = [promptTokens, generateTokens, contextDepth].reduce<number>(
    (sum, n) => sum + Number(n ?? 0),
    0,
  );
  return {
    ...runner.options,
    maxSequences: Number(parallel ?? 1),
    ...(tokens > 0 ? { maxContext: tokens } : {}),
  };
}

/** Options away from their defaults that the profile has no words for. */
function unspelled({ runner }: Experiment, profile: ServerProfile): string[] {
  const defaults = runnerNamed(runner.kind)?.options.parse({}) as Options | undefined;
  const known: readonly string[] = SERVER_OPTION_NAMES.filter((name) => profile.options[name] !== undefined);
  const filled = JSON.stringify(profile.options);
  return Object.entries(runner.options).flatMap(([name, value]) =>
    known.includes(name) ||
    value === defaults?.[name] ||
    filled.includes(`{${name}}`) ||
    WITHOUT_WORDS.has(name)
      ? []
      : [
          `${name} ${value} of the row is no option that the profile of ${profile.name} spells: set it by hand`,
        ],
  );
}

/** What names an engine or a server of a node, and adapters, which have words of their own. */
const WITHOUT_WORDS: ReadonlySet<string> = new Set(['engine', 'server', 'loras']);

interface Placed {
  readonly path: string;
  readonly notes: readonly string[];
}

/** The file as it came, or one that a technique made of it, which has to be made or copied there. */
function modelAt({ model, technique }: Experiment, path: string | undefined, contained: boolean): Placed {
  if (path !== undefined) return { path, notes: [] };
  const made = Object.entries(technique).filter(
    ([name, setting]) =>
      setting !== UNCHANGED[name as keyof typeof technique] &&
      !(name === 'adapter' && !/mode=merged/.test(setting)),
  );
  const repository = /^hf:([^:]+\/[^:]+)(?::.*)?$/.exec(model.source)?.[1];
  if (made.length === 0) {
    if (contained && repository === undefined)
      return { path: `${MODEL_FOLDER}/${basename(model.source)}`, notes: [`copy ${model.source} there`] };
    return { path: repository ?? model.source, notes: [] };
  }
  const what = made.map(([name, setting]) => `${name} ${setting}`).join(', ');
  const stem = [model.name, ...made.map(([, setting]) => setting)]
    .join('-')
    .replace(/[^A-Za-z0-9._-]+/g, '-');
  const file = `${stem}.gguf`;
  const [only, ...others] = made;
  const command =
    others.length === 0 && only?.[0] === 'quantization' && /^[a-z0-9_]+$/.test(only[1])
      ? shellLine(['ridge', 'quantize', pathWord(model.source), pathWord(file), '--type', only[1]])
      : 'ridge quantize, prune and adapt make one of each kind';
  return {
    path: contained ? `${MODEL_FOLDER}/${file}` : file,
    notes: [`${file} is ${model.source} with ${what}: ${command}`],
  };
}
