/** http_client beside Kamailio 5.6.3: the same script, the same web server, the same requests and results. */
import { beforeAll, expect, test } from 'vitest';
import { run, startServer } from '../../support/real-server.js';
import { SipClient } from '../../support/sip-client.js';
import { CALLS, script } from './script.js';
import { webServer } from './web-server.js';

interface Seen {
  /** Name of the call to what it gave and what the web server got. */
  readonly calls: Map<string, { readonly result: string; readonly requests: readonly string[] }>;
  readonly counters: string;
  readonly log: readonly string[];
}

/** Fields of Digest stand in another order, and some are random. */
function digest(request: string): string {
  return request.replace(/Digest (.*)\r\n/, (_, fields: string) => {
    const sorted = fields.split(', ').sort();
    return `Digest ${sorted.map((f) => f.replace(/^(cnonce|response)=.*/, '$1')).join(', ')}\r\n`;
  });
}

async function play(kind: 'kamailio' | 'kamscript'): Promise<Seen> {
  const web = await webServer();
  const server = await startServer(kind, script(web));
  const client = await SipClient.open();
  const masked = (text: string) => text.replaceAll(`${web.port}`, 'WEB').replaceAll(`${web.tlsPort}`, 'TLS');
  const calls: Seen['calls'] = new Map();
  try {
    for (const name of Object.keys(CALLS)) {
      web.requests.length = 0;
      const { text } = await client.ask({ method: 'OPTIONS', uri: `sip:bob@127.0.0.1;do=${name}` }, server.port, 5000);
      const result = masked(text.slice(text.indexOf('\r\n\r\n') + 4));
      calls.set(name, { result, requests: web.requests.map((r) => digest(masked(r))) });
    }
    const counters = await run('kamcmd', ['-s', `unix:${server.dir}/ctl`, 'cnt.grp_get_all', 'httpclient']);
    const log = [...masked(server.log()).matchAll(/(WARNING|ERROR): http_client(?: \[[^\]]*\]: \w+\(\))?: (.*)/g)];
    return { calls, counters, log: log.map(([, level, text]) => `${level} ${text}`) };
  } finally {
    client.close();
    await server.stop();
    await web.close();
  }
}

let theirs: Seen;
let ours: Seen;
beforeAll(async () => {
  [theirs, ours] = await Promise.all([play('kamailio'), play('kamscript')]);
}, 90_000);

test.each(Object.keys(CALLS))('%s', (name) => {
  expect(theirs.calls.get(name)?.result).toMatch(/\|/);
  expect(ours.calls.get(name)).toEqual(theirs.calls.get(name));
});

test('counters', () => {
  expect(ours.counters).toBe(theirs.counters);
});

test('log', () => {
  expect(ours.log).toEqual(theirs.log);
});
