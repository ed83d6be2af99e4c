import type { PodOf } from './helm.js';

/** @returns what the policy `restricted` of the pod security standards has against a pod. */
export function offences({ spec }: PodOf): string[] {
  const wrong: string[] = [];
  const say = (bad: boolean, what: string) => bad && wrong.push(what);
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC']) say(spec[field] === true, field);
  const allowed = [
    'configMap',
    'downwardAPI',
    'emptyDir',
    'ephemeral',
    'persistentVolumeClaim',
    'projected',
    'secret',
  ];
  for (const { name, ...volume } of spec.volumes) {
    for (const kind of Object.keys(volume)) say(!allowed.includes(kind), `volume ${name}: ${kind}`);
  }
  say(spec.securityContext.runAsNonRoot !== true, 'runAsNonRoot');
  say(spec.securityContext.runAsUser === 0, 'runAsUser');
  say(spec.securityContext.seccompProfile?.type !== 'RuntimeDefault', 'seccompProfile');
  for (const { securityContext, ports } of spec.containers) {
    say(securityContext.allowPrivilegeEscalation !== false, 'allowPrivilegeEscalation');
    say(securityContext.privileged === true, 'privileged');
    say(JSON.stringify(securityContext.capabilities) !== '{"drop":["ALL"]}', 'capabilities');
    for (const port of ports ?? []) say(port.hostPort !== undefined, 'hostPort');
  }
  return wrong;
}
