/** Module outbound beside Kamailio 5.6.3: what add_path() and record_route() write, where loose_route() leads. */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeFlow } from '../../../src/modules/outbound/flow-token.js';
import { startServer } from '../../support/real-server.js';
import { headerOf, SipClient } from '../../support/sip-client.js';
import { WsClient } from '../../support/ws-client.js';

const SECRET = 'johnsecret';

const SCRIPT = `debug=2
log_stderror=yes
children=1
tcp_children=1
tcp_accept_no_cl=yes
listen=udp:127.0.0.1:{{PORT}}
listen=tcp:127.0.0.1:{{PORT}}
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "ctl.so"
loadmodule "path.so"
loadmodule "nathelper.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
loadmodule "stun.so"
loadmodule "outbound.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
modparam("outbound", "flow_token_secret", "${SECRET}")
modparam("outbound", "force_outbound_flag", 5)
modparam("outbound", "force_no_outbound_flag", 6)
request_route {
	if ($rU == "force") setflag(5);
	if ($rU == "never") setflag(6);
	if (has_totag()) {
		$var(rc) = loose_route();
		$var(du) = "" + $du;
		if ($hdr(X-Look) != $null) {
			append_to_reply("X-RC: $var(rc)\\r\\nX-DU: $var(du)\\r\\nX-Socket: $fs\\r\\n");
			sl_send_reply("200", "OK");
			exit;
		}
		record_route();
		t_relay();
		exit;
	}
	if (is_method("REGISTER")) add_path();
	else record_route();
	$du = "sip:127.0.0.1:" + $hdr(X-Next);
	t_relay();
}
event_route[xhttp:request] {
	ws_handle_handshake();
}
`;

const KEYS = ['', SECRET].map((text) => createHash('sha1').update(text).digest());

interface Seen {
  readonly facts: Map<string, string>;
}

async function play(kind: 'kamailio' | 'kamscript'): Promise<Seen> {
  const server = await startServer(kind, SCRIPT);
  const [client, next] = [await SipClient.open(), await SipClient.open()];
  const ws = await WsClient.connect(server.port);
  await ws.handshake();
  const web = ws.sip();
  const names = new Map([
    [server.port, 'SERVER'],
    [client.port, 'CLIENT'],
    [next.port, 'NEXT'],
    [web.port, 'WEB'],
  ]);
  const facts: Seen['facts'] = new Map();
  const named = (text: string) => {
    let out = text;
    for (const [port, name] of names) out = out.replaceAll(`${port}`, name);
    return out;
  };
  /** What a token says, in place of it. */
  const read = (text: string) =>
    text.replace(/sip:([A-Za-z0-9+/=]{32,})@/g, (_, token: string) => {
      const flow = KEYS.map((key) => decodeFlow(token, key)).find((f) => typeof f !== 'string');
      return `sip:<${typeof flow === 'object' ? Object.values(flow).join(' ') : 'unreadable'}>@`;
    });
  const note = (what: string, text: string) => facts.set(what, named(read(text)));
  const all = (message: string, name: string) =>
    [...message.matchAll(new RegExp(`^${name}: .*$`, 'gm'))].map(([line]) => line.trim()).join('\n');

  const through = async (what: string, from: SipClient, parts: Parameters<SipClient['build']>[0]) => {
    const headers = [...(parts.headers ?? []), `X-Next: ${next.port}`];
    from.send(from.build({ ...parts, headers }), server.port);
    const arrived = await next.receive((text) => text.startsWith(parts.method));
    note(what, `${all(arrived, 'Path')}${all(arrived, 'Record-Route').replace(/;ftag=[^;>]*/g, '')}`);
    next.send(next.reply(arrived, 200, 'OK'), server.port);
    return arrived;
  };
  try {
    const contact = (c: SipClient, more = '', uri = '') => `Contact: <sip:u@${c.host}:${c.port}${uri}>${more}`;
    const instance = ';reg-id=1;+sip.instance="<urn:uuid:1>"';
    const register = (headers: string[]) => ({ method: 'REGISTER', uri: 'sip:d.example', headers });
    await through('REGISTER', client, register([contact(client, instance)]));
    await through('REGISTER over ws', web, register([contact(web, instance, ';transport=ws')]));
    await through('REGISTER without reg-id', client, register([contact(client)]));
    await through(
      'REGISTER at the second hop',
      client,
      register([`Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1`, contact(client, instance)]),
    );

    const invite = (user: string, headers: string[]) => ({ method: 'INVITE', uri: `sip:${user}@d.example`, headers });
    await through('INVITE without ob', client, invite('x', [contact(client)]));
    await through(
      'INVITE that does not support it',
      client,
      invite('x', ['Supported: path', contact(client, '', ';ob')]),
    );
    await through('INVITE, forced', client, invite('force', [contact(client)]));
    await through('INVITE, forbidden', client, invite('never', [contact(client, '', ';ob')]));
    await through('INVITE over ws', web, invite('x', ['Supported: outbound', contact(web, '', ';transport=ws;ob')]));
    const first = await through('INVITE', client, invite('x', ['Supported: outbound', contact(client, '', ';ob')]));

    const route = headerOf(first, 'Record-Route').replace(';lr', ';ob;lr');
    const ask = async (what: string, from: SipClient, line: string) => {
      const parts = { method: 'OPTIONS', uri: 'sip:u@127.0.0.1:9', to: '<sip:a@b>;tag=1' };
      const reply = await from.ask({ ...parts, headers: [`Route: ${line}`, 'X-Look: 1'] }, server.port);
      note(what, ['X-RC', 'X-DU', 'X-Socket'].map((name) => reply.header(name)).join(' | '));
    };
    await ask('to the client', next, route);
    await ask('from the client', client, route);
    await ask(
      'forged',
      next,
      route.replace(/sip:(.)/, (_, c: string) => `sip:${c === 'A' ? 'B' : 'A'}`),
    );
    await ask('without a token', next, route.replace(/sip:[^@]*@/, 'sip:'));
    await ask('with another user', next, route.replace(/sip:[^@]*@/, 'sip:bob@'));
    await ask('to the client and on', next, `${route}, <sip:192.0.2.1;lr>`);
    next.send(
      next.build({ method: 'BYE', uri: 'sip:u@nowhere.invalid', to: '<sip:a@b>;tag=1', headers: [`Route: ${route}`] }),
      server.port,
    );
    const bye = await client.receive((text) => text.startsWith('BYE'));
    note('BYE over the flow', `${bye.split('\r\n')[0]} ${all(bye, 'Record-Route').replace(/;ftag=[^;>]*/g, '')}`);
    return { facts };
  } finally {
    for (const c of [client, next, web]) c.close();
    await server.stop();
  }
}

describe('outbound beside Kamailio', () => {
  let theirs: Seen;
  let ours: Seen;
  beforeAll(async () => {
    [theirs, ours] = await Promise.all([play('kamailio'), play('kamscript')]);
  }, 60_000);

  test('Path, Record-Route and loose_route()', () => {
    expect(theirs.facts.size).toBeGreaterThan(15);
    expect(Object.fromEntries(ours.facts)).toEqual(Object.fromEntries(theirs.facts));
  });

  test('a flow is named', () => {
    expect(ours.facts.get('REGISTER')).toContain('sip:<udp 127.0.0.1 SERVER 127.0.0.1 CLIENT>@127.0.0.1:SERVER;lr;ob>');
    expect(ours.facts.get('to the client')).toBe('2 | sip:127.0.0.1:CLIENT;transport=udp | udp:127.0.0.1:SERVER');
  });
});
