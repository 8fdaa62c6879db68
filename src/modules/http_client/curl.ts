/** One HTTP request, done as libcurl does it: the same header lines, the same numbers for what goes wrong. */
import { randomBytes } from 'node:crypto';
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request as plainRequest,
  type RequestOptions,
} from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { answerChallenge, ha1, parseDigest } from '../../sip/digest.js';
import { CURL, errorNumber } from './curl-errors.js';
import { type CurlTls, tlsOptions } from './curl-tls.js';
import { parseUrl, redirected, type Url } from './url.js';

export type { CurlTls } from './curl-tls.js';

export const AUTH = { BASIC: 1, DIGEST: 2 } as const;

export interface CurlRequest {
  readonly url: string;
  /** Missing: POST with a body, else GET. */
  readonly method?: string | undefined;
  /** Latin1 text; '' is none. */
  readonly body?: string | undefined;
  /** Lines of headers, without their ends. */
  readonly headers?: readonly string[] | undefined;
  readonly userAgent?: string | undefined;
  /** Milliseconds. */
  readonly timeout: number;
  /** The time counts anew with each piece that comes. */
  readonly restarts?: boolean;
  readonly followRedirects?: boolean;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Sum of AUTH. */
  readonly authMethod?: number;
  readonly tls: CurlTls;
  readonly proxy?: { readonly host: string; readonly port: number } | undefined;
  readonly localAddress?: string | undefined;
  /** Keeps connections for later requests; missing: one for each. */
  readonly agents?: CurlAgents | undefined;
}

export interface CurlAgents {
  readonly plain: Agent;
  readonly secure: SecureAgent;
}

export function curlAgents(): CurlAgents {
  const options = { keepAlive: true, maxSockets: 16 };
  return { plain: new Agent(options), secure: new SecureAgent(options) };
}

export interface CurlAnswer {
  readonly status: number;
  readonly reason: string;
  /** `HTTP/1.1` */
  readonly version: string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Latin1 text. */
  readonly body: string;
  /** Where it came from in the end. */
  readonly url: string;
  /** Microseconds since the beginning. */
  readonly times: CurlTimes;
}

export interface CurlTimes {
  readonly total: number;
  readonly lookup: number;
  readonly connect: number;
  readonly redirect: number;
  readonly appconnect: number;
  readonly pretransfer: number;
  readonly starttransfer: number;
}

export type CurlResult = CurlAnswer | { readonly error: number };

/** Bytes of an answer. */
const MOST_BODY = 16 * 1024 * 1024;
/** libcurl follows without end; a circle must end here. */
const MOST_REDIRECTS = 50;

/** Never rejects. */
export async function curl(request: CurlRequest): Promise<CurlResult> {
  const begun = performance.now();
  const deadline = begun + request.timeout;
  let step: Step = { url: request.url, method: methodOf(request), body: request.body ?? '', authorization: undefined };
  if ((request.authMethod ?? 0) === AUTH.BASIC) step = { ...step, authorization: basic(request) };
  let redirectedAt = 0;
  for (let hops = 0; ; hops++) {
    const got = await exchange(request, step, begun, deadline);
    if ('error' in got) return got;
    const again = step.authorization === undefined ? authorized(request, step, got) : undefined;
    const next = again ?? (request.followRedirects ? followed(step, got) : undefined);
    if (next === undefined) return { ...got, times: { ...got.times, redirect: redirectedAt } };
    if (hops >= MOST_REDIRECTS) return { error: CURL.TOO_MANY_REDIRECTS };
    if (again === undefined) redirectedAt = micros(begun);
    step = next;
  }
}

interface Step {
  readonly url: string;
  readonly method: string;
  readonly body: string;
  readonly authorization: string | undefined;
}

const methodOf = ({ method, body }: CurlRequest): string => method ?? (body ? 'POST' : 'GET');
const micros = (begun: number): number => Math.round((performance.now() - begun) * 1000);

// ------------------------------------------------------------- answers to 3xx and 401

const SEE_OTHER = 303;
/** After these a POST becomes a GET. */
const FORGETFUL: ReadonlySet<number> = new Set([301, 302, SEE_OTHER]);
const REDIRECTS: ReadonlySet<number> = new Set([...FORGETFUL, 307, 308]);

