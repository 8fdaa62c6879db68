/** SIP over TCP. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { StreamTransport } from './stream-transport.js';
import type { Destination, SendOptions } from './transport.js';

export class TcpTransport extends StreamTransport {
  protected override listen(accept: (stream: Socket) => void): Server {
    return createServer({ keepAlive: true, noDelay: true }, (stream) => this.beforehand(stream, accept));
  }

  protected override connect(to: Destination, ready: () => void, options?: SendOptions): Socket {
    const localAddress = this.sourceOf(to, options);
    return connect(
      {
        host: to.ip,
        port: to.port,
        keepAlive: true,
        noDelay: true,
        ...(localAddress === undefined ? {} : { localAddress }),
      },
      ready,
    );
  }
}
