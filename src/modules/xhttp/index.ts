/** Kamailio's xhttp: HTTP requests on the SIP listeners run event_route[xhttp:request]. */
import {
  type RouteContext as Context,
  defineModule,
  fn,
  type Host,
  int,
  LEVEL,
  pv,
  str,
  strParam,
} from '../../runtime/module.js';
import { compileRegex } from '../../runtime/regex.js';
import { cachedRegex } from '../../runtime/regex-cache.js';
import { anyText, plain, transformationClass } from '../../runtime/transformations/common.js';
import type { Received } from '../../sip/transport.js';
import type { XhttpState } from './connection.js';
import { type HttpDoor, openHttpDoor, runHttpRoute } from './doors.js';
import { httpMessage } from './message.js';
import { httpReply } from './reply.js';

interface Params {
  readonly url_match: string | null;
  readonly url_skip: string | null;
}

const EVENT = 'xhttp:request';

const pattern = (text: string): string | undefined => {
  const compiled = compileRegex(text, {});
  return 'error' in compiled ? compiled.error : undefined;
};

const params = {
  url_match: strParam(null, 'Only requests whose URL matches this regular expression run the event route.', pattern),
  url_skip: strParam(null, 'Requests whose URL matches this regular expression do not run the event route.', pattern),
};

function isWanted(host: Host, url: string): boolean {
  const { url_match, url_skip } = host.program.params('xhttp') as unknown as Params;
  const matches = (text: string) => cachedRegex(text, {})?.test(url) === true;
  if (url_skip !== null && matches(url_skip)) return false;
  return url_match === null || matches(url_match);
}

function request(host: Host, text: string, from: Received): ReturnType<HttpDoor> {
  const route = host.program.routes.event.get(EVENT);
  const msg = httpMessage(text, from, host.nextMessageId?.() ?? 0, host.clock.now());
  if (msg === undefined || route === undefined || !isWanted(host, msg.originalUri)) return 'pass';
  return runHttpRoute(host, msg, route);
}

function start(host: Host): XhttpState {
  if (!host.program.routes.event.has(EVENT)) {
    throw new Error(`xhttp: the script has no event_route[${EVENT}] {…}, which answers the HTTP requests`);
  }
  return { connections: openHttpDoor(host, (text, from) => request(host, text, from)) };
}

const LEAST_CODE = 100;
const GREATEST_CODE = 700;

const url = transformationClass('url', 'Parts of the URL of an HTTP request.', {
  path: plain('What stands before the question mark.', anyText, (text) => text.split('?', 1)[0] ?? ''),
  querystring: plain('What follows the question mark; empty when there is none.', anyText, (text) => {
    const at = text.indexOf('?');
    return at < 0 ? '' : text.slice(at + 1);
  }),
});

export const xhttp = defineModule({
  name: 'xhttp',
  doc: 'HTTP requests on the TCP and TLS listeners: the script answers them in event_route[xhttp:request].',
  needs: ['sl'],
  params,
  missing: ['event_callback'],
  events: { [EVENT]: 'An HTTP request came; $rm, $hu, $rb and $hdr(…) are those of the request.' },
  functions: {
    xhttp_reply: fn({
      doc: 'Answers the HTTP request: code, reason, content type and body.',
      args: [int('code'), str('reason'), str('type'), str('body')],
      routes: ['request', 'event'],
      example: 'xhttp_reply("200", "OK", "text/html", "<html><body>$hu</body></html>");',
      run(ctx: Context, _params: unknown, code, reason, type, body) {
        if (code < LEAST_CODE || code > GREATEST_CODE || reason === '') {
          ctx.host.log.write(LEVEL.ERR, 'xhttp', `invalid ${reason === '' ? 'reason' : 'code'} parameter\n`);
          return -1;
        }
        return httpReply(ctx, code, reason, type, body) ? 1 : -1;
      },
    }),
  },
  pvs: {
    hu: pv('URL of the HTTP request as received.', (ctx) => ctx.msg.originalUri),
  },
  transformations: { url },
  start,
  /** Parameters are read at each request. */
  reload: () => undefined,
});
