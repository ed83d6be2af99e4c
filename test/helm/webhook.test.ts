import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readSettings } from '../../operator/settings.js';
import { REVIEW_PATH, serveWebhook } from '../../operator/webhook/server.js';
import { sharedFolder } from '../support/folder.js';
import { hasHelm, type Manifest, only, podsOf, render, renderOnce } from '../support/helm.js';

const folder = sharedFolder();
const FILE = 'webhook-values.yaml';
const HOST = 'rp-ridgepoint-operator-webhook.bench.svc';
const decoded = (text: string) => Buffer.from(text, 'base64');
const ON = { enabled: true, webhook: { enabled: true } };
const hookOf = (manifests: readonly Manifest[]) =>
  only(manifests, 'ValidatingWebhookConfiguration').webhooks[0];

/** @returns the status of a request to a server of this machine that has to be `HOST` by its certificate. */
function ask(url: string, ca: Buffer, path: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const request = https.request(new URL(path, url), { method: 'POST', ca, servername: HOST, headers });
    request.on('error', reject).on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    request.end(body);
  });
}

describe.skipIf(!hasHelm)("the operator's webhook (needs helm)", () => {
  test('is asked about Sweeps of the release’s namespace, and never stands in the way of an apply', () => {
    const hook = hookOf(renderOnce(FILE));
    expect(hook).toMatchObject({
      admissionReviewVersions: ['v1'],
      failurePolicy: 'Ignore',
      sideEffects: 'None',
      timeoutSeconds: 5,
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'bench' } },
      rules: [{ apiGroups: ['ridgepoint.dev'], operations: ['CREATE', 'UPDATE'], resources: ['sweeps'] }],
    });
    expect(hookOf(render({ operator: { ...ON, allNamespaces: true } })).namespaceSelector).toBeUndefined();
  });

  test('is where the API server looks for it: Service, port, path, and a certificate of the authority that it is told', async () => {
    const manifests = renderOnce(FILE);
    const { service, caBundle } = hookOf(manifests).clientConfig;
    expect(service).toEqual({ name: HOST.split('.')[0], namespace: 'bench', port: 443, path: REVIEW_PATH });
    const { spec } = only(manifests, 'Service', service.name);
    const pod = podsOf(manifests).find(({ owner }) => owner === 'rp-ridgepoint-operator')!;
    expect(pod.labels).toMatchObject(spec.selector);
    expect(spec.ports).toMatchObject([{ port: 443, targetPort: 'webhook' }]);
    const [container] = pod.spec.containers;
    expect(container.ports).toContainEqual({ name: 'webhook', containerPort: 9443 });
    const settings = readSettings(
      undefined,
      parse(only(manifests, 'ConfigMap', '-operator').data['operator.yaml']),
    );
    expect(settings.webhook?.address).toBe('0.0.0.0:9443');
    const [mount] = container.volumeMounts.filter(
      ({ mountPath }: { mountPath: string }) => mountPath === settings.webhook?.certificateFolder,
    );
    const { secret } = pod.spec.volumes.find(({ name }: { name: string }) => name === mount.name);
    const { data } = only(manifests, 'Secret', secret.secretName);
    for (const { key, path } of secret.items) writeFileSync(join(folder, path), decoded(data[key]));
    const authority = new X509Certificate(decoded(caBundle));
    const certificate = new X509Certificate(decoded(data['tls.crt']));
    expect([certificate.checkHost(HOST), certificate.verify(authority.publicKey)]).toEqual([HOST, true]);
    const server = await serveWebhook({ address: '127.0.0.1:0', certificateFolder: folder }, () => undefined);
    try {
      expect(await ask(server.url, decoded(caBundle), service.path, '{}')).toBe(400);
    } finally {
      await server.close();
    }
  });

  test('has its certificate, and the API server the authority, from cert-manager', () => {
    const manifests = render({ operator: ON, security: { certificates: { from: 'cert-manager' } } });
    const { spec, metadata } = only(manifests, 'Certificate', '-webhook');
    expect(spec).toMatchObject({ dnsNames: [HOST], usages: ['digital signature', 'server auth'] });
    const { annotations } = only(manifests, 'ValidatingWebhookConfiguration').metadata as Manifest['spec'];
    expect(annotations).toEqual({ 'cert-manager.io/inject-ca-from': `bench/${metadata.name}` });
    expect(hookOf(manifests).clientConfig.caBundle).toBeUndefined();
    expect(JSON.stringify(only(manifests, 'Deployment'))).toContain(`"secretName":"${spec.secretName}"`);
    const usages = (who: string) => only(manifests, 'Certificate', `-${who}`).spec.usages[1];
    expect(['coordinator', 'agent', 'operator'].map(usages)).toEqual([
      'server auth',
      'client auth',
      'client auth',
    ]);
  });

  test('has those that exist, with tokens, too', () => {
    const caBundle = '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n';
    const existing = { coordinator: 'c-tls', webhook: 'w-tls' };
    const manifests = render({
      operator: { ...ON, agentCredentials: 'agents', webhook: { enabled: true, caBundle } },
      security: { authentication: 'token', certificates: { from: 'existing', existing } },
    });
    expect(decoded(hookOf(manifests).clientConfig.caBundle).toString()).toBe(caBundle);
    expect(JSON.stringify(only(manifests, 'Deployment'))).toContain('"secretName":"w-tls"');
  });

  test('is not there unless it is asked for', () => {
    for (const file of ['default-values.yaml', 'operator-values.yaml']) {
      const text = JSON.stringify(renderOnce(file).filter(({ kind }) => kind !== 'CustomResourceDefinition'));
      expect(text.includes('webhook'), file).toBe(false);
    }
    expect(JSON.stringify(render({ operator: { webhook: { enabled: true } } }))).not.toContain('webhook');
  });
});
