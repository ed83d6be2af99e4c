/** Where things listen and look when nobody says otherwise; loopback, since plain text goes no further. */
export const DEFAULT_COORDINATOR = '127.0.0.1:7117';
export const DEFAULT_COORDINATOR_WEB = '127.0.0.1:7118';
export const DEFAULT_COORDINATOR_METRICS = '127.0.0.1:9464';
export const DEFAULT_AGENT_METRICS_PORT = 9465;
