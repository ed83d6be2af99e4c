import type { Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from '../options/connection.js';
import { lazy } from '../options/lazy.js';

export interface SteerOptions extends ConnectionOptions {
  readonly reason: string;
}

/** @returns what registers a command that tells a sweep how to go on. */
function steering(name: 'pause' | 'resume' | 'cancel', description: string, said: string, reason: string) {
  return (program: Command): void => {
    const command = program
      .command(name)
      .description(description)
      .argument('<sweep>', 'sweep id or name')
      .option('--reason <text>', said, reason);
    addConnectionOptions(command).action(lazy(async () => (await import('./steer.js'))[name]));
  };
}

const SAID = 'reason to record in the log';

export const registerPause = steering(
  'pause',
  'start no further trial of a sweep until it is resumed; trials that run are finished',
  `${SAID} and to show`,
  'paused by the user',
);
export const registerResume = steering(
  'resume',
  'continue a sweep that was paused or cancelled',
  SAID,
  'resumed by the user',
);
export const registerCancel = steering(
  'cancel',
  'stop a sweep; results so far are kept',
  SAID,
  'cancelled by the user',
);
