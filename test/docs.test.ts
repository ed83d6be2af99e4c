import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { agentFileSchema } from '../agent/config.js';
import { spelledOut } from '../cli/bench/flags.js';
import { createProgram } from '../cli/program.js';
import { resolveConfig } from '../coordinator/config.js';
import { parseGraph } from '../core/graph/parse.js';
import { parseTaskDefinition } from '../core/quality/tasks/definition.js';
import { parseRanking } from '../core/ranking/definition.js';
import { type Diagnostic, parseSweep } from '../core/sweep/parse.js';
import { parseRoofline } from '../roofline/analysis/file.js';

const root = join(import.meta.dirname, '..');
const pages = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
].filter((page) => existsSync(join(root, page)));

interface CodeBlock {
  readonly page: string;
  readonly language: string;
  readonly text: string;
}

const blocks: CodeBlock[] = pages.flatMap((page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)].map((m) => ({
    page,
    language: m[1] ?? '',
    text: m[2] ?? '',
  })),
);

const scripts = Object.keys(
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
    .scripts,
);

const program = await createProgram();

/** Why a `ridge …` line cannot be typed as it stands, or null. */
function wrongInRidgeLine(words: readonly string[]): string | null {
  let command: Command = program;
  const rest = [...words];
  for (let next = rest[0]; next !== undefined; next = rest[0]) {
    const child = command.commands.find((c) => c.name() === next);
    if (child === undefined) break;
    command = child;
    rest.shift();
  }
  if (command.name() === 'ridge' && rest[0] !== undefined && !rest[0].startsWith('-')) {
    return `there is no command ${rest[0]}`;
  }
  // It takes names of several letters after one dash, and other spellings of its options.
  for (const word of ['bench', 'simulate'].includes(command.name()) ? rest.map(spelledOut) : rest) {
    // What follows is for another program.
    if (word === '--') break;
    if (!word.startsWith('-') || word === '--help' || word === '--version') continue;
    const name = word.split('=')[0];
    if (!command.options.some((o) => o.long === name || o.short === name)) return `no option ${name}`;
  }
  return null;
}

/** The names that GitHub gives to the headings of a page. */
function headings(text: string): Set<string> {
  const titles = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) => title!);
  return new Set(
    titles.map((title) =>
      title
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  );
}

/** Files that are no sweeps, by their kind. */
const PARSERS: Record<
  string,
  (text: string) => { ok: true } | { ok: false; diagnostics: readonly Diagnostic[] }
> = {
  Task: parseTaskDefinition,
  Roofline: parseRoofline,
  Graph: parseGraph,
  Ranking: parseRanking,
};

