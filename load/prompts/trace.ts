import type { Tokenizer } from '../../core/serving/tokenizer.js';
import type { PlannedRequest } from '../endpoint.js';
import { isCount, jsonLines } from './dataset.js';
import { TextMaker } from './text.js';

/** A request of a trace, with its time and lengths but without its text. */
interface Traced {
  /** null = after the turn before it. */
  readonly atSeconds: number | null;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Hashes of the prompt's blocks; empty = the trace has none. */
  readonly blocks: readonly number[];
  readonly session: string | null;
  readonly thinkSeconds: number;
}

export const TRACE_FORMATS = ['mooncake', 'azure', 'burstgpt'] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

/** Tokens of a block of a Mooncake trace (Qin et al., "Mooncake", FAST 2025: blocks of 512). */
const BLOCK_TOKENS = 512;

interface TraceOptions {
  /** Another salt gives other words of the same lengths, with the same shared prefixes. */
  readonly salt: string;
  /** Tokens that a server puts before a text, which the trace counts, too. Left out = none. */
  readonly beginTokens?: number;
  /** Requests that are read at most. */
  readonly most: number;
}

/**
 * Reads a trace and makes texts of the lengths in it.
 *
 * - `mooncake`: JSON on each line, `timestamp` in ms, `input_length`, `output_length`, `hash_ids`: the same
 *   id stands for the same text. Agents' traces have `session_id`, and `delay` in ms before a turn, as AIPerf
 *   writes them; a turn without `hash_ids` continues the conversation.
 * - `azure`: CSV with TIMESTAMP,ContextTokens,GeneratedTokens
 * - `burstgpt`: CSV with Timestamp (in s), "Request tokens" and "Response tokens", and "Session ID" where
 *   there is one
 *
 * @returns requests in the order of their times, with the turns of a session together, or a sentence that
 *   names the first wrong line.
 */
export function traceRequests(
  text: string,
  format: TraceFormat,
  options: TraceOptions,
  tokenizer: Tokenizer | null,
): PlannedRequest[] | string {
  const traced =
    format === 'mooncake' ? readMooncake(text, options.most) : readCsv(text, COLUMNS[format], options.most);
  if (typeof traced === 'string') return traced;
  if (traced.length === 0) return 'The trace has no request.';
  return planned(traced, options, new TextMaker(tokenizer));
}

function readMooncake(text: string, most: number): Traced[] | string {
  const all: Traced[] = [];
  for (const [line, fields] of jsonLines(text)) {
    if (typeof fields === 'string') return fields;
    if (all.length === most) break;
    const { timestamp = null, input_length, output_length, hash_ids = [] } = fields;
    const { session_id = null, delay = 0 } = fields;
    const wrong = (what: string) => `Line ${line}: ${what}.`;
    if (!isCount(input_length) || !isCount(output_length))
      return wrong('input_length and output_length have to be whole numbers of at least 1');
    if (timestamp !== null && !isTime(timestamp)) return wrong('timestamp is no number of milliseconds');
    if (!isTime(delay)) return wrong('delay is no number of milliseconds');
    if (!Array.isArray(hash_ids) || !hash_ids.every((id) => Number.isSafeInteger(id) && id >= 0))
      return wrong('hash_ids is no list of whole numbers');
    if (hash_ids.length > 0 && Math.ceil(input_length / BLOCK_TOKENS) !== hash_ids.length)
      return wrong(`${hash_ids.length} blocks of ${BLOCK_TOKENS} tokens are not ${input_length} tokens`);
    all.push({
      atSeconds: timestamp === null ? null : timestamp / 1000,
      promptTokens: input_length,
      outputTokens: output_length,
      blocks: hash_ids,
      session: session_id === null ? null : String(session_id),
      thinkSeconds: delay / 1000,
    });
  }
  return all;
}

interface Columns {
  readonly time: string;
  readonly prompt: string;
  readonly output: string;
  readonly session: string | null;
  /** @returns seconds, or NaN. */
  seconds(text: string): number;
}

