import { writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AgentConfigError, type AgentFile, loadAgentConfig } from '../../../agent/config.js';
import { temporaryFolder } from '../../support/folder.js';

function file(text: string): string {
  const path = join(temporaryFolder(), 'agent.yaml');
  writeFileSync(path, text);
  return path;
}

function errors(sources: Parameters<typeof loadAgentConfig>[0]): readonly string[] {
  try {
    loadAgentConfig(sources);
  } catch (error) {
    if (error instanceof AgentConfigError) return error.errors;
    throw error;
  }
  throw new Error('no error was found');
}

describe('the agent’s config', () => {
  test('needs nothing', () => {
    expect(loadAgentConfig({ env: {} })).toMatchObject({
      security: { kind: 'plaintext' },
      modelFolders: [],
      cacheFolder: join(homedir(), '.cache/ridgepoint'),
      stateFolder: join(homedir(), '.local/state/ridgepoint'),
      meters: { energy: 'auto', idleSeconds: 5, gridGramsPerKilowattHour: null },
      exporter: null,
    });
  });

  test('a name that is none says what a name is, and a server both started and reached is refused', () => {
    const text = 'servers:\n  My Server:\n    profile: vllm\n';
    expect(errors({ env: {}, file: file(text) })).toEqual([
      'servers.My Server: use small letters, digits and dashes',
    ]);
    const both = 'servers:\n  a:\n    profile: vllm\n    command: [vllm]\n    attach: http://127.0.0.1:1\n';
    expect(errors({ env: {}, file: file(both) })).toEqual([
      'servers.a: give either command or attach: a server is started here, or runs already',
    ]);
  });

  test('roofs are measured by default, kept in the state folder, and come from a file that is there', () => {
    expect(loadAgentConfig({ env: {} })).toMatchObject({
      roofs: 'auto',
      roofsFolder: join(homedir(), '.local/state/ridgepoint/roofs'),
    });
    const path = file('{}');
    expect(loadAgentConfig({ env: { RIDGE_ROOFS: path } }).roofs).toBe(path);
    expect(errors({ env: {}, overrides: { roofs: '/no/such/file' } })).toEqual([
      'roofs: /no/such/file is neither auto, stored, off nor a file',
    ]);
  });

  test('is the file, over it the environment, over it the command line', () => {
    const path = file('nodeName: file\ncoordinator: file:1\nlogLevel: warn\nexporter: {}\n');
    const env = {
      RIDGE_NODE_NAME: 'env',
      RIDGE_COORDINATOR: 'env:2',
      XDG_CACHE_HOME: '/c',
      XDG_STATE_HOME: 'relative',
    };
    expect(loadAgentConfig({ file: path, env, overrides: { nodeName: 'cli' } })).toMatchObject({
      nodeName: 'cli',
      coordinator: 'env:2',
      logLevel: 'warn',
      cacheFolder: '/c/ridgepoint',
      stateFolder: join(homedir(), '.local/state/ridgepoint'),
      exporter: { host: '127.0.0.1' },
    });
    const folders = loadAgentConfig({ env: { RIDGE_MODEL_FOLDERS: '/a:/b' } }).modelFolders;
    expect(folders).toEqual(['/a', '/b']);
  });

  test('of a block, the command line changes what it names, and no more', () => {
    const path = file(
      'meters: { energy: replay, replayFile: a, idleSeconds: 0, sysRoot: /host/sys }\ntls: 5\n',
    );
    const overrides: AgentFile = { meters: { energy: 'auto' }, tls: { ca: '/nowhere/ca' } };
    expect(errors({ file: path, env: {} })).toEqual([expect.stringMatching(/^tls: /)]);
    expect(errors({ file: path, env: {}, overrides })).toEqual([expect.stringMatching(/^tls: give ca/)]);
    const { meters } = loadAgentConfig({
      file: path,
      env: {},
      overrides: { ...overrides, tokenFile: path, tls: { ca: path } },
    });
    expect(meters).toMatchObject({ energy: 'auto', replayFile: 'a', idleSeconds: 0, sysRoot: '/host/sys' });
    expect(
      loadAgentConfig({ file: file('exporter: null'), env: {}, overrides: { exporter: { port: 1 } } }),
    ).toMatchObject({
      exporter: { host: '127.0.0.1', port: 1 },
    });
  });

  test('allows no source by default, and names what its files hold', () => {
    expect(loadAgentConfig({ env: {} }).sources).toMatchObject({
      https: [],
      hf: false,
      hfEndpoint: 'https://huggingface.co/',
      token: null,
      maxBytes: 50e9,
    });
    const tokenFile = file('hf_secret\n');
    const text = `artifactBytes: 1e9\nsources: { hf: [google], hfTokenFile: ${tokenFile} }\n`;
    const { sources } = loadAgentConfig({ env: {}, file: file(text) });
    expect(sources).toMatchObject({ hf: ['google'], token: 'hf_secret', maxBytes: 1e9 });
    const wrong = { https: ['models.example.com'], ca: 'x', retries: 1 };
    expect(errors({ env: {}, overrides: { sources: wrong } as AgentFile }).join('\n')).toMatch(
      /sources\.https\.0: models\.example\.com is not an address/,
    );
    expect(errors({ env: {}, overrides: { sources: { ca: '/nowhere/ca' } } })).toEqual([
      expect.stringMatching(/^sources\.ca: cannot read \/nowhere\/ca: there is no such file$/),
    ]);
  });

  test('has every error reported at once, with its place', () => {
    const found = errors({
      env: {},
      file: file('nodeName: "a/b"\nartifactBytes: -1\nmeters: { energy: solar }\nmodelFolder: [x]\n'),
    });
    expect(found).toHaveLength(4);
    for (const place of ['nodeName', 'artifactBytes', 'meters.energy', 'modelFolder']) {
      expect(found.join('\n')).toContain(place);
    }
  });

  test.each<[string, AgentFile | string, RegExp]>([
    [
      'a missing file',
      { tls: { ca: '/nowhere/ca', certificate: '/nowhere/c', key: '/nowhere/k' } },
      /tls\.ca: cannot read .*: there is no such file/,
    ],
    ['half of mutual TLS', { tls: { ca: '/nowhere/ca' } }, /certificate and key/],
    ['no YAML', '{', /not YAML/],
    ['a list', '- a', /has to hold fields/],
  ])('refuses %s', (_, input, expected) => {
    const sources =
      typeof input === 'string' ? { env: {}, file: file(input) } : { env: {}, overrides: input };
    expect(errors(sources).join('\n')).toMatch(expected);
  });

  test('refuses a config file that is not there', () => {
    expect(errors({ env: {}, file: '/nowhere.yaml' })).toEqual([
      'cannot read the config file /nowhere.yaml: there is no such file',
    ]);
  });

  test('reads a token from its file or the environment', () => {
    const path = file('secret\n');
    expect(loadAgentConfig({ env: {}, overrides: { tokenFile: path } }).security).toMatchObject({
      kind: 'token',
      token: 'secret',
    });
    expect(loadAgentConfig({ env: { RIDGE_TOKEN: 't' } }).security).toMatchObject({
      kind: 'token',
      token: 't',
    });
  });
});
