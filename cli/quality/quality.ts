import { createHash } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { QUALITY } from '../../agent/quality/jobs.js';
import { type AnswersKept, answerBodies } from '../../agent/quality/kept.js';
import { type Scorers, scorersOf } from '../../agent/quality/scorers.js';
import { type ReadTasks, readTasks } from '../../agent/quality/task-files.js';
import type { ResolvedModel } from '../../artifacts/files/resolve.js';
import type { AnswersFile } from '../../core/quality/answers/record.js';
import type { QualityOutcome, QualityRequest } from '../../core/quality/outcome.js';
import { canonicalJson } from '../../core/sweep/identity.js';
import { taskOf } from '../../process/isolation/job.js';
import { asWords, usageError } from '../exit.js';
import { nodeConfig } from '../node-config.js';
import { printData, printJson, say } from '../output/print.js';
import { terminalStyle } from '../output/terminal.js';
import { askedModel, openAsked } from '../single/asked-model.js';
import { outputPath } from '../single/output-path.js';
import { textFile } from '../single/text-file.js';
import { askInChild, askingError } from './asked-child.js';
import type { QualityOptions } from './command.js';
import { summary } from './summary.js';

/** `ridge quality`: checks every word first, then scores the model in a child process. */
export async function runQuality(source: string, options: QualityOptions): Promise<void> {
  const { tasks, rankings } = tasksOf(options.task, options.ask);
  const scorers = asWords(() => scorersOf(tasks, nodeConfig(options).scorers));
  const textPath = options.text === undefined && options.task.length > 0 ? null : textFile(options.text);
  if (options.answers !== undefined && tasks.length + rankings.length === 0)
    throw usageError('--answers has no items to write: name them with --task');
  const model = await openAsked(source, options);
  const base = options.base === undefined ? null : await openAsked(options.base, options);
  const request: QualityRequest = {
    text:
      textPath === null
        ? null
        : {
            path: textPath,
            windows: {
              scheme: options.windows,
              context: options.context,
              stride: options.stride ?? null,
              maxWindows: options.maxWindows ?? null,
            },
            basePrecision: options.windows === 'llama' && options.exactBase !== true ? 'llama' : 'exact',
          },
    tasks,
    ...(rankings.length > 0 && { rankings }),
  };
  const outcome = await measure({ model, base, request, scorers }, options);
  for (const warning of outcome.warnings) say(`note: ${warning}`);
  if (options.json === true) {
    const named = (name: string, resolved: ResolvedModel | null) =>
      resolved === null ? null : { source: name, path: resolved.path, digest: resolved.digest };
    printJson({
      schema: 'ridgepoint.dev/quality/v1',
      model: named(source, model),
      base: named(options.base ?? '', base),
      textPath,
      ...outcome,
    });
    return;
  }
  printData(summary(outcome, basename(textPath ?? ''), terminalStyle(process.stdout).unicode));
}

interface QualityRun {
  readonly model: ResolvedModel;
  readonly base: ResolvedModel | null;
  readonly request: QualityRequest;
  readonly scorers: Scorers;
}

async function measure(
  { model, base, request, scorers }: QualityRun,
  options: QualityOptions,
): Promise<QualityOutcome> {
  const asked = { model: askedModel(model, options), base: base === null ? null : askedModel(base, options) };
  const digests = [model.digest, base?.digest ?? null];
  const out =
    options.answers === undefined
      ? null
      : answersOut(options.answers, { ...asked, digests, request, scorers });
  const ending = await askInChild(
    taskOf(QUALITY, {
      ...asked,
      request,
      scorers,
      trainedContext: model.facts.contextLength,
      ...(out !== null && { answers: out.kept }),
    }),
  );
  out?.end(ending.answer?.answers ?? null);
  if (ending.failure !== null) throw askingError(ending.failure);
  return ending.answer;
}

/** @throws CommandError (exit code 2) with every error of every file at once. */
function tasksOf(paths: readonly string[], ask: QualityOptions['ask']): Extract<ReadTasks, { ok: true }> {
  const read = readTasks(ask === undefined ? paths : paths.map((file) => ({ ...ask, file })));
  if (read.ok) return read;
  const count = `${read.errors.length} error${read.errors.length === 1 ? '' : 's'} in task files`;
  throw usageError([count, ...read.errors].join('\n'), 'Nothing was started.');
}

/** A file that gets what was said to each item. Beside it, until it is whole, there is a journal, at which the same command goes on. */
interface AnswersOut {
  readonly kept: AnswersKept;
  /** @param file null = nothing came of it: the journal stays. */
  end(file: AnswersFile | null): void;
}

/** @param follows everything that the answers follow from. @throws CommandError (2) for a place that cannot be written. */
function answersOut(output: string, follows: Readonly<Record<string, unknown>>): AnswersOut {
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