const COLUMNS: Readonly<Record<'azure' | 'burstgpt', Columns>> = {
  azure: {
    time: 'TIMESTAMP',
    prompt: 'ContextTokens',
    output: 'GeneratedTokens',
    session: null,
    // "2023-11-16 18:15:46.6805900": Date reads only milliseconds.
    seconds(text) {
      const [, whole = '', part = ''] = /^(.*?)(\.\d+)?(?:\+00:00|Z)?$/.exec(text.trim()) ?? [];
      return Date.parse(`${whole.replace(' ', 'T')}Z`) / 1000 + Number(part === '' ? 0 : part);
    },
  },
  burstgpt: {
    time: 'Timestamp',
    prompt: 'Request tokens',
    output: 'Response tokens',
    session: 'Session ID',
    seconds: (text) => (text.trim() === '' ? Number.NaN : Number(text)),
  },
};

function readCsv(text: string, columns: Columns, most: number): Traced[] | string {
  const [head = '', ...lines] = text.split(/\r?\n/);
  const names = head.split(',').map((name) => name.replace(/^\uFEFF|"/g, '').trim());
  const place = (name: string) => names.indexOf(name);
  const [time, prompt, output] = [place(columns.time), place(columns.prompt), place(columns.output)];
  const session = columns.session === null ? -1 : place(columns.session);
  if (time < 0 || prompt < 0 || output < 0)
    return `Line 1 has to name the columns ${columns.time}, ${columns.prompt} and ${columns.output}.`;
  const all: Traced[] = [];
  for (const [index, line] of lines.entries()) {
    if (all.length === most) break;
    if (line.trim() === '') continue;
    const cells = line.split(',').map((cell) => cell.replaceAll('"', ''));
    const seconds = columns.seconds(cells[time] ?? '');
    const [promptTokens, outputTokens] = [Number(cells[prompt]), Number(cells[output])];
    if (!Number.isFinite(seconds)) return `Line ${index + 2}: ${columns.time} is no time.`;
    if (!Number.isSafeInteger(promptTokens) || !Number.isSafeInteger(outputTokens))
      return `Line ${index + 2}: ${columns.prompt} and ${columns.output} have to be whole numbers.`;
    // Both traces contain failed requests, which have no answer, and some of them no prompt.
    if (promptTokens < 1 || outputTokens < 1) continue;
    const key = session < 0 ? '' : (cells[session] ?? '').trim();
    const place = { blocks: [], session: key === '' ? null : key, thinkSeconds: 0 };
    all.push({ atSeconds: seconds, promptTokens, outputTokens, ...place });
  }
  return all;
}

function planned(
  traced: readonly Traced[],
  { salt, beginTokens = 0 }: TraceOptions,
  maker: TextMaker,
): PlannedRequest[] {
  const earlierSeconds = (least: number, { atSeconds }: Traced) => Math.min(least, atSeconds ?? least);
  const start = traced.reduce(earlierSeconds, Number.POSITIVE_INFINITY);
  const sessions = new Map<string, { readonly number: number; readonly turns: Traced[] }>();
  const units: { readonly conversation: number | null; readonly turns: readonly Traced[] }[] = [];
  for (const one of traced) {
    const known = one.session === null ? undefined : sessions.get(one.session);
    if (known !== undefined) known.turns.push(one);
    else if (one.session === null) units.push({ conversation: null, turns: [one] });
    else {
      const session = { number: sessions.size, turns: [one] };
      sessions.set(one.session, session);
      units.push({ conversation: session.number, turns: session.turns });
    }
  }
  const blocks = new Map<number, string[]>();
  const block = (id: number): readonly string[] => {
    const words = blocks.get(id) ?? maker.words(BLOCK_TOKENS, `${salt} block ${id}`);
    blocks.set(id, words);
    return words;
  };
  let made = 0;
  const beginning = (turns: readonly Traced[]) => turns[0]!.atSeconds ?? start;
  const ordered = units.sort((a, b) => beginning(a.turns) - beginning(b.turns));
  return ordered.flatMap(({ conversation, turns }) =>
    turns.map((one, turn): PlannedRequest => {
      const key = `${salt} request ${made++}`;
      const { blocks: own, promptTokens, outputTokens, thinkSeconds } = one;
      const follows = turn > 0 && own.length === 0;
      const length = Math.max(1, promptTokens - (follows ? 0 : beginTokens));
      const words = own.length > 0 ? own.flatMap(block) : maker.words(length, key);
      const { text, tokens } = maker.textOf(words, length, key);
      const atSeconds = one.atSeconds === null ? null : one.atSeconds - start;
      const place = { conversation, turn, follows, thinkSeconds, atSeconds };
      return { prompt: text, promptTokens: tokens, wantedTokens: outputTokens, ...place };
    }),
  );
}

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;
