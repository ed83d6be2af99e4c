import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient, WatchEvent } from '../../../operator/kubernetes/client.js';
import type { KubeObject, Resource } from '../../../operator/kubernetes/objects.js';
import { keyOf } from '../../../operator/kubernetes/watched.js';
import { SWEEPS } from '../../../operator/sweep/definition.js';

type Calls = Pick<KubeClient, 'list' | 'watch' | 'get' | 'create' | 'apply' | 'delete'>;

/**
 * The Sweeps of an API server, in memory: it keeps versions and tells who watches, and has no other objects.
 */
export class SweepsInMemory implements Calls {
  readonly #objects = new Map<string, KubeObject>();
  readonly #events: WatchEvent<KubeObject>[] = [];

  /** Makes an object, or changes it. */
  put(name: string, namespace: string, spec: object): void {
    const key = `${namespace}/${name}`;
    const { metadata } = this.#objects.get(key) ?? { metadata: { name, namespace, uid: key, generation: 0 } };
    const generation = (metadata.generation ?? 0) + 1;
    this.#keep({ ...this.#objects.get(key), ...kind, metadata: { ...metadata, generation }, spec });
  }

  find(
    name: string,
    namespace: string,
  ): KubeObject & { readonly status?: Readonly<Record<string, unknown>> } {
    return this.#objects.get(`${namespace}/${name}`)!;
  }

  async list<T extends KubeObject>({ plural }: Resource) {
    const items = plural === SWEEPS.plural ? [...this.#objects.values()] : [];
    return { items: items as T[], resourceVersion: `${this.#events.length}` };
  }

  async *watch<T extends KubeObject>(
    { plural }: Resource,
    _namespace: string | null,
    _labels: string,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    let next = Number(resourceVersion);
    while (!signal.aborted) {
      const event = plural === SWEEPS.plural ? this.#events[next] : undefined;
      if (event === undefined) await sleep(20);
      else {
        next += 1;
        yield event as WatchEvent<T>;
      }
    }
  }

  async apply<T extends KubeObject>(
    _resource: Resource,
    _namespace: string,
    applied: KubeObject,
    part: '' | '/status' = '',
  ): Promise<T> {
    const object = this.#objects.get(keyOf(applied))!;
    const { status } = applied as { readonly status?: object };
    const metadata = { ...object.metadata, ...applied.metadata };
    return this.#keep(part === '/status' ? { ...object, status } : { ...object, metadata }) as T;
  }

  async get<T extends KubeObject>(): Promise<T> {
    throw new Error('there are Sweeps alone');
  }

  async create<T extends KubeObject>(): Promise<T> {
    throw new Error('there are Sweeps alone');
  }

  async delete(): Promise<void> {}

  #keep(object: KubeObject & { readonly status?: unknown; readonly spec?: unknown }): KubeObject {
    const resourceVersion = `${this.#events.length + 1}`;
    const kept = { ...object, metadata: { ...object.metadata, resourceVersion } };
    this.#objects.set(keyOf(kept), kept);
    this.#events.push({ type: 'MODIFIED', object: kept });
    return kept;
  }
}

const kind = { apiVersion: SWEEPS.apiVersion, kind: SWEEPS.kind };
