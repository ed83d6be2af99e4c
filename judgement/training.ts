import type { TrainingRecord } from '../core/training/record.js';
import { type Entries, perRepeat, single } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { NOT_APPLICABLE } from './not-applicable.js';

/** The last loss would be that of a single batch, so the losses of this share of the steps are averaged. */
const LAST_SHARE = 0.1;

/** Cost and result of training. Steps of the warm-up count for losses, but not for times. */
export function trainingFindings({ input, outcome }: Evidence): Findings {
  const { training } = input;
  const measured = (seriesOf: (record: TrainingRecord) => readonly number[]) =>
    training === null ? [] : seriesOf(training).slice(outcome.warmups);
  const seconds = measured(({ stepSeconds }) => stepSeconds.whole);
  const perStep = (seriesOf: (record: TrainingRecord) => readonly number[]) =>
    perRepeat(measured(seriesOf), NOT_APPLICABLE.training);
  const entryOf = (value: number | null | undefined, why: string = NOT_APPLICABLE.training) =>
    single(value ?? null, training === null ? NOT_APPLICABLE.training : why);
  const tokens = training === null ? 0 : training.sequencesPerStep * training.windowTokens;
  const { evalBefore = null, evalAfter = null } = training ?? {};
  const entries: Entries = {
    trainTokensPerSecond: perRepeat(
      seconds.map((s) => tokens / s),
      NOT_APPLICABLE.training,
    ),
    trainStepSeconds: perRepeat(seconds, NOT_APPLICABLE.training),
    forwardSeconds: perStep(({ stepSeconds }) => stepSeconds.forward),
    backwardSeconds: perStep(({ stepSeconds }) => stepSeconds.backward),
    optimizerSeconds: perStep(({ stepSeconds }) => stepSeconds.optimizer),
    samplesPerParameterSecond: perRepeat(
      training === null ? [] : seconds.map((s) => training.sequencesPerStep / training.baseParameters / s),
      NOT_APPLICABLE.training,
    ),
    firstLoss: entryOf(training?.losses[0]),
    finalLoss: entryOf(training === null ? null : finalLoss(training.losses)),
    evalLoss: entryOf(evalAfter, NOT_APPLICABLE.heldOut),
    evalLossChange: entryOf(
      evalBefore === null || evalAfter === null ? null : evalAfter - evalBefore,
      NOT_APPLICABLE.heldOut,
    ),
    trainableParameters: entryOf(training?.trainableParameters),
    trainedBytes: entryOf(training?.made?.bytes, 'what was trained was not kept'),
    trainingWeightBytes: entryOf(training?.memory.weights),
    gradientBytes: entryOf(training?.memory.gradients),
    optimizerBytes: entryOf(training?.memory.optimizer),
    activationBytes: entryOf(training === null ? null : training.memory.activations + training.memory.inputs),
  };
  return { entries, warnings: [] };
}

/** @returns the mean of the last tenth of all steps. */
function finalLoss(losses: readonly number[]): number | null {
  const last = losses.slice(-Math.max(1, Math.round(losses.length * LAST_SHARE)));
  return last.length === 0 ? null : last.reduce((sum, loss) => sum + loss, 0) / last.length;
}
