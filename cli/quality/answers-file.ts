import { createHash } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type AnswersKept, answerBodies } from '../../agent/quality/kept.js';
import type { AnswersFile } from '../../core/quality/answers/record.js';
import { canonicalJson } from '../../core/sweep/identity.js';
import { outputPath } from '../single/output-path.js';

/** A file that gets what was said to each item. Beside it, until it is whole, there is a journal, at which the same command goes on. */
export interface AnswersOut {
  readonly kept: AnswersKept;
  /** @param file null = nothing came of it: the journal stays. */
  end(file: AnswersFile | null): void;
}

/** @param follows everything that the answers follow from. @throws CommandError (2) for a place that cannot be written. */
export function answersOut(output: string, follows: Readonly<Record<string, unknown>>): AnswersOut {
  const path = outputPath(output, true);
  const folder = mkdtempSync(join(dirname(path), '.answers-'));
  const journal = `${path}.journal`;
  const identity = createHash('sha256').update(canonicalJson(follows)).digest('hex');
  return {
    kept: { journal, identity, folder },
    end(file) {
      if (file !== null) {
        renameSync(answerBodies(folder).pathOf(file.digest), path);
        rmSync(journal, { force: true });
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
