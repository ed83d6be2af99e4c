import { z } from 'zod';
import { agentFileSchema, loadAgentConfig } from '../../agent/config.js';
import { coordinatorConfigSchema, readConfig } from '../../coordinator/config.js';
import { operatorSettingsSchema, readSettings } from '../../operator/settings.js';
import type { SettingsWord } from './words.js';

/** A file of settings that a process of Ridgepoint reads. */
interface SettingsFile {
  /** Who reads it, as the name of its command. */
  readonly command: string;
  readonly schema: z.ZodObject;
  /** Reads a file as the process itself does, its environment left aside. @throws where it is refused. */
  readonly read: (file: string) => unknown;
}

export const SETTINGS_FILES: Readonly<Record<SettingsWord, SettingsFile>> = {
  coordinator: {
    command: 'ridge coordinator',
    schema: coordinatorConfigSchema,
    read: (file) => readConfig({}, {}, file),
  },
  agent: {
    command: 'ridge agent',
    schema: agentFileSchema,
    read: (file) => loadAgentConfig({ file, env: {} }),
  },
  operator: {
    command: 'ridge operator',
    schema: operatorSettingsSchema,
    read: (file) => readSettings(file, {}),
  },
};

/** @returns the published JSON Schema of such a file, made from the schema that checks it. */
export function settingsJsonSchema(kind: SettingsWord): z.core.JSONSchema.BaseSchema {
  const { command, schema } = SETTINGS_FILES[kind];
  const made = z.toJSONSchema(schema, {
    io: 'input',
    // A default that is a place of this machine is none of the next one; its description names it.
    override: ({ zodSchema, jsonSchema }) => {
      if (kind === 'coordinator' && zodSchema === coordinatorConfigSchema.shape.log)
        delete jsonSchema.default;
    },
  });
  return { ...made, title: `Settings of ridge ${kind}`, description: `What \`${command} --config\` reads.` };
}
