import { availableParallelism } from 'node:os';
import { TRIAL, type TrialRequest } from '../../agent/trial/job.js';
import { readExamples } from '../../agent/workloads/examples.js';
import type { TrainingProgress, WorkloadOutcome } from '../../agent/workloads/workload.js';
import { besideGguf } from '../../artifacts/files/peft-folder.js';
import { locateText } from '../../artifacts/files/text.js';
import { FailureError } from '../../core/errors.js';
import type { Options } from '../../core/experiment/experiment.js';
import { formatPercent, formatValue } from '../../core/metrics/format.js';
import { isNamedAs } from '../../core/models/formats.js';
import { defaultRunnerFor } from '../../core/runners/index.js';
import { MEASURE } from '../../core/sweep/schema.js';
import { isExamples } from '../../core/training/example.js';
import { finetune } from '../../core/workloads/finetune.js';
import { taskOf } from '../../process/isolation/job.js';
import { launch } from '../../process/isolation/launch.js';
import { median } from '../../statistics/quantile.js';
import { usageError, workError } from '../exit.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';
import { ProgressLine } from '../output/progress-line.js';
import { outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import { orStopped, UNBOUND } from '../single/stoppable.js';
import { openBase, settingsOf } from './open.js';
import { TRAIN_OPTIONS, type TrainOptions } from './train-command.js';

/** Elsewhere than on a terminal the loss is reported this often, at most. */
const LINES = 10;

/** Says how training goes: one line kept up to date on a terminal, some lines elsewhere. */
class TrainingLine extends ProgressLine {
  #reported = 0;

  tell({ step, steps, loss, evalLoss }: TrainingProgress): void {
    if (loss === null) {
      if (evalLoss !== null) this.note(`held-out loss after ${step} steps: ${evalLoss.toFixed(4)}`);
      return;
    }
    const isDue = step === 1 || step === steps || step >= this.#reported + steps / LINES;
    if (isDue) this.#reported = step;
    this.update(`step ${step}/${steps}  loss ${loss.toFixed(4)}`, isDue);
  }
}

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

async function train(request: TrialRequest): Promise<WorkloadOutcome> {
  const line = new TrainingLine(process.stderr);
  const child = launch({
    task: taskOf(TRIAL, request),
    ...UNBOUND,
    onMessage(message) {
      // There are no meters to wait for.
      if (message.type === 'resting') child.resume();
      else if (message.type === 'training') line.tell(message.progress);
      else if (message.type === 'warning') line.note(message.warning.message);
    },
  });
  const { answer, failure: reason } = await orStopped(child).finally(() => line.end());
  if (reason !== null) throw new FailureError(reason);
  return answer;
}

/** Sums up a training: a table for people, or JSON with every step. */
function reportTraining(
  { findings, warmups }: WorkloadOutcome,
  { source, threads, json }: { readonly source: string; readonly threads: number; readonly json: boolean },
): void {
  if (findings?.of !== 'training' || findings.kept === null) throw workError('the training gave no result');
  const { record: training, kept } = findings;
  const { stepSeconds, losses, memory, evalBefore, evalAfter } = training;
  const measured = (seconds: readonly number[]) => median(seconds.slice(warmups));
  const whole = measured(stepSeconds.whole);
  const tokensPerSecond = (training.sequencesPerStep * training.windowTokens) / whole;
  const peft = kept.kind === 'adapter' ? besideGguf(kept.path) : null;
  if (json) {
    const { modelPath: _, ...file } = kept;
    printJson({ model: source, threads, tokensPerSecond, made: { ...file, peft }, ...training });
    return;
  }
  const part = (name: 'forward' | 'backward' | 'optimizer') => {
    const seconds = measured(stepSeconds[name]);
    // Medians of parts do not add up to that of the whole; sums do.
    const share = total(stepSeconds[name]) / total(stepSeconds.whole);
    return [name, `${formatValue(seconds, 's')} (${formatPercent(share)})`];
  };
  const total = (seconds: readonly number[]) => seconds.slice(warmups).reduce((a, b) => a + b, 0);
  const loss = (value: number | null | undefined) => value?.toFixed(4) ?? '-';
  printTable(
    ['', ''],
    [
      ['method', training.method],
      [
        'trained',
        `${training.trainableParameters.toLocaleString('en')} of ${training.baseParameters.toLocaleString('en')} parameters`,
      ],
      ['steps', `${losses.length} of ${training.sequencesPerStep} × ${training.windowTokens} tokens`],
      ...(training.examples === undefined
        ? []
        : [
            [
              'learnt',
              `${training.examples.learntTokens.toLocaleString('en')} tokens of answers${training.examples.leftOut === 0 ? '' : `; ${training.examples.leftOut} examples are longer than a window and left out`}`,
            ],
          ]),
      ['loss', `${loss(losses[0])} at the first step, ${loss(losses.at(-1))} at the last`],
      [
        'held out',
        `${loss(evalBefore)} before, ${loss(evalAfter)} after, on ${training.heldOutWindows} windows`,
      ],
      ['step', `${formatValue(whole, 's')}, ${formatValue(tokensPerSecond, 'tokens/s')}`],
      ...(['forward', 'backward', 'optimizer'] as const).map(part),
      ...Object.entries(memory).map(([name, bytes]) => [`${name} memory`, formatValue(bytes, 'B')]),
    ],
  );
  const where = peft === null ? kept.path : `${kept.path} and ${peft}`;
  say(`${where}: ${formatValue(kept.bytes, 'B')}, trained on ${source} with ${threads} threads`);
}
