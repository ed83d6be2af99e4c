import type { Payload } from '../../../core/report/payload.js';

/** @returns the payload inside the page, or null where the page was not filled. */
export async function readPayload(): Promise<Payload | null> {
  const element = document.getElementById('ridgepoint-data');
  const text = element?.textContent?.trim() ?? '';
  if (text === '') return null;
  return JSON.parse(element?.dataset.encoding === 'gzip+base64' ? await inflate(text) : text) as Payload;
}

async function inflate(base64: string): Promise<string> {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).text();
}
