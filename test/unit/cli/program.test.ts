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

test('--out and --output mean the same wherever a command has one of them', async () => {
  const placeIn = async (words: string[]) => {
    const command = (await createProgram(words)).commands[0]!;
    command.action(() => undefined);
    command.parse(words.slice(1), { from: 'user' });
    const { out, output } = command.opts();
    return out ?? output;
  };
  for (const word of ['--out', '--output', '-o']) {
    expect(await placeIn(['run', 'a.yaml', word, 'there'])).toBe('there');
    expect(await placeIn(['report', 'a', word, 'there'])).toBe('there');
  }
  expect(await placeIn(['run', 'a.yaml', '--output=there'])).toBe('there');
  const writing = (await createProgram([])).commands
    .flatMap((command) => [command, ...command.commands])
    .filter(({ options }) => options.filter(({ long }) => /^--out(put)?$/.test(long ?? '')).length === 1);
  expect(writing.length).toBeGreaterThan(10);
  for (const command of writing) {
    for (const word of ['--out', '--output']) {
      command.parseOptions([word, 'there']);
      expect(Object.values(command.opts()), `${command.name()} ${word}`).toContain('there');
    }
  }
  // llama-bench's `-o` is a format, and stays one.
  expect(
    (await createProgram(['bench'])).commands[0]!.options.filter(({ long }) =>
      /^--out(put)?$/.test(long ?? ''),
    ),
  ).toHaveLength(2);
});
