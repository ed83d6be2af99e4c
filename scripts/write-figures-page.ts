// Writes docs/figures.md from docs/figures/*.json: of each claim the newest figure of each machine. Usage:
// write-figures-page.ts FOLDER
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';

const SOURCE = join(import.meta.dirname, '../docs/figures');
/** Not of figures by claim: machines, and errors that docs/gpus.md has its table from. */
const OTHERS = ['machines.json', 'gpu-errors.json'];
/** Longer tables stay in their JSON file. */
const MOST_ROWS = 20;

const text = z.string().min(1);

/** One claim as it was measured once. What is not known is null. */
const figure = z.strictObject({
  claim: text,
  /**
   * A name in machines.json; null: no machine is measured, such as bytes or counts that are the same
   * everywhere.
   */
  machine: text.nullable(),
  date: z.iso.date(),
  /** The commit that was measured. */
  commit: z
    .string()
    .regex(/^[0-9a-f]{7,40}$/)
    .nullable(),
  command: text.nullable(),
  /** What else the machine did, and other circumstances. */
  conditions: text.nullable(),
  value: text,
  required: text.nullable(),
  /** Null where nothing is required. */
  verdict: z.enum(['holds', 'falls short']).nullable(),
  why: text.nullable(),
  table: z.strictObject({ columns: z.array(text), rows: z.array(z.array(z.string())) }).optional(),
});
const topic = z.strictObject({ title: text, about: text.nullable(), figures: z.array(figure).min(1) });

type Figure = z.infer<typeof figure>;

function read<T>(file: string, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(JSON.parse(readFileSync(join(SOURCE, file), 'utf8')));
  if (!parsed.success) throw new Error(`docs/figures/${file}:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** The newest figure of each claim and machine, those of a claim beside each other. */
function newest(figures: readonly Figure[]): Figure[] {
  const claims = new Map<string, Map<string | null, Figure>>();
  for (const one of figures) {
    const machines = claims.get(one.claim) ?? new Map<string | null, Figure>();
    claims.set(one.claim, machines);
    const before = machines.get(one.machine);
    if (before === undefined || before.date <= one.date) machines.set(one.machine, one);
  }
  return [...claims.values()].flatMap((machines) => [...machines.values()]);
}

/** Where, when and by what a figure was taken, in one line. */
function runOf({ machine, date, commit, conditions, command }: Figure): string {
  const circumstances = [machine, date, commit, conditions].filter((part) => part !== null).join(', ');
  return command === null ? circumstances : `${circumstances}: \`${command}\``;
}

const verdictOf = ({ verdict, why }: Figure): string =>
  [verdict === 'falls short' ? '**falls short**' : verdict, why].filter((part) => part !== null).join(': ');

const cell = (value: string): string => value.replaceAll('|', '\\|');
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;

function tableOf({ claim, table }: Figure, file: string): string[] {
  if (table === undefined) return [];
  const { columns, rows } = table;
  const place = `[docs/figures/${file}](figures/${file})`;
  if (rows.length > MOST_ROWS) return ['', `*${claim}*: ${rows.length} rows, in ${place}.`];
  return ['', `*${claim}*:`, '', row(columns), row(columns.map(() => '---')), ...rows.map(row)];
}

function section(file: string, machines: Record<string, string>): string[] {
  const { title, about, figures } = read(file, topic);
  const unknown = figures.find(({ machine }) => machine !== null && !(machine in machines));
  if (unknown !== undefined)
    throw new Error(`docs/figures/${file}: machines.json has no ${unknown.machine}.`);
  const shown = newest(figures);
  const runs = [...new Set(shown.map(runOf))];
  return [
    `## ${title}`,
    '',
    ...(about === null ? [] : [about, '']),
    '| claim | measured | required | | machine, run |',
    '| --- | --- | --- | --- | --- |',
    ...shown.map((f, index) =>
      row([
        f.claim === shown[index - 1]?.claim ? '' : f.claim,
        f.value,
        f.required ?? '',
        verdictOf(f),
        `${f.machine ?? 'any'}, ${runs.indexOf(runOf(f)) + 1}`,
      ]),
    ),
    ...shown.flatMap((f) => tableOf(f, file)),
    '',
    ...runs.map((run, index) => `${index + 1}. ${run}`),
    '',
  ];
}

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: write-figures-page.ts FOLDER');
const machines = read('machines.json', z.record(text, text));
const files = readdirSync(SOURCE)
  .filter((name) => name.endsWith('.json') && !OTHERS.includes(basename(name)))
  .sort();
const page = [
  '# Figures',
  '',
  'Made from `docs/figures/*.json` by `npm run generate`: of each claim the newest figure of each machine. How we measure and judge, and how a figure is added: [method](method.md).',
  '',
  '| machine | |',
  '| --- | --- |',
  ...Object.entries(machines).map((pair) => row(pair)),
  '',
  ...files.flatMap((file) => section(file, machines)),
].join('\n');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'figures.md'), page);
