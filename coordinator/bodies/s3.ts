import { openAsBlob, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { AwsClient } from 'aws4fetch';
import { type FailureError, failed } from '../../core/errors.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { type About, type BodyStore, KEPT_SECONDS } from './store.js';

export interface S3Options {
  /** `https://s3.eu-central-1.amazonaws.com`, or of whatever speaks the same. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  /** Put before the digests, as `ridgepoint/`. */
  readonly prefix: string;
  /** As `~/.aws/credentials`; null = AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. */
  readonly credentialsFile: string | null;
}

/** A server that does not answer at all is tried again so often, by aws4fetch, with pauses that double. */
const RETRIES = 4;
/** Half of what a file is kept for that nobody refers to yet. */
const FRESH_MILLISECONDS = 500 * KEPT_SECONDS;

/**
 * A bucket of anything that speaks S3, paths in the address (`ENDPOINT/BUCKET/PREFIXDIGEST`). The digest of
 * an object is signed with the request, so a server that follows the protocol refuses one that changed on its
 * way.
 * @throws FailureError where there are no credentials
 */
export function s3Bodies({ endpoint, bucket, region, prefix, credentialsFile }: S3Options): BodyStore {
  const client = new AwsClient({ ...credentials(credentialsFile), region, service: 's3', retries: RETRIES });
  const name = `the bucket ${bucket} at ${endpoint}`;
  const bucketUrl = `${endpoint.replace(/\/+$/, '')}/${encodeURIComponent(bucket)}`;
  const ask = (hex: string, init: RequestInit) => askAt(`${bucketUrl}/${prefix}${hex}`, init);
  const askAt = async (url: string, init: RequestInit): Promise<Response> => {
    try {
      return await client.fetch(url, init);
    } catch (error) {
      const { cause, message } = error as Error & { cause?: Error };
      throw unusable(name, cause?.message ?? message);
    }
  };
  const refused = async (response: Response): Promise<Error> =>
    unusable(name, `it answers ${response.status} ${codeIn(await response.text())}`);
  const statOf = async (hex: string): Promise<About | null> => {
    const response = await ask(hex, { method: 'HEAD' });
    await response.body?.cancel();
    if (response.status === 404) return null;
    if (!response.ok) throw unusable(name, `it answers ${response.status}`);
    const value = (header: string): string => response.headers.get(header) ?? '';
    return { bytes: Number(value('content-length')), at: Date.parse(value('last-modified')) };
  };
  return {
    name,
    async has(hex) {
      // An object cannot be said to be in use: an older one is put again.
      const found = await statOf(hex);
      return found !== null && Date.now() - found.at < FRESH_MILLISECONDS;
    },
    statOf,
    async *list() {
      for (let more: string | null = ''; more !== null; ) {
        const query = new URLSearchParams({
          'list-type': '2',
          prefix,
          ...(more !== '' && { 'continuation-token': more }),
        });
        const response = await askAt(`${bucketUrl}?${query}`, { method: 'GET' });
        if (!response.ok) throw await refused(response);
        const xml = await response.text();
        for (const [, object = ''] of xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
          const hex = /^[0-9a-f]{64}$/.exec((textIn(object, 'Key') ?? '').slice(prefix.length))?.[0];
          if (hex === undefined) continue;
          yield {
            hex,
            bytes: Number(textIn(object, 'Size')),
            at: Date.parse(textIn(object, 'LastModified') ?? ''),
          };
        }
        more = textIn(xml, 'NextContinuationToken');
      }
    },
    async remove(hex) {
      const response = await ask(hex, { method: 'DELETE' });
      if (!response.ok && response.status !== 404) throw await refused(response);
      await response.body?.cancel();
    },
    async put(hex, path) {
      const body = await openAsBlob(path);
      const response = await ask(hex, { method: 'PUT', body, headers: { 'x-amz-content-sha256': hex } });
      if (!response.ok) throw await refused(response);
      await response.body?.cancel();
    },
    async open(hex) {
      const response = await ask(hex, { method: 'GET' });
      if (response.ok && response.body !== null) {
        return Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
      }
      if (response.status === 404) return null;
      throw await refused(response);
    },
  };
}

function credentials(file: string | null): {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
} {
  const text = file === null ? null : textOf(file);
  const value = (name: string): string | undefined =>
    text === null
      ? process.env[name.toUpperCase()]
      : new RegExp(`^\\s*${name}\\s*=\\s*(\\S+)\\s*$`, 'm').exec(text)?.[1];
  const [accessKeyId, secretAccessKey] = [value('aws_access_key_id'), value('aws_secret_access_key')];
  const sessionToken = value('aws_session_token');
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const where =
      file === null ? 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set' : `${file} has no key`;
    throw failed(
      'internal',
      `There are no credentials for S3: ${where}.`,
      'Set the two variables, or name a file like ~/.aws/credentials as `credentialsFile`.',
    );
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw failed('internal', `The credentials ${file} cannot be read: ${fileProblem(error)}.`);
  }
}

/** The code of an error of S3, which is XML. */
function codeIn(text: string): string {
  return textIn(text, 'Code') ?? '';
}

/** @returns what a tag holds; S3 writes `&` in a token of a list, and nothing else of XML's. */
function textIn(xml: string, tag: string): string | null {
  const text = new RegExp(`<${tag}>([^<]{1,2000})</${tag}>`).exec(xml)?.[1];
  return text?.replaceAll('&amp;', '&') ?? null;
}

function unusable(name: string, what: string): FailureError {
  const hint = 'Check endpoint, bucket and credentials; agents keep what they could not bring.';
  return failed('internal', `Answers cannot be kept in ${name}: ${what.trim()}.`, hint);
}
