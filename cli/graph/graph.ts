import { createWriteStream, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readGraph } from '../../agent/graph/files.js';
import { cachedBodies, FolderBodies, linesOf, storeWith } from '../../artifacts/files/bodies.js';
import { allNodes } from '../../core/graph/graph.js';
import { type CallRecord, type GraphRecord, readCall } from '../../core/graph/record.js';
import { nodeJoules } from '../../core/graph/summary.js';
import type { Row } from '../../report/rows.js';
import { readSide } from '../compare/side.js';
import { asWords, usageError, workError } from '../exit.js';
import { plainTable, printTable, tableOf } from '../output/plain-table.js';
import { printData, printJson, printNext, say } from '../output/print.js';
import { CALLS, newestRun } from '../report/run-folder.js';
import type { GraphCommandOptions } from './command.js';

/** The version of the JSON; fields are only ever added to it. */
const GRAPH_SCHEMA = 'ridgepoint.dev/graph-report/v1';

/** `ridge graph`. @throws CommandError (2) for words and files that are wrong. */
export async function printGraph(argument: string, options: GraphCommandOptions): Promise<void> {
  if (options.check !== undefined) return printChecked(options.check, options.settings ?? null);
  const [typed = '', ...choice] = argument.split('#');
  const source = typed === '' ? newestRun() : typed;
  const { report } = readSide([source, ...choice].join('#'));
  const rows = report.rows.flatMap((row) =>
    row.starts.flatMap(({ graph, measurements }): GraphRow[] =>
      graph === undefined ? [] : [{ row, graph, joules: measurements.energyJoules?.value ?? null }],
    ),
  );
  if (rows.length === 0) {
    throw usageError(
      `no row of ${source} ran a request graph`,
      'Give the sweep the workload graph (docs/graphs.md).',
    );
  }
  if (options.calls === true || options.application !== undefined || options.format === 'jsonl')
    return await printCalls(rows, statSync(source).isDirectory() ? source : dirname(source), options);
  if (options.format === 'json')
    return printJson({
      schema: GRAPH_SCHEMA,
      rows: rows.map(({ row, graph, joules }) => plain(row, graph, joules)),
    });
  for (const { row, graph, joules } of rows) printData(textOf(row, graph, joules));
}

interface GraphRow {
  readonly row: Row;
  readonly graph: GraphRecord;
  /** Of the run; null = none was measured. */
  readonly joules: number | null;
}

function printChecked(file: string, settings: string | null): void {
  const { graph, items } = asWords(() => readGraph(file, settings));
  const rows = allNodes(graph.body).map((node) => [node.name, node.kind, node.reads.join(', ') || null]);
  printTable(['node', 'is', 'uses'], rows);
  say(
    `${file}: ${graph.name}, ${items.length} ${items.length === 1 ? 'item' : 'items'}, ${rows.length} nodes`,
  );
}

const short = (value: number | null) => (value === null ? null : Number(value.toPrecision(4)));

function textOf(row: Row, graph: GraphRecord, joules: number | null): string {
  const path = graph.path.map(({ id, seconds, before }) => [id, short(before), short(seconds)]);
  const ended = graph.applications.filter(({ outcome }) => outcome === 'complete').length;
  const delay = graph.networkDelaySeconds === 0 ? '' : `, network ${1000 * graph.networkDelaySeconds} ms`;
  return [
    `${row.number} ${row.label}: ${graph.graph}, ${graph.execution}${delay}; ${ended} of ${graph.applications.length} applications from start to end; prefixes: ${graph.sharing}`,
    tableOf(graph.nodes, {
      node: ({ node }) => node,
      is: ({ kind }) => kind,
      calls: ({ calls }) => calls,
      seconds: ({ seconds }) => short(seconds),
      'ttft p50': ({ timeToFirstTokenP50 }) => short(timeToFirstTokenP50),
      prompt: ({ promptTokens }) => promptTokens,
      cached: ({ cachedTokens }) => cachedTokens,
      output: ({ outputTokens }) => outputTokens,
      joules: (node) => short(nodeJoules(node, graph.nodes, joules)),
      'on path': ({ pathCalls }) => pathCalls,
      'path s': ({ pathSeconds }) => short(pathSeconds),
    }),
    'critical path of the median application:',
    plainTable(['call', 'after', 'seconds'], path),
    '',
  ].join('\n');
}

function plain(row: Row, graph: GraphRecord, joules: number | null) {
  const nodes = graph.nodes.map((node) => ({ ...node, joules: nodeJoules(node, graph.nodes, joules) }));
  return { row: row.number, label: row.label, ...graph, nodes };
}

async function printCalls(
  rows: readonly GraphRow[],
  folder: string,
  options: GraphCommandOptions,
): Promise<void> {
  const wanted = ({ item }: CallRecord) => options.application === undefined || item === options.application;
  async function* chosen() {
    for (const { row, graph } of rows) {
      for await (const call of callsOf(graph, folder)) if (wanted(call)) yield { row, call };
    }
  }
  if (options.format === 'jsonl' || options.output !== undefined) {
    async function* text() {
      for await (const { row, call } of chosen()) yield `${JSON.stringify({ row: row.number, ...call })}\n`;
    }
    if (options.output !== undefined)
      return await pipeline(Readable.from(text()), createWriteStream(options.output));
    for await (const line of text()) await printNext(line);
    return;
  }
  const lines: (string | number | null)[][] = [];
  for await (const { row, call } of chosen()) {
    const { item, call: id, outcome, promptTokens, cachedTokens, outputTokens, start, end, answer } = call;
    const said = answer?.replaceAll(/\s+/g, ' ').slice(0, 50) ?? null;
    const tokens = [promptTokens, cachedTokens, outputTokens];
    lines.push([row.number, item, id, outcome, short(start), short(end), ...tokens, said]);
  }
  printTable(
    ['row', 'item', 'call', 'outcome', 'start', 'end', 'prompt', 'cached', 'output', 'answer'],
    lines,
  );
}

/** @throws CommandError (1) for calls that are not here, or are damaged. */
async function* callsOf({ calls: { digest } }: GraphRecord, folder: string): AsyncGenerator<CallRecord> {
  const store = await storeWith([new FolderBodies(join(folder, CALLS)), cachedBodies('calls')], digest);
  if (store === null) throw workError(`the calls ${digest} are not here: they are on the node that asked`);
  for await (const line of linesOf(store, digest)) {
    const call = readCall(line);
    if (typeof call === 'string') throw workError(`the file ${digest} of calls is damaged: ${call}`);
    yield call;
  }
}
