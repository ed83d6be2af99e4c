import { x509 } from './library.js';

/**
 * @returns the serial numbers on a list of revoked certificates (RFC 5280), as Node writes those of
 *   certificates: capital hexadecimal digits.
 * @throws Error with one sentence where it is none, or is not signed by that authority.
 */
export async function readRevocations(pem: string, authority: string): Promise<ReadonlySet<string>> {
  const lib = await x509();
  let list: InstanceType<typeof lib.X509Crl>;
  try {
    list = new lib.X509Crl(pem);
  } catch {
    throw new Error('it is no list of revoked certificates (PEM)');
  }
  const { publicKey } = new lib.X509Certificate(authority);
  if (!(await list.verify({ publicKey }).catch(() => false))) {
    throw new Error('it is not signed by the authority of caFile');
  }
  const serials = list.entries.map(({ serialNumber }) => serialNumber.toUpperCase().replace(/^0+(?=.)/, ''));
  return new Set(serials);
}
