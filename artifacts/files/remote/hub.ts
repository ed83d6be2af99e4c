import { z } from 'zod';
import { type FailureError, failed } from '../../../core/errors.js';
import type { HubSource } from '../../../core/models/remote.js';
import { orElse } from '../../../core/or-else.js';
import { Gathered } from '../../../proto/http/gathered.js';
import { arriving } from './arriving.js';
import { chooseFiles, type HubFile } from './choose.js';
import type { Place } from './places.js';
import { atEndpoint } from './policy.js';
import { type Asking, ask, hostOf } from './request.js';
import { refuseStatus } from './status.js';

/** Of all pages together. */
const MAX_LISTING_BYTES = 16 * 2 ** 20;
const MAX_PAGES = 50;

/**
 * GET /api/models/OWNER/REPOSITORY/tree/REVISION: one entry a file; `lfs.oid` is the SHA-256 of the content.
 */
const entrySchema = z.object({
  type: z.string(),
  path: z.string(),
  size: z.number().optional(),
  lfs: z.object({ oid: z.string(), size: z.number() }).optional(),
});

/**
 * Asks a hub which file a source means, or which files of a split model or of a folder.
 * @throws FailureError `model-missing` with the candidates, `source-not-allowed`;
 * Interrupted for the network.
 */
export async function findOnHub(source: HubSource, asking: Asking): Promise<readonly Place[]> {
  const { owner, repository, revision, file } = source;
  const endpoint = asking.policy.hfEndpoint;
  const where = `${owner}/${repository}${revision === 'main' ? '' : `@${revision}`}`;
  const at = encodeURIComponent(revision);
  const listing = `${endpoint}api/models/${owner}/${repository}/tree/${at}?recursive=true`;
  const { files, folder } = chooseFiles(await listFiles(listing, where, asking), file, where);
  return files.map(({ path, bytes, digest }) => {
    const steps = path.split('/').map(encodeURIComponent).join('/');
    const address = `${endpoint}${owner}/${repository}/resolve/${at}/${steps}`;
    return { address, name: folder ? path : null, bytes, digest };
  });
}

async function listFiles(first: string, where: string, asking: Asking): Promise<HubFile[]> {
  const files: HubFile[] = [];
  let next: string | null = first;
  let room = MAX_LISTING_BYTES;
  for (let page = 0; next !== null && page < MAX_PAGES; page++) {
    const answer = await ask(next, { accept: 'application/json' }, asking);
    try {
      if (answer.status !== 200) refuseStatus(answer, hostOf(next), where);
      const gathered = new Gathered(room);
      for await (const chunk of arriving(answer, next, asking))
        if (!gathered.push(chunk)) throw tooLong(next);
      room -= gathered.length;
      const listed = orElse(() => JSON.parse(gathered.take()), null);
      const entries = z.array(entrySchema).safeParse(listed);
      if (!entries.success) throw strange(next);
      for (const { type, path, size, lfs } of entries.data) {
        if (type !== 'file') continue;
        const digest = lfs !== undefined && /^[0-9a-f]{64}$/.test(lfs.oid) ? `sha256:${lfs.oid}` : null;
        files.push({ path, bytes: lfs?.size ?? size ?? 0, digest });
      }
      next = nextPage(answer.headers.link, next, asking);
    } finally {
      answer.body.destroy();
    }
  }
  return files;
}

/** Long listings come in pages: `Link: <address>; rel="next"`. */
function nextPage(link: string | string[] | undefined, from: string, { policy }: Asking): string | null {
  const target = typeof link === 'string' ? /<([^>]+)>;\s*rel="next"/.exec(link)?.[1] : undefined;
  if (target === undefined) return null;
  const url = new URL(target, from);
  return atEndpoint(url, policy) ? url.href : null;
}

function tooLong(address: string): FailureError {
  const message = `${hostOf(address)} lists files in more than ${MAX_LISTING_BYTES} bytes`;
  return failed('model-missing', message, 'Name a file of a smaller repository.');
}

function strange(address: string): FailureError {
  const message = `${hostOf(address)} does not list files as a hub does`;
  return failed('model-missing', message, 'Look at sources.hfEndpoint in the agent’s config.');
}
