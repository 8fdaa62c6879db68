// Requests by processor second of the server: what holds on a machine that others use too.
import { createHash } from 'node:crypto';
import dgram from 'node:dgram';
import { end, load, script, serve, start, tool } from '../both.mjs';

const row = (name, title, wanted, quick) => ({ name, title, unit: 'per cpu-s', digits: 0, less: false, wanted, quick });

async function withUas(work) {
  const uas = start(tool('uas'), ['13005']);
  try {
    return await work();
  } finally {
    await end(uas);
  }
}

const WINDOW = 32;

export const options = {
  rows: [row('options', 'stateless 200 to OPTIONS', 1.2, true)],
  measure: (side, { seconds, warm }) =>
    serve(side, script('script.cfg'), 13000, async (pid) => {
      await load('blast', [13000, 'OPTIONS', WINDOW, warm]);
      return { options: (await load('blast', [13000, 'OPTIONS', WINDOW, seconds, pid])).per_cpu_s };
    }),
};

export const relay = {
  rows: [row('relay', 'stateful relay of MESSAGE (relay.cfg)', 1.5, true)],
  measure: (side, { seconds, warm }) =>
    withUas(() =>
      serve(side, script('relay.cfg'), 13004, async (pid) => {
        await load('blast', [13004, 'MESSAGE', WINDOW, warm]);
        return { relay: (await load('blast', [13004, 'MESSAGE', WINDOW, seconds, pid])).per_cpu_s };
      }),
    ),
};

/** Of 60 s the last ten beside the second ten: 1 is flat. Once a run, it takes two minutes. */
export const flat = {
  rows: [
    {
      ...row('flat', 'relay over 60 s: the last 10 s beside those after the first 10', undefined, false),
      unit: 'of 1',
      digits: 2,
      once: true,
    },
  ],
  measure: (side) =>
    withUas(() =>
      serve(side, script('relay.cfg'), 13004, async (pid) => {
        const slices = [];
        for (let i = 0; i < 6; i++) slices.push((await load('blast', [13004, 'MESSAGE', WINDOW, 10, pid])).per_cpu_s);
        return { flat: slices[5] / slices[1] };
      }),
    ),
};

export const calls = {
  rows: [row('calls', 'INVITE, 200, ACK, BYE through the proxy (relay.cfg)', 1.2, true)],
  measure: (side, { seconds, warm }) =>
    withUas(() =>
      serve(side, script('relay.cfg'), 13004, async (pid) => {
        await load('calls', [13004, WINDOW, warm]);
        return { calls: (await load('calls', [13004, WINDOW, seconds, pid])).per_cpu_s };
      }),
    ),
};

const REGISTRAR = `debug=0
log_stderror=no
children=1
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:127.0.0.1:13006
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "hash_size", 14)
modparam("auth", "nonce_expire", 3600)
modparam("auth", "secret", "bench")
request_route {
	if ($rm == "OPTIONS") { sl_send_reply("200", "OK"); exit; }
	if ($hdr(X-Open) == $null) {
		if (!pv_www_authenticate("bench", "secret", "0")) { www_challenge("bench", "0"); exit; }
		consume_credentials();
	}
	save("location");
}
`;
export const registrarScript = () => script('registrar.cfg', REGISTRAR);

/** The nonce of a challenge. */
function challenge(port) {
  const s = dgram.createSocket('udp4');
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error('no challenge')), 5000);
    s.once('message', (d) => {
      clearTimeout(limit);
      s.close();
      resolve(/nonce="([^"]+)"/.exec(d.toString('latin1'))?.[1]);
    });
    s.bind(0, '127.0.0.1', () => {
      const own = s.address().port;
      s.send(
        `REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${own};branch=z9hG4bKc${own}\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:a@127.0.0.1>\r\nCall-ID: c${own}\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n`,
        port,
        '127.0.0.1',
      );
    });
  });
}

const md5 = (text) => createHash('md5').update(text).digest('hex');

/** Credentials that hold for every REGISTER of the run: the digest is worked out and compared each time by the server. */
function authorization(nonce) {
  const uri = 'sip:127.0.0.1';
  const response = md5(`${md5('bench:bench:secret')}:${nonce}:${md5(`REGISTER:${uri}`)}`);
  return `Authorization: Digest username="bench", realm="bench", nonce="${nonce}", uri="${uri}", response="${response}", algorithm=MD5\r\n`;
}

export const register = {
  rows: [row('register', 'REGISTER with digest auth, in memory, 10,000 users', 1, false)],
  measure: (side, { seconds, warm }) =>
    serve(side, registrarScript(), 13006, async (pid) => {
      const headers = script('authorization.txt', authorization(await challenge(13006)));
      await load('blast', [13006, 'REGISTER', WINDOW, warm, 0, headers], { USERS: '10000' });
      const done = await load('blast', [13006, 'REGISTER', WINDOW, seconds, pid, headers], { USERS: '10000' });
      if (done.other > done.ok) throw new Error(`${side} refuses: ${JSON.stringify(done)}`);
      return { register: done.per_cpu_s };
    }),
};
