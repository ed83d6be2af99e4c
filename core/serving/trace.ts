import { isCount, jsonLines } from './json-lines.js';

/** A request of a trace, with its time and lengths but without its text. */
export interface TracedRequest {
  /** null = after the turn before it. */
  readonly atSeconds: number | null;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Hashes of the prompt's blocks; empty = the trace has none. */
  readonly blocks: readonly number[];
  readonly session: string | null;
  readonly thinkSeconds: number;
}

const TRACE_FORMATS = ['mooncake', 'azure', 'burstgpt'] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

/** Tokens of a block of a Mooncake trace (Qin et al., "Mooncake", FAST 2025: blocks of 512). */
export const BLOCK_TOKENS = 512;

/** The requests of a session, or one alone. */
export interface TracedUnit {
  /** Number of the session; null = it is of none. */
  readonly session: number | null;
  readonly turns: readonly TracedRequest[];
}

/** @returns the format by the first line: JSON, or the heads of columns. */
export function traceFormatOf(text: string): TraceFormat {
  const [head = ''] = text.split('\n', 1);
  if (head.trimStart().startsWith('{')) return 'mooncake';
  return head.toUpperCase().includes('CONTEXTTOKENS') ? 'azure' : 'burstgpt';
}

/**
 * Reads what a trace says of requests.
 *
 * - `mooncake`: JSON on each line, `timestamp` in ms, `input_length`, `output_length`, `hash_ids`: the same
 *   id stands for the same text. Agents' traces have `session_id`, and `delay` in ms before a turn, as AIPerf
 *   writes them; a turn without `hash_ids` continues the conversation.
 * - `azure`: CSV with TIMESTAMP,ContextTokens,GeneratedTokens
 * - `burstgpt`: CSV with Timestamp (in s), "Request tokens" and "Response tokens", and "Session ID" where
 *   there is one
 *
 * @param most requests that are read.
 * @returns sessions in the order of their times, which count from the first; or a sentence that names the
 *   first wrong line.
 */
export function readTrace(text: string, format: TraceFormat, most: number): TracedUnit[] | string {
  if (text.trim() === '') return EMPTY;
  const traced = format === 'mooncake' ? readMooncake(text, most) : readCsv(text, COLUMNS[format], most);
  if (typeof traced === 'string') return traced;
  if (traced.length === 0) return EMPTY;
  const units = sessionsOf(traced);
  return backwards(units) ?? inOrder(units);
}

const EMPTY = 'The trace has no request.';

function sessionsOf(traced: readonly TracedRequest[]): TracedUnit[] {
  const earliest = (least: number, { atSeconds }: TracedRequest) => Math.min(least, atSeconds ?? least);
  const start = traced.reduce(earliest, Number.POSITIVE_INFINITY);
  const sessions = new Map<string, TracedRequest[]>();
  const units: TracedUnit[] = [];
  for (const one of traced) {
    const request = { ...one, atSeconds: one.atSeconds === null ? null : one.atSeconds - start };
    const known = one.session === null ? undefined : sessions.get(one.session);
    if (known !== undefined) {
      known.push(request);
      continue;
    }
    const turns = [request];
    units.push({ session: one.session === null ? null : sessions.size, turns });
    if (one.session !== null) sessions.set(one.session, turns);
  }
  return units;
}

/**
 * Sessions may begin in any order, for their turns stand together in some traces.
 * @returns a sentence on the first time that lies before the one above it, where nothing says why.
 */
function backwards(units: readonly TracedUnit[]): string | null {
  const alone = units.filter(({ session }) => session === null).flatMap(({ turns }) => turns);
  const sequences = [alone, ...units.filter(({ session }) => session !== null).map(({ turns }) => turns)];
  for (const sequence of sequences) {
    let before = 0;
    for (const { atSeconds } of sequence) {
      if (atSeconds !== null && atSeconds < before)
        return `The times of the trace run backwards: a request at ${atSeconds} s stands behind one at ${before} s. Sort its lines by time.`;
      before = atSeconds ?? before;
    }
  }
  return null;
}

function inOrder(units: TracedUnit[]): TracedUnit[] {
  const beginning = ({ turns }: TracedUnit) => turns[0]!.atSeconds ?? 0;
  return units.sort((a, b) => beginning(a) - beginning(b));
}

function readMooncake(text: string, most: number): TracedRequest[] | string {
  const all: TracedRequest[] = [];
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

function readCsv(text: string, columns: Columns, most: number): TracedRequest[] | string {
  const [head = '', ...lines] = text.split(/\r?\n/);
  const names = head.split(',').map((name) => name.replace(/^\uFEFF|"/g, '').trim());
  const place = (name: string) => names.indexOf(name);
  const [time, prompt, output] = [place(columns.time), place(columns.prompt), place(columns.output)];
  const session = columns.session === null ? -1 : place(columns.session);
  if (time < 0 || prompt < 0 || output < 0)
    return `Line 1 has to name the columns ${columns.time}, ${columns.prompt} and ${columns.output}.`;
  const all: TracedRequest[] = [];
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

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;
