import { setTimeout as sleep } from 'node:timers/promises';
import { isExpired, isPassing, type KubeClient, refused, type WatchEvent } from './client.js';
import type { KubeObject, Resource } from './objects.js';

export interface WatchedKind {
  readonly resource: Resource;
  /** null = all. */
  readonly namespace: string | null;
  /** A selector of labels; '' = all. */
  readonly labels: string;
}

interface Listeners<T> {
  /** An object is there, has changed, or (null) is gone. @param key as `keyOf` */
  readonly changed: (key: string, object: T, gone: boolean) => void;
  /** The connection broke, or was refused; it is tried again. */
  readonly trouble: (sentence: string) => void;
}

/** `namespace/name` */
export const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;

const FIRST_SECONDS = 0.2;
const MOST_SECONDS = 15;

/**
 * A copy of a kind's objects that follows the API server: a list, then a watch from its version on. Bookmarks
 * move the version, so that a broken watch goes on where it was; where the server has forgotten that version
 * (410), everything is listed again, and what has gone meanwhile is told as gone.
 */
export class Watched<T extends KubeObject> {
  readonly #client: Pick<KubeClient, 'list' | 'watch'>;
  readonly #kind: WatchedKind;
  readonly #listeners: Listeners<T>;
  readonly #objects = new Map<string, T>();
  #version: string | null = null;
  #attempts = 0;
  #resolveListed: () => void = () => undefined;
  /** Resolves when everything has been listed once. */
  readonly listed = new Promise<void>((resolve) => {
    this.#resolveListed = resolve;
  });

  constructor(client: Pick<KubeClient, 'list' | 'watch'>, kind: WatchedKind, listeners: Listeners<T>) {
    this.#client = client;
    this.#kind = kind;
    this.#listeners = listeners;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  objects(): readonly T[] {
    return [...this.#objects.values()];
  }

  /** What the API answered to a write is seen at once; the watch tells it once more. */
  saw(object: T): void {
    if (!isOlder(object, this.#objects.get(keyOf(object)))) this.#objects.set(keyOf(object), object);
  }

  /** Follows until the signal comes; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#version ??= await this.#list();
        await this.#follow(this.#version, signal);
        // A server ends each watch after some minutes; nothing is wrong.
        this.#attempts = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (isExpired(error)) this.#version = null;
        else await this.#wait(error, signal);
      }
    }
  }

  async #wait(error: unknown, signal: AbortSignal): Promise<void> {
    this.#listeners.trouble(`${this.#kind.resource.plural}: ${(error as Error).message}`);
    // A server that does not answer, or cannot just now, is asked again from the same place; one that refuses
    // is asked for all.
    if (!isPassing(error)) this.#version = null;
    const step = Math.min(MOST_SECONDS, FIRST_SECONDS * 2 ** this.#attempts);
    this.#attempts += 1;
    await sleep(1000 * step * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
  }

  async #list(): Promise<string> {
    const { resource, namespace, labels } = this.#kind;
    const { items, resourceVersion } = await this.#client.list<T>(resource, namespace, labels);
    const now = new Map(items.map((item) => [keyOf(item), item]));
    for (const [key, object] of this.#objects) if (!now.has(key)) this.#delete(key, object);
    for (const [key, object] of now) this.#set(key, object);
    this.#resolveListed();
    return resourceVersion;
  }

  async #follow(from: string, signal: AbortSignal): Promise<void> {
    const { resource, namespace, labels } = this.#kind;
    for await (const event of this.#client.watch<T>(resource, namespace, labels, from, signal)) {
      if (event.type === 'ERROR') throw refused(500, JSON.stringify(event.object));
      this.#attempts = 0;
      this.#version = event.object.metadata.resourceVersion ?? this.#version;
      this.#take(event);
    }
  }

  #take({ type, object }: WatchEvent<T>): void {
    const key = keyOf(object);
    if (type === 'DELETED') this.#delete(key, object);
    else if (type !== 'BOOKMARK') this.#set(key, object);
  }

  #set(key: string, object: T): void {
    const before = this.#objects.get(key);
    if (isOlder(object, before)) return;
    this.#objects.set(key, object);
    if (before?.metadata.resourceVersion !== object.metadata.resourceVersion)
      this.#listeners.changed(key, object, false);
  }

  #delete(key: string, object: T): void {
    const known = this.#objects.get(key);
    // Another one of its name may be there by now.
    if (known !== undefined && known.metadata.uid !== object.metadata.uid) return;
    this.#objects.delete(key);
    this.#listeners.changed(key, object, true);
  }
}

/** Versions of one object are numbers that grow (KEP-5504 made that a promise). */
function isOlder(object: KubeObject, than: KubeObject | undefined): boolean {
  if (than === undefined || object.metadata.uid !== than.metadata.uid) return false;
  const [mine, other] = [object, than].map(({ metadata }) => BigInt(metadata.resourceVersion ?? 0));
  return mine! < other!;
}
