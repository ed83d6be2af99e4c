import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

interface Group {
  readonly items: readonly { readonly link: string }[];
}

/** What the site is made with, as far as it needs no generator. */
const room = join(import.meta.dirname, '../scripts/site/.vitepress');
const { pages, addressOf, sidebar, targetOf } = (await import(join(room, 'pages.mjs'))) as {
  pages: readonly string[];
  addressOf(page: string): string;
  sidebar(): readonly Group[];
  targetOf(page: string, path: string): { page: string } | { file: string };
};
const { checkLinks } = (await import(join(room, 'links.mjs'))) as {
  checkLinks(folder: string, base: string): void;
};

describe('the site of the documentation', () => {
  test('docs/README.md links to every page of docs/, and the sidebar has each once', () => {
    const listed = sidebar().flatMap(({ items }) => items.map(({ link }) => link));
    expect([...listed].sort()).toEqual(pages.map(addressOf).sort());
  });

  test('a link leads to a page, to the first page of a folder, or to a file of the repository', () => {
    expect(targetOf('docs/web.md', '../README.md')).toEqual({ page: 'README.md' });
    expect(addressOf('docs/README.md')).toBe('/docs/');
    expect(targetOf('docs/README.md', 'decisions')).toEqual({
      page: 'docs/decisions/0001-one-package-few-rooms.md',
    });
    expect(targetOf('docs/README.md', 'examples')).toEqual({ file: 'docs/examples' });
    expect(targetOf('docs/tour.md', '../agent/main.ts')).toEqual({ file: 'agent/main.ts' });
    expect(() => targetOf('docs/tour.md', 'nowhere.md')).toThrow(
      'docs/tour.md links to nowhere.md, which is not there',
    );
    expect(() => targetOf('README.md', '../outside')).toThrow('README.md links to ../outside');
  });

  test('a link to a page, a heading or a picture that is not in it fails the build', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-site-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const write = (name: string, text: string) => {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    };
    write('docs/web.html', '<h2 id="token">A token</h2><a href="#token">1</a>');
    const alive = '<a href="/x/docs/web.html#token">2</a> <a href="https://example.org/none">3</a>';
    write('index.html', alive);
    expect(() => checkLinks(folder, '/x/')).not.toThrow();
    write(
      'index.html',
      `${alive} <a href="/x/docs/no.html">4</a> <a href="docs/web.html#no">5</a> <img src="/x/no.png">`,
    );
    expect(() => checkLinks(folder, '/x/')).toThrow(
      [
        'dead links:',
        'index.html: /x/docs/no.html',
        'index.html: docs/web.html#no',
        'index.html: /x/no.png',
      ].join('\n  '),
    );
  });
});