function followed(step: Step, answer: CurlAnswer): Step | undefined {
  const location = headerOf(answer, 'location');
  if (!REDIRECTS.has(answer.status) || location === undefined) return undefined;
  const url = redirected(step.url, location);
  const plain = step.method === 'POST' && FORGETFUL.has(answer.status);
  const from = parseUrl(step.url);
  const to = parseUrl(url);
  // credentials are for the host they were meant for
  const same = from !== undefined && to !== undefined && from.host === to.host && from.port === to.port;
  const authorization = same ? step.authorization : undefined;
  return plain ? { url, method: 'GET', body: '', authorization } : { ...step, url, authorization };
}

export function headerOf({ headers }: CurlAnswer, name: string): string | undefined {
  const at = headers.findIndex((h, i) => i % 2 === 0 && h.toLowerCase() === name);
  return at < 0 ? undefined : headers[at + 1];
}

const encoded = (text: string): string => Buffer.from(text, 'latin1').toString('base64');

function basic({ url, user, password }: CurlRequest): string | undefined {
  const named = user ?? parseUrl(url)?.user;
  if (named === undefined) return undefined;
  return `Basic ${encoded(`${named}:${password ?? parseUrl(url)?.password ?? ''}`)}`;
}

/** The same once more, with an answer to the challenge; Digest before Basic. */
function authorized(request: CurlRequest, step: Step, answer: CurlAnswer): Step | undefined {
  const url = parseUrl(step.url);
  const user = request.user ?? url?.user;
  if (answer.status !== 401 || user === undefined || url === undefined) return undefined;
  const password = request.password ?? url.password ?? '';
  const methods = request.authMethod ?? AUTH.BASIC | AUTH.DIGEST;
  const challenges = answer.headers.filter(
    (_, i, all) => i % 2 === 1 && all[i - 1]!.toLowerCase() === 'www-authenticate',
  );
  const digest = challenges.map((text) => parseDigest(text)).find((c) => c?.scheme.toLowerCase() === 'digest');
  if (digest !== undefined && (methods & AUTH.DIGEST) !== 0) {
    const realm = digest.params.get('realm') ?? '';
    const algorithm = /sha-256/i.test(digest.params.get('algorithm') ?? '') ? 'SHA-256' : 'MD5';
    const authorization = answerChallenge(digest, {
      user,
      realm,
      ha1: ha1(algorithm, user, realm, password),
      uri: url.target,
      method: step.method,
      cnonce: randomBytes(16).toString('hex'),
      nc: 1,
      body: step.body,
    });
    return authorization === undefined ? undefined : { ...step, authorization };
  }
  const wantsBasic = challenges.some((text) => /^basic\b/i.test(text.trim()));
  if (!wantsBasic || (methods & AUTH.BASIC) === 0) return undefined;
  return { ...step, authorization: `Basic ${encoded(`${user}:${password}`)}` };
}

// ------------------------------------------------------------------------ one exchange

const SCHEMES: ReadonlySet<string> = new Set(['http', 'https']);

