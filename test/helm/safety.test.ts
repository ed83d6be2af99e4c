import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { CHART, hasHelm, helm, type Manifest, only, podsOf, render, renderOnce } from '../support/helm.js';

describe.skipIf(!hasHelm)('what pods may do (needs helm)', () => {
  test('host folders are read-only, and are those of the energy counters', () => {
    const agent = only(renderOnce('energy-values.yaml'), 'DaemonSet').spec.template.spec;
    const mounts = agent.containers[0].volumeMounts as {
      name: string;
      mountPath: string;
      readOnly?: boolean;
    }[];
    for (const { readOnly } of mounts.filter(({ name }) => name.startsWith('sys-')))
      expect(readOnly).toBe(true);
    expect(mounts.filter(({ name }) => name.startsWith('sys-')).map((one) => one.mountPath)).toEqual([
      '/host/sys/class',
      '/host/sys/devices',
    ]);
    expect(agent.securityContext.supplementalGroups).toEqual([2100]);
  });
});

describe.skipIf(!hasHelm)('power helpers (needs helm)', () => {
  test('are the only root, have one capability where there are GPUs and none elsewhere, and talk to nobody', () => {
    const manifests = renderOnce('power-values.yaml');
    const of = (name: string) => only(manifests, 'DaemonSet', name).spec.template.spec;
    const [cpu, gpu, agent] = [of('-power-cpu'), of('-power-gpu'), of('-agent-gpu')];
    expect([cpu, gpu].map((pod) => pod.securityContext.runAsUser)).toEqual([0, 0]);
    expect([cpu, gpu].map((pod) => pod.securityContext.runAsGroup)).toEqual([2200, 2200]);
    expect(cpu.containers[0].securityContext.capabilities).toEqual({ drop: ['ALL'] });
    expect(gpu.containers[0].securityContext.capabilities).toEqual({ drop: ['ALL'], add: ['SYS_ADMIN'] });
    expect(gpu.runtimeClassName).toBe('nvidia');
    expect(gpu.containers[0].args).toContain('--resting-clocks=1200-1980');
    expect(agent.securityContext).toMatchObject({ runAsNonRoot: true, supplementalGroups: [2200] });
    const policy = only(manifests, 'NetworkPolicy', '-power-gpu').spec;
    expect(policy).toMatchObject({ ingress: [], egress: [] });
    expect(gpu.tolerations).toEqual(agent.tolerations);
    expect(renderOnce().some(({ metadata }) => metadata.name.includes('-power-'))).toBe(false);
  });

  test('and agents share one folder, of which agents can change nothing', () => {
    const manifests = renderOnce('power-values.yaml');
    const agent = only(manifests, 'DaemonSet', '-agent-cpu').spec.template.spec;
    const helper = only(manifests, 'DaemonSet', '-power-cpu').spec.template.spec;
    const volume = (pod: Manifest['spec']) =>
      pod.volumes.find(({ name }: { name: string }) => name === 'power');
    expect(volume(agent)).toEqual(volume(helper));
    const mounts = [...agent.containers, ...agent.initContainers].flatMap(({ volumeMounts }) => volumeMounts);
    const shared = mounts.filter(({ name }: { name: string }) => name === 'power');
    expect(shared.map(({ readOnly }: { readOnly?: boolean }) => readOnly)).toEqual([true, true]);
    const config = only(manifests, 'ConfigMap', '-agent-cpu').data['agent.yaml'];
    expect(config).toContain('socket: /run/ridgepoint-power/socket');
  });
});

describe.skipIf(!hasHelm)('GPUs (needs helm)', () => {
  test('off renders no field of theirs', () => {
    const text = helm('template', { agent: { profiles: { gpu: { enabled: false } } } }).stdout;
    // The affinity that keeps the CPU profile away from GPU nodes is the one place that names them.
    const agent = only(renderOnce(), 'DaemonSet');
    const { affinity, ...rest } = agent.spec.template.spec;
    expect(JSON.stringify(affinity)).toContain('nvidia.com/gpu.present');
    expect(JSON.stringify({ ...agent, spec: rest })).not.toMatch(/nvidia|cuda|runtimeClassName/i);
    expect(text.match(/nvidia/g)).toHaveLength(1);
  });

  test('on asks for whole GPUs, the class, the tolerations, the nodes and the CUDA image', () => {
    const manifests = renderOnce('gpu-values.yaml');
    const { spec } = only(manifests, 'DaemonSet', '-agent-gpu').spec.template;
    expect(spec.runtimeClassName).toBe('nvidia');
    expect(spec.nodeSelector).toEqual({ 'nvidia.com/gpu.present': 'true' });
    expect(spec.tolerations).toEqual([{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }]);
    expect(spec.containers[0].resources.limits).toEqual({ 'nvidia.com/gpu': 4, cpu: '32', memory: '128Gi' });
    expect(spec.containers[0].resources.requests).not.toHaveProperty(['nvidia.com/gpu']);
    expect(spec.containers[0].image).toBe('ridgepoint-agent-cuda:0.1.0');
    expect(manifests.some(({ metadata }) => metadata.name.endsWith('-agent-cpu'))).toBe(false);
  });

  test('MIG sizes are profiles, each a node of its own to the coordinator', () => {
    const agents = renderOnce('mig-values.yaml').filter(({ kind }) => kind === 'DaemonSet');
    const of = agents.map(({ spec }) => spec.template.spec.containers[0]);
    expect(
      of.map((container) => Object.keys(container.resources.limits).filter((name) => name.includes('/'))),
    ).toEqual([['nvidia.com/mig-1g.10gb'], ['nvidia.com/mig-3g.40gb']]);
    expect(
      of.map(({ env }) => env.find((one: { name: string }) => one.name === 'RIDGE_NODE_NAME').value),
    ).toEqual(['$(NODE)-mig-1g', '$(NODE)-mig-3g']);
    expect(agents.map(({ spec }) => spec.selector.matchLabels['ridgepoint.dev/profile'])).toEqual([
      'mig-1g',
      'mig-3g',
    ]);
  });
});

