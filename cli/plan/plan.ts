import type { Experiment, ModelRef } from '../../core/experiment/experiment.js';
import { formatValue } from '../../core/metrics/format.js';
import { predictedBytes } from '../../core/runners/index.js';
import { experimentAt } from '../../core/sweep/expand.js';
import { axisValues, describe, varyingAxes } from '../../core/sweep/labels.js';
import { planSpace, type Space } from '../../core/sweep/space.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { duration } from '../../report/time-left.js';
import { checkEvaluation } from '../check-evaluation.js';
import { usageError } from '../exit.js';
import { localModelFolders, lookedAt, modelSettings, resolveModels } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import { readSweepFile } from '../sweep-file.js';
import type { PlanOptions } from './command.js';
import { filesLine, filesTable, plannedFiles } from './files.js';

/** What loading a model and its warm-up add to the budget of a trial; a guess for a small model, and said so. */
const SECONDS_AROUND_A_TRIAL = 2;

interface PlannedRow {
  readonly position: number;
  readonly id: string;
  readonly axes: Readonly<Record<string, unknown>>;
  readonly label: string;
  /** null when the model's header is not known. */
  readonly memoryBytes: number | null;
}

/** `ridge plan`: what a sweep would do, without doing any of it. */
export async function printPlan(file: string, options: PlanOptions): Promise<void> {
  const { sweep: written } = readSweepFile(file);
  const node = nodeConfig(options.config);
  const settings = modelSettings(localModelFolders(file, written, options.models), node);
  await checkEvaluation(written, settings, node.scorers, (why) => say(`quality: ${why}; it is not checked`));
  const missing = (model: ModelRef, why: string) =>
    say(`${model.name}: ${why}; its context length and memory are not checked`);
  const models = await resolveModels(written, settings, missing, lookedAt);
  const sweep: Sweep = { ...written, models };
  const space = planSpace(sweep);
  const varying = varyingAxes(sweep);
  const rows = Array.from({ length: Math.min(options.limit, space.count) }, (_, position) =>
    plannedRow(experimentAt(space, position), position, varying),
  );
  const budgetSeconds = budgetOf(sweep, space.count);
  const files = plannedFiles(space);
  if (options.json === true) {
    printJson({
      name: sweep.name,
      points: space.count,
      excluded: space.excluded,
      duplicates: space.duplicates,
      impossible: space.impossible,
      unchecked: space.unchecked,
      budgetSeconds,
      files,
      rows,
    });
    return;
  }
  printData(summary(sweep, space, budgetSeconds, filesLine(files, space.count)));
  if (files !== null && files.length > 0) {
    printData('');
    printData(filesTable(files, options.limit));
  }
  if (rows.length > 0) {
    printData('');
    printData(
      plainTable(
        ['position', 'experiment', 'memory', 'point'],
        rows.map((row) => [
          row.position,
          row.id,
          row.memoryBytes === null ? null : formatValue(row.memoryBytes, 'B'),
          row.label,
        ]),
      ),
    );
  }
  const more = space.count - rows.length;
  if (more > 0) say(`${more.toLocaleString('en')} more; --limit shows them`);
}

/**
 * @throws CommandError (2) when no point can run: then there is nothing to start.
 */
export function requirePoints(sweep: Sweep, space: Space): void {
  if (space.count > 0) return;
  const reasons = space.impossible.map(({ reason, count }) => `${count} points: ${reason}`);
  const excluded = space.excluded > 0 ? [`${space.excluded} points: left out by exclude`] : [];
  throw usageError(
    `no point of ${sweep.name} can run\n${[...reasons, ...excluded].join('\n')}`,
    '`ridge plan FILE` shows what a sweep would do.',
  );
}

function plannedRow(experiment: Experiment, position: number, varying: readonly string[]): PlannedRow {
  const { facts } = experiment.model;
  return {
    position,
    id: experiment.id,
    axes: axisValues(experiment),
    label: describe(experiment, varying),
    memoryBytes: facts === null ? null : predictedBytes({ facts, experiment }),
  };
}

/** Longest time the repeats of all points may take; null without `maxSeconds`. */
function budgetOf(sweep: Sweep, points: number): number | null {
  const { maxSeconds } = sweep.measure;
  return maxSeconds === null ? null : points * (maxSeconds + SECONDS_AROUND_A_TRIAL);
}

function summary(sweep: Sweep, space: Space, budgetSeconds: number | null, files: string | null): string {
  const number = (n: number): string => n.toLocaleString('en');
  const lines = [`${sweep.name}: ${number(space.count)} experiments`];
  if (space.excluded > 0) lines.push(`  left out by exclude: ${number(space.excluded)}`);
  if (space.duplicates > 0) lines.push(`  written twice, measured once: ${number(space.duplicates)}`);
  for (const { reason, count } of space.impossible) lines.push(`  impossible: ${number(count)}: ${reason}`);
  for (const reason of space.unchecked) lines.push(`  not checked in advance: ${reason}`);
  lines.push(
    budgetSeconds === null
      ? '  time: no measure.maxSeconds, so each trial ends when its interval is narrow or at maxRepeats'
      : `  time: at most about ${duration(budgetSeconds)} on one device, loading and warm-up estimated${sweep.quality === null ? '' : '; making files and asking for quality come on top'}`,
  );
  if (files !== null) lines.push(files);
  const { objectives, placement } = sweep;
  lines.push(`  objectives: ${objectives.map((o) => `${o.metric} ${o.better}`).join(', ')}`);
  lines.push(
    `  order: random (seed ${placement.seed}), in blocks of ${placement.blockSize}${placement.driftControl ? ' between two drift controls' : ''}`,
  );
  return lines.join('\n');
}
