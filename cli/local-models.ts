import { dirname, isAbsolute, resolve } from 'node:path';
import { describedModel, modelSettings } from '../artifacts/door/open.js';
import { type Failure, toFailure } from '../core/errors.js';
import type { ModelRef } from '../core/experiment/experiment.js';
import type { Sweep } from '../core/sweep/spec.js';
import { EXIT, fromFailure } from './exit.js';
import { nodeConfig } from './node-config.js';
import type { NodeOptions } from './options/config.js';
import { FOREGROUND } from './single/foreground.js';

/** Where models may be, and what may be fetched. */
export type ModelSettings = ReturnType<typeof modelSettings>;

/**
 * The folders in which models of a sweep on this machine may lie: that of the sweep file, the working folder,
 * and those given with --models. Here the person who submits is the operator, so the folder of every file
 * that the sweep names by an absolute path is allowed, too.
 */
export function localModelFolders(
  sweepPath: string,
  sweep: { readonly models: readonly Pick<ModelRef, 'source'>[] },
  extra: readonly string[],
): string[] {
  const named = sweep.models.filter((m) => isAbsolute(m.source)).map((m) => dirname(m.source));
  const relative = sweep.models
    .filter((m) => !isAbsolute(m.source) && !/^[a-z][a-z0-9+.-]+:/.test(m.source))
    .flatMap((m) => [dirname(resolve(m.source)), dirname(resolve(dirname(sweepPath), m.source))]);
  return [
    ...new Set([
      ...extra.map((f) => resolve(f)),
      resolve(dirname(sweepPath)),
      resolve('.'),
      ...relative,
      ...named,
    ]),
  ];
}

/**
 * @returns where models and texts may be that a command names: in the folders of --models, in this one, and
 *   where their names lead.
 */
export function modelFoldersFor(named: readonly string[], models: readonly string[] = []): string[] {
  return [...new Set([...models, '.', ...named.map(dirname)].map((folder) => resolve(folder)))];
}

/**
 * @returns with what the models and texts are opened that a command names, while somebody waits.
 * @throws CommandError (2) for a wrong configuration.
 */
export function settingsFor(
  { models, ...options }: NodeOptions & { readonly models?: readonly string[] },
  ...named: readonly string[]
) {
  return { ...modelSettings(modelFoldersFor(named, models), nodeConfig(options)), ...FOREGROUND };
}

/**
 * Opens every model of a sweep: reads its header and digest, so that impossible points and memory are
 * known before anything runs.
 * @param onMissing called for a model that is not on this machine, which then stays without facts; without
 *   it such a model is an error.
 * @param fetched whether models from elsewhere are fetched; otherwise their headers alone are read there.
 * @throws CommandError that names every model that cannot be used: 2 when a name leads nowhere, 1 when a file
 *   is broken.
 */
export async function resolveModels(
  sweep: Sweep,
  settings: ModelSettings,
  onMissing?: (model: ModelRef, why: string) => void,
  fetched = true,
): Promise<ModelRef[]> {
  const resolved: ModelRef[] = [];
  const failures: Failure[] = [];
  for (const model of sweep.models) {
    try {
      resolved.push(await describedModel(model, { ...settings, ...FOREGROUND }, fetched));
    } catch (error) {
      const reason = toFailure(error);
      // Whoever ended it wants none of the others either.
      if (reason.code === 'internal' || reason.code === 'cancelled') throw error;
      if (isMissing(reason) && onMissing !== undefined) {
        onMissing(model, reason.message);
        resolved.push(model);
      } else failures.push(reason);
    }
  }
  const [first] = failures;
  if (first === undefined) return resolved;
  const message = failures.map((reason) => reason.message).join('\n');
  throw fromFailure({ ...first, message }, failures.every(isMissing) ? EXIT.usage : EXIT.failed);
}

/** Something that is named is not here; no file is to blame. */
export function isMissing({ code }: Failure): boolean {
  return code === 'model-missing' || code === 'source-not-allowed';
}
