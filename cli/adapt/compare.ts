import { basename } from 'node:path';
import type { Comparison } from '../../agent/quality/compare.js';
import { COMPARE } from '../../agent/quality/jobs.js';
import type { QualityModel } from '../../agent/quality/measure.js';
import { attachedAdapters } from '../../artifacts/adapters/attach.js';
import { stepsTo } from '../../artifacts/conversions/step.js';
import { ArtifactStore } from '../../artifacts/files/store.js';
import { mergeStep } from '../../artifacts/techniques/merge.js';
import { FailureError } from '../../core/errors.js';
import { defaultRunnerFor } from '../../core/runners/index.js';
import { taskOf } from '../../process/isolation/job.js';
import { OPENED_BY_COMMANDS, openModel } from '../local-models.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';
import { askInChild } from '../quality/asked-child.js';
import { runCommand } from '../single/run-command.js';
import { stoppable } from '../single/stoppable.js';
import { textFile } from '../single/text-file.js';
import type { CompareOptions } from './command.js';
import { openBase, partsOf, settingsOf } from './open.js';

const TIME_LIMIT_SECONDS = 86_400;

/** `ridge adapt compare`: the same adapter merged and attached, over a text; they differ by roundings alone. */
export async function compareAdapter(
  source: string,
  spelling: string,
  options: CompareOptions,
): Promise<void> {
  const parts = partsOf([spelling]);
  const path = textFile(options.text);
  const settings = settingsOf(options, [source, spelling]);
  await runCommand(async () => {
    const base = await openBase(source, settings);
    const store = new ArtifactStore({ ...settings, artifactBytes: Number.POSITIVE_INFINITY });
    const work = { cpus: [], timeLimitSeconds: TIME_LIMIT_SECONDS };
    const model = { path: base.path, digest: base.digest, name: source };
    const adapters = await attachedAdapters({
      parts,
      base: model,
      shape: model,
      settings,
      store,
      launcher: stoppable,
      uses: null,
      ...work,
    });
    const opened = await openModel(source, settings);
    const steps = [...stepsTo(opened, OPENED_BY_COMMANDS), await mergeStep(parts, source, settings)];
    const merged = await store.prepare({ base: opened, steps, ...work }, stoppable);
    const asked = (modelPath: string): QualityModel => ({
      runnerKind: defaultRunnerFor('language-model'),
      modelPath,
      options: { threads: options.threads ?? null },
      deviceClass: 'cpu',
      deviceId: '',
      cpus: [],
    });
    const windows = {
      scheme: 'llama',
      context: Math.min(options.context, base.trainedContext ?? Number.POSITIVE_INFINITY),
      stride: null,
      maxWindows: options.maxWindows ?? null,
    } as const;
    const attached = { ...asked(base.path), adapters };
    const task = taskOf(COMPARE, { base: attached, model: asked(merged.path), path, windows });
    const ending = await askInChild(task, stoppable);
    if (ending.failure !== null) throw new FailureError(ending.failure);
    report(source, spelling, basename(path), ending.answer, options.json === true);
  });
}

function report(model: string, adapter: string, text: string, found: Comparison, json: boolean): void {
  const { divergence, largestDifference, normalizedSquaredError, logitSpread, windows } = found;
  if (json) {
    printJson({ schema: 'ridgepoint.dev/adapter-comparison/v1', model, adapter, text, ...found });
    return;
  }
  const digits = (value: number) => value.toPrecision(3);
  printTable(
    ['merged against attached', ''],
    [
      ['largest difference of two logits', digits(largestDifference)],
      ['spread of the logits', digits(logitSpread)],
      ['normalized squared error', digits(normalizedSquaredError)],
      ['KL divergence, mean', `${digits(divergence.kl.value)} nats`],
      ['same most likely token', `${(100 * divergence.sameTop.value).toFixed(2)} %`],
      ['perplexity, attached', divergence.base.value.toFixed(4)],
      ['perplexity, merged', divergence.candidate.value.toFixed(4)],
    ],
  );
  say(`${model} with ${adapter}, ${divergence.tokens} predictions in ${windows} windows of ${text}`);
}
