import type { LiveEventName, LiveEvents } from './live.js';

/** One event as it came over the stream. */
export type LiveEvent = {
  [Name in LiveEventName]: {
    readonly event: Name;
    readonly data: LiveEvents[Name];
    readonly id: string | null;
  };
}[LiveEventName];

/**
 * Reads server-sent events (the WHATWG format, the part of it that our streams use) out of pieces of text
 * that end anywhere. A browser's own EventSource cannot send a token.
 */
export class EventText {
  #rest = '';

  /** @returns the events that are complete with this piece. */
  push(text: string): LiveEvent[] {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => eventOf(block) ?? []);
  }
}

function eventOf(block: string): LiveEvent | null {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const at = line.indexOf(': ');
    if (at > 0) fields.set(line.slice(0, at), line.slice(at + 2));
  }
  const event = fields.get('event');
  const data = fields.get('data');
  if (event === undefined || data === undefined) return null;
  return { event, data: JSON.parse(data), id: fields.get('id') ?? null } as LiveEvent;
}
