import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BodyUploads } from '../../../agent/bodies.js';
import { FolderBodies } from '../../../artifacts/files/bodies.js';
import { type BodiesApi, bodyService } from '../../../coordinator/api/bodies.js';
import { folderBodies } from '../../../coordinator/bodies/folder.js';
import { Incoming } from '../../../coordinator/bodies/incoming.js';
import type { BodyStore } from '../../../coordinator/bodies/store.js';
import { MemoryLog } from '../../../coordinator/log/memory.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { WireError } from '../../../proto/errors.js';
import type { GetBodyResponse } from '../../../proto/gen/ridgepoint/v1/bodies.js';
import type { Handlers } from '../../../proto/server.js';
import { sharedFolder } from '../../support/folder.js';
import { s3ForEach } from '../../support/s3-server.js';
import { aLease, aRecord } from '../../support/wire-records.js';

const folder = sharedFolder();
let folders = 0;
const fresh = (): string => join(folder, String(folders++));

const body = randomBytes(2_500_000);
const hex = createHash('sha256').update(body).digest('hex');
const digest = `sha256:${hex}`;
const LIMITS = { maxBytes: 10_000_000, most: 3 };

async function bytesOf(store: BodyStore): Promise<Buffer | null> {
  const stream = await store.open(hex);
  if (stream === null) return null;
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

/** A record that refers to the body as the answers of its model. */
const record = {
  ...aRecord(aLease('t1')),
  quality: { answers: [{ digest }] },
} as unknown as ResultRecord;

/** A node that has the body in its cache, and brings it by these two calls. */
async function bringing(
  connection: ConstructorParameters<typeof BodyUploads>[0]['connection'],
  patienceSeconds?: number,
): Promise<string[]> {
  const answers = new FolderBodies(fresh());
  await answers.put([]);
  writeFileSync(answers.pathOf(digest), body);
  const warnings: string[] = [];
  const uploads = new BodyUploads({
    connection,
    stores: { answers, calls: answers },
    warn: (sentence) => warnings.push(sentence),
    ...(patienceSeconds !== undefined && { patienceSeconds }),
  });
  await uploads.bring(record, new AbortController().signal);
  return warnings;
}

const s3 = s3ForEach();
const { bucket } = s3;

describe.each([
  ['a folder', () => folderBodies(fresh())],
  ['a bucket', () => bucket()],
])('bodies in %s', (_, make) => {
  test('a node brings what its record refers to, once, piece by piece, and it is read as it was', async () => {
    const store = make();
    const incoming = new Incoming(store, fresh(), LIMITS);
    let pieces = 0;
    const connection = {
      findBody: ({ digest: of }: { digest: string }) => incoming.find('node', of),
      putBody: (piece: Parameters<Incoming['take']>[1]) => {
        pieces += 1;
        // The connection breaks once, before a piece and after another.
        if (pieces === 2) throw new WireError('unavailable', 'the connection broke');
        return incoming.take('node', piece).then((progress) => {
          if (pieces === 3) throw new WireError('unavailable', 'the connection broke');
          return progress;
        });
      },
    };
    expect(await bringing(connection)).toEqual([]);
    expect((await bytesOf(store))?.equals(body)).toBe(true);
    // Three pieces, one of which never arrived.
    expect(pieces).toBe(4);
    expect(await bringing(connection)).toEqual([]);
    expect(pieces).toBe(4);
  });

  test('what is not there is null', async () => {
    expect(await bytesOf(make())).toBeNull();
  });
});

describe('who may read one', () => {
  /** What somebody for these namespaces gets who names a result, in bytes. */
  async function read(namespaces: readonly string[] | null, trialId: string, of = digest): Promise<number> {
    const store = folderBodies(fresh());
    const source = fresh();
    writeFileSync(source, body);
    await store.put(hex, source);
    const log = new MemoryLog();
    await log.append([{ fact: 'ResultRecorded', record }], 0);
    const dispatcher = {
      entryOf: (id: string) => (id === record.trialId ? 1 : undefined),
      state: { sweeps: new Map([[record.sweep.id, { view: { namespace: 'lab' } }]]) },
    };
    // Handlers as they are written, without a wire.
    const handlers = { unary: (handle: unknown) => handle, stream: (handle: unknown) => handle };
    const api = { bodies: { store }, log, dispatcher } as unknown as BodiesApi;
    const { getBody } = bodyService(api, handlers as unknown as Handlers);
    const request = { digest: of, offset: 0, trialId };
    const answer = getBody as unknown as (request: object, context: object) => AsyncIterable<GetBodyResponse>;
    let bytes = 0;
    for await (const { piece } of answer(request, { who: { namespaces } })) bytes += piece.length;
    return bytes;
  }

  test('whoever may see a result that refers to it; for others it is not there', async () => {
    expect(await read(null, '')).toBe(body.length);
    expect(await read(['lab'], record.trialId)).toBe(body.length);
    const another = `sha256:${'0'.repeat(64)}`;
    const refused: [string, string, string][] = [
      ['shop', record.trialId, digest],
      ['lab', '', digest],
      ['lab', 'another', digest],
      ['lab', record.trialId, another],
    ];
    for (const [namespace, trial, of] of refused)
      await expect(read([namespace], trial, of)).rejects.toThrow(/^The coordinator has no file "sha256:/);
  });
});

describe('on its way', () => {
  const take = (incoming: Incoming, caller: string, offset: number, piece: Uint8Array, of = digest) =>
    incoming.take(caller, { digest: of, bytes: body.length, offset, piece });

  test('a piece that belongs elsewhere is left, and its sender hears where the next one belongs', async () => {
    const incoming = new Incoming(folderBodies(fresh()), fresh(), LIMITS);
    expect(await take(incoming, 'a', 0, body.subarray(0, 100))).toEqual({ kept: false, received: 100 });
    expect(await take(incoming, 'a', 0, body.subarray(0, 100))).toEqual({ kept: false, received: 100 });
    expect(await take(incoming, 'a', 500, body.subarray(500, 600))).toEqual({ kept: false, received: 100 });
  });

  test('nobody spoils what another one brings', async () => {
    const store = folderBodies(fresh());
    const incoming = new Incoming(store, fresh(), LIMITS);
    await take(incoming, 'honest', 0, body.subarray(0, 1_000_000));
    await expect(take(incoming, 'other', 0, Buffer.alloc(body.length))).rejects.toThrow(/is something else/);
    expect(await take(incoming, 'honest', 1_000_000, body.subarray(1_000_000))).toMatchObject({ kept: true });
    expect((await bytesOf(store))?.equals(body)).toBe(true);
  });

  test('what is too large, too much or no digest is refused, and leaves nothing', async () => {
    const gathering = fresh();
    const incoming = new Incoming(folderBodies(fresh()), gathering, LIMITS);
    const huge = { digest, bytes: 10_000_001, offset: 0, piece: body };
    await expect(incoming.take('a', huge)).rejects.toMatchObject({ code: 'too-large' });
    await expect(take(incoming, 'a', 0, body, '../../etc/passwd')).rejects.toMatchObject({ code: 'invalid' });
    await expect(take(incoming, 'a', 0, Buffer.alloc(body.length + 1))).rejects.toMatchObject({
      code: 'invalid',
    });
    for (const caller of ['a', 'b', 'c', 'd', 'e']) await take(incoming, caller, 0, body.subarray(0, 10));
    expect(readdirSync(gathering)).toHaveLength(3);
  });
});

describe('a bucket', () => {
  test('a wrong key, and a server that has enough for a moment', async () => {
    const file = join(folder, 'credentials');
    writeFileSync(file, '[default]\naws_access_key_id = A\naws_secret_access_key = wrong\n');
    const path = join(folder, 'body');
    writeFileSync(path, body);
    await expect(bucket(file).put(hex, path)).rejects.toThrow(
      /^Answers cannot be kept in the bucket results at .*: it answers 403 SignatureDoesNotMatch\.$/,
    );
    s3.server.refuse = 1;
    await bucket().put(hex, path);
    expect([...s3.server.objects.keys()]).toEqual([`/results/team/${hex}`]);
  });

  test('without credentials a coordinator says what to set', () => {
    delete process.env.AWS_SECRET_ACCESS_KEY;
    expect(() => bucket()).toThrow(
      'There are no credentials for S3: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set.',
    );
  });

  test('where the store takes nothing the record goes without it, and the node says so', async () => {
    const down = () => Promise.reject(new WireError('unavailable', 'the bucket is away'));
    expect(await bringing({ findBody: down, putBody: down }, 0)).toEqual([
      `the file ${digest}, which t1 refers to, stays on this node: the bucket is away`,
    ]);
  });
});