describe.skipIf(!hasHelm)('secrets (needs helm)', () => {
  test('are in Secrets alone, different in each release, and no value can hold one', () => {
    for (const file of ['default-values.yaml', 'token-values.yaml']) {
      const secrets = [render(file), render(file)].map((manifests) => {
        const held = manifests.filter(({ kind }) => kind === 'Secret');
        const elsewhere = JSON.stringify(manifests.filter(({ kind }) => kind !== 'Secret'));
        const values = held.flatMap(({ data }) => Object.values(data as Record<string, string>));
        expect(values.length).toBeGreaterThan(4);
        for (const value of values) {
          expect(elsewhere).not.toContain(value);
          expect(elsewhere).not.toContain(Buffer.from(value, 'base64').toString());
        }
        return values;
      });
      expect(secrets[0]?.filter((value) => secrets[1]?.includes(value))).toEqual([]);
    }
    const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
    const { tokens, certificates } = schema.properties.security.properties;
    expect(Object.keys(tokens.properties)).toEqual(['existing']);
    expect(tokens.additionalProperties).toBe(false);
    expect(certificates.additionalProperties).toBe(false);
  });
});

describe.skipIf(!hasHelm)('the network (needs helm)', () => {
  const ports = (rule: Manifest) => rule.ports.map(({ port }: { port: string | number }) => port);

  test('only agents, the test pod and Prometheus come in', () => {
    const manifests = renderOnce();
    const { ingress, podSelector, policyTypes } = only(manifests, 'NetworkPolicy', '-coordinator').spec;
    expect(policyTypes).toEqual(['Ingress', 'Egress']);
    const components = (rule: Manifest) =>
      rule.from.map((peer: Manifest) => peer.podSelector?.matchLabels['app.kubernetes.io/component']);
    expect(ingress.map(ports)).toEqual([['grpc'], ['metrics']]);
    expect(components(ingress[0])).toEqual(['agent', 'test']);
    expect(ingress[1].from).toHaveLength(1);
    expect(ingress[1].from[0].namespaceSelector.matchLabels).toEqual({
      'kubernetes.io/metadata.name': 'monitoring',
    });
    // The selectors are those of the pods, and of no others of the release.
    const selected = (labels: Record<string, string>) =>
      podsOf(manifests).filter((pod) =>
        Object.entries(labels).every(([key, value]) => pod.labels[key] === value),
      );
    expect(selected(podSelector.matchLabels).map(({ owner }) => owner)).toEqual([
      'rp-ridgepoint-coordinator',
    ]);
    expect(selected(ingress[0].from[0].podSelector.matchLabels).map(({ owner }) => owner)).toEqual([
      'rp-ridgepoint-agent-cpu',
    ]);
    const agents = only(manifests, 'NetworkPolicy', '-agents').spec;
    expect(agents.ingress.map(ports)).toEqual([['metrics']]);
    expect(agents.egress.map(ports)).toEqual([[53, 53], [7117]]);
  });

  test('others only when they are named', () => {
    const { ingress } = only(renderOnce('exposed-values.yaml'), 'NetworkPolicy', '-coordinator').spec;
    expect(ingress.map(ports)).toEqual([['grpc']]);
    expect(ingress[0].from.at(-1)).toEqual({ ipBlock: { cidr: '10.20.0.0/16' } });
    // The Service that may leave the cluster has no metrics on it.
    const service = only(renderOnce('exposed-values.yaml'), 'Service', '-coordinator');
    expect(service.spec.ports).toEqual([
      { name: 'grpc', port: 443, targetPort: 'grpc', appProtocol: 'grpc' },
      { name: 'web', port: 7118, targetPort: 'web', appProtocol: 'https' },
    ]);
  });

  test('the web view is for whom it was opened, and off it leaves no trace', () => {
    const manifests = renderOnce('ingress-values.yaml');
    const { ingress } = only(manifests, 'NetworkPolicy', '-coordinator').spec;
    expect(ingress.map(ports)).toEqual([['grpc'], ['web'], ['metrics']]);
    const { rules, tls, ingressClassName } = only(manifests, 'Ingress').spec;
    expect(ingressClassName).toBe('nginx');
    expect(tls).toEqual([{ hosts: ['ridgepoint.example.com'], secretName: 'ridgepoint-example-com' }]);
    const { service } = rules[0].http.paths[0].backend;
    expect(service).toEqual({ name: 'rp-ridgepoint-coordinator', port: { name: 'web' } });
    const off = renderOnce('no-web-values.yaml');
    const config = parse(only(off, 'ConfigMap', '-coordinator').data['coordinator.yaml']);
    expect(config.webAddress).toBeNull();
    expect(JSON.stringify(off.filter(({ kind }) => kind !== 'ConfigMap'))).not.toMatch(/7118|"web"/);
  });
});
