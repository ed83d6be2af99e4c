import type { ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import { connectControl } from '../../proto/client.js';
import type { ClientSecurity } from '../../proto/security.js';
import { FakeAgent } from '../support/fake-agent.js';
import { sharedFolder } from '../support/folder.js';
import { RawHttp } from '../support/raw-http.js';
import { spellings } from '../support/spellings.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { Authority, bearer, byTokens, hasOpenssl, mutual, type Pair, tokenOf } from '../support/tls.js';
import { aNode } from '../support/wire-records.js';

const SECRET = 'nobodys-business';
const METHODS = 'HEAD OPTIONS POST PUT PATCH DELETE TRACE PROPFIND SEARCH SOURCE'.split(' ');
/** Headers by which some servers let a request be another one than it is. */
const OVERRIDES = ['X-HTTP-Method-Override: GET', 'X-HTTP-Method: GET', 'X-Method-Override: GET'];
const REWRITES = ['X-Original-URL', 'X-Rewrite-URL', 'X-Forwarded-Path', 'X-Forwarded-Prefix', 'Forwarded'];
const CALLERS = [
  'X-Forwarded-For: 127.0.0.1',
  'X-Real-IP: 127.0.0.1',
  'X-Forwarded-User: people',
  'X-Client-CN: viewer',
];

describe.skipIf(!hasOpenssl)(
  'whoever may not read gets no data, however the path is spelled (needs openssl)',
  () => {
    const folder = sharedFolder();
    const running: RunningCoordinator[] = [];
    let authority: Authority;
    let server: Pair;
    beforeAll(() => {
      authority = new Authority(folder);
      server = authority.issue('coordinator');
    });
    afterAll(async () => {
      for (const coordinator of running) await coordinator.stop('the test is over');
    });
    const header = (name: string): string => `Authorization: Bearer ${tokenOf(name)}`;

    interface Filled {
      readonly url: string;
      readonly paths: readonly string[];
    }

    /** A coordinator that has a sweep, a node and a result. @returns every path of its API. */
    async function fill(
      security: CoordinatorConfig['security'],
      submitter: ClientSecurity,
      node: ClientSecurity,
      name: string,
    ): Promise<Filled> {
      const coordinator = await startCoordinator({
        grpcAddress: 'localhost:0',
        webAddress: 'localhost:0',
        metricsAddress: null,
        log: { kind: 'memory' },
        logLevel: 'silent',
        drainSeconds: 0,
        ...(security && { security }),
      });
      running.push(coordinator);
      const control = connectControl({ address: coordinator.grpcAddress, security: submitter });
      const document = fakeSweep(2, { name: SECRET });
      const { sweepId } = await control.submitSweep(submission(document));
      control.close();
      const { agent } = await FakeAgent.join(coordinator.grpcAddress, {
        security: node,
        profile: aNode(name),
      });
      const { trialId } = await agent.report(await agent.lease());
      agent.vanish();
      const paths = ['sweeps', 'nodes', 'running', 'events', `sweeps/${sweepId}`, `sweeps/${sweepId}/report`];
      paths.push(`sweeps/${sweepId}/results`, `trials/${trialId}`);
      return { url: coordinator.webUrl ?? '', paths: paths.map((path) => `/api/v1/${path}`) };
    }

    /** The same where tokens say who may what. */
    const fillByTokens = async (): Promise<Filled> => {
      const rights = {
        fleet: { scopes: ['agent'] },
        people: { scopes: ['read'] },
        ci: { scopes: ['submit'] },
      } as const;
      const as = (name: string) => bearer(authority.ca, name);
      return await fill(byTokens(server, rights), as('ci'), as('fleet'), 'fleet');
    };

    /** Asks for every spelling of every path, as somebody who may not read. @returns what was given away. */
    async function givenAway(
      { url, paths }: Filled,
      tls: ConnectionOptions,
      headers: readonly string[],
    ): Promise<string[]> {
      const raw = new RawHttp(url, tls);
      const found: string[] = [];
      let [asked, answered] = [0, 0];
      const look = async (target: string, method: string, more: readonly string[] = []): Promise<void> => {
        const { status, body } = await raw.ask(target, { method, headers: [...headers, ...more] });
        asked += 1;
        if (status > 0) answered += 1;
        if ((status >= 200 && status < 400) || body.includes(SECRET))
          found.push(`${method} ${target} → ${status}`);
      };
      for (const path of paths) {
        const all = spellings(path);
        expect(all.length).toBeGreaterThan(200);
        for (const target of all) await look(target, 'GET');
        for (const method of METHODS) {
          await look(path, method);
          await look(path, method, OVERRIDES);
        }
        // As a path and a header of `/`, which is open to everybody, would be the page: any other path is
        // nothing.
        for (const name of REWRITES) await look('/nothing', 'GET', [`${name}: ${path}`]);
        await look(path, 'GET', CALLERS);
      }
      raw.close();
      // A server that only hung up would pass as well.
      expect(answered).toBe(asked);
      return found;
    }

    test('tokens: without one, and with one of another scope', async () => {
      const { ca } = authority;
      const filled = await fillByTokens();
      expect(await givenAway(filled, { ca }, [])).toEqual([]);
      expect(await givenAway(filled, { ca }, [header('fleet')])).toEqual([]);

      const raw = new RawHttp(filled.url, { ca });
      for (const path of filled.paths) {
        const told = await raw.ask(path, { headers: [header('people')] });
        expect([path, told.status]).toEqual([path, 200]);
        expect((await raw.ask(path)).status).toBe(401);
        expect((await raw.ask(path, { headers: [header('fleet')] })).status).toBe(403);
      }
      // A spelling that the router reads as the path is the path: closed without a token, open with one.
      expect((await raw.ask('/%61pi/v1/sweeps')).status).toBe(401);
      expect((await raw.ask('/%61pi/v1/sweeps', { headers: [header('people')] })).status).toBe(200);
      raw.close();
    });

    test('what is no route is the same answer for everybody', async () => {
      const { ca } = authority;
      const { url, paths } = await fillByTokens();
      const [stranger, reader] = [new RawHttp(url, { ca }), new RawHttp(url, { ca })];
      const bare = (head: string): string => head.replace(/\r\n(date|keep-alive|connection): [^\r]*/gi, '');
      const nothing = await stranger.ask('/nothing');
      expect(nothing.status).toBe(404);
      expect(JSON.parse(nothing.body)).toEqual({
        error: { code: 'not-found', message: 'There is nothing here.' },
      });
      let compared = 0;
      for (const target of paths.flatMap(spellings)) {
        const told = await stranger.ask(target);
        if (told.status === 401) continue;
        const toReader = await reader.ask(target, { headers: [header('people')] });
        expect([target, toReader.status, toReader.body]).toEqual([target, told.status, told.body]);
        expect(bare(toReader.head)).toBe(bare(told.head));
        if (told.status === 404) expect(told.body).toBe(nothing.body);
        compared += 1;
      }
      expect(compared).toBeGreaterThan(1_000);
      stranger.close();
      reader.close();
    });

    test('mutual TLS: a certificate of the authority without the scope read', {
      timeout: 180_000,
    }, async () => {
      const { ca, caFile } = authority;
      const pairs = new Map(
        ['ci', 'node-1', 'viewer', 'stranger'].map((name) => [name, authority.issue(name)]),
      );
      const client = (name: string): ConnectionOptions => {
        const pair = pairs.get(name);
        return { ca, cert: pair?.certificate, key: pair?.key };
      };
      const as = (name: string) => mutual(ca, pairs.get(name) ?? server);
      const files = { caFile, certificateFile: server.certificateFile, keyFile: server.keyFile };
      const grants: { commonName: string; scopes: ('agent' | 'submit' | 'read')[] }[] = [
        { commonName: 'viewer', scopes: ['read'] },
        { commonName: 'node-*', scopes: ['agent'] },
        { commonName: 'ci', scopes: ['submit'] },
      ];
      const filled = await fill({ kind: 'mutual-tls', ...files, grants }, as('ci'), as('node-1'), 'node-1');
      expect(await givenAway(filled, client('node-1'), [])).toEqual([]);
      expect(await givenAway(filled, client('stranger'), [header('people')])).toEqual([]);
      const raw = new RawHttp(filled.url, client('viewer'));
      for (const path of filled.paths) expect([path, (await raw.ask(path)).status]).toEqual([path, 200]);
      raw.close();
      // Without a certificate there is no connection.
      expect((await new RawHttp(filled.url, { ca }).ask('/')).status).toBe(0);
    });
  },
);
