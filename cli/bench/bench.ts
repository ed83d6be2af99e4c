import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { parseSweep } from '../../core/sweep/parse.js';
import { usageError } from '../exit.js';
import { say } from '../output/print.js';
import type { SweepFile } from '../sweep-file.js';
import type { BenchOptions } from './command.js';
import { benchDocument } from './document.js';

/**
 * `ridge bench`: makes a sweep of llama-bench's flags and runs it as `ridge run` does, or writes it with --save.
 * @returns the exit code of the run; 0 when the file is written.
 * @throws CommandError (exit code 2) when a flag has a value that a sweep cannot have, or the file is there already.
 */
export async function bench(options: BenchOptions): Promise<number> {
  const sweep = sweepOf(options);
  if (options.save === undefined) {
    const format = options.output === 'sql' ? 'llama-bench-sql' : options.output;
    // Coordinator and agent are opened only where something runs.
    const { runSweep } = await import('../run/run.js');
    return await runSweep(sweep, { ...options, format });
  }
  save(options.save, sweep.document);
  say(`${options.save} written; ridge run ${options.save} runs it`);
  return 0;
}

/** @throws CommandError (exit code 2) that says every value that is wrong. */
function sweepOf(options: BenchOptions): SweepFile {
  const { model, device, repetitions = null, axes } = options;
  const document = stringify(benchDocument({ models: model, axes, devices: device, repetitions }));
  const parsed = parseSweep(document);
  if (parsed.ok) return { path: 'bench.yaml', document, sweep: parsed.sweep };
  const mistakes = parsed.diagnostics.map(({ message, suggestion }) =>
    suggestion === null ? message : `${message} (${suggestion})`,
  );
  throw usageError(mistakes.join('\n'), 'ridge bench --help says what each flag takes; nothing was started.');
}

function save(path: string, document: string): void {
  try {
    writeFileSync(path, document, { flag: 'wx' });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'EEXIST' ? 'it is there already' : String(code);
    throw usageError(`${path} cannot be written: ${why}`, 'Name another file with --save.');
  }
}
