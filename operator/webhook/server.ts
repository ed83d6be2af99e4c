import { join } from 'node:path';
import { type HttpServer, openHttp } from '../../proto/http/server.js';
import { followFiles, pairOf, readPair } from '../../proto/server-files.js';
import { answerReview } from './review.js';
import { Turns } from './turns.js';

/** Where the webhook is, and the folder with its tls.crt and tls.key. */
export interface WebhookSettings {
  readonly address: string;
  readonly certificateFolder: string;
}

export const REVIEW_PATH = '/review';
/** The API server takes requests of 3 MiB, and a review of a change has the object before and after it. */
const MOST_BYTES = 8 * 1024 * 1024;
/** Reviews at a time; to read the largest Sweep takes a second, and the API server waits for five. */
const MOST_WAITING = 20;
/** How often the certificate is looked at. */
const RENEW_SECONDS = 10;

/**
 * Serves the validating webhook: HTTPS, and POST at one path. The API server shows no credentials unless its
 * own configuration names some, so whoever reaches the address may ask; all that is told is what is wrong
 * with the Sweep that came with the question.
 * @param tell is told of a certificate that was renewed and cannot be read.
 * @throws FailureError for a certificate that cannot be read; WireError for an address that is taken.
 */
export async function serveWebhook(
  { address, certificateFolder }: WebhookSettings,
  tell: (sentence: string) => void,
): Promise<HttpServer> {
  const files = {
    certificateFile: join(certificateFolder, 'tls.crt'),
    keyFile: join(certificateFolder, 'tls.key'),
  };
  const followed = await followFiles(
    () => readPair(files),
    // No token opens anything: the one route asks for none.
    ([certificate = '', key = '']) => ({ kind: 'token', ...pairOf(files, certificate, key), grants: [] }),
    RENEW_SECONDS,
    tell,
  );
  const { app, listen } = openHttp(address, followed.security);
  const turns = new Turns(MOST_WAITING);
  app.post(
    REVIEW_PATH,
    { bodyLimit: MOST_BYTES, config: { access: 'public', bodyBytes: MOST_BYTES } },
    async ({ body }) => await turns.take(() => answerReview(body)),
  );
  try {
    const server = await listen();
    return {
      url: server.url,
      close: async () => {
        followed.close();
        await server.close();
      },
    };
  } catch (error) {
    followed.close();
    throw error;
  }
}
