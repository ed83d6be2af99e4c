import { existsSync } from 'node:fs';
import type { ServerProfile } from '../../core/runners/server/profile.js';
import { findProgram } from '../../process/isolation/start-tools.js';
import { builtProgramFile } from '../native/engines/location.js';
import { findEngine } from '../native/packages.js';

/** @returns the command of a profile, with the program that was built here in place of one that is not on the PATH. */
export function commandOf({ command, built }: Pick<ServerProfile, 'command' | 'built'>): readonly string[] {
  const [program = '', ...rest] = command;
  if (built === null || findProgram(program, process.env.PATH) !== null) return command;
  try {
    const file = builtProgramFile(findEngine().release, built);
    return existsSync(file) ? [file, ...rest] : command;
  } catch {
    // Without an engine nothing was built.
    return command;
  }
}
