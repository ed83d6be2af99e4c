import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RUNNERS } from '../core/runners/index.js';
import { askedKinds, type KindWord } from './support/asked-kinds.js';

const root = join(import.meta.dirname, '..');

/** Who may import whom (DESIGN: core ◄ proto ◄ coordinator, agent ◄ cli; formats and dashboards read core alone). */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: ['core'],
  proto: ['proto', 'core'],
  coordinator: ['coordinator', 'proto', 'core', 'installation'],
  formats: ['formats', 'core'],
  agent: ['agent', 'formats', 'proto', 'core', 'installation'],
  cli: ['cli', 'coordinator', 'agent', 'formats', 'proto', 'core', 'installation'],
  dashboards: ['dashboards', 'core'],
  installation: ['installation'],
};

/** Libraries that only one room may open. */
const ONLY_IN: Record<string, readonly string[]> = {
  koffi: ['agent/native', 'agent/device'],
  'node-llama-cpp': ['agent/native', 'agent/runners/llama-cpp'],
  'better-sqlite3': ['coordinator/log'],
  nats: ['coordinator/log'],
  fastify: ['proto/http'],
  'prom-client': ['coordinator/exporter', 'agent/exporter'],
};

/** Words of runners that mean something else, too: where, by the beginnings of paths. */
const OTHER_MEANINGS: Record<string, readonly string[]> = {
  // The library below llama.cpp, as what asks for an importance matrix.
  ggml: ['core/techniques/'],
  // The room of native code, its command and its job.
  kernels: ['agent/kernels/', 'agent/native/kernel-library.ts', 'cli/kernels/'],
};
const KINDS: readonly KindWord[] = RUNNERS.map(({ kind }) => ({
  kind,
  elsewhere: OTHER_MEANINGS[kind] ?? [],
}));

/** Parts that still use llama.cpp's own graphs directly, until the runner's room offers them: this list only gets shorter. */
const REACHES_IN: ReadonlySet<string> = new Set([
  'agent/calibration/block-runs.ts',
  'agent/calibration/pass.ts',
  'agent/calibration/sequences.ts',
  'agent/factors/steps.ts',
  'agent/profile/run.ts',
]);

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g;

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.(ts|tsx)$/.test(entry.name) ? [path] : [];
  });
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(IMPORT)].map((m) => m[1] ?? m[2] ?? m[3] ?? '');
}

describe('architecture', () => {
  for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
    test(`${room} imports only ${allowed.join(', ')}`, () => {
      const wrong: string[] = [];
      for (const file of sources(room)) {
        for (const target of importsOf(file)) {
          if (target.startsWith('.')) {
            const to = relative(root, resolve(root, dirname(file), target)).split('/')[0] ?? '';
            if (!allowed.includes(to)) wrong.push(`${file} imports ${target}`);
          } else if (room === 'core' && target.startsWith('node:')) {
            wrong.push(`${file} imports ${target}: core does no I/O`);
          } else {
            const rooms = ONLY_IN[target];
            if (rooms && !rooms.some((r) => file.startsWith(`${r}/`))) {
              wrong.push(`${file} imports ${target}, which only ${rooms.join(', ')} may`);
            }
          }
        }
      }
      expect(wrong).toEqual([]);
    });
  }

  test('no room is empty and no drawer is called utils', () => {
    const wrong: string[] = [];
    const walk = (folder: string): number => {
      const entries = readdirSync(join(root, folder), { withFileTypes: true });
      let files = 0;
      for (const entry of entries) {
        const path = join(folder, entry.name);
        if (/^(utils?|helpers?|common|misc)(\.ts)?$/.test(entry.name))
          wrong.push(`${path}: name the room for what it holds`);
        files += entry.isDirectory() ? walk(path) : 1;
      }
      if (files === 0) wrong.push(`${folder} is empty`);
      return files;
    };
    for (const room of Object.keys(MAY_IMPORT)) walk(room);
    expect(wrong).toEqual([]);
  });

  test('shared code does not ask which runner it is, nor reach into its folder', () => {
    // The commands choose a runner where nobody names one.
    const shared = ['core', 'proto', 'coordinator', 'agent', 'formats', 'dashboards'].flatMap(sources);
    const texts = new Map(shared.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
    const found = askedKinds(texts, KINDS).filter((sentence) => !REACHES_IN.has(sentence.split(' ', 1)[0]!));
    expect(found).toEqual([]);
  });

  test('and that is found where it is done', () => {
    const planted = new Map([
      ['agent/trial/a.ts', "if (runner.kind === 'llama-cpp') return;"],
      ['core/judgement/b.ts', 'switch (kind) {\n  case "sparse":\n}'],
      ['agent/factors/c.ts', "import { loadModel } from '../runners/llama-cpp/load.js';"],
      ['agent/trial/d.ts', "const { fake } = await import('../../core/runners/fake.js');"],
      ['agent/runners/sparse/e.ts', "export const kind = 'sparse';"],
      ['core/techniques/f.ts', "needsMatrix: 'ggml' // not 'fake'"],
    ]);
    expect(askedKinds(planted, KINDS).map((sentence) => sentence.split(' ', 1)[0])).toEqual([
      'agent/trial/a.ts',
      'core/judgement/b.ts',
      'agent/factors/c.ts',
      'agent/trial/d.ts',
    ]);
  });
});
