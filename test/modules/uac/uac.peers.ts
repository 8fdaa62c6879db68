/** Registrations and challenges between kamscript and a real Kamailio, each in either part. */
import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, test } from 'vitest';
import { type RealServer, run, startServer, wait } from '../../support/real-server.js';

const COMMON = `
debug=1
log_stderror=yes
children=1
listen=udp:127.0.0.1:{{PORT}}
loadmodule "db_text.so"
loadmodule "ctl.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "kex.so"
loadmodule "xlog.so"
loadmodule "textops.so"
loadmodule "siputils.so"
modparam("ctl", "binrpc", "unix:{{DIR}}/ctl")
`;

/** Lets in whoever has the password, and answers calls of registered users itself. */
const REGISTRAR = `${COMMON}
loadmodule "auth.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
request_route {
  if (is_method("REGISTER")) {
    if (!pv_www_authenticate("provider.example", "secret", "0")) { www_challenge("provider.example", "1"); exit; }
    save("location");
    exit;
  }
  if (is_method("ACK")) exit;
  if (!pv_proxy_authenticate("provider.example", "secret", "0")) { proxy_challenge("provider.example", "1"); exit; }
  xlog("L_ERR", "let in $au for $rm\\n");
  sl_send_reply("200", "Let in");
}
`;

/** Has an account at the registrar, and hands messages on to it. */
const trunk = (registrar: number) => `${COMMON}
loadmodule "uac.so"
modparam("uac", "restore_mode", "none")
modparam("uac", "reg_contact_addr", "127.0.0.1:{{PORT}}")
modparam("uac", "reg_db_url", "text://{{DIR}}")
modparam("uac", "reg_timer_interval", 1)
modparam("uac", "credential", "trunk:provider.example:secret")
request_route {
  if (is_method("OPTIONS")) {
    $uac_req(method) = "MESSAGE";
    $uac_req(ruri) = "sip:someone@127.0.0.1:${registrar}";
    $uac_req(auser) = "trunk";
    $uac_req(apasswd) = "secret";
    $uac_req(evroute) = 1;
    uac_req_send();
    sl_send_reply("200", "OK");
    exit;
  }
  t_on_failure("CHALLENGE");
  $du = "sip:127.0.0.1:${registrar}";
  t_relay();
}
failure_route[CHALLENGE] { if (t_check_status("401|407") && uac_auth()) t_relay(); }
event_route[uac:reply] { xlog("L_ERR", "own request: $uac_req(evcode)\\n"); }
`;

const servers: RealServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function start(kind: 'kamscript' | 'kamailio', script: string): Promise<RealServer> {
  const server = await startServer(kind, script);
  servers.push(server);
  return server;
}

const kamcmd = (server: RealServer, ...args: string[]) => run('kamcmd', ['-s', `unix:${server.dir}/ctl`, ...args]);

async function until(what: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let n = 0; n < 60; n++) {
    if (await what()) return true;
    await wait(150);
  }
  return false;
}

/** A request from nobody; its reply is of no interest. */
function send(port: number, method: string): Promise<void> {
  const socket = createSocket('udp4');
  const text = `${method} sip:x@127.0.0.1:${port} SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK-${method}
Max-Forwards: 70
From: <sip:me@example.org>;tag=1
To: <sip:you@example.org>
Call-ID: ${method}
CSeq: 1 ${method}
Content-Length: 0

`;
  return new Promise((resolve) => {
    socket.send(text.replaceAll('\n', '\r\n'), port, '127.0.0.1', () => {
      socket.close();
      resolve();
    });
  });
}

const PAIRS = [
  ['kamscript', 'kamailio'],
  ['kamailio', 'kamscript'],
] as const;

describe.each(PAIRS)('%s with an account at %s', (own, other) => {
  test('it registers, refreshes its standing, and has its requests let in', async () => {
    const registrar = await start(other, REGISTRAR);
    const client = await start(own, trunk(registrar.port));
    const account = [
      'acc1',
      'alice',
      'own.example',
      'trunk',
      `127.0.0.1:${registrar.port}`,
      'provider.example',
      'trunk',
    ];
    await kamcmd(
      client,
      'uac.reg_add',
      ...account,
      'secret',
      '.',
      `sip:127.0.0.1:${registrar.port}`,
      '300',
      '0',
      '0',
      `udp:127.0.0.1:${client.port}`,
      '.',
    );
    expect(
      await until(async () => /flags: (4|20)\b/.test(await kamcmd(client, 'uac.reg_info', 'l_uuid', 'acc1'))),
    ).toBe(true);
    expect(await kamcmd(registrar, 'ul.dump')).toContain(`Address: sip:acc1@127.0.0.1:${client.port}`);

    await send(client.port, 'INFO');
    expect(await until(() => registrar.log().includes('let in trunk for INFO')), registrar.log() + client.log()).toBe(
      true,
    );
    await send(client.port, 'OPTIONS');
    expect(await until(() => client.log().includes('own request: 200')), client.log()).toBe(true);
    expect(client.log()).toContain('own request: 407');

    await kamcmd(client, 'uac.reg_unregister', 'l_uuid', 'acc1');
    expect(await until(async () => !(await kamcmd(registrar, 'ul.dump')).includes('sip:acc1@'))).toBe(true);
  });
});
