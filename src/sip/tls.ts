/** SIP over TLS (RFC 3261, 26.2): the streams of TCP with certificates. */
import type { Server, Socket } from 'node:net';
import { connect, createSecureContext, createServer, type SecureVersion, type Server as TlsServer } from 'node:tls';
import { type StreamOptions, StreamTransport } from './stream-transport.js';
import type { Destination, ListenSocket } from './transport.js';

/** PEM texts and what they are held against; names as in Kamailio's tls module. */
export interface TlsOptions {
  readonly certificate: string | Buffer;
  readonly privateKey: string | Buffer;
  /** Authorities that certificates of the other side are checked against; missing: those of the system. */
  readonly caList?: string | Buffer;
  /** As server: clients must show a certificate (require_certificate), and it must be good (verify_certificate). */
  readonly requireCertificate?: boolean;
  /** A certificate of the other side that is shown must be good. As client: that of the server. */
  readonly verifyCertificate?: boolean;
  readonly cipherList?: string;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  /** Milliseconds a handshake may take. */
  readonly handshakeTimeout?: number;
}

const HANDSHAKE_TIMEOUT = 10_000;

/** Options by the name that a client asks for (SNI). */
export type TlsNames = ReadonlyMap<string, TlsOptions>;

export class TlsTransport extends StreamTransport {
  #tls: TlsOptions;
  #client: TlsOptions;
  #names: TlsNames;
  #listener: TlsServer | null = null;

  /** `client`: what connections that begin here use; by default the same. */
  constructor(
    socket: ListenSocket,
    tls: TlsOptions,
    options: StreamOptions = {},
    client = tls,
    names: TlsNames = new Map(),
  ) {
    super(socket, options);
    this.#tls = tls;
    this.#client = client;
    this.#names = names;
  }

  /** New certificates for connections from now on. Those there are stay. Throws for a certificate that cannot be used. */
  renew(tls: TlsOptions, client = tls, names: TlsNames = new Map()): void {
    for (const o of [tls, client, ...names.values()]) createSecureContext(common(o));
    this.#tls = tls;
    this.#client = client;
    this.#names = names;
    this.#listener?.setSecureContext(common(tls));
    this.#nameContexts();
  }

  #nameContexts(): void {
    for (const [name, options] of this.#names) this.#listener?.addContext(name, common(options));
  }

  protected override listen(accept: (stream: Socket) => void): Server {
    const { requireCertificate = false, verifyCertificate = false, handshakeTimeout = HANDSHAKE_TIMEOUT } = this.#tls;
    const server = createServer(
      {
        ...common(this.#tls),
        requestCert: requireCertificate || verifyCertificate,
        rejectUnauthorized: verifyCertificate,
        handshakeTimeout,
        keepAlive: true,
        noDelay: true,
      },
      (stream) => {
        if (requireCertificate && Object.keys(stream.getPeerCertificate()).length === 0) stream.destroy();
        else accept(stream);
      },
    );
    server.on('tlsClientError', (error) => this.options.onError?.(error));
    this.#listener = server;
    this.#nameContexts();
    return server;
  }

  protected override connect(to: Destination, ready: () => void): Socket {
    const { verifyCertificate = false } = this.#client;
    return connect(
      { ...common(this.#client), host: to.ip, port: to.port, rejectUnauthorized: verifyCertificate },
      ready,
    );
  }
}

function common({ certificate, privateKey, caList, cipherList, minVersion, maxVersion }: TlsOptions) {
  return {
    cert: certificate,
    key: privateKey,
    ...(caList === undefined ? {} : { ca: caList }),
    ...(cipherList === undefined ? {} : { ciphers: cipherList }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
  };
}