function exchange(request: CurlRequest, step: Step, begun: number, deadline: number): Promise<CurlResult> {
  const url = parseUrl(step.url);
  if (url === undefined) return Promise.resolve({ error: CURL.URL_MALFORMAT });
  if (!SCHEMES.has(url.scheme)) return Promise.resolve({ error: CURL.UNSUPPORTED_PROTOCOL });
  const secure = url.scheme === 'https';
  if (secure && request.proxy !== undefined) return Promise.resolve({ error: CURL.UNSUPPORTED_PROTOCOL });
  const tls = secure ? tlsOptions(request.tls, url) : { options: {} };
  if ('error' in tls) return Promise.resolve(tls);
  return new Promise((resolve) => {
    const times = { lookup: 0, connect: 0, appconnect: 0, pretransfer: 0, starttransfer: 0 };
    let seen = false;
    let late = false;
    const fail = (e: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve({ error: late ? CURL.TIMEDOUT : errorNumber(e, seen) });
    };
    const options: RequestOptions = { ...address(request, url), method: step.method, setHost: false, ...tls.options };
    const req = opened(secure, options);
    if (req instanceof Error) {
      resolve({ error: errorNumber(req, seen) });
      return;
    }
    req.on('error', fail);
    const timer = setTimeout(
      () => {
        late = true;
        req.destroy();
      },
      Math.max(deadline - performance.now(), 0),
    );
    for (const [name, value] of headerLines(request, step, url)) req.setHeader(name, value);
    // libcurl says nothing of it
    req.removeHeader('Connection');
    req.on('socket', (socket) => {
      socket.once('lookup', () => {
        times.lookup = micros(begun);
      });
      socket.once('connect', () => {
        times.connect = micros(begun);
        times.pretransfer = times.connect;
      });
      socket.once('secureConnect', () => {
        times.appconnect = micros(begun);
        times.pretransfer = times.appconnect;
      });
    });
    req.on('response', (message) => {
      seen = true;
      times.starttransfer = micros(begun);
      if (request.restarts) {
        timer.refresh();
        message.on('data', () => timer.refresh());
      }
      collect(message, fail, (body) => {
        clearTimeout(timer);
        resolve({
          status: message.statusCode ?? 0,
          reason: message.statusMessage ?? '',
          version: `HTTP/${message.httpVersion}`,
          headers: message.rawHeaders,
          body,
          url: step.url,
          times: { ...times, total: micros(begun), redirect: 0 },
        });
      });
    });
    req.end(Buffer.from(step.body, 'latin1'));
  });
}

/** Options that OpenSSL refuses are thrown. */
function opened(secure: boolean, options: RequestOptions): ClientRequest | Error {
  try {
    return (secure ? secureRequest : plainRequest)(options);
  } catch (e) {
    return e instanceof Error ? e : new Error(String(e));
  }
}

function collect(
  message: IncomingMessage,
  fail: (e: NodeJS.ErrnoException) => void,
  done: (body: string) => void,
): void {
  const chunks: Buffer[] = [];
  let length = 0;
  message.on('data', (chunk: Buffer) => {
    length += chunk.length;
    chunks.push(chunk);
    if (length > MOST_BODY) message.destroy();
  });
  message.on('error', fail);
  message.on('end', () => done(Buffer.concat(chunks).toString('latin1')));
}

/** Where the connection goes, and what is asked for there. */
function address({ proxy, localAddress, agents }: CurlRequest, url: Url): RequestOptions {
  const secure = url.scheme === 'https';
  const through = proxy !== undefined && !secure;
  return {
    host: through ? proxy.host : url.host,
    port: through ? proxy.port : url.port,
    path: through ? `http://${url.authority}${url.target}` : url.target,
    agent: (secure ? agents?.secure : agents?.plain) ?? false,
    ...(localAddress === undefined ? {} : { localAddress }),
  };
}

/** What can be sent as a header; `Name;` is one without a value. */
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*[:;][ \t]*([\t\x20-\x7e\x80-\xff]*)$/;

/** In libcurl's order. */
function headerLines(request: CurlRequest, step: Step, url: Url): [name: string, value: string | string[]][] {
  const own = new Map<string, [string, string[]]>();
  const removed = new Set<string>();
  for (const line of (request.headers ?? []).flatMap((text) => text.split(/\r?\n/))) {
    const [, name, value] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const key = name.toLowerCase();
    // `Name:` alone takes a header of libcurl's own away
    if (value === '' && line.includes(':')) removed.add(key);
    else own.set(key, [name, [...(own.get(key)?.[1] ?? []), value]]);
  }
  const out: [string, string | string[]][] = [];
  const usual = (name: string, value: string | undefined) => {
    const key = name.toLowerCase();
    if (value !== undefined && value !== '' && !own.has(key) && !removed.has(key)) out.push([name, value]);
  };
  usual('Host', url.authority);
  usual('Authorization', step.authorization);
  usual('User-Agent', request.userAgent);
  usual('Accept', '*/*');
  for (const [name, values] of own.values()) out.push([name, values.length === 1 ? values[0]! : values]);
  if (step.body !== '' || step.method === 'POST') usual('Content-Length', `${step.body.length}`);
  if (step.body !== '') usual('Content-Type', 'application/x-www-form-urlencoded');
  return out;
}
