import { readFileSync } from 'node:fs';
import { failed } from '../../core/errors.js';
import { fileProblem } from '../../core/input/file-problem.js';
import type { ConfiguredServer } from './config.js';

/**
 * @returns the key that a server asks for; null = none.
 * @throws FailureError `load-failed` when its file cannot be read.
 */
export function keyOf({ name, apiKeyFile }: ConfiguredServer): string | null {
  if (apiKeyFile === null) return null;
  try {
    return readFileSync(apiKeyFile, 'utf8').trim();
  } catch (error) {
    throw failed('load-failed', `servers.${name}: cannot read ${apiKeyFile}: ${fileProblem(error)}`);
  }
}
