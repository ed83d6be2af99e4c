/**
 * A simulated server: OpenAI's API without a model, with the times and faults that its options name. It
 * prints its address as one line on stdout, and ends together with the process that started it, if there is a
 * channel to that process.
 */
import { helpText, parseOptions } from './options.js';
import { startSimulator } from './server.js';

if (process.argv.includes('--help')) {
  console.log(helpText());
  process.exit(0);
}
const options = await parseOptions(process.argv.slice(2));
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
