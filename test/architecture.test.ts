import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MODEL_FORMATS } from '../core/models/formats.js';
import { RUNNERS } from '../core/runners/index.js';
import { FORMATS } from '../formats/index.js';
import { askedFormats, type FormatSigns } from './support/asked-formats.js';
import { askedKinds, type KindWord } from './support/asked-kinds.js';
import { type Arrows, arrowsOf, cyclesOf, pictureOf } from './support/import-graph.js';
import { isWrittenCode, linesOf, longFunctions, MOST_LINES, trackedFiles } from './support/size.js';

const root = join(import.meta.dirname, '..');

/** Who may import whom. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  statistics: ['statistics'],
  core: ['core', 'statistics'],
  judgement: ['judgement', 'core', 'statistics'],
  roofline: ['roofline', 'judgement', 'core', 'statistics'],
  batching: ['batching', 'roofline', 'judgement', 'core', 'statistics'],
  search: ['search', 'judgement', 'core', 'statistics'],
  report: ['report', 'search', 'roofline', 'judgement', 'core', 'statistics'],
  formats: ['formats', 'roofline', 'core'],
  proto: ['proto', 'judgement', 'core'],
  process: ['process', 'core'],
  load: ['load', 'batching', 'process', 'proto', 'core', 'statistics'],
  engines: ['engines', 'load', 'process', 'formats', 'roofline', 'proto', 'core'],
  artifacts: ['artifacts', 'engines', 'process', 'formats', 'roofline', 'proto', 'core'],
  coordinator: [
    'coordinator',
    'batching',
    'report',
    'search',
    'process',
    'proto',
    'roofline',
    'judgement',
    'core',
    'statistics',
  ],
  operator: ['operator', 'report', 'proto', 'core'],
  agent: [
    'agent',
    'engines',
    'artifacts',
    'load',
    'batching',
    'process',
    'formats',
    'roofline',
    'proto',
    'judgement',
    'core',
    'statistics',
  ],
  cli: [
    'cli',
    'coordinator',
    'operator',
    'agent',
    'engines',
    'artifacts',
    'process',
    'report',
    'search',
    'formats',
    'batching',
    'roofline',
    'proto',
    'judgement',
    'core',
    'statistics',
  ],
  dashboards: ['dashboards', 'report', 'search', 'roofline', 'judgement', 'core', 'statistics'],
};

/** Rooms that compute and do nothing else: no file, no clock, no network. */
const PURE: readonly string[] = ['statistics', 'core', 'judgement', 'search', 'roofline', 'report'];
/** Modules of Node.js that compute and do no I/O. */
const COMPUTING: readonly string[] = ['node:zlib'];

/**
 * By room, how many of its files commands import: its door, and what it leaves out (decision 0001). No number
 * grows.
 */
const CLI_REACHES: Record<string, number> = { agent: 16, artifacts: 6, engines: 4 };

/** A folder that is large enough to have folders of its own. */
const QUALITY = 'agent/quality';

/** Libraries that only one room may open. */
const ONLY_IN: Record<string, readonly string[]> = {
  // It is set up there, which has to be before any library is loaded.
  koffi: ['process/koffi.ts'],
  '@photostructure/sqlite': ['coordinator/log'],
  nats: ['coordinator/log'],
  pg: ['coordinator/log'],
  fastify: ['proto/http'],
  'prom-client': ['coordinator/exporter', 'agent/exporter'],
};

/** Words of runners that mean something else, too: where, by the beginnings of paths. */
const OTHER_MEANINGS: Record<string, readonly string[]> = {
  // The library below llama.cpp, as what asks for an importance matrix.
  ggml: ['core/techniques/'],
  // The columns of llama-bench are llama.cpp's: its export leaves the rows of all other runners out.
  'llama-cpp': ['cli/output/llama-bench/'],
  // The room of native code, its command and its job.
  kernels: ['agent/kernels/', 'engines/native/kernel-library.ts', 'cli/kernels/'],
  // The format of files.
  onnx: ['core/models/', 'core/techniques/', 'roofline/readers/', 'artifacts/', 'cli/'],
};
const KINDS: readonly KindWord[] = RUNNERS.map(({ kind }) => ({
  kind,
  // A format may be called as the runner that opens it, and a simulated scheduler as the runner that has it.
  elsewhere: [
    ...(OTHER_MEANINGS[kind] ?? []),
    `formats/${kind}/`,
    `batching/schedulers/${kind}/`,
    'batching/schedulers/index.ts',
  ],
}));

