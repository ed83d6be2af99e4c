import { copyFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { REVIEW_PATH, serveWebhook } from '../../../operator/webhook/server.js';
import { Turns } from '../../../operator/webhook/turns.js';
import type { HttpServer } from '../../../proto/http/server.js';
import { sharedFolder } from '../../support/folder.js';
import { serverFiles } from '../../support/tls.js';
import { anObject } from './world.js';

const folder = sharedFolder();
let ca = '';
let server: HttpServer;
beforeAll(async () => {
  const files = await serverFiles(folder);
  ca = files.ca;
  copyFileSync(files.certificateFile, join(folder, 'tls.crt'));
  copyFileSync(files.keyFile, join(folder, 'tls.key'));
  server = await serveWebhook({ address: '127.0.0.1:0', certificateFolder: folder }, () => undefined);
});
afterAll(async () => await server?.close());

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly body?: string;
  readonly type?: string;
}

/** As the API server asks: with the authority that it was told, and a timeout in the address. */
function ask({
  method = 'POST',
  path = `${REVIEW_PATH}?timeout=5s`,
  body,
  type = 'application/json',
}: Asked) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const length =
      body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) };
    const request = https.request(new URL(path, server.url), { method, ca, agent: false, headers: length });
    request.on('error', reject).on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.end(body);
  });
}

function reviewOf(object: unknown): string {
  const kind = { group: 'ridgepoint.dev', version: 'v1alpha1', kind: 'Sweep' };
  const request = { uid: 'r1', kind, operation: 'CREATE', namespace: 'lab', object };
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
}

test('answers reviews over HTTPS, right and wrong, many at a time', async () => {
  const asked = [{}, { cancl: true }, {}, { cancl: true }].map((spec) =>
    ask({ body: reviewOf(anObject(spec)) }),
  );
  const answers = (await Promise.all(asked)).map(({ status, text }) => [status, JSON.parse(text).response]);
  expect(answers.map(([status, { allowed }]) => [status, allowed])).toEqual([
    [200, true],
    [200, false],
    [200, true],
    [200, false],
  ]);
  expect(answers[1]?.[1].status.message).toContain('cancl');
});

test('reviews are answered in turns, with room between for other work; too many are sent away', async () => {
  const turns = new Turns(2);
  const done: string[] = [];
  const first = turns.take(() => done.push('first'));
  const second = turns.take(() => {
    done.push('second');
    throw new Error('no review');
  });
  const other = setImmediate().then(() => done.push('other'));
  await expect(turns.take(() => 'third')).rejects.toThrow('Too many wait');
  await Promise.all([first, expect(second).rejects.toThrow('no review'), other]);
  expect(done.indexOf('other')).toBeLessThan(done.indexOf('second'));
  expect(await turns.take(() => 'fourth')).toBe('fourth');
});

test('takes nothing but a review of bounded size at its one path', async () => {
  const body = reviewOf(anObject());
  const statusOf = async (asked: Asked) => (await ask(asked)).status;
  expect(await statusOf({ method: 'GET', path: '/' })).toBe(404);
  expect(await statusOf({ body, path: '/' })).toBe(400);
  expect(await statusOf({ method: 'GET' })).toBe(404);
  expect(await statusOf({ body, type: 'text/plain' })).toBe(415);
  expect(await statusOf({ body: 'x'.repeat(8 * 1024 * 1024 + 1) })).toBe(413);
  const [text, other] = [await ask({ body: '{"' }), await ask({ body: '{}' })];
  expect([text.status, other.status]).toEqual([400, 400]);
  expect(JSON.parse(other.text).error.message).toMatch(/^This is no AdmissionReview/);
  for (const { text: said } of [text, other]) expect(said).not.toContain(folder);
});

test('does not open without its certificate, and says which file it lacks', async () => {
  const wrong = { address: '127.0.0.1:0', certificateFolder: join(folder, 'none') };
  await expect(serveWebhook(wrong, () => undefined)).rejects.toThrow(
    /certificate file .*none.tls\.crt cannot be read/,
  );
});
