import { useEffect, useState } from 'preact/hooks';

/** The page is as narrow as a phone; the style sheets have the same width. */
export const NARROW = '(max-width: 720px)';

/** @returns whether a query of media holds, as long as it does. */
export function useMedia(media: string): boolean {
  const [holds, setHolds] = useState(() => matchMedia(media).matches);
  useEffect(() => {
    const query = matchMedia(media);
    const follow = () => setHolds(query.matches);
    query.addEventListener('change', follow);
    return () => query.removeEventListener('change', follow);
  }, [media]);
  return holds;
}
