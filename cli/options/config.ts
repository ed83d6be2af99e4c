import type { AgentFile } from '../../agent/config.js';

/** What the words of a command say of what this machine may open. */
export interface NodeOptions {
  /** An agent's configuration file. */
  readonly config?: string;
  readonly allowHf?: true;
  /** Servers by name, before those of the file: what was said on the command line of one that runs. */
  readonly servers?: AgentFile['servers'];
}

/** For commands that open models: what an agent may fetch, they may fetch with the same file. */
export const CONFIG_OPTION = [
  '--config <file>',
  'agent configuration file; its `modelFolders`, `sources`, `scorers` and `power` apply (default: no downloads, external scorers or power settings)',
] as const;

/** For commands that say, or measure, what rows of this machine have. */
export const ENERGY_OPTION = [
  '--energy <source>',
  'energy source: auto, none, or replay:FILE for a recorded trace',
  'auto',
] as const;

/** Of the person at this machine alone: an agent of a fleet has its configuration. */
export const ALLOW_HF_OPTION = [
  '--allow-hf',
  'fetch models that are named by hf:, as `sources: { hf: true }` in the configuration file does',
] as const;
