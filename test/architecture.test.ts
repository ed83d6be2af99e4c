import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

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
});
