/** What scripts ask of a TLS connection and its certificates, in the words of OpenSSL that Kamailio prints. */
import type { X509Certificate } from 'node:crypto';
import { SocketAddress } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** Texts of certificates are UTF-8; values of scripts are bytes. */
const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** Names of the parts of a subject as OpenSSL abbreviates them. */
export type NamePart = 'CN' | 'O' | 'OU' | 'C' | 'ST' | 'L' | 'UID';
export type AltKind = 'email' | 'DNS' | 'URI' | 'IP Address';

/** `CN=a\nO=b` taken apart, in the order of the certificate. */
function entries(name: string): [part: string, value: string][] {
  return name.split('\n').flatMap((line) => {
    const at = line.indexOf('=');
    return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1).replace(/\\(.)/g, '$1')] as [string, string]];
  });
}

/** First value of a part of the subject or issuer; null when it has none. */
export function namePart(name: string, part: NamePart): string | null {
  const found = entries(name).find(([key]) => key === part);
  return found === undefined ? null : bytes(found[1]);
}

const escaped = (text: string): string =>
  text
    .replace(/[/+]/g, '\\$&')
    .replace(/[\x00-\x1f\x7f-\xff]/g, (c) => `\\x${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);

/** `/C=DE/CN=a`, as X509_NAME_oneline() writes it. */
export function oneLine(name: string): string {
  return entries(name)
    .map(([key, value]) => `/${key}=${escaped(bytes(value))}`)
    .join('');
}

/** First alternative name of a kind; null when there is none. */
export function altName(certificate: X509Certificate, kind: AltKind): string | null {
  const all = certificate.subjectAltName ?? '';
  for (const [, key, quoted, plain] of all.matchAll(/([^:,]+):(?:"((?:[^"\\]|\\.)*)"|([^,]*))(?:, |$)/g)) {
    if (key === 'IP Address' && key === kind) return shortIp(plain ?? '');
    if (key === kind) return bytes(quoted === undefined ? (plain ?? '') : (JSON.parse(`"${quoted}"`) as string));
  }
  return null;
}

/** An IPv6 address as inet_ntop() writes it. */
const shortIp = (text: string): string =>
  text.includes(':') ? new SocketAddress({ address: text, family: 'ipv6' }).address : text;

export const serialNumber = (certificate: X509Certificate): string =>
  BigInt(`0x${certificate.serialNumber}`).toString();

/** The version field: 2 for X.509 v3; certificates of version 1 have none, which is 0. */
export function versionOf({ raw }: X509Certificate): string {
  // SEQUENCE { SEQUENCE { [0] { INTEGER version } …
  const inner = contents(raw, 0);
  const first = inner === undefined ? undefined : contents(raw, inner);
  const tagged = first !== undefined && raw[first] === 0xa0 ? contents(raw, first) : undefined;
  const version = tagged === undefined ? undefined : contents(raw, tagged);
  return `${version === undefined ? 0 : (raw[version] ?? 0)}`;
}

/** Where the contents of the DER value at `at` begin. */
function contents(der: Buffer, at: number): number | undefined {
  const length = der[at + 1];
  if (length === undefined) return undefined;
  return at + 2 + (length < 0x80 ? 0 : length & 0x7f);
}

/** Bits of the key of a cipher, by its OpenSSL name. */
export function cipherBits(name: string): number {
  const aes = /AES_?(128|256)/.exec(name)?.[1];
  if (aes !== undefined) return Number(aes);
  if (/CHACHA20|CAMELLIA256|ARIA256/.test(name)) return 256;
  if (/CAMELLIA128|ARIA128|SEED/.test(name)) return 128;
  return /3DES|DES-CBC3/.test(name) ? 112 : 0;
}

function encryption(name: string): string {
  const bits = cipherBits(name);
  if (name.includes('CHACHA20')) return 'CHACHA20/POLY1305(256)';
  if (/CCM_?8/.test(name)) return `AESCCM8(${bits})`;
  if (name.includes('CCM')) return `AESCCM(${bits})`;
  if (name.includes('ARIA')) return `ARIAGCM(${bits})`;
  if (name.includes('GCM')) return `AESGCM(${bits})`;
  if (name.includes('CAMELLIA')) return `Camellia(${bits})`;
  return name.includes('DES') ? '3DES(168)' : `AES(${bits})`;
}

function exchange(name: string): readonly [kx: string, au: string] {
  if (name.startsWith('TLS_')) return ['any', 'any'];
  const kx = name.startsWith('ECDHE') ? 'ECDH' : name.startsWith('DHE') ? 'DH' : 'RSA';
  const au = name.includes('ECDSA') ? 'ECDSA' : name.includes('-DSS') ? 'DSS' : 'RSA';
  return [kx, au];
}

function authentication(name: string): string {
  if (/GCM|CCM|CHACHA20/.test(name)) return 'AEAD';
  return /-(SHA\d*|MD5)$/.exec(name)?.[1]?.replace(/^SHA$/, 'SHA1') ?? 'AEAD';
}

/** One line as SSL_CIPHER_description() writes it, line end included. */
export function cipherDescription(name: string, version: string): string {
  const [kx, au] = exchange(name);
  const pad = (text: string, width: number) => text.padEnd(width, ' ');
  return `${pad(name, 30)} ${pad(version, 7)} Kx=${pad(kx, 8)} Au=${pad(au, 5)} Enc=${pad(encryption(name), 22)} Mac=${pad(authentication(name), 4)}\n`;
}

const VERIFY_CODES = {
  verified: null,
  revoked: 'CERT_REVOKED',
  expired: 'CERT_HAS_EXPIRED',
  selfSigned: 'DEPTH_ZERO_SELF_SIGNED_CERT',
} as const;
export type Verdict = keyof typeof VERIFY_CODES;

/** Was a certificate shown, and did its check end so? */
export function verdictIs(stream: TLSSocket, wanted: Verdict): boolean {
  if (stream.getPeerX509Certificate() === undefined) return false;
  const error = stream.authorizationError as unknown as string | Error | null | undefined;
  const code = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : (error ?? null);
  return code === VERIFY_CODES[wanted];
}
