import { type Fields, isCount, jsonLines } from '../../core/serving/json-lines.js';
import type { Message, Tokenizer } from '../../core/serving/tokenizer.js';
import { ALONE, type PlannedRequest, textOf } from '../endpoint.js';

/**
 * Reads prompts of a file, one JSON object on each line: `{"prompt": "…"}` or
 * `{"messages": [{"role": …, "content": …}]}`, with `output_length` if the answer should have that many
 * tokens; or sessions with think time, as in AIPerf's multi_turn:
 * `{"session_id": …, "turns": [{"text": "…", "delay": 1500}]}`, with a `delay` in ms before a turn; each turn
 * is sent with the conversation before it.
 * @returns requests, or a sentence that names the first line that is wrong.
 */
export function datasetRequests(text: string, tokenizer: Tokenizer | null): PlannedRequest[] | string {
  const requests: PlannedRequest[] = [];
  let conversations = 0;
  for (const [line, fields] of jsonLines(text)) {
    if (typeof fields === 'string') return fields;
    if (Array.isArray(fields.turns)) {
      const session = sessionOf(fields.turns, conversations++, tokenizer);
      if (typeof session === 'string') return `Line ${line}: ${session}.`;
      requests.push(...session);
      continue;
    }
    const { prompt, messages, output_length: length = null } = fields;
    if (typeof prompt !== 'string' && !isMessages(messages))
      return `Line ${line} has neither a text "prompt" nor "messages" of role and content.`;
    if (length !== null && !isCount(length))
      return `Line ${line}: output_length is no whole number of at least 1.`;
    const asked = typeof prompt === 'string' ? prompt : (messages as Message[]);
    const promptTokens = tokenizer?.tokenize(textOf(asked)).length ?? null;
    requests.push({ prompt: asked, promptTokens, wantedTokens: length, ...ALONE });
  }
  return requests.length === 0 ? 'The dataset has no line.' : requests;
}

/** @returns the turns of a session, or what is wrong with one. */
function sessionOf(
  turns: readonly unknown[],
  conversation: number,
  tokenizer: Tokenizer | null,
): PlannedRequest[] | string {
  const planned: PlannedRequest[] = [];
  for (const [turn, one] of turns.entries()) {
    const { text, delay = 0, output_length: length = null } = (one ?? {}) as Fields;
    if (typeof text !== 'string') return `turn ${turn + 1} has no "text"`;
    if (typeof delay !== 'number' || !(delay >= 0))
      return `delay of turn ${turn + 1} is no number of milliseconds`;
    if (length !== null && !isCount(length))
      return `output_length of turn ${turn + 1} is no whole number of at least 1`;
    const promptTokens = tokenizer?.tokenize(text).length ?? null;
    const place = { conversation, turn, follows: turn > 0, thinkSeconds: delay / 1000, atSeconds: null };
    planned.push({ prompt: text, promptTokens, wantedTokens: length, ...place });
  }
  return planned.length === 0 ? 'turns are empty' : planned;
}

function isMessages(value: unknown): value is Message[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.every((one) => typeof one?.role === 'string' && typeof one?.content === 'string');
}
