import { modelSettings } from '../../artifacts/door/open.js';
import type { ModelRef } from '../../core/experiment/experiment.js';
import { labelsText, selects } from '../../core/experiment/node-selector.js';
import { opensModels } from '../../core/runners/index.js';
import { planSpace, type Space } from '../../core/sweep/space.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { askToFetch } from '../ask-to-fetch.js';
import { checkEvaluation } from '../check-evaluation.js';
import { usageError } from '../exit.js';
import { localModelFolders, resolveModels } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import { say } from '../output/print.js';
import { requireEnergyHere } from '../plan/energy.js';
import { readyToRun, type SweepFile, strictSweep } from '../sweep-file.js';
import { devicesOf, type ThisNode, thisNode } from '../this-node.js';
import type { RunOptions } from './command.js';

/** A sweep that can run on this machine, as far as that can be told before. */
export interface Prepared {
  readonly options: RunOptions;
  readonly document: string;
  readonly typed: SweepFile['typed'];
  readonly sweep: Sweep;
  readonly space: Space;
  readonly models: readonly ModelRef[];
  /** Where models are looked for. */
  readonly folders: readonly string[];
  /** This machine, with the devices alone that the sweep asks for. */
  readonly here: ThisNode;
}

/** Checks a sweep, its models and its points. @throws CommandError (2) for what cannot run. */
export async function prepare(asked: SweepFile, options: RunOptions): Promise<Prepared> {
  const file = options.strict === true ? strictSweep(asked) : asked;
  const { path, sweep: written, typed } = file;
  const allowed = await askToFetch(options, written);
  const node = nodeConfig(allowed);
  const settings = modelSettings(localModelFolders(path, written, allowed.models), node);
  for (const why of await checkEvaluation(written, settings, node))
    say(`note: ${why}: it gets no score, and the other tasks are asked`);
  // Where nothing opens a model it is a name, and need not be here.
  const opened = written.runners.some(({ kind }) => opensModels(kind));
  const models = await resolveModels(written, settings, opened ? undefined : () => {});
  const { document, sweep } = readyToRun(file, models, allowed.quick === true);
  const space = planSpace(sweep);
  requirePoints(sweep, space);
  const here = devicesOf(sweep, await thisNode(allowed.config));
  requireLabels(sweep, here);
  const unmetered = await requireEnergyHere(sweep, here.profile, allowed);
  if (unmetered !== null) say(`note: ${unmetered}`);
  return { options: allowed, document, typed, sweep, space, models, folders: settings.modelFolders, here };
}

/** @throws CommandError (2) when no point can run: then there is nothing to start. */
function requirePoints(sweep: Sweep, space: Space): void {
  if (space.count > 0) return;
  const reasons = space.impossible.map(({ reason, count }) => `${count} points: ${reason}`);
  const excluded = space.excluded > 0 ? [`${space.excluded} points: left out by exclude`] : [];
  throw usageError(
    `no point of ${sweep.name} can run\n${[...reasons, ...excluded].join('\n')}`,
    '`ridge plan FILE` shows what a sweep would do.',
  );
}

/** @throws CommandError (2) for a sweep that asks for other nodes: here it would wait for ever. */
function requireLabels({ name, placement: { nodeSelector } }: Sweep, { profile }: ThisNode): void {
  if (selects(nodeSelector, profile)) return;
  throw usageError(
    `${name} asks for a node with ${labelsText(nodeSelector)}, and this machine has ${labelsText(profile.labels) || 'no labels'}`,
    'Remove placement.nodeSelector, give this machine `labels` in a file for --config, or submit the sweep to a coordinator.',
  );
}
