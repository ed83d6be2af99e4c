import { existsSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { FailureError, failure } from '../../core/errors.js';
import { externalName } from '../../core/quality/scorers/index.js';
import type { Task } from '../../core/quality/tasks/few-shot.js';
import { digestOf } from '../../process/digest.js';
import type { ScorerProfile } from './external-scorer.js';

export type Scorers = Readonly<Record<string, ScorerProfile>>;

/**
 * @param known what the node's config has.
 * @returns the external scorers that tasks name. @throws FailureError `source-not-allowed` for one that is not there.
 */
export function scorersOf(tasks: readonly Task[], known: Scorers): Scorers {
  const names = tasks.flatMap(({ spec }) => (spec.mode === 'generate' ? spec.scorers : [])).map(externalName);
  const found: Record<string, ScorerProfile> = {};
  for (const name of new Set(names.filter((one) => one !== null))) {
    const profile = Object.hasOwn(known, name) ? known[name] : undefined;
    if (profile === undefined) throw unknown(name, Object.keys(known));
    found[name] = profile;
  }
  return found;
}

/** @returns what scores follow from beside the answers: the words of each command, and the files among them. */
export async function identityOf(
  scorers: Scorers,
  cacheFolder: string,
): Promise<Readonly<Record<string, unknown>>> {
  const entries = Object.entries(scorers).map(async ([name, { command, env }]) => {
    const files = command.filter((word) => isAbsolute(word) && existsSync(word) && statSync(word).isFile());
    const digests = await Promise.all(files.map((file) => digestOf(file, cacheFolder)));
    return [name, { command, env, digests }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function unknown(name: string, known: readonly string[]): FailureError {
  const has = known.length === 0 ? 'none' : known.join(', ');
  return new FailureError(
    failure('source-not-allowed', `this node has no scorer ${name}`, {
      hint: `Its config names under scorers: ${has}.`,
    }),
  );
}