/** What a search does follows from its strategy's `choose` alone. */
const ASKS_STRATEGY = /\bstrategy\s*[!=]==|[!=]==\s*(?:\w+\.)*strategy\b|switch \((?:\w+\.)*strategy\)/;

const FORMAT_SIGNS: readonly FormatSigns[] = FORMATS.map(({ name, magic }) => ({
  name,
  ending: MODEL_FORMATS[name],
  magic,
}));

/**
 * Rooms whose work is on tensors and keys of one format: what a technique, an engine or an adapter reads and
 * writes.
 */
const WORKS_ON_TENSORS: readonly string[] = [
  'artifacts/',
  'agent/factors/',
  'engines/runners/',
  'agent/trial/trained.ts',
  'cli/adapt/',
  'cli/quantize/',
  // A synthetic model has a header and no file that an entry could open.
  'cli/models/',
];

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g;

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.(ts|tsx)$/.test(entry.name) ? [path] : [];
  });
}

const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');

/**
 * @param values only imports that are still there when the program runs, and before it is asked for
 *   something: no types, none by `import()`.
 */
function importsIn(text: string, values = false): string[] {
  const found = [...text.matchAll(IMPORT)];
  const wanted = values
    ? found.filter(([statement]) => !isType(statement) && !/^import\(/.test(statement))
    : found;
  return wanted.map((m) => m[1] ?? m[2] ?? m[3] ?? '');
}

/** `import type { … }`, or braces with nothing but types in them. */
function isType(statement: string): boolean {
  const names = /\{([^}]*)\}\s*from/.exec(statement)?.[1]?.split(',') ?? [];
  const named = names.map((name) => name.trim()).filter((name) => name !== '');
  const whole = /^\s*(?:import|export)\s+type\s/.test(statement);
  return whole || (/^\s*import\s*\{/.test(statement) && named.every((name) => name.startsWith('type ')));
}

const importsOf = (file: string): string[] => importsIn(textOf(file));

/**
 * Every file of ours with the files of ours that it imports; of source files, not of what they are built to.
 */
function imports(read = importsOf): Map<string, string[]> {
  const files = Object.keys(MAY_IMPORT).flatMap(sources);
  const known = new Set(files);
  const sourceOf = (path: string) =>
    [path, path.replace(/\.js$/, '.ts'), path.replace(/\.js$/, '.tsx')].find((one) => known.has(one));
  return new Map(
    files.map((file) => {
      const targets = read(file).filter((target) => target.startsWith('.'));
      const paths = targets.map((target) => sourceOf(relative(root, resolve(root, dirname(file), target))));
      return [file, paths.filter((path) => path !== undefined)];
    }),
  );
}

/** Folders of one room, or of a folder, alone; files beside them are left out. */
const foldersOf = (arrows: Arrows, room: string): Arrows => {
  const inside = (entry: string) => entry.startsWith(`${room}/`) && !entry.endsWith('.ts');
  return new Map(
    [...arrows]
      .filter(([entry]) => inside(entry))
      .map(([entry, targets]) => [
        entry.slice(room.length + 1),
        new Set([...targets].filter(inside).map((target) => target.slice(room.length + 1))),
      ]),
  );
};

describe('architecture', () => {
  test('commands reach the rooms that work by as few files as before', () => {
    const reached = [...imports()].flatMap(([file, targets]) => (file.startsWith('cli/') ? targets : []));
    for (const [room, most] of Object.entries(CLI_REACHES)) {
      const doors = new Set(reached.filter((file) => file.startsWith(`${room}/`)));
      expect([...doors].length, room).toBe(most);
    }
  });

  for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
    test(`${room} imports only ${allowed.join(', ')}`, () => {
      const wrong: string[] = [];
      for (const file of sources(room)) {
        for (const target of importsOf(file)) {
          if (target.startsWith('.')) {
            const to = relative(root, resolve(root, dirname(file), target)).split('/')[0] ?? '';
            if (!allowed.includes(to)) wrong.push(`${file} imports ${target}`);
          } else if (PURE.includes(room) && target.startsWith('node:') && !COMPUTING.includes(target)) {
            wrong.push(`${file} imports ${target}: ${room} does no I/O`);
          } else {
            const rooms = ONLY_IN[target];
            if (rooms && !rooms.some((r) => `${file}/`.startsWith(`${r}/`))) {
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
    const shared = Object.keys(MAY_IMPORT).flatMap(sources);
    const texts = new Map(shared.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
    expect(askedKinds(texts, KINDS)).toEqual([]);
  });

  test('and that is found where it is done', () => {
    const planted = new Map([
      ['agent/trial/a.ts', "if (runner.kind === 'llama-cpp') return;"],
      ['judgement/b.ts', 'switch (kind) {\n  case "sparse":\n}'],
      ['agent/factors/c.ts', "import { loadModel } from '../../engines/runners/llama-cpp/load.js';"],
      ['agent/trial/d.ts', "const { fake } = await import('../../core/runners/fake.js');"],
      ['engines/runners/sparse/e.ts', "export const kind = 'sparse';"],
      ['core/techniques/f.ts', "needsMatrix: 'ggml' // not 'fake'"],
    ]);
    expect(askedKinds(planted, KINDS).map((sentence) => sentence.split(' ', 1)[0])).toEqual([
      'agent/trial/a.ts',
      'judgement/b.ts',
      'agent/factors/c.ts',
      'agent/trial/d.ts',
    ]);
  });

  test('nor which strategy a search has', () => {
    const shared = Object.keys(MAY_IMPORT).flatMap(sources);
    expect(shared.filter((file) => ASKS_STRATEGY.test(textOf(file)))).toEqual([]);
    for (const planted of [
      "if (spec.strategy === 'tpe') {",
      "'tpe' !== strategy",
      'switch (spec.strategy) {',
    ])
      expect(planted).toMatch(ASKS_STRATEGY);
  });

  test('no folder of a room needs one that needs it, and no room does', () => {
    const all = imports();
    expect(cyclesOf(arrowsOf(all, 2))).toEqual([]);
    expect(cyclesOf(arrowsOf(all, 1))).toEqual([]);
    // What scores answers does not know who gave them: kept answers are scored again without a model.
    const inQuality = new Map([...arrowsOf(all, 3)].filter(([entry]) => entry.startsWith(`${QUALITY}/`)));
    expect(inQuality.get(`${QUALITY}/scoring`)).not.toContain(`${QUALITY}/asking`);
    expect(cyclesOf(inQuality)).toEqual([]);
  });

  test('and a cycle is found where there is one', () => {
    const planted = new Map([
      ['agent/meters/a.ts', ['agent/trial/b.ts']],
      ['agent/trial/b.ts', ['agent/trial/c.ts', 'core/sweep/d.ts']],
      ['agent/trial/c.ts', ['agent/clock.ts']],
      ['agent/clock.ts', ['agent/meters/a.ts']],
      ['core/sweep/d.ts', []],
    ]);
    expect(cyclesOf(arrowsOf(planted, 2))).toEqual([['agent/clock.ts', 'agent/meters', 'agent/trial']]);
    expect(cyclesOf(arrowsOf(planted, 1))).toEqual([]);
  });

  test('no file needs the values of one that needs its own', () => {
    expect(
      cyclesOf(
        arrowsOf(
          imports((file) => importsIn(textOf(file), true)),
          Infinity,
        ),
      ),
    ).toEqual([]);
  });

  test('and of imports only those of values count', () => {
    const text = `import type { A } from './a.js';
import { type B, type C } from './b.js';
import { d, type E } from './d.js';
import './f.js';
export { g } from './g.js';
export type { H } from './h.js';
const i = await import('./i.js');
`;
    expect(importsIn(text, true)).toEqual(['./d.js', './f.js', './g.js']);
    expect(importsIn(text)).toHaveLength(7);
    const planted = new Map([
      ['cli/a.ts', ['cli/b.ts']],
      ['cli/b.ts', ['cli/a.ts']],
    ]);
    expect(cyclesOf(arrowsOf(planted, Infinity))).toEqual([['cli/a.ts', 'cli/b.ts']]);
  });

  test('ARCHITECTURE.md shows the arrows that there are (UPDATE_DOCS=1 draws them)', () => {
    const all = imports();
    const page = join(root, 'ARCHITECTURE.md');
    const pictures = {
      rooms: arrowsOf(all, 1),
      core: foldersOf(arrowsOf(all, 2), 'core'),
      quality: foldersOf(arrowsOf(all, 3), QUALITY),
    };
    const text = readFileSync(page, 'utf8');
    const drawn = Object.entries(pictures).reduce(
      (before, [name, arrows]) =>
        before.replace(
          new RegExp(`(<!-- arrows of ${name} -->\n)[\\s\\S]*?(<!-- end -->)`),
          (_, begin: string, end: string) => `${begin}\`\`\`mermaid\n${pictureOf(arrows)}\n\`\`\`\n${end}`,
        ),
      text,
    );
    if (process.env.UPDATE_DOCS === '1') writeFileSync(page, drawn);
    expect(drawn).toContain('flowchart');
    expect(readFileSync(page, 'utf8')).toBe(drawn);
  });

  test(`no function has more than ${MOST_LINES.ofFunction} lines, and no file more than ${MOST_LINES.ofFile}`, () => {
    const written = Object.keys(MAY_IMPORT)
      .flatMap(sources)
      .filter((file) => !file.includes('/gen/'));
    expect(longFunctions(root, written, MOST_LINES.ofFunction)).toEqual([]);
    const long = trackedFiles(root)
      .filter((file) => isWrittenCode(file) && linesOf(root, file) > MOST_LINES.ofFile)
      .map((file) => `${file}: ${linesOf(root, file)} lines`);
    expect(long).toEqual([]);
  });

  test('what comes over HTTP is read within bounds: nothing but a browser fetches, and no limit is lost to the garbage collector', () => {
    const unbounded = Object.keys(MAY_IMPORT)
      .filter((room) => room !== 'dashboards')
      .flatMap(sources)
      .filter((file) =>
        /\bAbortSignal\.timeout\(|(?<![.#\w]|function )fetch\(/.test(readFileSync(join(root, file), 'utf8')),
      );
    expect(unbounded).toEqual([]);
  });

  test('a number of a row comes from report/quoted.ts alone, with all that stands behind it', () => {
    const rooms = ['report/', 'cli/', 'dashboards/', 'operator/'];
    const reads = /\btrial\.measurements(\[|\??\.)/;
    const found = trackedFiles(root)
      .filter((file) => rooms.some((room) => file.startsWith(room)) && /\.tsx?$/.test(file))
      .filter((file) => reads.test(readFileSync(join(root, file), 'utf8')));
    // Why there is no number anywhere is counted of tens of thousands of rows.
    expect(found.sort()).toEqual(['report/incremental/absences.ts', 'report/quoted.ts']);
  });

  test('no unit test replaces a module, which others of its process have opened or will', () => {
    const replacing = sources('test/unit').filter((file) =>
      /\bvi\.(do)?[mM]ock\(/.test(readFileSync(join(root, file), 'utf8')),
    );
    expect(replacing).toEqual([]);
  });

  test('no code but formats/ tells what a file is by its name or its first bytes', () => {
    const all = Object.keys(MAY_IMPORT).flatMap(sources);
    const texts = new Map(all.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
    expect(askedFormats(texts, FORMAT_SIGNS, WORKS_ON_TENSORS)).toEqual([]);
  });

  test('and where some does, it is found', () => {
    const planted = new Map([
      ['cli/a.ts', "if (path.endsWith('.gguf')) return;"],
      ['core/b.ts', 'name.replace(/\\.safetensors$/i, "")'],
      ['agent/c.ts', "const MAGIC = 'GGUF';"],
      ['proto/c.ts', 'if (/^GGUF/.test(front)) return;'],
      ['agent/d.ts', "names.includes('model.onnx')"],
      ['cli/e.ts', "import { readGgufHeader } from '../formats/gguf/header.js';"],
      ['engines/runners/f.ts', "import { readGgufHeader } from '../../formats/gguf/header.js';"],
      ['formats/gguf/g.ts', "const MAGIC = 'GGUF';"],
      [
        'cli/h.ts',
        "join(folder, 'model.gguf'); usageError('not a GGUF file', 'Name one that ends with .gguf.');",
      ],
      ['core/i.ts', "// '.gguf'\nconst formats = ['gguf'];"],
    ]);
    const found = askedFormats(planted, FORMAT_SIGNS, WORKS_ON_TENSORS);
    expect(found.map((sentence) => sentence.split(' ', 1)[0])).toEqual([
      'cli/a.ts',
      'core/b.ts',
      'agent/c.ts',
      'proto/c.ts',
      'agent/d.ts',
      'cli/e.ts',
    ]);
  });
});
