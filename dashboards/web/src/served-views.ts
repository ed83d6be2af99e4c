import { createContext } from 'preact';
import type { ServedView } from '../../../report/served.js';

/**
 * What servers did under load, by trial id, where the page has it without the requests (report.html); null =
 * whole trials have them.
 */
export const ServedViews = createContext<Readonly<Record<string, ServedView>> | null>(null);
