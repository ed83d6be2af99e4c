import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileServer } from './file-server.js';
import { temporaryFolder } from './folder.js';

const sha256 = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * A hub: lists the files of `o/r`, and redirects downloads to a store of its own.
 * @returns what of a config lets a node ask it, a token included.
 */
export async function hub(files: Record<string, Buffer>) {
  const [api, store] = [await new FileServer().start(), await new FileServer().start()];
  const listing = Object.entries(files).map(([path, bytes]) => ({
    type: 'file',
    path,
    size: bytes.length,
    lfs: { oid: sha256(bytes).slice(7), size: bytes.length },
  }));
  api.on.set('/api/models/o/r/tree/main', (request, response) => {
    // In two pages, as long listings come.
    const second = request.url?.includes('cursor') === true;
    const link = `<${api.url}api/models/o/r/tree/main?cursor=2>; rel="next"`;
    response.writeHead(200, second ? {} : { link });
    response.end(
      JSON.stringify(second ? listing.slice(1) : [{ type: 'directory', path: 'x' }, ...listing.slice(0, 1)]),
    );
  });
  for (const [path, bytes] of Object.entries(files)) {
    const signed = store.put(`/stored/${path}`, bytes);
    api.on.set(`/o/r/resolve/main/${path}`, (_, response) =>
      response
        .writeHead(302, { location: `${signed}?signed=1`, 'x-linked-etag': `"${sha256(bytes).slice(7)}"` })
        .end(),
    );
  }
  const tokenFile = join(temporaryFolder(), 'token');
  writeFileSync(tokenFile, 'secret\n');
  const sources = { hf: true, hfEndpoint: api.url, hfTokenFile: tokenFile, hfRedirects: ['127.0.0.1'] };
  return { api, store, sources };
}
