import { isLoopbackHost } from '../loopback.js';
import { withoutEnding } from './formats.js';

/** A model that has to be fetched first, as a sweep names it. Whether a node may is for its config to say. */
export type RemoteSource = WebSource | HubSource;

export interface WebSource {
  readonly kind: 'web';
  /** Normal form, without the fragment. */
  readonly url: string;
  /** `sha256:<hex>` from `#sha256=`. */
  readonly digest: string | null;
}

/** A file of a repository on the Hugging Face hub, or on a server that speaks like it. */
export interface HubSource {
  readonly kind: 'hub';
  readonly owner: string;
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** A file's path, or a quantization that names one: `Q4_K_M`; null when there is only one file. */
  readonly file: string | null;
  readonly digest: string | null;
}

export type RemoteReading =
  | { readonly ok: true; readonly remote: RemoteSource }
  | { readonly ok: false; readonly reason: string; readonly hint: string };

const SCHEME = /^(?:https?|hf):/i;
const DIGEST = /#sha256=([0-9a-f]{64})$/i;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/;
const REVISION = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/;
const DEFAULT_REVISION = 'main';

const HUB_HINT = 'Write hf:owner/repository:FILE.gguf or hf:owner/repository@revision:Q4_K_M.';
const WEB_HINT =
  'Write https://host/path/model.gguf, with #sha256= and 64 hex digits behind it to be sure of the file.';

export function isRemote(source: string): boolean {
  return SCHEME.test(source);
}

/**
 * @returns the `hf:` source that somebody meant who wrote a repository of the hub as its pages do,
 *   `Qwen/Qwen3-0.6B`; null for other words.
 */
export function hubSource(text: string): string | null {
  const id = text
    .replace(/^(?:https?:\/\/)?(?:www\.)?huggingface\.co\//i, '')
    .replace(/\/(?:tree\/main)?\/?$/, '');
  const [, repository = ''] = /^[^/:@]+\/([^/:@]+)(?:@[^:]+)?(?::.+)?$/.exec(id) ?? [];
  if (withoutEnding(repository) !== repository || /\.(?:ya?ml|jsonl?|txt|bin|html)$/i.test(repository))
    return null;
  return readHub(`hf:${id}`, null).ok ? `hf:${id}` : null;
}

/**
 * Reads `https://host/model.gguf[#sha256=…]` or
 * `hf:owner/repository[@revision][:file-or-quantization][#sha256=…]`. Plain http is for this machine alone:
 * anybody on the way could change the file.
 */
export function readRemote(source: string): RemoteReading {
  const hex = DIGEST.exec(source)?.[1] ?? null;
  const digest = hex === null ? null : `sha256:${hex.toLowerCase()}`;
  const address = source.replace(DIGEST, '');
  if (address.includes('#')) {
    const reason = `what follows # in ${source} is not sha256= and 64 hex digits`;
    return { ok: false, reason, hint: WEB_HINT };
  }
  return address.toLowerCase().startsWith('hf:') ? readHub(address, digest) : readWeb(address, digest);
}

function readWeb(address: string, digest: string | null): RemoteReading {
  const refused = (reason: string, hint = WEB_HINT): RemoteReading => ({ ok: false, reason, hint });
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return refused(`${address} is not an address`);
  }
  if (url.protocol !== 'https:' && !isLoopbackHost(url.hostname))
    return refused(`${address} would be fetched in plain text, which only this machine allows`, 'Use https.');
  if (url.username !== '' || url.password !== '')
    return refused('an address in a sweep holds no name or password: sweeps are kept and shown');
  if (hidesSeparator(url)) return refused(`${address} hides a separator in its path`);
  const meant = url.hostname.toLowerCase() === 'huggingface.co' ? hubSource(address) : null;
  if (meant !== null) return refused(`${address} is a page of a repository, no file`, `Write ${meant}.`);
  return { ok: true, remote: { kind: 'web', url: url.href, digest } };
}

function readHub(address: string, digest: string | null): RemoteReading {
  const [, owner = '', repository = '', revision = DEFAULT_REVISION, file = null] =
    /^hf:([^/:@]+)\/([^/:@]+)(?:@([^:]+))?(?::(.+))?$/i.exec(address) ?? [];
  const known = NAME.test(owner) && NAME.test(repository) && REVISION.test(revision);
  if (!known || revision.split('/').includes('..'))
    return { ok: false, reason: `${address} does not name a repository`, hint: HUB_HINT };
  if (file !== null && !isPath(file))
    return { ok: false, reason: `${address} does not name a file of a repository`, hint: HUB_HINT };
  return { ok: true, remote: { kind: 'hub', owner, repository, revision, file, digest } };
}

/** Printable, relative, and without a way up. */
function isPath(file: string): boolean {
  const steps = file.split('/');
  return (
    file.length <= 500 &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    !/[\u0000-\u001f\u007f\\?%]/.test(file) &&
    steps.every((step) => step !== '' && step !== '.' && step !== '..')
  );
}

/**
 * @returns whether some server may read a way up in the path, where an allow list sees one name: a separator
 *   that is encoded, once or several times, or a parameter beside dots.
 */
export function hidesSeparator({ pathname }: URL): boolean {
  return /%(25)*(2f|5c|00)|%(25)+2e|\/\.\.?;/i.test(pathname);
}
