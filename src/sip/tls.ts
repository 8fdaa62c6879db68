/** SIP over TLS (RFC 3261, 26.2): the streams of TCP with certificates. */
import { createServer as createPlainServer, isIP, type Server, type Socket } from 'node:net';
import {
  connect,
  createSecureContext,
  createServer,
  type SecureContext,
  type SecureVersion,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import { type StreamOptions, StreamTransport } from './stream-transport.js';
import type { Destination, ListenSocket, SendOptions } from './transport.js';

/** PEM texts and what they are held against; names as in Kamailio's tls module. */
export interface TlsOptions {
  readonly certificate: string | Buffer;
  readonly privateKey: string | Buffer;
  /** Authorities that certificates of the other side are checked against; missing: those of the system. */
  readonly caList?: string | Buffer | readonly Buffer[];
  /** Certificates that were revoked. */
  readonly crl?: string | Buffer;
  /** As server: clients are asked for a certificate, though they need not have one. */
  readonly requestCertificate?: boolean;
  /** As server: clients must show a certificate (require_certificate), and it must be good (verify_certificate). */
  readonly requireCertificate?: boolean;
  /** A certificate of the other side that is shown must be good. As client: that of the server. */
  readonly verifyCertificate?: boolean;
  readonly cipherList?: string;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  /** Milliseconds a handshake may take. */
  readonly handshakeTimeout?: number;
  /** As client: the name that is asked for (SNI). */
  readonly serverName?: string;
}

/** What a script says of the connection that a message opens. */
export interface TlsChoice {
  readonly serverName?: string;
  readonly serverId?: string;
}

/** Where a listener has its options from; each use asks anew, so that new ones count from then on. */
export interface TlsSource {
  /** For a client that asks for no name, or for one that is not known. */
  readonly server: TlsOptions;
  /** All that `named` may give. */
  readonly others: readonly TlsOptions[];
  /** For a client that asks for `name` (SNI). */
  named(name: string): TlsOptions | undefined;
  /** For a connection that begins here. */
  client(to: Destination, choice: TlsChoice): TlsOptions;
  /** A connection that began here is there; false: nothing is to be sent over it. */
  connected?(stream: TLSSocket, to: Destination): boolean;
}

const HANDSHAKE_TIMEOUT = 10_000;

/** The same options for all, those in `names` (lower case) for clients that ask for one, `client` for connections from here. */
export function fixedTls(
  server: TlsOptions,
  client: TlsOptions = server,
  names: ReadonlyMap<string, TlsOptions> = new Map(),
): TlsSource {
  return {
    server,
    others: [...names.values()],
    named: (name) => names.get(name.toLowerCase()),
    client: () => client,
  };
}

export class TlsTransport extends StreamTransport {
  #source: TlsSource;
  #listener: TlsServer | null = null;
  readonly #contexts = new Map<TlsOptions, SecureContext>();

  constructor(socket: ListenSocket, source: TlsSource, options: StreamOptions = {}) {
    super(socket, options);
    this.#source = source;
  }

  /** New certificates for connections from now on. Those there are stay. Throws for a certificate that cannot be used. */
  renew(source: TlsSource): void {
    for (const o of [source.server, ...source.others]) createSecureContext(common(o));
    this.#contexts.clear();
    this.#source = source;
    this.#listener?.setSecureContext(common(source.server));
  }

  #context(options: TlsOptions): SecureContext {
    let context = this.#contexts.get(options);
    if (context === undefined) {
      context = createSecureContext(common(options));
      this.#contexts.set(options, context);
    }
    return context;
  }

  protected override listen(accept: (stream: Socket) => void): Server {
    const { server: own, others } = this.#source;
    const server = createServer(
      {
        ...common(own),
        // Of the listener, whoever is asked for: what each one's own settings say is looked at when the stream is there.
        requestCert: [own, ...others].some(asksForCertificate),
        rejectUnauthorized: false,
        handshakeTimeout: own.handshakeTimeout ?? HANDSHAKE_TIMEOUT,
        SNICallback: (name, done) => {
          const options = this.#source.named(name);
          done(null, options === undefined ? undefined : this.#context(options));
        },
        keepAlive: true,
        noDelay: true,
      },
      (stream) => {
        if (this.#admits(stream)) accept(stream);
        else stream.destroy();
      },
    );
    server.on('tlsClientError', (error) => this.options.onError?.(error));
    this.#listener = server;
    if (this.options.proxyHeaderWait === 0) return server;
    // The header stands before the handshake: a plain listener takes it off and hands the stream on.
    const plain = createPlainServer({ keepAlive: true, noDelay: true }, (stream) =>
      this.beforehand(stream, (rest) => server.emit('connection', rest)),
    );
    return plain;
  }

  #admits(stream: TLSSocket): boolean {
    const name = typeof stream.servername === 'string' ? stream.servername : undefined;
    const source = this.#source;
    const options = (name === undefined ? undefined : source.named(name)) ?? source.server;
    if (!asksForCertificate(options)) return true;
    if (Object.keys(stream.getPeerCertificate()).length === 0) return options.requireCertificate !== true;
    if (options.verifyCertificate !== true || stream.authorized) return true;
    this.options.onError?.(new Error(`certificate of ${stream.remoteAddress} refused: ${stream.authorizationError}`));
    return false;
  }

  protected override connect(to: Destination, ready: () => void, options?: SendOptions): Socket {
    const source = this.#source;
    const own = source.client(to, options?.tls ?? {});
    const name = own.serverName;
    const localAddress = this.sourceOf(to, options);
    const stream = connect(
      {
        ...common(own),
        host: to.ip,
        port: to.port,
        ...(localAddress === undefined ? {} : { localAddress }),
        ...(name === undefined || name === '' || isIP(name) !== 0 ? {} : { servername: name }),
        rejectUnauthorized: own.verifyCertificate === true,
        // As Kamailio: the chain counts, which name is in the certificate is the script's matter.
        checkServerIdentity: () => undefined,
      },
      () => {
        if (source.connected?.(stream, to) === false)
          stream.destroy(new Error('dropped by event_route[tls:connection-out]'));
        else ready();
      },
    );
    return stream;
  }
}

const asksForCertificate = (o: TlsOptions): boolean =>
  o.requestCertificate === true || o.requireCertificate === true || o.verifyCertificate === true;

/** A list that names no suite of TLS 1.3 says nothing of these for OpenSSL; Node.js would switch TLS 1.3 off. */
const SUITES = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';
const withSuites = (list: string): string => (/(?:^|:)TLS_/.test(list) ? list : `${SUITES}:${list}`);

function common(o: TlsOptions) {
  return {
    cert: o.certificate,
    key: o.privateKey,
    ...(o.caList === undefined ? {} : { ca: o.caList as string | Buffer | Buffer[] }),
    ...(o.crl === undefined ? {} : { crl: o.crl }),
    ciphers: withSuites(o.cipherList ?? 'DEFAULT'),
    ...(o.minVersion === undefined ? {} : { minVersion: o.minVersion }),
    ...(o.maxVersion === undefined ? {} : { maxVersion: o.maxVersion }),
  };
}
