import { modelSettings } from '../../artifacts/door/open.js';
import { predictedBytes } from '../../core/runners/index.js';
import { experimentAt } from '../../core/sweep/expand.js';
import { axisValuesAnywhere, labelsIn } from '../../core/sweep/labels.js';
import { planSpace } from '../../core/sweep/space.js';
import type { Candidate } from '../../report/recommend/candidate.js';
import { predicted } from '../../report/recommend/predicted.js';
import { askToFetch } from '../ask-to-fetch.js';
import { usageError } from '../exit.js';
import { localModelFolders, resolveModels } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import { say } from '../output/print.js';
import { timeEstimator } from '../plan/estimate.js';
import { fitted, openSweep } from '../sweep-file.js';
import { thisNode } from '../this-node.js';
import type { RecommendOptions } from './command.js';

/** Of larger sweeps nobody waits for an answer. */
const MOST_POINTS = 20_000;

/**
 * @returns every point of a sweep file as predicted on this machine.
 * @throws CommandError as `ridge plan`, and (2) for a sweep of too many points.
 */
export async function predictedCandidates(file: string, typed: RecommendOptions): Promise<Candidate[]> {
  const written = openSweep(file);
  const options = await askToFetch(typed, written.sweep);
  const node = nodeConfig(options);
  const settings = modelSettings(localModelFolders(file, written.sweep, options.models), node);
  const models = await resolveModels(
    written.sweep,
    settings,
    ({ name }, why) => say(`${name}: ${why}; nothing of it is predicted`),
    false,
  );
  const { sweep } = fitted({ ...written, sweep: { ...written.sweep, models } });
  const space = planSpace(sweep);
  if (space.count > MOST_POINTS) {
    const most = MOST_POINTS.toLocaleString('en');
    throw usageError(
      `${file} has ${space.count.toLocaleString('en')} points`,
      `Predictions are of ${most} at most: narrow it.`,
    );
  }
  const { estimate, basis } = await timeEstimator(await thisNode(options.config), settings.modelFolders);
  say(basis === null ? 'no roofs of this machine were measured: `ridge roofs`' : `predicted by ${basis}`);
  const labelOf = labelsIn(sweep);
  let [asked, calibrated] = [0, 0];
  const candidates = Array.from({ length: space.count }, (_, position) => {
    const experiment = experimentAt(space, position);
    const { facts } = experiment.model;
    const trial = estimate(experiment);
    if (typeof trial !== 'string' && trial.served !== undefined) asked += 1;
    if (typeof trial !== 'string' && trial.simulated?.host != null) calibrated += 1;
    return predicted({
      number: position,
      label: labelOf(experiment),
      experiment,
      axes: axisValuesAnywhere(experiment),
      phases: typeof trial === 'string' ? trial : trial.phases,
      simulated: typeof trial === 'string' ? null : (trial.simulated ?? null),
      memoryBytes: facts === null ? null : predictedBytes({ facts, experiment }),
    });
  });
  // Of a model of 8M weights it is most of a request, of one of 8B next to nothing.
  if (calibrated < asked)
    say(
      'predicted is what the model computes, and its queue: what a server takes for a request beside that comes on top (`ridge factors --calibrate RUN` fits it to a run of such a server)',
    );
  return candidates;
}
