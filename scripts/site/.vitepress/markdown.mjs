import { addressOf, targetOf } from './pages.mjs';

/** An address of its own, a place on the same page, or a mail address. */
const ELSEWHERE = /^(?:[a-z][a-z+.-]*:|#)/i;

/**
 * Makes links between files links between pages. What is no page of the site (source, examples, schemas) is
 * read in the repository, at the commit that the site was built from: `source` is the address of its files
 * there. Copies in the site would be served as programs or downloads, without their neighbours. Where the
 * address is not given, such a link stays as its text.
 */
export function repositoryLinks(markdown, source) {
  markdown.core.ruler.push('repository-links', ({ tokens, env }) => {
    for (const { children } of tokens) {
      let unlinked = false;
      for (const token of children ?? []) {
        if (token.type === 'link_close' && unlinked) {
          Object.assign(token, { type: 'text', tag: '', nesting: 0, content: '' });
          unlinked = false;
        }
        const href = token.type === 'link_open' ? token.attrGet('href') : null;
        if (href === null || ELSEWHERE.test(href)) continue;
        const [path, place] = href.split('#');
        const { page, file } = targetOf(env.relativePath, path);
        if (page !== undefined)
          token.attrSet('href', `${addressOf(page)}${place === undefined ? '' : `#${place}`}`);
        else if (source !== '') token.attrSet('href', `${source}/${file}`);
        else {
          Object.assign(token, { type: 'text', tag: '', nesting: 0, content: '' });
          unlinked = true;
        }
      }
    }
  });
}

/**
 * Shows `{{name}}` of templates in text and inline code as it stands; VitePress would run it as a program.
 */
export function literalBraces({ renderer: { rules } }) {
  for (const name of ['text', 'code_inline']) {
    const original = rules[name];
    rules[name] = (...args) => original(...args).replaceAll('{{', '&#123;&#123;');
  }
}
