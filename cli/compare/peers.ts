import { readFileSync, statSync } from 'node:fs';
import { EXPORT_MAPPINGS } from '../../report/mappings/index.js';
import { type Beside, besideOf } from '../../report/peers/beside.js';
import { type PeerRun, readPeerRun } from '../../report/peers/read.js';
import { usageError } from '../exit.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';
import { llamaBenchRows } from '../report/llama-bench/rows.js';
import type { CompareOptions } from './command.js';
import type { Side } from './side.js';

const SCHEMA = 'ridgepoint.dev/peers/v1';

/**
 * @returns the run of a JSON file of another load generator; null for anything else.
 * @throws CommandError (2) for JSON of an unknown shape.
 */
export function readPeer(path: string): PeerRun | null {
  if (!path.endsWith('.json') || !isFile(path)) return null;
  const text = readFileSync(path, 'utf8');
  // Its rows are rows, and no figures beside ours.
  if (llamaBenchRows(text) !== null) return null;
  const run = readPeerRun(text);
  if (typeof run !== 'string') return run;
  throw usageError(
    `${path} is not read: ${run}`,
    'Give a run of ridge, or a file of llama-bench, AIPerf or vllm bench serve.',
  );
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * Prints figures of served rows beside those of another tool.
 * @throws CommandError (2) where no row of the side asked a server.
 */
export function printPeer({ report }: Side, run: PeerRun, file: string, options: CompareOptions): void {
  const figures = report.rows.flatMap((row) => besideOf(row, run));
  if (figures.length === 0) {
    throw usageError(
      `no row of ${report.sweepName} has a figure that ${file} has, too`,
      'Compare rows of the workload serving.',
    );
  }
  const { tool } = EXPORT_MAPPINGS[run.format];
  if (options.json === true || options.format === 'json') {
    printJson({ schema: SCHEMA, tool, figures });
    return;
  }
  printTable(['row', `figure of ${tool}`, 'unit', 'ours', 'theirs', 'theirs/ours'], figures.map(cells));
  say(
    `figures by ${tool}'s definitions, ours from the requests of each row's first start; \`ridge report --help\` says what each means`,
  );
}

function cells({ row, name, unit, ours, theirs, ratio }: Beside) {
  return [row, name, unit, rounded(ours), rounded(theirs), ratio === null ? null : rounded(ratio)];
}

const rounded = (value: number) => Number(value.toPrecision(5));
