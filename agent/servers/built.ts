import { existsSync } from 'node:fs';
import { findProgram } from '../isolation/start-tools.js';
import { builtServerFile } from '../native/engines/location.js';
import { findEngine } from '../native/packages.js';

/** Programs that `ridge engines build` makes, by what profiles call them. */
const BUILT: Readonly<Record<string, (release: string) => string>> = { 'llama-server': builtServerFile };

/** @returns the command, with the program that was built here in place of one that is not on the PATH. */
export function withBuilt(command: readonly string[]): readonly string[] {
  const [program = '', ...rest] = command;
  const fileOf = BUILT[program];
  if (fileOf === undefined || findProgram(program, process.env.PATH) !== null) return command;
  try {
    const file = fileOf(findEngine().release);
    return existsSync(file) ? [file, ...rest] : command;
  } catch {
    // Without an engine nothing was built.
    return command;
  }
}
