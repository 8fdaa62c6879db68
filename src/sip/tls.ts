/** SIP over TLS (RFC 3261, 26.2): the streams of TCP with certificates. */
import type { Server, Socket } from 'node:net';
import { connect, createServer, type SecureVersion } from 'node:tls';
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

export class TlsTransport extends StreamTransport {
  readonly #tls: TlsOptions;

  constructor(socket: ListenSocket, tls: TlsOptions, options: StreamOptions = {}) {
    super(socket, options);
    this.#tls = tls;
  }

  protected override listen(accept: (stream: Socket) => void): Server {
    const { requireCertificate = false, verifyCertificate = false, handshakeTimeout = HANDSHAKE_TIMEOUT } = this.#tls;
    const server = createServer(
      {
        ...this.#common(),
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
    return server;
  }

  protected override connect(to: Destination, ready: () => void): Socket {
    const { verifyCertificate = false } = this.#tls;
    return connect({ ...this.#common(), host: to.ip, port: to.port, rejectUnauthorized: verifyCertificate }, ready);
  }

  #common() {
    const { certificate, privateKey, caList, cipherList, minVersion, maxVersion } = this.#tls;
    return {
      cert: certificate,
      key: privateKey,
      ...(caList === undefined ? {} : { ca: caList }),
      ...(cipherList === undefined ? {} : { ciphers: cipherList }),
      ...(minVersion === undefined ? {} : { minVersion }),
      ...(maxVersion === undefined ? {} : { maxVersion }),
    };
  }
}
