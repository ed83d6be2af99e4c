import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Options } from '../../../core/experiment/experiment.js';
import { PROFILES, SERVER_KINDS } from '../../../core/runners/server/index.js';
import { lackingIn } from '../../../core/runners/server/lacking.js';
import {
  SERVER_OPTION_NAMES,
  SERVER_OPTIONS,
  type ServerOption,
} from '../../../core/runners/server/options.js';
import { knownValues, type ServerProfile } from '../../../core/runners/server/profile.js';
import { commandLine, PORT } from '../../../engines/servers/command.js';
import { type ConfiguredServer, configuredServers } from '../../../engines/servers/config.js';

/** What test/fixtures/servers/extract.py found in the sources of a release. */
const releaseSchema = z.strictObject({
  server: z.string(),
  release: z.string(),
  flags: z.record(z.string(), z.union([z.enum(['switch', 'int', 'float', 'text']), z.array(z.string())])),
  metrics: z.array(z.string()),
  requests: z.array(z.string()),
});

// A server that somebody built on this machine takes the place of a bare command.
const cache = process.env.XDG_CACHE_HOME;
process.env.XDG_CACHE_HOME = import.meta.dirname;
afterAll(() => {
  if (cache === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = cache;
});

const folder = join(import.meta.dirname, '../../fixtures/servers');
const RELEASES = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => releaseSchema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8'))));

const DRAFTED = { draftModel: '/models/draft', draftTokens: 3, tensorParallel: 2 };

/** Some values of each kind that an option takes, and every one where they are few. */
function valuesOf(profile: ServerProfile, name: ServerOption): (string | number | boolean)[] {
  const listed = profile.options[name] === undefined ? null : knownValues(profile.options[name]);
  const fields: unknown[] = [z.toJSONSchema(SERVER_OPTIONS[name], { unrepresentable: 'any' })];
  const named: (string | number | boolean)[] = [];
  for (let field = fields.pop(); field !== undefined; field = fields.pop()) {
    const {
      anyOf = [],
      enum: words = [],
      const: one,
    } = field as {
      anyOf?: unknown[];
      enum?: string[];
      const?: string;
    };
    fields.push(...anyOf);
    named.push(...words, ...(one === undefined ? [] : [one]));
  }
  const tried = [...named, ...(listed ?? ['auto']), true, false, 4, 0.5];
  return tried.filter(
    (value) =>
      SERVER_OPTIONS[name].safeParse(value).success && (listed === null || listed.includes(String(value))),
  );
}

function lineOf(
  server: ConfiguredServer,
  options: Options,
  loras: readonly { name: string; path: string }[] = [],
): readonly string[] {
  return commandLine(server, {
    options,
    modelPath: '/models/m',
    modelName: 'm',
    adapters: [{ path: '/adapters/a', source: 'a', scale: 0.5 }],
    loras,
    draftPath: typeof options.draftModel === 'string' ? options.draftModel : null,
    cpus: 8,
    deviceClass: 'cuda',
  });
}

/** @returns what of a command line this release does not take. */
function wrongIn(line: readonly string[], { flags }: (typeof RELEASES)[number]): string[] {
  const wrong: string[] = [];
  for (let i = 0; i < line.length; i++) {
    const flag = line[i]!;
    const takes = flags[flag];
    if (takes === undefined) wrong.push(`there is no ${flag}`);
    if (takes === undefined || takes === 'switch') continue;
    i += 1;
    const value = line[i];
    const fits =
      value !== undefined &&
      (Array.isArray(takes)
        ? takes.includes(value)
        : takes === 'text' || value === PORT || (takes === 'int' ? /^-?\d+$/ : /^-?[\d.]+$/).test(value));
    if (!fits) wrong.push(`${flag} does not take ${value}`);
  }
  return wrong;
}

/** Words before the flags. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  vllm: ['vllm', 'serve', '/models/m'],
  sglang: ['sglang', 'serve'],
  'tensorrt-llm': ['trtllm-serve', 'serve', '/models/m'],
  tgi: ['text-generation-launcher'],
  'llama-server': ['llama-server'],
};

const SHIPPED = new Map(configuredServers({}).map((server) => [server.name, server]));

describe.each(RELEASES)('the profile $server and release $release', (release) => {
  const server = SHIPPED.get(release.server)!;
  const { profile } = server;
  const options = SERVER_OPTION_NAMES.filter((name) => profile.options[name] !== undefined);

  test('name each other', () => {
    expect(profile.checkedAgainst).toContain(release.release);
  });

  test.each(options)('%s becomes flags of the release, with values that they take', (name) => {
    const values = valuesOf(profile, name);
    expect(values.length).toBeGreaterThan(0);
    for (const value of values) {
      const line = lineOf(server, { ...DRAFTED, [name]: value });
      // What came with a later release, this one refuses.
      if (lackingIn(profile, release.release, { [name]: value }) !== null) {
        expect(wrongIn(line.slice(1), release)).not.toEqual([]);
        continue;
      }
      const before = COMMANDS[release.server]!;
      expect(line.slice(0, before.length)).toEqual(before);
      expect(line.join(' ')).not.toMatch(/\{(?!port\})/);
      expect(wrongIn(line.slice(before.length), release), line.join(' ')).toEqual([]);
    }
  });

  test('a value of an option is a value of its flag, all of them or some', () => {
    for (const name of options) {
      const option = profile.options[name]!;
      if (!('arguments' in option) || option.values === undefined) continue;
      const takes = release.flags[option.arguments[0]!];
      const has = option.values.filter(
        (value) => lackingIn(profile, release.release, { [name]: value }) === null,
      );
      expect(takes).toEqual(expect.arrayContaining(has));
    }
  });

  test('every series that is read is one of the release', () => {
    const read = Object.values(profile.metrics).flat();
    expect(read.filter((name) => !release.metrics.includes(name))).toEqual([]);
    expect(read.length > 0).toBe(profile.paths.metrics !== null);
  });

  test('every field that asks for an exact length, an adapter or log-probabilities is one of its requests', () => {
    const { exactLength, loras, promptLogProbabilities: prompts, nextLogProbabilities: next } = profile;
    const asked = [exactLength, loras?.request ?? {}];
    // Paths of its own beside OpenAI's have fields of their own, which no list of ours has.
    if (prompts?.path === profile.paths.completions) asked.push(prompts.body);
    if (next !== null) asked.push(next.body);
    const fields = asked.flatMap(Object.keys).filter((field) => field !== 'prompt');
    expect(release.requests).toEqual(expect.arrayContaining(fields));
  });

  test('adapters that requests choose among become flags of the release', () => {
    const loras = [{ name: 'sql', path: '/loras/sql' }];
    const line = lineOf(server, {}, loras);
    const more = line.slice(lineOf(server, {}).length);
    expect(more.length > 0).toBe(profile.loras !== null);
    expect(wrongIn(more, release)).toEqual([]);
  });
});

describe('profiles of servers', () => {
  test('are held against a release where they are of a server that has releases', () => {
    const checked = Object.values(PROFILES as Readonly<Record<string, ServerProfile>>)
      .filter(({ checkedAgainst }) => checkedAgainst !== null)
      .map(({ name }) => name);
    expect(checked.toSorted()).toEqual([...new Set(RELEASES.map(({ server }) => server))].toSorted());
  });

  test('an option of a later release is refused of one that lacks it, whatever build of it that is', () => {
    const lacking = (release: string, kvCacheType: string) =>
      lackingIn(PROFILES.vllm, release, { kvCacheType });
    expect(lacking('vllm 0.32.0+cpu', 'octave_k3v4')).toBe(
      'kvCacheType octave_k3v4, which vllm has from 0.33.0 on',
    );
    expect(lacking('vllm 0.32.0+cpu', 'fp8')).toBeNull();
    for (const release of ['vllm 0.33.0', 'vllm 0.33.1.dev7+g1234', 'vllm 1.0', 'vllm at http://gpu7:8000'])
      expect(lacking(release, 'octave_k3v4')).toBeNull();
  });

  test('a value that needs another option is refused without it', () => {
    const refused = (kind: keyof typeof SERVER_KINDS, values: Options) =>
      SERVER_KINDS[kind].rules
        .filter(({ axes }) => axes.every((axis) => axis === 'runner' || axis in values))
        .flatMap((rule) => rule.reason({ runner: kind, ...values }, null) ?? []);
    expect(refused('vllm', { speculative: 'eagle3', draftModel: null, draftTokens: 3 })).toEqual([
      'speculative eagle3 of vllm needs draftModel: set it',
    ]);
    expect(refused('vllm', { speculative: 'ngram', draftModel: null, draftTokens: null })).toEqual([
      'speculative ngram of vllm needs draftTokens: set it',
    ]);
    expect(refused('llama-server', { speculative: 'ngram', draftModel: null, draftTokens: null })).toEqual(
      [],
    );
    expect(refused('sglang', { expertParallel: true, tensorParallel: null })).toEqual([
      'expertParallel true of sglang needs tensorParallel: set it',
    ]);
    expect(refused('tgi', { speculative: 'eagle3', draftModel: 'd', draftTokens: 3 })).toEqual([
      'tgi has no speculative eagle3: it knows off, ngram',
    ]);
    expect(refused('vllm', { kvCacheType: 'fp8' })).toEqual([]);
    expect(refused('vllm', { kvCacheType: 'q8_0' })[0]).toMatch(/^vllm has no kvCacheType q8_0: it knows /);
    expect(refused('vllm', { loras: 'a=x', loraShares: 'a:1,b:1', adapter: 'none' })).toEqual([
      'loraShares names b, and loras of vllm has a',
    ]);
    // What the node's own arguments load is known there by its name, and at llama-server by its place alone.
    expect(refused('vllm', { loras: null, loraShares: 'b:1', adapter: 'none' })).toEqual([]);
    expect(refused('llama-server', { loras: null, loraShares: 'b:1', adapter: 'none' })).toEqual([
      'loraShares names b, and loras of llama-server has none',
    ]);
    expect(refused('llama-server', { loras: 'a=x', loraShares: null, adapter: 'x.gguf' })[0]).toMatch(
      /^loras are adapters of single requests, and the technique adapter is one of all/,
    );
    expect(refused('tensorrt-llm', { loraShares: 'b:1' })).toEqual([
      'requests to tensorrt-llm cannot choose an adapter: leave loraShares out',
    ]);
    expect(refused('vllm', { speculative: 'off', draftTokens: 3, draftModel: null })).toEqual([
      'draftTokens needs speculative decoding: set speculative, or leave draftTokens out',
    ]);
  });

  test('no word of a sweep becomes another argument', () => {
    for (const { kind, options } of Object.values(SERVER_KINDS)) {
      const shape = (options as unknown as z.ZodObject).shape;
      for (const name of Object.keys(shape)) {
        for (const word of ['--trust-remote-code', '-c', 'auto --config x', '$(id)', '"; x']) {
          // A source is resolved to a path before it is an argument.
          if (name !== 'draftModel')
            expect(options.safeParse({ [name]: word }).success, `${kind} ${name} ${word}`).toBe(false);
        }
      }
    }
  });

  test('a word that a log says of loading weights is found', () => {
    const seconds = (name: 'vllm' | 'sglang', line: string) =>
      new RegExp(PROFILES[name].log.weightsLoadSeconds).exec(line)?.[1];
    expect(seconds('vllm', 'INFO 11-27 [default_loader.py:507] Loading weights took 3.41 seconds')).toBe(
      '3.41',
    );
    expect(seconds('sglang', 'Load weight end. elapsed=2.10 s, type=LlamaForCausalLM')).toBe('2.10');
  });
});
