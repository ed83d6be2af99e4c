import type { Payload } from '../../../report/payload.js';

/** Where this page's results come from. */
export type Origin =
  /** Out of the file itself: report.html. */
  | { readonly kind: 'embedded'; readonly payload: Payload }
  /** From the coordinator that served it. */
  | { readonly kind: 'live' }
  /** The template, which nobody has filled. */
  | { readonly kind: 'empty' };

/** @returns where the results are, with those that are inside the page. */
export async function readOrigin(): Promise<Origin> {
  const element = document.getElementById('ridgepoint-data');
  if (element?.dataset.source === 'live') return { kind: 'live' };
  const text = element?.textContent?.trim() ?? '';
  if (text === '') return { kind: 'empty' };
  const json = element?.dataset.encoding === 'gzip+base64' ? await inflate(text) : text;
  return { kind: 'embedded', payload: JSON.parse(json) as Payload };
}

/** @returns the text that a page carries packed. */
export async function inflate(base64: string): Promise<string> {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).text();
}
