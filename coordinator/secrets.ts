import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { FailureError, failure } from '../core/errors.js';
import { fileProblem } from '../core/input/file-problem.js';
import type { ServerSecurity } from '../proto/security.js';
import { type ResolvedConfig, tokensSchema, wrong } from './config.js';

/** Reads the files that the configuration names. @throws FailureError that says which one and why. */
export function loadSecurity(config: ResolvedConfig['security']): ServerSecurity {
  switch (config.kind) {
    case 'plaintext':
      return { kind: 'plaintext' };
    case 'mutual-tls':
      return {
        kind: 'mutual-tls',
        ca: read(config.caFile, 'CA'),
        certificate: read(config.certificateFile, 'certificate'),
        key: read(config.keyFile, 'key'),
        grants: config.grants,
      };
    case 'token': {
      const tokens = tokensSchema.safeParse(parseYaml(read(config.tokensFile, 'token list').toString()));
      if (!tokens.success) throw wrong(config.tokensFile, tokens.error);
      return {
        kind: 'token',
        certificate: read(config.certificateFile, 'certificate'),
        key: read(config.keyFile, 'key'),
        grants: tokens.data,
      };
    }
  }
}

function read(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FailureError(
      failure('internal', `The ${what} file ${path} cannot be read: ${fileProblem(error)}.`, {
        hint: 'Check the path and who may read it.',
      }),
    );
  }
}
