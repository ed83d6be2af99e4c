import { basename } from 'node:path';
import { readQuestions, scoreModel } from '../../agent/door/answers.js';
import type { QualityRequest } from '../../core/quality/outcome.js';
import { asWords, usageError } from '../exit.js';
import { nodeConfig } from '../node-config.js';
import { printData, printJson, say } from '../output/print.js';
import { terminalStyle } from '../output/terminal.js';
import { outputPath } from '../single/output-path.js';
import { textFile } from '../single/text-file.js';
import { asking, openAsked, type ResolvedModel } from './asked.js';
import type { QualityOptions } from './command.js';
import { summary } from './summary.js';

/** `ridge quality`: checks every word first, then scores the model in a child process. */
export async function runQuality(source: string, options: QualityOptions): Promise<void> {
  const { tasks, rankings, scorers } = tasksOf(options);
  const textPath = options.text === undefined && options.task.length > 0 ? null : textFile(options.text);
  if (options.answers !== undefined && tasks.length + rankings.length === 0)
    throw usageError('--answers has no items to write: name them with --task');
  const answersPath = options.answers === undefined ? null : outputPath(options.answers, true);
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
  const { runnerOptions = {} } = options;
  const asked = { model, base, request, scorers, runnerOptions, answersPath };
  const outcome = await asking((watch) => scoreModel(asked, options, watch));
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

/** @throws CommandError (exit code 2) with every error of every file at once. */
function tasksOf(options: QualityOptions) {
  const read = asWords(() => readQuestions(options.task, options.ask, nodeConfig(options).scorers));
  if (read.ok) return read;
  const count = `${read.errors.length} error${read.errors.length === 1 ? '' : 's'} in task files`;
  throw usageError([count, ...read.errors].join('\n'), 'Nothing was started.');
}
