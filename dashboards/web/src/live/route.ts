import { useEffect, useState } from 'preact/hooks';
import { orElse } from '../../../../core/or-else.js';

/** Pages of the live view; the address keeps them after its `#`, so that the coordinator serves one page. */
export type Route =
  | { readonly page: 'sweeps' }
  | { readonly page: 'fleet' }
  | { readonly page: 'drift' }
  | { readonly page: 'sweep'; readonly sweepId: string };

/** @returns the page that an address means; what is not known is the list of sweeps. */
export function routeOf(hash: string): Route {
  const [page = '', id = ''] = hash.replace(/^#\/?/, '').split('/');
  if (page === 'fleet' || page === 'drift') return { page };
  if (page === 'sweeps' && id !== '') return { page: 'sweep', sweepId: decode(id) };
  return { page: 'sweeps' };
}

export function hrefOf(route: Route): string {
  return route.page === 'sweep' ? `#/sweeps/${encodeURIComponent(route.sweepId)}` : `#/${route.page}`;
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = () => setHash(location.hash);
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }, []);
  return routeOf(hash);
}

function decode(text: string): string {
  return orElse(() => decodeURIComponent(text), text);
}
