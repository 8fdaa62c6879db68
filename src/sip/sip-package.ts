/**
 * The npm package `sip` behind types: it parses and builds what the server itself ends or begins. It is old CommonJS
 * and made for ws 1; here it runs with ws 8 (overrides in package.json). It is loaded when first used.
 */
import { createRequire } from 'node:module';

/** Header values as the package has them: texts, or taken apart for the headers it knows. */
export interface PackageUri {
  readonly schema: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly host: string;
  /** NaN when there is none. */
  readonly port: number;
  readonly params: Readonly<Record<string, string | null>>;
  readonly headers: Readonly<Record<string, string>>;
}

export interface PackageAddress {
  readonly name?: string | undefined;
  readonly uri: string | PackageUri;
  readonly params: Readonly<Record<string, string | null>>;
}

export interface PackageVia {
  readonly version: string;
  readonly protocol: string;
  readonly host: string;
  readonly port?: number | undefined;
  readonly params: Readonly<Record<string, string | null>>;
}

export interface PackageHeaders {
  via?: PackageVia[];
  from?: PackageAddress;
  to?: PackageAddress;
  contact?: '*' | PackageAddress[];
  route?: PackageAddress[];
  'record-route'?: PackageAddress[];
  'call-id'?: string;
  cseq?: { readonly seq: number; readonly method: string };
  'content-length'?: number;
  [name: string]: unknown;
}

/** A request has `method` and `uri`, a reply `status` and `reason`. */
export interface PackageMessage {
  method?: string;
  uri?: string;
  status?: number;
  reason?: string;
  version?: string;
  headers: PackageHeaders;
  content?: string;
}

export interface PackageDigest {
  readonly ha1: string;
  readonly nonce: string;
  readonly nc?: string;
  readonly cnonce?: string;
  readonly qop?: string;
  readonly method: string;
  readonly uri: string;
  readonly entity?: string;
}

interface SipPackage {
  parse(text: string): PackageMessage | undefined;
  stringify(message: PackageMessage): string;
  parseUri(text: string): PackageUri | undefined;
  parseAOR(data: { s: string; i: number }): PackageAddress;
  makeResponse(
    request: PackageMessage,
    status: number,
    reason: string,
    extension?: { headers?: PackageHeaders; content?: string },
  ): PackageMessage;
}

interface DigestPackage {
  calculateUserRealmPasswordHash(user: string, realm: string, password: string): string;
  calculateDigest(input: PackageDigest): string;
}

const load = createRequire(import.meta.url);
let sip: SipPackage | undefined;
let digest: DigestPackage | undefined;

function sipPackage(): SipPackage {
  if (sip === undefined) sip = load('sip');
  return sip as SipPackage;
}

function digestPackage(): DigestPackage {
  if (digest === undefined) digest = load('sip/digest');
  return digest as DigestPackage;
}

/** A message taken apart, its body a latin1 text; undefined when it does not parse. Never throws. */
export function parsePackage(text: string): PackageMessage | undefined {
  try {
    return sipPackage().parse(text);
  } catch {
    // some headers make the package's own code fail
    return undefined;
  }
}

/** Text of a message; Content-Length is written by its body. */
export function stringifyPackage(message: PackageMessage): string {
  return sipPackage().stringify(message);
}

/** A reply with the headers that RFC 3261, 8.2.6.2 asks for. */
export function replyPackage(
  request: PackageMessage,
  status: number,
  reason: string,
  extension?: { headers?: PackageHeaders; content?: string },
): PackageMessage {
  return sipPackage().makeResponse(request, status, reason, extension);
}

export function parseUriPackage(text: string): PackageUri | undefined {
  return sipPackage().parseUri(text);
}

/** Name and address by the package's grammar; undefined when it does not parse. */
export function parseAddressPackage(text: string): PackageAddress | undefined {
  try {
    return sipPackage().parseAOR({ s: text, i: 0 });
  } catch {
    return undefined;
  }
}

/** H(user:realm:password) with MD5. */
export function ha1Package(user: string, realm: string, password: string): string {
  return digestPackage().calculateUserRealmPasswordHash(user, realm, password);
}

export function responsePackage(input: PackageDigest): string {
  return digestPackage().calculateDigest(input);
}
