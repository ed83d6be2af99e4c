import { basename } from 'node:path';
import { compareMerged } from '../../agent/door/answers.js';
import { attachedAndMerged } from '../../artifacts/door/make.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';
import { asking } from '../quality/asked.js';
import { runCommand } from '../single/run-command.js';
import { textFile } from '../single/text-file.js';
import type { CompareOptions } from './command.js';
import { partsOf, settingsOf } from './open.js';

/**
 * `ridge adapt compare`: the same adapter merged and attached, over a text; they differ by roundings alone.
 */
export async function compareAdapter(
  source: string,
  spelling: string,
  options: CompareOptions,
): Promise<void> {
  const parts = partsOf([spelling]);
  const path = textFile(options.text);
  const settings = settingsOf(options, [source, spelling]);
  await runCommand(async () => {
    const { context, maxWindows = null, threads } = options;
    const on = { device: 'cpu', ...(threads !== undefined && { threads }) };
    const models = await attachedAndMerged(source, parts, settings);
    const found = await asking(
      (watch) => compareMerged(models, path, { context, maxWindows }, on, watch),
      settings.launcher,
    );
    report(source, spelling, basename(path), found, options.json === true);
  });
}

function report(
  model: string,
  adapter: string,
  text: string,
  found: Awaited<ReturnType<typeof compareMerged>>,
  json: boolean,
): void {
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
