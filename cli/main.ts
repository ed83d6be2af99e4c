#!/usr/bin/env node
import { takeToken } from '../agent/token.js';
import { endDescendants } from '../process/isolation/kill.js';
import { EXIT } from './exit.js';
import { endWhenTerminated } from './interrupts.js';
import { runProgram } from './run-program.js';

// Before anything is started.
takeToken();

// A reader that closes early (`ridge results | head`) is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed);
});

endWhenTerminated(() => void endDescendants().finally(() => process.exit(EXIT.interrupted)));

await runProgram(process.argv.slice(2));
