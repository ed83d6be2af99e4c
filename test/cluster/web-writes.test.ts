import { type RequestOptions, request } from 'node:https';
import { describe, expect, test } from 'vitest';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { control, enter, start as startAny } from '../support/coordinator.js';
import { temporaryFolder } from '../support/folder.js';
import { followEvents } from '../support/live-reader.js';
import { fakeSweep } from '../support/sweeps.js';
import { Authority, byTokens, hasOpenssl, tokenOf } from '../support/tls.js';

async function start(config: CoordinatorConfig = {}) {
  const coordinator = await startAny({ webAddress: 'localhost:0', webWrites: true, ...config });
  return { ...coordinator, webUrl: coordinator.webUrl ?? '' };
}

const JSON_BODY = { 'content-type': 'application/json' };

/** @returns the status, and what the answer says. */
async function post(url: string, body: unknown, headers: Record<string, string> = JSON_BODY) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url, { method: 'POST', headers, body: text });
  return { status: response.status, answer: await response.json() };
}

const names = async (grpcAddress: string) =>
  (await control(grpcAddress).listSweeps({})).sweeps.map(({ name }) => name);

describe('the web view where its operator lets it change something', () => {
  test('submits and cancels as gRPC does, and tells the page that it may', async () => {
    const { grpcAddress, webUrl } = await start();
    const { agent } = await enter(grpcAddress);
    const submitted = await post(`${webUrl}/api/v1/sweeps`, { document: fakeSweep(3) });
    expect(submitted).toMatchObject({ status: 200, answer: { created: true, points: 3, impossible: 0 } });
    const { sweepId } = submitted.answer as { sweepId: string };
    const again = await post(`${webUrl}/api/v1/sweeps`, { document: fakeSweep(3) });
    expect(again.answer).toMatchObject({ sweepId, created: false });
    await agent.report(await agent.lease());

    const cancel = `${webUrl}/api/v1/sweeps/${sweepId}/cancel`;
    expect(await post(cancel, { reason: 'enough' })).toEqual({ status: 200, answer: {} });
    const [status] = (await control(grpcAddress).listSweeps({})).sweeps;
    expect(status).toMatchObject({ complete: 1, points: 3 });
    const told = (await (await fetch(`${webUrl}/api/v1/sweeps/${sweepId}`)).json()) as { state: string };
    expect(told.state).toBe('cancelled');
    // The same file again takes the sweep up where it was.
    expect((await post(`${webUrl}/api/v1/sweeps`, { document: fakeSweep(3) })).answer).toMatchObject({
      sweepId,
      created: true,
    });
    const reader = await followEvents(`${webUrl}/api/v1/events`, {});
    await reader.until('hello', (event) => event.event === 'hello' && event.data.writes);
    reader.close();
  });

  test('pauses and resumes as gRPC does', async () => {
    const { grpcAddress, webUrl } = await start();
    const { agent } = await enter(grpcAddress);
    const { answer } = await post(`${webUrl}/api/v1/sweeps`, { document: fakeSweep(2) });
    const sweep = `${webUrl}/api/v1/sweeps/${(answer as { sweepId: string }).sweepId}`;
    const told = async () =>
      (await (await fetch(sweep)).json()) as { state: string; blockedReasons: string[] };
    const lease = await agent.lease();
    expect(await post(`${sweep}/pause`, {})).toEqual({ status: 200, answer: { running: 1 } });
    await agent.report(lease);
    expect(await agent.ask()).toMatchObject({ $case: 'noWork' });
    expect(await told()).toMatchObject({
      state: 'paused',
      blockedReasons: [expect.stringMatching(/^paused by /)],
    });
    const resumed = await post(`${sweep}/resume`, { reason: 'it is free' });
    expect(resumed).toEqual({ status: 200, answer: { wasRunning: false } });
    await agent.report(await agent.lease());
    expect((await told()).state).toBe('done');
    const over = { status: 409, answer: { error: { message: expect.stringContaining('is done') } } };
    expect(await post(`${sweep}/pause`, {})).toMatchObject(over);
  });

  test('errors of a sweep file come back each with its line and column', async () => {
    const { grpcAddress, webUrl } = await start();
    const document = `${fakeSweep(1)}  placemant: {}\n`.replace('kind: fake', 'kind: fakke');
    const { status, answer } = await post(`${webUrl}/api/v1/sweeps`, { document });
    expect(status).toBe(400);
    const { error } = answer as { error: { details: string[] } };
    expect(error.details.length).toBeGreaterThan(1);
    for (const line of error.details) expect(line).toMatch(/^line \d+, column \d+, /);
    expect(await names(grpcAddress)).toEqual([]);
  });

  test('a sweep that asks for energy is refused where no node can measure it, with why and what to do', async () => {
    const { grpcAddress, webUrl } = await start();
    await enter(grpcAddress);
    const document = fakeSweep(1, { objectives: '{ energyPerOutputTokenJoules: min }' });
    const { status, answer } = await post(`${webUrl}/api/v1/sweeps`, { document });
    expect(status).toBe(400);
    expect(answer).toMatchObject({
      error: {
        message: expect.stringContaining('energyPerOutputTokenJoules: no row will have a number for it'),
        details: [expect.stringContaining('ridge doctor')],
      },
    });
    expect(await names(grpcAddress)).toEqual([]);
  });

  test('a request that another site made a browser send changes nothing', async () => {
    const { grpcAddress, webUrl } = await start();
    const url = `${webUrl}/api/v1/sweeps`;
    const body = { document: fakeSweep(1) };
    const { origin } = new URL(webUrl);
    // What a form or a fetch without CORS can send.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'text/plain; application/json']) {
      expect((await post(url, body, { 'content-type': type })).status).toBe(415);
    }
    for (const other of ['https://elsewhere.example', 'null', `${origin}0`, 'http://localhost']) {
      expect((await post(url, body, { ...JSON_BODY, origin: other })).status).toBe(403);
    }
    for (const site of ['cross-site', 'same-site', 'none']) {
      expect((await post(url, body, { ...JSON_BODY, 'sec-fetch-site': site })).status).toBe(403);
    }
    // The question that a browser asks first gets no leave.
    const asked = await fetch(url, {
      method: 'OPTIONS',
      headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' },
    });
    expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([404, null]);
    expect(await names(grpcAddress)).toEqual([]);
    const own = await post(url, body, { ...JSON_BODY, origin, 'sec-fetch-site': 'same-origin' });
    expect(own.status).toBe(200);
  });

  test('bodies are bounded before they are read, and have the form that is told', async () => {
    const { grpcAddress, webUrl } = await start();
    const url = `${webUrl}/api/v1/sweeps`;
    expect((await post(url, { document: 'x'.repeat(5 * 1024 * 1024) })).status).toBe(413);
    expect((await post(`${url}/none/cancel`, { reason: 'x'.repeat(70_000) })).status).toBe(413);
    for (const word of ['cancel', 'pause', 'resume']) {
      expect((await post(`${url}/none/${word}`, {})).status).toBe(404);
      // What a page elsewhere can make a browser send.
      expect((await post(`${url}/none/${word}`, {}, { 'content-type': 'text/plain' })).status).toBe(415);
      const site = { ...JSON_BODY, 'sec-fetch-site': 'cross-site' };
      expect((await post(`${url}/none/${word}`, {}, site)).status).toBe(403);
    }
    expect((await post(url, '{')).status).toBe(400);
    expect(await post(url, {})).toMatchObject({
      status: 400,
      answer: { error: { message: expect.stringContaining('document') } },
    });
    expect((await post(url, { document: fakeSweep(1), models: [] })).status).toBe(400);
    expect(await names(grpcAddress)).toEqual([]);
  });

  test('without the operator’s word it only shows', async () => {
    const { grpcAddress, webUrl } = await start({ webWrites: false });
    expect((await post(`${webUrl}/api/v1/sweeps`, { document: fakeSweep(1) })).status).toBe(400);
    expect((await fetch(`${webUrl}/api/v1/sweeps`, { method: 'POST', headers: JSON_BODY })).status).toBe(404);
    expect(await names(grpcAddress)).toEqual([]);
    const reader = await followEvents(`${webUrl}/api/v1/events`, {});
    await reader.until('hello', (event) => event.event === 'hello' && !event.data.writes);
    reader.close();
  });

  test.skipIf(!hasOpenssl)(
    'a token needs the scope submit; read alone is refused (needs openssl)',
    async () => {
      const authority = new Authority(temporaryFolder());
      const rights = { people: { scopes: ['read'] }, alice: { scopes: ['read', 'submit'] } } as const;
      const { webUrl } = await start({ security: byTokens(authority.issue('coordinator'), rights) });
      const send = async (
        name: string | null,
        path = 'sweeps',
        body: object = { document: fakeSweep(1) },
      ) => {
        const headers = { ...JSON_BODY, ...(name !== null && { authorization: `Bearer ${tokenOf(name)}` }) };
        const options: RequestOptions = { method: 'POST', ca: authority.ca, headers };
        return await new Promise<number>((resolve, reject) => {
          const asked = request(`${webUrl}/api/v1/${path}`, options, (response) => {
            response.resume();
            resolve(response.statusCode ?? 0);
          });
          asked.on('error', reject);
          asked.end(JSON.stringify(body));
        });
      };
      expect(await send(null)).toBe(401);
      expect(await send('guess')).toBe(401);
      expect(await send('people')).toBe(403);
      expect(await send('alice')).toBe(200);
      for (const word of ['pause', 'resume', 'cancel']) {
        expect(await send(null, `sweeps/none/${word}`, {})).toBe(401);
        expect(await send('people', `sweeps/none/${word}`, {})).toBe(403);
        expect(await send('alice', `sweeps/none/${word}`, {})).toBe(404);
      }
    },
  );
});
