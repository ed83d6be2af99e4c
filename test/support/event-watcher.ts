import { setTimeout as sleep } from 'node:timers/promises';
import { EventText } from '../../report/live/event-text.js';

/**
 * Follows results over the web view's event stream, at whichever coordinator answers, from the last event
 * that it saw.
 */
export class EventWatcher {
  /** Ids in the order in which they came, and the trials they tell of. */
  readonly ids: number[] = [];
  readonly trials: string[] = [];
  /** Streams that began again from the start. */
  resets = 0;
  readonly #over = new AbortController();
  readonly done: Promise<void>;

  /** @param webs `host:port` of each coordinator's web view */
  constructor(webs: readonly string[], sweepId: string) {
    this.done = this.#follow(webs, sweepId);
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.done;
  }

  async #follow(webs: readonly string[], sweepId: string): Promise<void> {
    const { signal } = this.#over;
    for (let turn = 0; !signal.aborted; turn += 1) {
      const last = this.ids.at(-1) ?? 0;
      await this.#read(
        `http://${webs[turn % webs.length]}/api/v1/events?sweep=${sweepId}&after=${last}`,
      ).catch(() => undefined);
      await sleep(50);
    }
  }

  async #read(url: string): Promise<void> {
    // A coordinator that stands still accepts and says nothing.
    const silent = new AbortController();
    let timer = setTimeout(() => silent.abort(), 1500);
    const signal = AbortSignal.any([this.#over.signal, silent.signal]);
    try {
      const response = await fetch(url, { signal });
      if (!response.ok || response.body === null) return;
      const text = new EventText();
      const pieces = response.body.pipeThrough(new TextDecoderStream());
      for await (const piece of pieces as unknown as AsyncIterable<string>) {
        clearTimeout(timer);
        timer = setTimeout(() => silent.abort(), 3000);
        for (const event of text.push(piece)) {
          if (event.event === 'hello' && event.data.reset) this.resets += 1;
          if (event.event !== 'result' || event.id === null) continue;
          this.ids.push(Number(event.id));
          this.trials.push(event.data.trialId);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }
}
