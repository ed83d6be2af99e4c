/** For commands that open models: what an agent may fetch, they may fetch with the same file. */
export const CONFIG_OPTION = [
  '--config <file>',
  'agent configuration whose `sources` hold here, too: what may be fetched (default: nothing)',
] as const;