/** Test files that a page names, with the test titles in quotes after each. */
function testsNamed(text: string): { file: string; titles: string[] }[] {
  return [...text.matchAll(/(test\/[\w/.-]+\.test\.ts)`?((?: "[^"\n]+")*)/g)].map((match) => ({
    file: match[1]!,
    titles: [...match[2]!.matchAll(/"([^"]+)"/g)].map(([, title]) => title!),
  }));
}

/** Units of systemd that docs/cluster.md installs. */
const units = join(root, 'docs/examples/systemd');

describe('docs', () => {
  test('units of systemd start what the command line takes', () => {
    const started = readdirSync(units).map((name) => {
      const [, words = ''] = /^ExecStart=\/usr\/bin\/env ridge (.+)$/m.exec(
        readFileSync(join(units, name), 'utf8'),
      )!;
      return { name, command: words.split(' ')[0], wrong: wrongInRidgeLine(words.split(' ')) };
    });
    expect(started).toEqual(
      ['agent', 'coordinator'].map((command) => ({ name: `ridge-${command}.service`, command, wrong: null })),
    );
  });

  test('every test that a page names exists, under that title', () => {
    const named = pages.flatMap((page) =>
      testsNamed(readFileSync(join(root, page), 'utf8')).map((test) => ({ page, ...test })),
    );
    expect(named.filter(({ page }) => page === 'docs/security.md').length).toBeGreaterThan(25);
    const wrong = named.flatMap(({ page, file, titles }) => {
      if (!existsSync(join(root, file))) return [`${page}: there is no ${file}`];
      const source = readFileSync(join(root, file), 'utf8');
      return titles
        .filter((title) => !source.includes(`'${title}'`))
        .map((title) => `${page}: ${file} has no test "${title}"`);
    });
    expect(wrong).toEqual([]);
  });

  test('every row of what somebody may do names the test that shows it', () => {
    const text = readFileSync(join(root, 'docs/security.md'), 'utf8');
    const rows = ['Threats', 'What an agent may do', 'What others may do', 'When something dies'].flatMap(
      (title) => {
        const section = text.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
        const lines = section.split('\n').filter((line) => line.startsWith('| '));
        expect(lines.length, title).toBeGreaterThan(4);
        return lines.slice(2);
      },
    );
    const bare = rows.filter((row) => !testsNamed(row).some(({ titles }) => titles.length > 0));
    expect(bare).toEqual([]);
  });

  test('every command line in a code block exists', () => {
    const wrong: string[] = [];
    for (const block of blocks.filter((b) => b.language === 'sh')) {
      for (const line of block.text.split('\n')) {
        const text = line
          .replace(/\s#.*$/, '')
          .replace(/\s&$/, '')
          .trim();
        const npm = /^npm (?:run )?([\w:-]+)/.exec(text)?.[1];
        if (npm !== undefined && !['ci', 'install', 'i', 'pack', ...scripts].includes(npm)) {
          wrong.push(`${block.page}: npm has no script ${npm}`);
        }
        for (const part of text.split(/\s*(?:\||&&|;)\s*/)) {
          const words = part.split(/\s+/).filter((w) => w !== '');
          const start = words[0] === 'npx' ? 1 : 0;
          if (words[start] !== 'ridge') continue;
          const problem = wrongInRidgeLine(words.slice(start + 1));
          if (problem !== null) wrong.push(`${block.page}: "${part}": ${problem}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test('every sweep, task or roofline in a code block is one', () => {
    const wrong: string[] = [];
    for (const block of blocks) {
      if (!block.text.startsWith('apiVersion: ridgepoint.dev/')) continue;
      const kind = /^kind: (\w+)$/m.exec(block.text)?.[1] ?? '';
      const parsed = (PARSERS[kind] ?? parseSweep)(block.text);
      if (!parsed.ok) wrong.push(`${block.page}: ${parsed.diagnostics.map((m) => m.message).join('; ')}`);
    }
    expect(wrong).toEqual([]);
  });

  test('every coordinator configuration in a code block is one', () => {
    const configs = blocks.filter((b) => b.text.startsWith('grpcAddress:'));
    expect(configs).not.toEqual([]);
    for (const { text } of configs) expect(() => resolveConfig(parse(text))).not.toThrow();
  });

  test('every agent configuration in a code block is one', () => {
    const configs = blocks.filter((b) => /^(?:sources|scorers|modelFolders|roofs):/.test(b.text));
    expect(configs).not.toEqual([]);
    for (const { page, text } of configs) {
      expect(agentFileSchema.safeParse(parse(text)).error?.issues ?? [], page).toEqual([]);
    }
  });

  test('every heading that a link names exists', () => {
    const wrong = pages.flatMap((page) =>
      [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:)([^)#\s]*\.md|)#([^)\s]+)\)/g)]
        .filter(([, file, heading]) => {
          const target = file === '' ? page : join(page, '..', file!);
          const path = join(root, target);
          return !existsSync(path) || !headings(readFileSync(path, 'utf8')).has(heading!);
        })
        .map(([link]) => `${page}: ${link}`),
    );
    expect(wrong).toEqual([]);
  });

  test('every linked file and every folder that ARCHITECTURE.md names exists', () => {
    const wrong: string[] = [];
    for (const page of pages) {
      const text = readFileSync(join(root, page), 'utf8');
      for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
        if (target !== undefined && !existsSync(join(root, page, '..', target)))
          wrong.push(`${page}: ${target}`);
      }
    }
    const architecture = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
    for (const [, path] of architecture.matchAll(/`((?:\w[\w-]*\/)+(?:[\w-]+\.ts)?)`/g)) {
      if (path !== undefined && !existsSync(join(root, path))) wrong.push(`ARCHITECTURE.md: ${path}`);
    }
    expect(wrong).toEqual([]);
  });
});
