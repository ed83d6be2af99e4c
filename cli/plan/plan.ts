import { modelSettings } from '../../artifacts/door/open.js';
import type { Experiment, ModelRef } from '../../core/experiment/experiment.js';
import { predictedBytes } from '../../core/runners/index.js';
import { experimentAt } from '../../core/sweep/expand.js';
import { axisValues, labelsIn } from '../../core/sweep/labels.js';
import { planSpace, type Space } from '../../core/sweep/space.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { crowding } from '../../process/device/crowding.js';
import { askToFetch } from '../ask-to-fetch.js';
import { checkEvaluation } from '../check-evaluation.js';
import { usageError } from '../exit.js';
import { firstSeconds } from '../factors/first.js';
import { localModelFolders, type ModelSettings, resolveModels } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import { fitted, openSweep } from '../sweep-file.js';
import { devicesOf, type ThisNode, thisNode } from '../this-node.js';
import { fileWarnings } from './check-files.js';
import type { PlanOptions } from './command.js';
import { requireEnergy, requireEnergyHere } from './energy.js';
import { type TimeEstimator, type TrialTime, timeEstimator } from './estimate.js';
import { plannedFiles } from './files.js';
import { type PlannedNoise, plannedNoise } from './noise.js';
import { fleet, hereAlone, placementWarnings } from './places.js';
import { priorLines } from './search.js';
import { type PlannedServer, plannedServers } from './servers.js';
import { type Conditions, type SweepTime, sweepTime } from './sweep-time.js';
import { threadWarnings } from './threads.js';
import type { PlanWarning } from './warning.js';

/**
 * Most experiments that are held against devices, and looked at for files; of larger sweeps, as many evenly
 * spread ones.
 */
const MOST_CHECKED = 2000;

/** A point of the sweep. */
export interface PlannedRow {
  readonly position: number;
  readonly id: string;
  readonly axes: Readonly<Record<string, unknown>>;
  readonly label: string;
  /** null when the model's header is not known. */
  readonly memoryBytes: number | null;
  /** Of one trial; null with the reason beside it. */
  readonly trial: TrialTime | null;
  readonly trialAbsent: string | null;
}

/** What a sweep would do. */
export interface Plan {
  readonly sweep: Sweep;
  readonly space: Space;
  readonly time: SweepTime;
  /** null where it was held against a fleet. */
  readonly noise: PlannedNoise | null;
  /** Experiments that were held against devices, and looked at for files. */
  readonly checked: number;
  /** Those of them that nothing speaks against. */
  readonly runnable: number;
  /** Where they were held against: this machine, or the nodes of a coordinator. */
  readonly place: string;
  readonly warnings: readonly PlanWarning[];
  /** It names files that are not here, where it was held against this machine. */
  readonly missingHere: boolean;
  readonly files: ReturnType<typeof plannedFiles>;
  readonly servers: readonly PlannedServer[];
  /** What its search begins with on each kind of GPU: a line each. */
  readonly priors: readonly string[];
  /** The first points, as many as were asked for. */
  readonly rows: readonly PlannedRow[];
}

/**
 * Holds a sweep against this machine, or against the nodes of a coordinator, and does nothing of it.
 * @param say is told at once, in a sentence, what is not checked for want of a file.
 * @throws CommandError as `ridge run` does.
 */
export async function planOf(
  file: string,
  typed: PlanOptions,
  say: (sentence: string) => void,
): Promise<Plan> {
  const written = openSweep(file);
  const options = await askToFetch(typed, written.sweep);
  const node = nodeConfig(options);
  const settings = modelSettings(localModelFolders(file, written.sweep, options.models), node);
  const warnings: PlanWarning[] = [];
  const missing = (message: string) => {
    say(message);
    warnings.push({ code: 'model-missing', message, experiments: 0, blocks: false, notHere: true });
  };
  const unasked = await checkEvaluation(written.sweep, settings, node, (of, why) =>
    missing(`${of}: ${why}; it is not checked`),
  );
  if (unasked.length > 0)
    throw usageError(
      unasked.join('\n'),
      'Ask it without `chat: true`, or take a model that was tuned for chats. `ridge run` asks the other tasks.',
    );
  const models = await resolveModels(
    written.sweep,
    settings,
    (model: ModelRef, why: string) =>
      missing(`${model.name}: ${why}; its context length and memory are not checked`),
    false,
  );
  const { sweep } = fitted({ ...written, sweep: { ...written.sweep, models } });
  const space = planSpace(sweep);
  const here = await thisNode(options.config);
  const places = options.fleet === true ? await fleet(sweep, options) : await hereAlone(sweep, here);
  const unmetered =
    options.fleet === true
      ? requireEnergy(sweep, places.nodes, places.name)
      : await requireEnergyHere(sweep, here.profile, options);
  const checked = spread(space.count, MOST_CHECKED).map((position) => experimentAt(space, position));
  const placement = placementWarnings(checked, places);
  const files = await fileWarnings(checked, settings);
  warnings.push(...placement.warnings, ...files.warnings, ...threadWarnings(checked, places.nodes));
  if (unmetered !== null)
    warnings.push({
      code: 'no-energy',
      message: unmetered,
      experiments: checked.length,
      blocks: false,
      notHere: false,
    });
  const estimator = await timeEstimator(here, settings.modelFolders);
  const labelOf = labelsIn(sweep);
  return {
    sweep,
    space,
    time: sweepTime(
      sweep,
      space,
      estimator,
      options.fleet === true ? undefined : await conditionsOf(sweep, here, settings),
    ),
    noise: options.fleet === true ? null : await plannedNoise(sweep, here),
    checked: checked.length,
    runnable: checked.filter(({ id }) => !placement.unplaced.has(id) && !files.broken.has(id)).length,
    place: places.name,
    warnings,
    // Of a fleet, a node may have it.
    missingHere: options.fleet !== true && warnings.some(({ notHere }) => notHere),
    files: plannedFiles(space),
    priors: priorLines(sweep, space, places),
    servers: plannedServers(checked, here.engines.servers, here.profile, settings),
    rows: Array.from({ length: Math.min(options.limit, space.count) }, (_, position) =>
      plannedRow(experimentAt(space, position), position, labelOf, estimator),
    ),
  };
}

/** @returns what a run of a sweep meets here before its first row, and beside it. */
async function conditionsOf(
  sweep: Sweep,
  here: ThisNode,
  { modelFolders: folders }: ModelSettings,
): Promise<Conditions> {
  const asked = { sweep, here: devicesOf(sweep, here), folders };
  const crowded = crowding();
  return { firstSeconds: await firstSeconds(asked, crowded), crowding: crowded };
}

/** @returns at most so many positions of 0 … count - 1, evenly spread, the first among them. */
function spread(count: number, most: number): number[] {
  const taken = Math.min(count, most);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * count) / taken));
}

function plannedRow(
  experiment: Experiment,
  position: number,
  labelOf: (experiment: Experiment) => string,
  { estimate }: TimeEstimator,
): PlannedRow {
  const { facts } = experiment.model;
  const trial = estimate(experiment);
  return {
    position,
    id: experiment.id,
    axes: axisValues(experiment),
    label: labelOf(experiment),
    memoryBytes: facts === null ? null : predictedBytes({ facts, experiment }),
    trial: typeof trial === 'string' ? null : trial,
    trialAbsent: typeof trial === 'string' ? trial : null,
  };
}
