/**
 * A server that pretends: OpenAI's API with the times and faults that its options name, and no model. Says
 * where it listens in one line on stdout; ends with the process that started it where there is a channel to
 * one.
 */
import { helpText, parseOptions } from './options.js';
import { startSimulator } from './server.js';

if (process.argv.includes('--help')) {
  console.log(helpText());
  process.exit(0);
}
const options = parseOptions(process.argv.slice(2));
if (typeof options === 'string') {
  console.error(options);
  process.exit(2);
}
const simulator = await startSimulator(options);
console.log(simulator.url);
process.on('disconnect', () => process.exit(0));
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
await simulator.died;
console.error('died, as its fault says');
process.exit(1);
