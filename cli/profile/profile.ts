import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { profileOperators } from '../../agent/door/trials.js';
import { openFile } from '../../artifacts/door/open.js';
import { formatsFor } from '../../core/runners/index.js';
import { usageError } from '../exit.js';
import { settingsFor } from '../local-models.js';
import { runCommand } from '../single/run-command.js';
import type { ProfileOptions } from './command.js';
import { report } from './summary.js';

/** `ridge profile`: checks every word first, then times the operators in a child process. */
export async function profile(source: string, options: ProfileOptions): Promise<void> {
  if (options.promptTokens + options.generateTokens === 0)
    throw usageError('there is nothing to profile', 'Ask for prompt tokens, or for tokens to generate.');
  const settings = settingsFor(options, source);
  await runCommand(async () => {
    const formats = formatsFor('profiled-generator');
    const { path } = await openFile(source, settings, formats);
    const threads = options.threads ?? availableParallelism();
    const { promptTokens, generateTokens, parallel, depth, device: deviceClass } = options;
    const workload = { promptTokens, generateTokens, parallel, contextDepth: depth };
    const asked = { threads, deviceClass, workload };
    const found = await profileOperators(path, asked, `profiling ${basename(path)}`, settings);
    report({ source, path, threads, options, ...found }, options.json === true);
  });
}
