import { Pins } from '../../artifacts/files/pins.js';
import { toFailure } from '../../core/errors.js';
import type { Lease } from '../../core/experiment/lease.js';
import type { ResultRecord } from '../../core/result/result.js';
import { withoutAddresses } from '../../engines/config.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { CurrentChild } from '../../process/isolation/current-child.js';
import { AppliedSettings } from '../power/applied-settings.js';
import type { TrialContext, TrialRun } from './context.js';
import { generationFiles } from './generation.js';
import { dropJournal, graphOf } from './graph.js';
import { measure } from './measure.js';
import { deviceFor, noteNode, setDevice } from './node.js';
import { emptyNotes } from './notes.js';
import { prepareModel } from './preparation.js';
import { profileTrial } from './profile.js';
import type { TrialProgress } from './progress.js';
import {
  askQuestions,
  askServer,
  asksTheSame,
  goOnAsking,
  prepareQuestions,
  runningModel,
} from './quality.js';
import { writeRecord } from './record.js';
import { noteRoofline } from './roofline.js';
import { promptsPath, serveModel } from './serve.js';
import { dropMerged, noteTraining, trainedModel, trainingFiles } from './training.js';

export interface RunningTrial {
  readonly lease: Lease;
  /** Ends it between two repeats, or by force a little later; the record says `cancelled`. */
  stop(reason: string): void;
  /** Ends it at once. */
  kill(reason: string): void;
  /** Never rejects: whatever went wrong is in the record. */
  readonly done: Promise<ResultRecord>;
}

/** Begins one trial. */
export function startTrial(
  lease: Lease,
  node: TrialContext,
  onProgress: (progress: TrialProgress) => void = () => {},
): RunningTrial {
  const notes = emptyNotes(new Date(), monotonicSeconds());
  const child = new CurrentChild((phase) => {
    const elapsedSeconds = monotonicSeconds() - notes.originSeconds;
    onProgress({ phase, repeat: 0, elapsedSeconds });
  });
  const pins = new Pins();
  const settings = new AppliedSettings();
  const done = run({ lease, node, notes, child, pins, settings, onProgress })
    .finally(() => settings.release())
    .finally(() => node.servers.giveBack(lease.deviceId))
    .finally(() => pins.release())
    .then(() => null, toFailure)
    .then((failure) => {
      const { warnings, absent } = notes;
      const said = withoutAddresses({ warnings, absent, failure }, node.engines);
      return writeRecord(lease, node.profile, { ...notes, ...said }, said.failure);
    });
  return { lease, stop: (reason) => child.stop(reason), kill: (reason) => child.kill(reason), done };
}

/**
 * The stages of a trial, in order; what each learns goes into the notes.
 * @throws FailureError of the stage that fails.
 */
async function run(begun: Omit<TrialRun, 'device'>): Promise<void> {
  const trial: TrialRun = { ...begun, device: deviceFor(begun.lease, begun.node.profile) };
  const { notes, settings, lease } = trial;
  noteNode(trial);
  if (await asksTheSame(trial)) return;

  const model = await prepareModel(trial);
  noteRoofline(trial, model);
  const training = await trainingFiles(trial);
  const wanted = await prepareQuestions(trial, model);
  const graph = await graphOf(trial);
  const generation = await generationFiles(trial);
  const answered = training === null && (await goOnAsking(trial, model, wanted));
  const questions = answered ? null : wanted;
  // A point that was measured already is only asked questions, not timed again. A model that is trained in
  // the trial has to be trained first, however.
  const isTimed = lease.purpose !== 'quality' || training !== null;
  if (!isTimed && questions === null) return;

  await setDevice(trial);
  const served = await serveModel(trial, model);
  if (isTimed) {
    const around = { training, served, promptsPath: promptsPath(trial), graph, generation };
    notes.outcome = await measure(trial, model, around);
    dropJournal(graph);
    await profileTrial(trial, model);
  }
  // Neither training's files nor quality depend on speed.
  await settings.release();

  const trained = notes.outcome === null ? null : await noteTraining(trial, notes.outcome);
  if (questions !== null && served !== null) await askServer(trial, served, model, questions);
  else if (questions !== null && model !== null) {
    const asked =
      trained === null
        ? runningModel(lease.experiment, model)
        : trainedModel(lease.experiment, model, trained);
    await askQuestions(trial, asked, questions);
  }
  if (trained !== null) await dropMerged(trained);
}
