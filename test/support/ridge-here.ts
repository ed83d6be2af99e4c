import { vi } from 'vitest';
import { runProgram } from '../../cli/run-program.js';
import type { Finished, Options } from './ridge.js';

/**
 * What `ridge` does with these words, done in this process, one after another: for what is refused at the door and for what only reads,
 * where a process would be half a second of work and prove nothing more.
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
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  try {
    return { code: await runProgram(args), signal: null, ...said };
  } finally {
    process.chdir(folder);
    vi.unstubAllEnvs();
    process.exitCode = undefined;
    for (const spy of spies) spy.mockRestore();
  }
}
