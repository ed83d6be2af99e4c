import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LOAD_OPTIONS, spelledOut } from '../../../cli/bench/flags.js';
import { VLLM_SPELLINGS } from '../../../cli/bench/vllm-flags.js';
import { PROFILES } from '../../../core/runners/server/index.js';
import { SERVER_OPTION_NAMES, type ServerOption } from '../../../core/runners/server/options.js';
import { optionsIn, type ServerProfile } from '../../../core/runners/server/profile.js';

const page = join(import.meta.dirname, '../../../docs/servers.md');
const profiles: readonly ServerProfile[] = Object.values(PROFILES);
/** Of engines that somebody else makes. */
const SHOWN = ['vllm', 'sglang', 'tensorrt-llm', 'tgi', 'llama-server'].map(
  (name) => profiles.find((profile) => profile.name === name)!,
);

const code = (words: readonly string[]) => [...new Set(words)].map((word) => `\`${word}\``).join(' ');
const flags = (words: readonly string[]) => words.filter((word) => /^--?[a-z]/.test(word));

/** How a server spells an option: its flags, or its words where each has its own. */
function spelled({ options, loras }: ServerProfile, name: ServerOption): string {
  if (name === 'loras') return loras === null ? '' : code(flags([...loras.arguments, ...loras.adapter]));
  const option = options[name];
  if (option === undefined) {
    const filled = Object.entries(options).find(
      ([, other]) =>
        'cases' in other &&
        Object.values(other.cases).some((words) => words.some((word) => optionsIn(word).includes(name))),
    );
    return filled === undefined ? '' : `with ${filled[0]}`;
  }
  if ('arguments' in option) return code(flags(option.arguments));
  const values = Object.keys(option.cases);
  return values.includes('true') ? code(flags(Object.values(option.cases).flat())) : values.join(', ');
}

function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(headers), line(headers.map(() => '---')), ...rows.map(line)].join('\n');
}

/** @returns the option of a load that a flag of `vllm bench serve` is. */
function optionOf(flag: string): string {
  const own = spelledOut(`--${flag}`).slice(2).replaceAll('-', '').toLowerCase();
  return LOAD_OPTIONS.find(({ name }) => name.toLowerCase() === own)!.name;
}

const TABLES = {
  'flags of vllm': table(
    ['`vllm bench serve`', 'option of [serving](serving.md)'],
    VLLM_SPELLINGS.map((flag) => [`\`--${flag}\``, `\`${optionOf(flag)}\``]),
  ),
  'options of servers': table(
    ['option', ...SHOWN.map(({ name }) => name)],
    SERVER_OPTION_NAMES.flatMap((name) => {
      const cells = SHOWN.map((profile) => spelled(profile, name));
      return cells.every((cell) => cell === '') ? [] : [[`\`${name}\``, ...cells]];
    }),
  ),
  'profiles of servers': table(
    ['profile', 'checked against', 'has run'],
    profiles.map(({ name, checkedAgainst, proved }) => [`\`${name}\``, checkedAgainst ?? '', proved]),
  ),
};

test('docs/servers.md has options and profiles as they are (UPDATE_DOCS=1 writes them)', () => {
  const written = readFileSync(page, 'utf8');
  let wanted = written;
  for (const [name, text] of Object.entries(TABLES)) {
    const [before, after] = [`<!-- ${name} -->\n`, '\n<!-- end -->'];
    const begin = wanted.indexOf(before) + before.length;
    expect(begin, name).toBeGreaterThan(before.length);
    wanted = `${wanted.slice(0, begin)}\n${text}\n${wanted.slice(wanted.indexOf(after, begin - 1))}`;
  }
  if (process.env.UPDATE_DOCS === '1') writeFileSync(page, wanted);
  else expect(written).toBe(wanted);
});
