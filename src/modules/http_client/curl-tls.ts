/** TLS of HTTP requests, by parameters named as libcurl's. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:http';
import path from 'node:path';
import type { SecureVersion } from 'node:tls';
import { CURL } from './curl-errors.js';
import type { Url } from './url.js';

/** Files in PEM, and what is looked at. */
export interface CurlTls {
  readonly verifyPeer: boolean;
  readonly verifyHost: boolean;
  /** libcurl's number: 0 as OpenSSL has it, 1 and 4 to 7 TLS 1.0 to 1.3 or later. */
  readonly version: number;
  readonly ca?: string | undefined;
  /** Folder with authorities, beside those of the system. */
  readonly caFolder?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly ciphers?: string | undefined;
}

/** By libcurl's number. */
const VERSIONS: Readonly<Record<number, SecureVersion>> = {
  1: 'TLSv1',
  4: 'TLSv1',
  5: 'TLSv1.1',
  6: 'TLSv1.2',
  7: 'TLSv1.3',
};

/** Authorities of the system, where Debian and others have them; Node.js brings its own. */
const SYSTEM_CA = '/etc/ssl/certs/ca-certificates.crt';
let systemCa: Buffer | undefined;

function authorities(): Buffer | undefined {
  if (systemCa === undefined && existsSync(SYSTEM_CA)) systemCa = readFileSync(SYSTEM_CA);
  return systemCa;
}

/** Certificates in the files of a folder; what cannot be read is passed over. */
function folder(name: string | undefined): Buffer[] {
  if (name === undefined || name === '') return [];
  try {
    const files = readdirSync(name, { withFileTypes: true }).filter((entry) => !entry.isDirectory());
    const texts = files.map((entry) => readFileSync(path.join(name, entry.name)));
    return texts.filter((text) => text.includes('-----BEGIN CERTIFICATE-----'));
  } catch {
    return [];
  }
}

/** Options for a request to `url`, or libcurl's number of what is wrong with the files. */
export function tlsOptions(tls: CurlTls, url: Url): { readonly error: number } | { readonly options: RequestOptions } {
  const files: [name: string, file: string | undefined, error: number][] = [
    ['ca', tls.ca, CURL.CA_FILE],
    ['cert', tls.certificate, CURL.CERTIFICATE],
    ['key', tls.key, CURL.CERTIFICATE],
  ];
  const out: Record<string, unknown> = { rejectUnauthorized: tls.verifyPeer };
  const known = tls.verifyPeer ? [authorities() ?? [], folder(tls.caFolder)].flat() : [];
  if (known.length > 0) out.ca = known;
  for (const [name, file, error] of files) {
    if (file === undefined || file === '') continue;
    try {
      out[name] = readFileSync(file);
    } catch {
      return { error };
    }
  }
  const minVersion = VERSIONS[tls.version];
  if (minVersion !== undefined) out.minVersion = minVersion;
  if (tls.ciphers) out.ciphers = tls.ciphers;
  if (!tls.verifyHost) out.checkServerIdentity = () => undefined;
  if (!/^[\d.]+$|:/.test(url.host)) out.servername = url.host;
  return { options: out };
}
