import { describe, expect, test } from 'vitest';
import { KubeError, type WatchEvent } from '../../../operator/kubernetes/client.js';
import { type KubeObject, pathOf } from '../../../operator/kubernetes/objects.js';
import { Watched } from '../../../operator/kubernetes/watched.js';

const KIND = { resource: { apiVersion: 'v1', kind: 'Pod', plural: 'pods' }, namespace: 'lab', labels: '' };

const pod = (name: string, version: number, uid = name): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'lab', uid, resourceVersion: `${version}` },
});

const event = (type: WatchEvent<KubeObject>['type'], object: object) =>
  ({ type, object }) as WatchEvent<KubeObject>;

/** An API server that answers lists and watches one after the other, as it is told, and then ends. */
class Scripted {
  readonly asked: string[] = [];
  readonly told: string[] = [];
  readonly #lists: (readonly [number, readonly KubeObject[]])[];
  readonly #watches: (readonly (WatchEvent<KubeObject> | Error)[])[];
  readonly #over = new AbortController();
  readonly watched: Watched<KubeObject>;

  constructor(
    lists: readonly (readonly [number, readonly KubeObject[]])[],
    watches: readonly (readonly (WatchEvent<KubeObject> | Error)[])[],
  ) {
    [this.#lists, this.#watches] = [[...lists], [...watches]];
    this.watched = new Watched(this as never, KIND, {
      changed: (key, { metadata }, gone) =>
        this.told.push(`${gone ? '-' : '+'}${key.slice(4)}@${metadata.resourceVersion}`),
      trouble: () => undefined,
    });
  }

  run(): Promise<void> {
    return this.watched.run(this.#over.signal);
  }

  async list() {
    this.asked.push('list');
    const [version, items] = this.#lists.shift() ?? [0, []];
    return { items, resourceVersion: `${version}` };
  }

  async *watch(_resource: unknown, _namespace: unknown, _labels: unknown, version: string) {
    this.asked.push(`watch ${version}`);
    const events = this.#watches.shift();
    if (events === undefined) this.#over.abort();
    for (const one of events ?? []) {
      if (one instanceof Error) throw one;
      yield one;
    }
  }
}

describe('a copy of a kind', () => {
  test('goes on from the last bookmark, and tells each change once', async () => {
    const api = new Scripted(
      [[10, [pod('a', 5), pod('b', 6)]]],
      [
        [event('MODIFIED', pod('a', 11)), event('BOOKMARK', { metadata: { resourceVersion: '20' } })],
        [event('MODIFIED', pod('a', 11)), event('DELETED', pod('b', 21)), event('ADDED', pod('c', 22))],
      ],
    );
    await api.run();
    expect(api.asked).toEqual(['list', 'watch 10', 'watch 20', 'watch 22']);
    expect(api.told).toEqual(['+a@5', '+b@6', '+a@11', '-b@21', '+c@22']);
    expect(api.watched.objects().map(({ metadata }) => metadata.name)).toEqual(['a', 'c']);
  });

  test('whose version the server has forgotten is listed again, and what has gone meanwhile is told', async () => {
    const gone = event('ERROR', {
      code: 410,
      reason: 'Expired',
      message: 'too old resource version: 10 (99)',
    });
    const api = new Scripted(
      [
        [10, [pod('a', 5), pod('b', 6)]],
        [100, [pod('b', 6), pod('c', 99)]],
      ],
      [[gone], []],
    );
    await api.run();
    expect(api.asked).toEqual(['list', 'watch 10', 'list', 'watch 100', 'watch 100']);
    expect(api.told).toEqual(['+a@5', '+b@6', '-a@5', '+c@99']);
  });

  test('goes on from the same place after a break, and lists again after a refusal', async () => {
    const api = new Scripted(
      [
        [10, []],
        [30, []],
      ],
      [[new KubeError(0, '', 'the connection broke')], [new KubeError(403, 'Forbidden', 'no')], []],
    );
    await api.run();
    expect(api.asked).toEqual(['list', 'watch 10', 'watch 10', 'list', 'watch 30', 'watch 30']);
  });

  test('takes no older version for a newer one, and another object of the name for itself', async () => {
    const api = new Scripted(
      [[10, [pod('a', 9)]]],
      [[event('MODIFIED', pod('a', 7)), event('DELETED', pod('a', 12, 'old'))]],
    );
    api.watched.saw(pod('a', 8));
    await api.run();
    expect(api.told).toEqual(['+a@9']);
    expect(api.watched.get('lab/a')?.metadata.resourceVersion).toBe('9');
  });
});

test('paths of the API', () => {
  expect(pathOf(KIND.resource, 'lab', 'a b')).toBe('/api/v1/namespaces/lab/pods/a%20b');
  expect(pathOf({ apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs' }, null)).toBe('/apis/batch/v1/jobs');
});
