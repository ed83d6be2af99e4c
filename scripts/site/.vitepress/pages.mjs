import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** Pages beside docs/, in the order of the sidebar; SECURITY.md is not in every checkout. */
const AT_THE_ROOT = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'].filter(
  (page) => existsSync(join(root, page)),
);

/** Every page of the site, by its path in the repository. */
export const pages = [
  ...AT_THE_ROOT,
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => posix.join('docs', name))
    .sort(),
];

/** Where a page is in the site, from the base on. README.md is the page of its folder. */
export const addressOf = (page) => `/${page.replace(/(^|\/)README\.md$/, '$1').replace(/\.md$/, '.html')}`;

const textOf = (page) => readFileSync(join(root, page), 'utf8');

/** Its first heading, without marks. */
export function titleOf(page) {
  const [, title] = /^# (.+)$/m.exec(textOf(page)) ?? [];
  if (title === undefined) throw new Error(`${page} has no heading of the first level, which is its name`);
  return title.replaceAll('`', '');
}

const itemOf = (page) => ({ text: titleOf(page), link: addressOf(page) });

/**
 * The groups of docs/README.md: each of its paragraphs that begins with a bold word, with the pages it links
 * to. A page is listed where it is linked first. Throws for a page of docs/ that no group has.
 */
export function sidebar() {
  const index = 'docs/README.md';
  const listed = new Set([...AT_THE_ROOT, index]);
  const groups = textOf(index)
    .split(/\n{2,}/)
    .flatMap((paragraph) => {
      const [, text] = /^\*\*([^*]+)\*\*:/.exec(paragraph) ?? [];
      if (text === undefined) return [];
      const linked = [...paragraph.matchAll(/\]\(([^)#\s]+\.md)\)/g)].map(([, to]) => posix.join('docs', to));
      const own = linked.filter((page) => !listed.has(page) && listed.add(page));
      return [{ text, items: own.map(itemOf), collapsed: false }];
    });
  const decisions = pages.filter((page) => page.startsWith('docs/decisions/'));
  const missing = pages.filter((page) => !listed.has(page) && !decisions.includes(page));
  if (missing.length > 0) throw new Error(`${index} has no link to ${missing.join(', ')}`);
  const [home, ...project] = AT_THE_ROOT.map(itemOf);
  return [
    { items: [{ ...home, text: 'Overview' }, itemOf(index)] },
    ...groups,
    { text: 'Project', items: project, collapsed: false },
    { text: 'Decisions', items: decisions.map(itemOf), collapsed: true },
  ];
}

/**
 * What a relative link of a page leads to: `{ page }`, or `{ file }`, which the site does not have. A folder
 * of pages is its first page, beside which the sidebar lists the others. Throws where nothing is.
 */
export function targetOf(page, path) {
  const target = posix.join(posix.dirname(page), decodeURI(path)).replace(/\/$/, '');
  if (pages.includes(target)) return { page: target };
  const full = join(root, target);
  if (target.startsWith('..') || !existsSync(full))
    throw new Error(`${page} links to ${path}, which is not there`);
  const first = pages.find((other) => posix.dirname(other) === target);
  return statSync(full).isDirectory() && first !== undefined ? { page: first } : { file: target };
}
