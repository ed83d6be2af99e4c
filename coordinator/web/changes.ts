import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveEventName } from '../../report/live/live.js';
import type { Seer } from '../api/visible.js';
import type { Dispatcher } from '../dispatcher.js';
import { ChangeSignal } from '../log/change-signal.js';
import type { Registry } from '../registry/registry.js';
import { liveNodes, liveSweeps, liveTrials } from './state.js';

/** Changes that come faster than this are sent together. */
const MILLISECONDS = 250;

type Kind = Extract<LiveEventName, 'sweeps' | 'nodes' | 'running'>;
type Texts = Readonly<Record<Kind, string>>;
const KINDS: readonly Kind[] = ['sweeps', 'nodes', 'running'];

/** The state as JSON, written once for all who follow it, and only while somebody does. */
export class Changes {
  readonly #dispatcher: Dispatcher;
  readonly #registry: Registry;
  readonly #news = new ChangeSignal();
  #texts: Texts | null = null;
  #followers = 0;
  #watching = false;

  readonly #who: Seer;

  /** @param who everybody who follows has these rights. */
  constructor(dispatcher: Dispatcher, registry: Registry, who: Seer) {
    this.#who = who;
    this.#dispatcher = dispatcher;
    this.#registry = registry;
  }

  /** The state now, then every kind of it that has changed. */
  async *follow(signal: AbortSignal): AsyncGenerator<{ kind: Kind; json: string }> {
    this.#followers += 1;
    if (!this.#watching) void this.#watch();
    try {
      const sent: Partial<Record<Kind, string>> = {};
      while (!signal.aborted) {
        const texts = this.#texts ?? this.#write();
        for (const kind of KINDS) {
          if (sent[kind] === texts[kind]) continue;
          sent[kind] = texts[kind];
          yield { kind, json: texts[kind] };
        }
        if (this.#texts === texts) await this.#news.wait(signal);
      }
    } finally {
      this.#followers -= 1;
    }
  }

  async #watch(): Promise<void> {
    this.#watching = true;
    while (this.#followers > 0) {
      const before = this.#texts;
      if (this.#write() !== before) this.#news.notify();
      // A node that comes or goes changes the registry without an event of the scheduler: looked at each
      // second anyway.
      const change = this.#dispatcher.changes.wait(new AbortController().signal, 1);
      await sleep(MILLISECONDS, undefined, { ref: false });
      await change;
    }
    this.#watching = false;
    this.#texts = null;
  }

  #write(): Texts {
    const sweeps = JSON.stringify(liveSweeps(this.#dispatcher, this.#registry, this.#who));
    const nodes = JSON.stringify(liveNodes(this.#dispatcher, this.#registry));
    const running = JSON.stringify(liveTrials(this.#dispatcher, this.#registry, this.#who));
    const before = this.#texts;
    const same = before?.sweeps === sweeps && before.nodes === nodes && before.running === running;
    this.#texts = same ? before : { sweeps, nodes, running };
    return this.#texts;
  }
}
