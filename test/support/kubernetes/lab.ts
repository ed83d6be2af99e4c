import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningCoordinator, startCoordinator } from '../../../coordinator/main.js';
import type { Around } from '../../../operator/controller.js';
import type { KubeObject } from '../../../operator/kubernetes/objects.js';
import { type RunningOperator, startOperator } from '../../../operator/main.js';
import { type OperatorFile, readSettings } from '../../../operator/settings.js';
import { sweepDefinition } from '../../../operator/sweep/crd.js';
import type { SweepObjectStatus } from '../../../operator/sweep/definition.js';
import { type ControlConnection, connectControl } from '../../../proto/client.js';
import { until } from '../services.js';
import type { Anything } from './api.js';
import { ControlPlane, type User } from './control-plane.js';
import { Kubelet, type Launch } from './kubelet.js';

/** Nothing here has to survive a power cut, and a busy disk takes a second to sync. */
const MEMORY = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

type SweepManifest = KubeObject & { readonly spec: { readonly sweep: object; readonly agents: object } };

/**
 * A real control plane with the CRD, a namespace `bench`, a coordinator with its log on disk, and kubelets.
 */
export class Lab {
  readonly plane: ControlPlane;
  readonly folder = mkdtempSync(join(MEMORY, 'ridgepoint-lab-'));
  readonly kubelets: Kubelet[] = [];
  readonly #operators: RunningOperator[] = [];
  coordinator!: RunningCoordinator;
  control!: ControlConnection;

  private constructor(plane: ControlPlane) {
    this.plane = plane;
  }

  static async open(): Promise<Lab> {
    const lab = new Lab(await ControlPlane.start());
    try {
      await lab.#begin();
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  get api() {
    return this.plane.api;
  }

  async #begin(): Promise<void> {
    const name = 'sweeps.ridgepoint.dev';
    await this.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'bench' } });
    await this.api.apply(sweepDefinition() as KubeObject);
    await until('the CRD to be there', async () => {
      const { status } = await this.api.get('CustomResourceDefinition', name);
      const there = status?.conditions?.some(
        (one: Anything) => one.type === 'Established' && one.status === 'True',
      );
      return there && (await this.api.list('Sweep')) !== null ? true : null;
    });
    this.coordinator = await startCoordinator({
      grpcAddress: '127.0.0.1:0',
      metricsAddress: null,
      webAddress: null,
      log: { kind: 'sqlite', path: join(this.folder, 'log.sqlite') },
      logLevel: 'silent',
      drainSeconds: 0,
      heartbeatSeconds: 1,
      leaseSeconds: 5,
    });
    const { grpcAddress } = this.coordinator;
    this.control = connectControl({ address: grpcAddress, security: { kind: 'plaintext' } });
    const config = { runners: ['fake'], meters: { energy: 'none', idleSeconds: 0 }, logFormat: 'text' };
    await this.api.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'agent', namespace: 'bench' },
      data: { 'agent.yaml': JSON.stringify(config) },
    } as KubeObject);
  }

  async node(
    name: string,
    capacity: Record<string, string>,
    labels: Record<string, string> = {},
    launch?: Launch,
  ): Promise<Kubelet> {
    const kubelet = await Kubelet.join(this.api, name, this.folder, capacity, labels, launch);
    this.kubelets.push(kubelet);
    return kubelet;
  }

  settings(changes: OperatorFile = {}) {
    return readSettings(undefined, {
      coordinator: this.coordinator.grpcAddress,
      namespaces: ['bench'],
      lease: { namespace: 'bench', seconds: 3 },
      pollSeconds: 0.3,
      logLevel: 'silent',
      ...changes,
    });
  }

  /** An operator in this process, with the rights of its account alone, or as somebody else. */
  async operator(
    changes: OperatorFile = {},
    user: User = 'admin',
    around?: Around,
  ): Promise<RunningOperator> {
    const operator = await startOperator(this.settings(changes), this.plane.access(user), around);
    this.#operators.push(operator);
    return operator;
  }

  /** A Sweep of as many points as there are lengths of prompts. */
  object(
    name: string,
    changes: Anything = {},
    lengths: readonly number[] = [16, 32, 64, 128],
  ): SweepManifest {
    const measure = {
      maxSeconds: 0.2,
      maxRepeats: 2,
      minRepeats: 2,
      maxWarmups: 0,
      starts: 1,
      meters: 'off',
    };
    const sweep = {
      metadata: { name },
      spec: {
        models: 'builtin:small',
        runners: { kind: 'fake', fakeDecodeTokensPerSecond: 5000 },
        workloads: { kind: 'latency', promptTokens: lengths, generateTokens: 8 },
        measure,
        placement: { driftControl: false, blockSize: 2 },
      },
    };
    const agents = {
      replicas: 2,
      config: { configMap: 'agent' },
      resources: { limits: { 'nvidia.com/gpu': '1' } },
      terminationGracePeriodSeconds: 20,
    };
    return {
      apiVersion: 'ridgepoint.dev/v1alpha1',
      kind: 'Sweep',
      metadata: { name, namespace: 'bench' },
      spec: { sweep, agents, ...changes },
    } as SweepManifest;
  }

  async status(name: string): Promise<SweepObjectStatus> {
    return (await this.api.get('Sweep', name)).status ?? {};
  }

  /** @returns the reasons of an object's Events, in no order. */
  async events(name: string): Promise<string[]> {
    const events = await this.api.list('Event');
    return events.filter(({ involvedObject }) => involvedObject.name === name).map(({ reason }) => reason);
  }

  /** Waits until a condition of an object has a status, or a reason. */
  async says(name: string, type: string, word: string, seconds = 60): Promise<SweepObjectStatus> {
    let last: SweepObjectStatus = {};
    return await until(
      `${name} to say ${type} ${word}`,
      async () => {
        last = await this.status(name);
        const one = last.conditions?.find((condition) => condition.type === type);
        return one?.status === word || one?.reason === word ? last : null;
      },
      seconds,
    ).catch((error: unknown) => {
      const kubelets = this.kubelets.map((kubelet) => kubelet.said()).join('\n');
      throw new Error(`${(error as Error).message}; it says ${JSON.stringify(last, null, 1)}\n${kubelets}`);
    });
  }

  async gone(kind: string, name: string, seconds = 60): Promise<void> {
    await until(
      `${kind} ${name} to go`,
      async () => ((await this.api.find(kind, name)) === null ? true : null),
      seconds,
    );
  }

  /** Every trial that counts, by its experiment: once each, or something was lost or counted twice. */
  async counted(sweepId: string): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for await (const { recordJson } of this.control.streamResults({
      sweepId,
      follow: false,
      allTrials: false,
    })) {
      const { experimentId } = JSON.parse(recordJson) as { experimentId: string };
      counts.set(experimentId, (counts.get(experimentId) ?? 0) + 1);
    }
    return counts;
  }

  async close(): Promise<void> {
    await Promise.all(this.#operators.map((operator) => operator.stop()));
    await Promise.all(this.kubelets.map((kubelet) => kubelet.stop()));
    this.control?.close();
    await this.coordinator?.stop('the test is over');
    await this.plane.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
