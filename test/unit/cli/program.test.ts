import { expect, test } from 'vitest';
import { COMMANDS } from '../../../cli/commands.js';
import { createProgram } from '../../../cli/program.js';

const names = COMMANDS.flatMap(({ commands }) => Object.keys(commands));
const loaded = async (...words: string[]) =>
  (await createProgram(words)).commands.map((command) => command.name());

test('whoever names a command loads that one; whoever names none may want any', async () => {
  for (const name of names) expect(await loaded(name, '--help')).toEqual([name]);
  for (const words of [[], ['--help'], ['help', 'run'], ['rnu'], ['constructor']])
    expect(await loaded(...words)).toEqual(names);
  expect(await loaded('--version')).toEqual([]);
});
