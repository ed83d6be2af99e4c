import { availableParallelism } from 'node:os';
import { train, trainingText } from '../../agent/door/trials.js';
import { openFile } from '../../artifacts/door/open.js';
import type { Options } from '../../core/experiment/experiment.js';
import { formatPercent, formatValue } from '../../core/metrics/format.js';
import { isNamedAs } from '../../core/models/formats.js';
import { finetune } from '../../core/workloads/finetune.js';
import { median } from '../../statistics/quantile.js';
import { usageError, workError } from '../exit.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';
import { ProgressLine } from '../output/progress-line.js';
import { orStopped } from '../single/foreground.js';
import { outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import { settingsOf } from './open.js';
import { TRAIN_OPTIONS, type TrainOptions } from './train-command.js';

/** Elsewhere than on a terminal the loss is reported this often, at most. */
const LINES = 10;

/** Says how training goes: one line kept up to date on a terminal, some lines elsewhere. */
class TrainingLine extends ProgressLine {
  #reported = 0;

  tell({ step, steps, loss, evalLoss }: Parameters<Parameters<typeof train>[1]['progress']>[0]): void {
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
    const textPath = trainingText(options.text, settings);
    const { path: modelPath } = await openFile(source, settings);
    if (modelPath === path) throw usageError('the output is the input', 'Name another file.');
    const line = new TrainingLine(process.stderr);
    const trained = await train(
      { modelPath, textPath, keepPath: path, threads, options: chosen },
      { progress: (at) => line.tell(at), warning: (message) => line.note(message), attend: orStopped },
    ).finally(() => line.end());
    if (trained === null) throw workError('the training gave no result');
    reportTraining(trained, { source, threads, json: options.json === true });
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

/** Sums up a training: a table for people, or JSON with every step. */
function reportTraining(
  { record: training, kept, warmups, peft }: NonNullable<Awaited<ReturnType<typeof train>>>,
  { source, threads, json }: { readonly source: string; readonly threads: number; readonly json: boolean },
): void {
  const { stepSeconds, losses, memory, evalBefore, evalAfter } = training;
  const measured = (seconds: readonly number[]) => median(seconds.slice(warmups));
  const whole = measured(stepSeconds.whole);
  const tokensPerSecond = (training.sequencesPerStep * training.windowTokens) / whole;
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
