import { calculate } from '../../core/graph/expression.js';
import type { ToolCall } from '../../core/graph/run.js';
import type { Value } from '../../core/graph/value.js';
import { Bm25 } from '../../core/ranking/bm25.js';
import { type CommandProfile, startCommand } from '../quality/scoring/external-scorer.js';
import type { GraphDocument } from './files.js';

/** Finds documents by words. @returns the best that share a word with the query, best first. */
type Search = (query: string, top: number) => readonly GraphDocument[];

/** As Anserini searches. */
const SETTINGS = { k1: 0.9, b: 0.4 };

/** @returns a search in documents, by titles and texts. */
function searchIn(documents: readonly GraphDocument[]): Search {
  const texts = documents.map(({ title, text }, i) => ({ id: String(i), text: `${title} ${text}` }));
  const index = new Bm25(texts, SETTINGS);
  return (query, top) => index.search(query, top).map(({ id }) => documents[Number(id)]!);
}

/** What a tool gave; or one sentence why it gave nothing, which ends the application. */
type ToolAnswer = { readonly value: Value } | { readonly problem: string };

/** What a command may say. */
const MOST_BYTES = 2 ** 20;

/** Tools of a graph: retrieval by BM25, a calculator, commands of the node. */
export class Tools {
  readonly #commands: Readonly<Record<string, CommandProfile>>;
  readonly #indexes: ReadonlyMap<string, Search>;

  /** Documents are read for search here, before anything is timed. */
  constructor(
    documents: ReadonlyMap<string, readonly GraphDocument[]>,
    commands: Readonly<Record<string, CommandProfile>>,
  ) {
    this.#commands = commands;
    this.#indexes = new Map([...documents].map(([name, list]) => [name, searchIn(list)]));
  }

  /** Carries out a call. Never rejects. */
  async use({ tool, input }: ToolCall, stopped: AbortSignal): Promise<ToolAnswer> {
    if (tool.kind === 'retrieve') return this.#retrieve(tool.from, input, tool.top);
    if (tool.kind === 'calculate') {
      const found = calculate(input);
      // A model wrote it: that it cannot be computed is an answer, too.
      return { value: 'value' in found ? found.value : null };
    }
    const profile = this.#commands[tool.command];
    if (profile === undefined) return { problem: `this node has no command ${tool.command}` };
    return await runCommand(tool.command, profile, input, stopped);
  }

  #retrieve(from: string, query: string, top: number): ToolAnswer {
    const found = this.#indexes.get(from)!(query, top);
    return { value: found.map(({ id, title, text }) => ({ id, title, text })) };
  }
}

/**
 * Gives a command a text on its standard input.
 * @returns its standard output; it is killed when it takes too long or says too much.
 */
export async function runCommand(
  name: string,
  { command, timeoutSeconds, env }: CommandProfile,
  input: string,
  stopped: AbortSignal,
): Promise<ToolAnswer> {
  const child = startCommand({ command, env });
  child.stderr.resume();
  let clock: NodeJS.Timeout | null = null;
  const end = () => child.kill('SIGKILL');
  stopped.addEventListener('abort', end);
  try {
    return await new Promise((resolve) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      const failed = (what: string) => resolve({ problem: `the command ${name} ${what}` });
      clock = setTimeout(() => failed(`did not end within ${timeoutSeconds} s`), timeoutSeconds * 1000);
      child.on('error', (error) => failed(`could not be started: ${error.message}`));
      child.stdout.on('data', (part: Buffer) => {
        parts.push(part);
        bytes += part.length;
        if (bytes > MOST_BYTES) failed(`said more than ${MOST_BYTES} bytes`);
      });
      child.on('close', (code, signal) => {
        if (code === 0) resolve({ value: Buffer.concat(parts).toString('utf8').trim() });
        else failed(`ended with ${signal === null ? `exit code ${code}` : `signal ${signal}`}`);
      });
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    });
  } finally {
    if (clock !== null) clearTimeout(clock);
    stopped.removeEventListener('abort', end);
    end();
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
  }
}
