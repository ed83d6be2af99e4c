import fc from 'fast-check';
import type { RawRequest } from '../../support/raw-http.js';

export interface HostileRequest extends RawRequest {
  readonly target: string;
  readonly body: string;
}

/** Every route of the web view and its API, and of `/metrics` beside it; `:id` is a sweep's or a trial's. */
export const ROUTES: readonly (readonly [method: string, path: string])[] = [
  ['GET', '/'],
  ...['sweeps', 'nodes', 'leader', 'drift', 'running', 'events', 'trials/:id'].map(
    (path) => ['GET', `/api/v1/${path}`] as const,
  ),
  ...['', '/report', '/results'].map((path) => ['GET', `/api/v1/sweeps/:id${path}`] as const),
  ['POST', '/api/v1/sweeps'],
  ...['cancel', 'pause', 'resume'].map((word) => ['POST', `/api/v1/sweeps/:id/${word}`] as const),
];
export const OPEN_ROUTES: typeof ROUTES = ['metrics', 'healthz', 'readyz', 'leadz'].map((path) => [
  'GET',
  `/${path}`,
]);

/** @returns hostile requests, the same for the same seed; each is whole, so that it has an answer. */
export function hostileRequests(
  routes: typeof ROUTES,
  id: string,
  document: string,
  count: number,
  seed: number,
): HostileRequest[] {
  const part = fc.constantFrom(
    id,
    '%2e%2e',
    '..',
    '%00',
    '%',
    '%ff',
    '__proto__',
    'x'.repeat(300),
    `${id}%2freport`,
    '*',
    '{}',
    '%E2%80%AE',
  );
  const query = fc.oneof(
    { weight: 3, arbitrary: fc.constant('') },
    fc.constantFrom(
      '?sweep=',
      '?trials=all',
      '?trials=none&trials=all',
      '?after=-1',
      '?after=9e99',
      '?after=999999999999999',
      '?__proto__=1',
      '?a[b]=1',
      '?%00',
      `?${'a=1&'.repeat(400)}`,
      '?sweep=x&results=none',
      `?${'q'.repeat(3_000)}`,
    ),
  );
  const header = fc.constantFrom(
    ...[
      'Last-Event-ID: 1e5',
      'Last-Event-ID: x',
      'Accept-Encoding: gzip;q=1e9',
      'Origin: http://evil.example',
      'Sec-Fetch-Site: cross-site',
      'X-Forwarded-User: admin',
      'X-Forwarded-Host: evil',
    ],
    ...[
      'Transfer-Encoding: chunked',
      'Expect: 100-continue',
      'Upgrade: h2c',
      'Content-Type: text/plain',
      'Authorization: Bearer',
      'Authorization: Basic eA==',
      `X: ${'y'.repeat(9_000)}`,
      `X: ${'y'.repeat(20_000)}`,
      'Connection: upgrade',
      'Range: bytes=0-',
    ],
    ...['X: \x01', 'A', ': b', 'Host: other'],
  );
  const json = fc.oneof(
    fc.constantFrom(
      '',
      '{',
      'null',
      '[]',
      '{"reason":1}',
      '{"document":null}',
      '{"__proto__":{}}',
      `{"reason":"${'r'.repeat(70_000)}"}`,
      '['.repeat(20_000),
      '{"document":"a: [&a [*a]]"}',
    ),
    fc.constant(JSON.stringify({ document })),
    fc.json().map((text) => text),
    fc.string({ maxLength: 60 }).map((text) => JSON.stringify({ document: text, retryFailed: text })),
  );
  const method = fc.constantFrom(
    'GET',
    'HEAD',
    'POST',
    'PUT',
    'DELETE',
    'OPTIONS',
    'PATCH',
    'TRACE',
    'CONNECTX',
  );
  const one = fc
    .record({
      route: fc.constantFrom(...routes),
      other: fc.option(method, { freq: 5 }),
      id: fc.oneof({ weight: 2, arbitrary: fc.constant(id) }, part),
      query,
      more: fc.array(header, { maxLength: 2 }),
      many: fc.nat(40),
      body: json,
    })
    .map(({ route: [own, path], other, id: part, query, more, many, body }): HostileRequest => {
      const used = other ?? own;
      const sent = used === 'POST' ? Buffer.from(body).toString('latin1') : '';
      const about = sent === '' ? [] : ['Content-Type: application/json', `Content-Length: ${sent.length}`];
      const crowd = many === 0 ? Array.from({ length: 150 }, (_, index) => `H${index}: 1`) : [];
      return {
        method: used,
        target: path.replace(':id', part) + query,
        headers: [...about, ...crowd, ...more],
        body: sent,
      };
    });
  return fc.sample(one, { numRuns: count, seed });
}
