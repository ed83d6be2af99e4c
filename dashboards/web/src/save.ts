/** Hands a file to the reader; nothing leaves the machine. */
export function save(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The click has started the download; the address only has to outlive this turn.
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** @returns the SVG drawn on a canvas at twice its size, as PNG. */
export async function svgToPng(
  svg: string,
  width: number,
  height: number,
  background: string,
): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = width * 2;
  canvas.height = height * 2;
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser has no 2D canvas');
  context.fillStyle = background;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob === null ? reject(new Error('the canvas gave no image')) : resolve(blob)),
      'image/png',
    );
  });
}

/**
 * @returns the bytes of a `data:` address in base64; the page's policy lets nothing be fetched, not even
 *   that.
 */
export function dataUrlToBlob(url: string): Blob {
  const [head = '', body = ''] = url.split(',');
  const bytes = Uint8Array.from(atob(body), (c) => c.charCodeAt(0));
  return new Blob([bytes], { type: head.slice(5).split(';')[0] ?? '' });
}

/** @returns a name that every file system takes. */
export function fileName(text: string, extension: string): string {
  const safe = text.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '');
  return `${safe.slice(0, 80) || 'report'}${extension}`;
}
