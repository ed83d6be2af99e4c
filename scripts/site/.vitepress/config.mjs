import { readdirSync } from 'node:fs';
import { slug } from 'github-slugger';
import { defineConfig } from 'vitepress';
import { checkLinks } from './links.mjs';
import { literalBraces, repositoryLinks } from './markdown.mjs';
import { pages, root, sidebar } from './pages.mjs';

export default defineConfig({
  title: 'Ridgepoint',
  description: 'A distributed efficiency profiler for language-model inference',
  lang: 'en',
  // Pages are read where they lie, so that files, GitHub and the site show the same text.
  srcDir: '../..',
  srcExclude: readdirSync(root)
    .filter((name) => name !== 'docs' && !pages.includes(name))
    .flatMap((name) => [name, `${name}/**`]),
  rewrites: { 'README.md': 'index.md', 'docs/README.md': 'docs/index.md' },
  outDir: '../../dist/site',
  cacheDir: 'node_modules/.vitepress',
  // Icons and fonts are those of the reader's system.
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    // Links name headings as GitHub does.
    anchor: { slugify: slug },
    config: (markdown) => {
      repositoryLinks(markdown, process.env.SITE_SOURCE ?? '');
      literalBraces(markdown);
    },
  },
  themeConfig: {
    nav: [
      { text: 'The first minute', link: '/docs/start.html' },
      { text: 'Documentation', link: '/docs/' },
    ],
    sidebar: sidebar(),
    outline: [2, 3],
    search: {
      provider: 'local',
      // What its users need comes before what its engineers wrote down.
      options: {
        miniSearch: {
          searchOptions: {
            boostDocument: (address) =>
              /\/(?:decisions\/|CHANGELOG|CONTRIBUTING|ARCHITECTURE|docs\/tour)/.test(address) ? 0.3 : 1,
          },
        },
      },
    },
    externalLinkIcon: true,
  },
  // The index of the search is read when a search begins.
  vite: { build: { chunkSizeWarningLimit: 1500 } },
  buildEnd: ({ outDir, site }) => checkLinks(outDir, site.base),
});
