import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';

/** Where the built page takes its data; `data-source` tells it where else to look. */
const DATA = '<script type="application/json" id="ridgepoint-data"></script>';
const TITLE = '<title>Ridgepoint report</title>';
const SCRIPT = /<script(?: type="module")?(?: crossorigin)?>([\s\S]*?)<\/script>/g;

/**
 * The rules of the page: scripts only by the hash of its own code; styles inline because charts set them on
 * the fly; images are data that the page makes itself (a chart on its way to a PNG); nothing else, whatever
 * the records hold.
 * @param connect where it may ask for data, e.g. `'self'`; null = nowhere
 */
export function contentPolicy(template: string, connect: string | null): string {
  const hashes = [...template.matchAll(SCRIPT)].map(([, code]) => `'sha256-${digest(code ?? '')}'`);
  const rules = [
    "default-src 'none'",
    `script-src ${hashes.join(' ')}`,
    "style-src 'unsafe-inline'",
    'img-src data: blob:',
    ...(connect === null ? [] : [`connect-src ${connect}`]),
    "base-uri 'none'",
    "form-action 'none'",
  ];
  return rules.join('; ');
}

/** @returns the built page with another title (as HTML) and with this element instead of its empty data. */
export function fillPage(template: string, title: string, dataElement: string): string {
  return template.replace(TITLE, () => `<title>${title}</title>`).replace(DATA, () => dataElement);
}

/** The page that asks whoever served it. */
export function livePage(template: string): string {
  const data = DATA.replace('></script>', ' data-source="live"></script>');
  return fillPage(template, 'Ridgepoint', data);
}

function digest(text: string): string {
  return btoa(String.fromCharCode(...sha256(utf8ToBytes(text))));
}
