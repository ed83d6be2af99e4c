import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { valueAt } from '../../../core/quality/tasks/template.js';
import { Client, type Exchange } from '../../../load/client.js';
import { ALONE } from '../../../load/endpoint.js';
import { markedPrompt, markerOf, newSalt } from '../../../load/prompts/salt.js';
import { Transport } from '../../../load/transport.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { askServer, headersOf } from '../../servers/ask.js';
import { type ServedEndpoint, withoutLora } from '../../servers/served.js';
import type { Completion, CompletionRequest, Completions, EndpointOpened } from '../opened.js';
import { WARM_UP } from '../opened.js';
import type { Demands, PrefixSharing } from '../runner.js';
import { type Place, Places } from './places.js';

/** Of what a server says of itself. */
const FACTS = { seconds: 5, mostBytes: 2 ** 20 };

/** Asks a server through the load generator's client, several requests at once. */
export async function openCompletions(
  opened: EndpointOpened,
  { api, prefixes, exactLength, timeoutSeconds, atOnce }: Demands['completions'],
): Promise<Completions> {
  const { served } = opened;
  const { profile } = served;
  const { prefixes: sharing } = profile;
  const { url, model } = served;
  const { paths, streamOptions } = profile;
  const body = { ...(exactLength && profile.exactLength), ...withoutLora(served) };
  const headers = headersOf(served);
  const endpoint = { url, api, paths, model, stream: true, streamOptions, headers, body, timeoutSeconds };
  const counts = prefixes === 'once' ? sharing?.slots : undefined;
  const slots = counts === undefined ? null : await slotsOf(served, counts);
  const run = newSalt();
  const values = { prefixes, run, sharing };
  const marker = isKeptApart(values) ? '' : markerOf(run);
  const places = new Places(slots === null ? null : Math.min(slots, atOnce));
  const client = new Client(endpoint, await Transport.open(endpoint), monotonicSeconds);
  const send = (request: CompletionRequest, place: Place | null) =>
    asked(client, request, marker, { ...fieldsOf(request, served), ...sharingFields(values, place) });
  return {
    facts: opened.facts,
    warnings: [],
    sharing: sharingWords(values, slots) + (marker === '' ? '' : `, all behind ${marker.trim()}`),
    async complete(request) {
      const place = await places.take(textOf(request));
      return await send(request, place).finally(() => place?.free());
    },
    async prepare() {
      // In every place another text than any that is measured, so that none begins with what an earlier run
      // left.
      const unrelated = (i: number) => ({ ...WARM_UP, prompt: `${values.run} ${i}: name a colour.` });
      await Promise.all(Array.from({ length: slots ?? 1 }, (_, i) => send(unrelated(i), places.at(i))));
    },
    stop: (reason) => client.stop(reason),
    close: () => client.close(),
  };
}

interface SharingWords {
  readonly prefixes: PrefixSharing;
  readonly run: string;
  readonly sharing: ServedEndpoint['profile']['prefixes'];
}

/** Whether what this run shares is no other's by the fields of its requests. */
function isKeptApart({ prefixes, sharing }: SharingWords): boolean {
  return sharing !== null && (prefixes === 'off' || Object.keys(sharing.run).length > 0);
}

function sharingWords({ prefixes, sharing }: SharingWords, slots: number | null): string {
  if (prefixes === 'off')
    return sharing === null ? 'as the server does: how to ask without is not known' : 'none';
  return slots === null
    ? 'as the server does'
    : `prompts that begin alike go into one of ${slots} slots in turn`;
}

function sharingFields({ prefixes, run, sharing }: SharingWords, place: Place | null) {
  if (sharing === null) return {};
  if (prefixes === 'off') return filled(sharing.off, { '{unique}': randomUUID() });
  const request = place === null ? undefined : sharing.slots?.request;
  return { ...filled(sharing.run, { '{run}': run }), ...filled(request ?? {}, { '{slot}': place?.index }) };
}

function filled(fields: Readonly<Record<string, unknown>>, values: Readonly<Record<string, unknown>>) {
  const all = Object.entries(fields).map(([name, value]) => [name, values[String(value)] ?? value]);
  return Object.fromEntries(all);
}

function fieldsOf(request: CompletionRequest, { loras, profile, model }: ServedEndpoint) {
  const { temperature, topP, topK, minP, seed, stop } = request;
  const index = request.model === null ? -1 : loras.indexOf(request.model);
  const lora = index < 0 ? null : profile.loras;
  const ofLora = lora === null ? {} : nested(lora.request, { '{lora}': request.model, '{index}': index });
  return {
    model: request.model ?? model,
    temperature,
    seed,
    ...(topP !== null && { top_p: topP }),
    ...(topK !== null && { top_k: topK }),
    ...(minP !== null && { min_p: minP }),
    ...(stop.length > 0 && { stop: [...stop] }),
    ...ofLora,
  };
}

/** @returns JSON with words in place of others, however deep. */
function nested(json: unknown, values: Readonly<Record<string, unknown>>): object {
  return JSON.parse(JSON.stringify(json), (_key, value) =>
    typeof value === 'string' ? (values[value] ?? value) : value,
  );
}

const textOf = ({ system, prompt }: CompletionRequest) => `${system ?? ''}\n${prompt}`;

function asked(
  client: Client,
  { system, prompt, maxTokens }: CompletionRequest,
  marker: string,
  body: Readonly<Record<string, unknown>>,
): Promise<Completion> {
  const messages = [{ role: 'user', content: prompt }];
  if (system !== null) messages.unshift({ role: 'system', content: system });
  const marked = markedPrompt(messages, marker);
  const planned = { prompt: marked, promptTokens: null, wantedTokens: maxTokens, ...ALONE, body };
  return new Promise((resolve) => {
    const now = monotonicSeconds();
    const start = { planned, before: [], intended: now, due: now, body: client.bodyOf(planned, []) };
    client.send(start, (exchange) => resolve(completionOf(exchange)));
  });
}

function completionOf({ outcome, problem, chunks, usage, dispatched }: Exchange): Completion {
  return {
    outcome,
    problem,
    text: chunks.map(({ channel, text }) => (channel === 'answer' ? text : '')).join(''),
    sent: dispatched,
    firstToken: chunks[0]?.seconds ?? null,
    promptTokens: usage?.promptTokens ?? null,
    cachedTokens: usage?.cachedTokens ?? null,
    outputTokens: usage?.completionTokens ?? null,
  };
}

/**
 * @returns how many places a server has; null where it does not say. Its answer may be a little late behind
 *   its start.
 */
async function slotsOf(
  served: ServedEndpoint,
  { path, count }: NonNullable<NonNullable<ServedEndpoint['profile']['prefixes']>['slots']>,
): Promise<number | null> {
  for (let tries = 0; tries < 3; tries++) {
    try {
      const { text } = await askServer(served, path, FACTS);
      const found = valueAt(JSON.parse(text) as Record<string, unknown>, count);
      return Number.isSafeInteger(found) && Number(found) > 0 ? Number(found) : null;
    } catch {
      await sleep(200);
    }
  }
  return null;
}
