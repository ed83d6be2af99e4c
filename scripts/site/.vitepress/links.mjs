import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Throws for links of the built site, in `folder` and served under `base`, that lead nowhere in it. */
export function checkLinks(folder, base) {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = new Set(names.map((name) => `${base}${name}`));
  const texts = new Map(
    names
      .filter((name) => name.endsWith('.html'))
      .map((name) => [`${base}${name}`, readFileSync(join(folder, name), 'utf8')]),
  );
  const ids = new Map(
    [...texts].map(([file, text]) => [
      file,
      new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)),
    ]),
  );
  const dead = new Set();
  for (const [file, text] of texts) {
    for (const [, link] of text.matchAll(/ (?:href|src)="([^"]+)"/g)) {
      const { protocol, pathname, hash } = new URL(link.replaceAll('&amp;', '&'), `file://${file}`);
      if (protocol !== 'file:') continue;
      const target = decodeURI(pathname.endsWith('/') ? `${pathname}index.html` : pathname);
      const place = decodeURIComponent(hash.slice(1));
      if (!files.has(target) || (place !== '' && ids.has(target) && !ids.get(target).has(place)))
        dead.add(`${file.slice(base.length)}: ${link}`);
    }
  }
  if (dead.size > 0) throw new Error(`dead links:\n  ${[...dead].join('\n  ')}`);
}
