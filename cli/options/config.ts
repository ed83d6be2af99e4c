/** For commands that open models: what an agent may fetch, they may fetch with the same file. */
export const CONFIG_OPTION = [
  '--config <file>',
  'agent configuration file; its `sources`, `scorers` and `power` apply (default: no downloads, external scorers or power settings)',
] as const;
