/** For commands that open models: what an agent may fetch, they may fetch with the same file. */
export const CONFIG_OPTION = [
  '--config <file>',
  'agent configuration whose `sources`, `scorers` and `power` hold here, too (default: nothing is fetched, started or set)',
] as const;
