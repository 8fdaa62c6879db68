// Run by bundle.mjs: a server takes a few messages, and the code that V8 has made by then is kept for the starts to come.
'use strict';
const dgram = require('node:dgram');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const bundle = require('../dist/bundle/load.js');

const LIMIT_MS = 20_000;
const EVERY_MS = 50;
const MODULES = 'sl tm pv rr maxfwd textops siputils xlog htable usrloc registrar';

const script = (port) => `debug=-5
listen=udp:127.0.0.1:${port}
${MODULES.split(' ')
  .map((name) => `loadmodule "${name}.so"`)
  .join('\n')}
modparam("htable", "htable", "a=>size=4;")
request_route {
	if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
	if (is_method("REGISTER")) { save("location"); exit; }
	if ($rU =~ "^[0-9]+$" && $ua != "x") $var(x) = $(rU{s.substr,0,3});
	$sht(a=>$ci) = $Ts;
	route(NEXT);
	sl_send_reply("200", "OK");
}
route[NEXT] {
	if ($rm == "INVITE") { record_route(); if (!t_relay()) sl_reply_error(); exit; }
	return;
}
`;

const request = (method, port, own) =>
  [
    `${method} sip:12345@127.0.0.1:${port} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${own};branch=z9hG4bK${method}`,
    'Max-Forwards: 70',
    'From: <sip:a@127.0.0.1>;tag=1',
    'To: <sip:b@127.0.0.1>',
    `Call-ID: ${method}`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:a@127.0.0.1:${own}>`,
    'Content-Length: 0\r\n\r\n',
  ].join('\r\n');

const dir = mkdtempSync(path.join(tmpdir(), 'kamscript-'));
const client = dgram.createSocket('udp4');
const end = (status) => {
  rmSync(dir, { recursive: true, force: true });
  process.exit(status);
};
setTimeout(() => end(1), LIMIT_MS);
client.bind(0, '127.0.0.1', () => {
  const own = client.address().port;
  const free = dgram.createSocket('udp4').bind(0, '127.0.0.1', () => {
    const { port } = free.address();
    const file = path.join(dir, 'a.cfg');
    writeFileSync(file, script(port));
    free.close(() => void bundle.load('cli/main').main(['-f', file, '-DD', '-E'], () => play(port, own)));
  });
});

function play(port, own) {
  const wanted = ['OPTIONS', 'REGISTER'];
  const ask = () => client.send(request(wanted[0], port, own), port, '127.0.0.1');
  client.on('message', () => {
    wanted.shift();
    if (wanted.length > 0) return ask();
    bundle.keepCode();
    end(0);
  });
  ask();
  setInterval(ask, EVERY_MS);
}
