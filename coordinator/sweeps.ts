import type { Experiment, ModelRef } from '../core/experiment/experiment.js';
import { getOrMake } from '../core/maps.js';
import { predictedBytes } from '../core/runners/index.js';
import { energyKeys } from '../core/sweep/energy.js';
import { experimentAt } from '../core/sweep/expand.js';
import { DEFAULT_NAMESPACE, experimentId } from '../core/sweep/identity.js';
import { labelsIn, namesOf } from '../core/sweep/labels.js';
import { impossibility, openSpace, type Space } from '../core/sweep/space.js';
import type { Sweep } from '../core/sweep/spec.js';
import { parseStoredModels } from '../proto/convert.js';
import { invalid } from '../proto/errors.js';
import type { Forecast } from '../search/history.js';
import { physicsOf } from '../search/physics.js';
import { Searcher } from '../search/searcher.js';
import { type SearchSpace, searchSpace } from '../search/space.js';
import { permute } from '../statistics/permutation.js';
import { forecastOn } from './forecast.js';
import { type PlannedSweep, planSweep } from './planning.js';
import { devicesTaken } from './scheduler/placement.js';
import type { SweepView } from './scheduler/view.js';

/** @returns a sweep as the scheduler sees it. */
export function viewOf({ sweepId, pointsId, sweep, plan }: PlannedSweep): SweepView {
  const space = openSpace(sweep, plan);
  const models = new Set(sweep.models.map(modelKey));
  const label = labelsIn(sweep);
  const onCpus = sweep.placement.devices.every((device) => device === 'cpu');
  return {
    sweepId,
    pointsId,
    name: sweep.name,
    namespace: DEFAULT_NAMESPACE,
    count: space.count,
    impossible: space.impossible.reduce((sum, group) => sum + group.count, 0),
    placement: sweep.placement,
    startsPolicy: sweep.startsPolicy,
    measure: sweep.measure,
    asksQuality: sweep.quality !== null,
    energyKeys: energyKeys(sweep),
    objectives: sweep.objectives,
    bounds: sweep.search?.constraints ?? [],
    newSearch: searchOf(sweep, space, label),
    positionAt: (index) => permute(index, space.count, sweep.placement.seed),
    experimentAt: memoized((position, node) => experimentAt(space, position, node)),
    identify: (experiment) => (models.has(modelKey(experiment.model)) ? experimentId(experiment) : null),
    impossibility: (experiment) => (space.unchecked.length === 0 ? null : impossibility(experiment)),
    memoryBytes: (experiment) =>
      experiment.model.facts === null ? null : predictedBytes({ facts: experiment.model.facts, experiment }),
    // Asked for each result of a log that is read again: an id, which is a hash, says nothing of it.
    devicesAt: (position) => (onCpus ? 1 : devicesTaken(space.contentAt(position))),
    names: namesOf(sweep),
    label,
  };
}

function searchOf(sweep: Sweep, space: Space, label: SweepView['label']): SweepView['newSearch'] {
  const { search: spec, objectives } = sweep;
  if (spec === null) return null;
  // Not before a search begins: a sweep that is only submitted again needs no points.
  let points: SearchSpace | null = null;
  const pointAt = (position: number) => experimentAt(space, position, null);
  const physics = (position: number) => physicsOf(space.contentAt(position));
  const labelOf = (position: number) => label(pointAt(position));
  // Of all queues: where the node is an axis, nodes of the same devices predict the same.
  const forecasts = new Map<string, Forecast | null>();
  const onDevice = (device: string) =>
    getOrMake(forecasts, device, () =>
      forecastOn(sweep, { count: space.count, experimentAt: pointAt }, device),
    );
  return () => {
    points ??= searchSpace(space);
    return new Searcher(points, { spec, objectives, physics, labelOf, forecastOn: onDevice });
  };
}

/**
 * Reads a document in the thread of whoever asks: one that was accepted before, when a log is read again.
 * @throws WireError `invalid` with the errors of the file in its details.
 */
export function readSweep(document: string, given: readonly ModelRef[]): SweepView {
  const answer = planSweep(document, parseStoredModels(given));
  if (!answer.ok) throw invalid(answer.sentence, answer.details);
  return viewOf(answer.planned);
}

function modelKey({ name, source, digest }: ModelRef): string {
  return JSON.stringify([name, source, digest]);
}

/**
 * Points whose experiment is remembered, of all sweeps together: a point is asked for when a block is drawn
 * and again when it is leased, and an id is a hash. As many at least as the blocks of a hundred devices hold,
 * and twice as many at most, 3 kB each.
 */
const REMEMBERED_POINTS = 4096;
/**
 * The newest ones, and those before them: a Map from which the oldest is taken each time looks for it ever
 * longer.
 */
let newest = new Map<string, Experiment>();
let before = new Map<string, Experiment>();
let views = 0;

function memoized(make: SweepView['experimentAt']): SweepView['experimentAt'] {
  views += 1;
  const view = views;
  // One point is asked for several times in a row.
  let last: {
    readonly position: number;
    readonly node: string | null;
    readonly experiment: Experiment;
  } | null = null;
  const find = (position: number, node: string | null): Experiment => {
    const key = `${view} ${position} ${node ?? ''}`;
    const known = newest.get(key);
    if (known !== undefined) return known;
    if (newest.size >= REMEMBERED_POINTS) [before, newest] = [newest, new Map()];
    const experiment = before.get(key) ?? make(position, node);
    newest.set(key, experiment);
    return experiment;
  };
  return (position, node) => {
    if (last?.position !== position || last.node !== node)
      last = { position, node, experiment: find(position, node) };
    return last.experiment;
  };
}
