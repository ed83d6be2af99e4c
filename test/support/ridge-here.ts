import { vi } from 'vitest';
import { runProgram } from '../../cli/run-program.js';
import type { Finished, Options } from './ridge.js';

/**
 * What `ridge` does with these words, done in this process, one after another: for what a process of its own
 * would prove nothing more of. Loading the code of a run takes more than a second of a processor each time.
 * What is killed, what runs beside others and what is told by its environment alone is started by
 * `startRidge`.
 */
export async function ridgeHere(
  args: readonly string[],
  { cwd = process.cwd(), env = {} }: Pick<Options, 'cwd' | 'env'> = {},
): Promise<Finished> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      said[name] += text;
      return true;
    }),
  );
  const folder = process.cwd();
  process.chdir(cwd);
  // As startRidge has it. A run of all tests that shows colors forces them on what is started.
  const surroundings = { RIDGE_ROOFS: 'off', FORCE_COLOR: undefined, ...env };
  for (const [name, value] of Object.entries(surroundings)) vi.stubEnv(name, value);
  try {
    return { code: await runProgram(args), signal: null, ...said };
  } finally {
    process.chdir(folder);
    vi.unstubAllEnvs();
    process.exitCode = undefined;
    for (const spy of spies) spy.mockRestore();
  }
}
