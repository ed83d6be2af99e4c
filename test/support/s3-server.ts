import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach, beforeEach } from 'vitest';
import { s3Bodies } from '../../coordinator/bodies/s3.js';
import type { BodyStore } from '../../coordinator/bodies/store.js';

export const S3_KEY = { accessKeyId: 'AKIDTEST', secretAccessKey: 'c2VjcmV0', region: 'eu-test-1' } as const;

/** A server for each test of a file, whose credentials are in the environment. */
export function s3ForEach(): {
  readonly server: S3Server;
  bucket(credentialsFile?: string | null): BodyStore;
} {
  let server = new S3Server();
  beforeEach(async () => {
    server = await new S3Server().start();
    process.env.AWS_ACCESS_KEY_ID = S3_KEY.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = S3_KEY.secretAccessKey;
  });
  afterEach(async () => {
    delete process.env.AWS_ACCESS_KEY_ID;
    delete process.env.AWS_SECRET_ACCESS_KEY;
    await server.stop();
  });
  return {
    get server() {
      return server;
    },
    bucket: (credentialsFile = null) =>
      s3Bodies({
        endpoint: server.endpoint,
        bucket: 'results',
        region: S3_KEY.region,
        prefix: 'team/',
        credentialsFile,
      }),
  };
}

/**
 * A bucket in memory that speaks as much of S3 as a store of bodies needs, and is as strict as S3 where it
 * matters: every request is signed (AWS Signature Version 4), and what is put has the digest that was signed.
 */
export class S3Server {
  readonly objects = new Map<string, Buffer>();
  /** When each was put. */
  readonly at = new Map<string, Date>();
  /** Answers so many requests with 503 first. */
  refuse = 0;
  readonly #server: Server;
  #port = 0;

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.#port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** ListObjectsV2, two objects a page, with a token that XML has to write otherwise. */
  #list({ pathname, searchParams }: URL): string {
    const prefix = searchParams.get('prefix') ?? '';
    const after = searchParams.get('continuation-token')?.slice('a&'.length) ?? '';
    const keys = [...this.objects.keys()].map((key) => key.slice(pathname.length + 1)).sort();
    const rest = keys.filter((key) => key.startsWith(prefix) && key > after);
    const page = rest.slice(0, 2).map((key) => {
      const at = this.at.get(`${pathname}/${key}`)!.toISOString();
      const size = this.objects.get(`${pathname}/${key}`)!.length;
      return `<Contents><Key>${key}</Key><LastModified>${at}</LastModified><Size>${size}</Size></Contents>`;
    });
    const token = rest.length > 2 ? `<NextContinuationToken>a&amp;${rest[1]}</NextContinuationToken>` : '';
    return `<ListBucketResult>${page.join('')}${token}</ListBucketResult>`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const failed = (status: number, code: string): void => {
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(`<Error><Code>${code}</Code></Error>`);
    };
    if (this.refuse > 0) {
      this.refuse -= 1;
      return failed(503, 'SlowDown');
    }
    if (!isSigned(request)) return failed(403, 'SignatureDoesNotMatch');
    const key = request.url ?? '';
    if (key.includes('?list-type=2&')) return void response.end(this.#list(new URL(key, this.endpoint)));
    if (request.method === 'PUT') {
      const signed = request.headers['x-amz-content-sha256'];
      if (createHash('sha256').update(body).digest('hex') !== signed)
        return failed(400, 'XAmzContentSHA256Mismatch');
      this.objects.set(key, body);
      this.at.set(key, new Date());
      response.end();
      return;
    }
    const object = this.objects.get(key);
    if (object === undefined) return failed(404, 'NoSuchKey');
    if (request.method === 'DELETE') {
      this.objects.delete(key);
      response.writeHead(204).end();
      return;
    }
    response.writeHead(200, {
      'content-length': object.length,
      'last-modified': this.at.get(key)!.toUTCString(),
    });
    response.end(request.method === 'HEAD' ? undefined : object);
  }
}

/**
 * The signature as the documentation of S3 computes it: "Authenticating Requests: Using the Authorization
 * Header".
 */
function isSigned({ method, url, headers }: IncomingMessage): boolean {
  const [, scope = '', names = '', signature = ''] =
    /Credential=[^/]+\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)/.exec(
      headers.authorization ?? '',
    ) ?? [];
  const [date = '', region = '', service = ''] = scope.split('/');
  const [path = '', query = ''] = (url ?? '').split('?');
  const signed = names.split(';');
  const canonical = [
    ...[method, path, query.split('&').sort().join('&')],
    ...signed.map((name) => `${name}:${String(headers[name]).trim()}`),
    ...['', names, headers['x-amz-content-sha256']],
  ].join('\n');
  const text = [
    'AWS4-HMAC-SHA256',
    ...[headers['x-amz-date'], scope, createHash('sha256').update(canonical).digest('hex')],
  ].join('\n');
  const hmac = (key: string | Buffer, data: string): Buffer =>
    createHmac('sha256', key).update(data).digest();
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(
    (before, part) => hmac(before, part),
    `AWS4${S3_KEY.secretAccessKey}`,
  );
  return region === S3_KEY.region && hmac(key, text).toString('hex') === signature;
}
