import { availableParallelism } from 'node:os';
import { TRIAL, type TrialRequest } from '../../agent/trial/job.js';
import { readExamples } from '../../agent/workloads/examples.js';
import type { WorkloadOutcome } from '../../agent/workloads/workload.js';
import { locateText } from '../../artifacts/files/text.js';
import { FailureError } from '../../core/errors.js';
import type { Options } from '../../core/experiment/experiment.js';
import { isNamedAs } from '../../core/models/formats.js';
import { defaultRunnerFor } from '../../core/runners/index.js';
import { MEASURE } from '../../core/sweep/schema.js';
import { isExamples } from '../../core/training/example.js';
import { finetune } from '../../core/workloads/finetune.js';
import { taskOf } from '../../process/isolation/job.js';
import { launch } from '../../process/isolation/launch.js';
import { usageError } from '../exit.js';
import { outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import { openBase, settingsOf } from './open.js';
import { TRAIN_OPTIONS, type TrainOptions } from './train-command.js';
import { TrainingLine } from './training-line.js';
import { reportTraining } from './training-summary.js';

/** `ridge adapt train`: the workload finetune alone, its result in a file that the user names. */
export async function trainModel(source: string, output: string, options: TrainOptions): Promise<void> {
  const path = outputPath(output, options.force === true);
  if (!isNamedAs('gguf', path)) throw usageError(`${output} does not end with .gguf`, 'Name a GGUF file.');
  const chosen = workloadOptions(options);
  const settings = settingsOf(options, [source, options.text]);
  const threads = options.threads ?? availableParallelism();
  await runCommand(async () => {
    const textPath = locateText(options.text, settings);
    if (isExamples(textPath)) readExamples(textPath);
    const base = await openBase(source, settings);
    if (base.path === path) throw usageError('the output is the input', 'Name another file.');
    const outcome = await train({
      runner: { kind: defaultRunnerFor('trainer'), options: { threads } },
      workload: { kind: finetune.kind, options: chosen },
      measure: MEASURE.parse({ warmupSpread: 0.2, maxWarmups: 3 }),
      modelPath: base.path,
      adapters: [],
      deviceClass: 'cpu',
      deviceId: 'cpu0',
      cpus: [],
      minPhaseSeconds: 0,
      training: { textPath, keepPath: path, runnable: false },
    });
    reportTraining(outcome, { source, threads, json: options.json === true });
  });
}

/** @throws CommandError (2) for a value that the workload does not take. */
function workloadOptions(options: TrainOptions): Options {
  const given = Object.fromEntries(TRAIN_OPTIONS.map((name) => [name, options[name]]));
  const read = finetune.options.safeParse(given);
  if (read.success) return read.data as Options;
  const [issue] = read.error.issues;
  throw usageError(
    `${issue?.path.join('.')}: ${issue?.message}`,
    '`ridge adapt train --help` names the options.',
  );
}

/** Native code hears no signal while it computes: Ctrl-C ends the child. */
async function train(request: TrialRequest): Promise<WorkloadOutcome> {
  const line = new TrainingLine(process.stderr);
  const child = launch({
    task: taskOf(TRIAL, request),
    cpus: [],
    timeLimitSeconds: null,
    memoryLimitBytes: null,
    onMessage(message) {
      // There are no meters to wait for.
      if (message.type === 'resting') child.resume();
      else if (message.type === 'training') line.update(message.progress);
      else if (message.type === 'warning') line.note(message.warning.message);
    },
  });
  const stop = () => child.kill('interrupted');
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    const { answer, failure: reason } = await child.ended;
    if (reason !== null) throw new FailureError(reason);
    return answer;
  } finally {
    line.end();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
