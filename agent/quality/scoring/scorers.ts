import { existsSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { failed } from '../../../core/errors.js';
import { externalName } from '../../../core/quality/scorers/index.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import { digestOf } from '../../../process/digest.js';
import { interpreterSchema, scoreByRunning } from './code-scorer.js';
import { commandSchema, type Question, scoreExternally } from './external-scorer.js';

/**
 * `scorers` of an agent's config, by the name after `external:`: a command, or an interpreter that runs
 * answers. No task can say more than the name.
 */
export const scorerSchema = z.union([commandSchema, interpreterSchema], {
  error:
    'give command: [program, …] with timeoutSeconds and env, or interpreter: [/whole/path, …] with readable, seconds, memoryBytes and processes (docs/quality.md)',
});
export type ScorerProfile = z.output<typeof scorerSchema>;

/**
 * @returns scores from 0 to 1 in the order of the questions; null = the scorer could not score it.
 * @throws as the two kinds of scorers do.
 */
export async function scoreBy(
  name: string,
  profile: ScorerProfile,
  questions: Iterable<Question>,
  stopped?: Promise<never>,
): Promise<(number | null)[]> {
  return 'command' in profile
    ? await scoreExternally(name, profile, questions, stopped)
    : await scoreByRunning(name, profile, questions, stopped);
}

export type Scorers = Readonly<Record<string, ScorerProfile>>;

/** @returns the external scorers that tasks name, without `external:`. */
export function scorerNames(tasks: readonly Task[]): string[] {
  const names = tasks.flatMap(({ spec }) => (spec.mode === 'generate' ? spec.scorers : []));
  return names.flatMap((name) => externalName(name) ?? []);
}

/**
 * @param known what the node's config has.
 * @returns the external scorers of these names.
 * @throws FailureError `source-not-allowed` for one that is not there.
 */
export function scorersNamed(names: readonly string[], known: Scorers): Scorers {
  return profilesNamed(names, known, 'scorer', 'scorers');
}

/**
 * @returns what a node's config has under `where` by these names.
 * @throws FailureError `source-not-allowed` for one that is not there.
 */
export function profilesNamed<P>(
  names: readonly string[],
  known: Readonly<Record<string, P>>,
  what: string,
  where: string,
): Readonly<Record<string, P>> {
  return Object.fromEntries(
    names.map((name) => {
      const profile = Object.hasOwn(known, name) ? known[name] : undefined;
      if (profile !== undefined) return [name, profile] as const;
      const hint = `Its config names under ${where}: ${Object.keys(known).join(', ') || 'none'}.`;
      throw failed('source-not-allowed', `this node has no ${what} ${name}`, hint);
    }),
  );
}

/**
 * @returns what scores follow from beside the answers: the words of each command, and the files among them.
 */
export async function identityOf(
  scorers: Scorers,
  cacheFolder: string,
): Promise<Readonly<Record<string, unknown>>> {
  const entries = Object.entries(scorers).map(async ([name, profile]) => {
    const args = 'command' in profile ? profile.command : profile.interpreter;
    const files = args.filter((arg) => isAbsolute(arg) && existsSync(arg) && statSync(arg).isFile());
    const digests = await Promise.all(files.map((file) => digestOf(file, cacheFolder)));
    // A command that has longer for its scores gives the same.
    const { timeoutSeconds: _, ...said } = { timeoutSeconds: 0, ...profile };
    return [name, { ...said, digests }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
