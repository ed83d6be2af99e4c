import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serverFindings } from '../../../cli/doctor/doctor.js';
import { readPrices } from '../../../cli/prices/prices.js';
import { createProgram } from '../../../cli/program.js';
import { configuredServers } from '../../../engines/servers/config.js';
import { temporaryFolder } from '../../support/folder.js';

test('doctor names what compiles a server that is not here, where there is such a thing', () => {
  // As where none was compiled.
  const found = configuredServers({}).map((server) => ({
    server: { ...server, command: server.profile.command },
    ok: false,
    found: 'not there',
    hint: null,
  }));
  expect(serverFindings(found)).toEqual([
    expect.objectContaining({
      name: 'other servers',
      found: expect.stringMatching(
        /^not on the PATH: llama-server \(`ridge engines build server` compiles one\), .*\bvllm\b(?! \()/,
      ),
    }),
  ]);
});

test('drift takes a metric by the head of its column', async () => {
  const words = ['drift', 'a', '--metric', 'decode', '--metric', 'prefillTokensPerSecond'];
  const command = (await createProgram(words)).commands[0]!;
  command.parseOptions(words.slice(1));
  expect(command.opts().metric).toEqual(['decodeTokensPerSecond', 'prefillTokensPerSecond']);
});

test('prices that are no YAML say where they break, and nothing of keys that nobody read', () => {
  const path = join(temporaryFolder(), 'prices.yaml');
  writeFileSync(path, 'currency: [\n');
  expect(() => readPrices(path)).toThrow(/^\S+prices\.yaml:2 YAML: [^\n]+$/);
});
