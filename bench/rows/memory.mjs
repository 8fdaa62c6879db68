// Memory of what is kept: proportional share of all processes, shared memory of Kamailio included.
import { end, load, memory, pause, script, serve, start } from '../both.mjs';
import { registrarScript } from './loads.mjs';

const N = 100_000;
const row = (name, title) => ({
  name,
  title,
  unit: 'MB',
  digits: 0,
  less: true,
  wanted: 0.5,
  quick: false,
  once: true,
});

async function growth(pid, work) {
  const before = memory(pid);
  await work();
  await pause(1500);
  const after = memory(pid);
  return { total: after / 1e6, each: (after - before) / N };
}

export const registrations = {
  rows: [
    row('mem-registrations', 'memory of the server with 100 k registrations'),
    { ...row('mem-registration', 'the same, what one adds'), unit: 'bytes', wanted: undefined },
  ],
  measure: (side) =>
    serve(side, registrarScript(), 13006, async (pid) => {
      const headers = script('open.txt', 'X-Open: yes\r\n');
      const { total, each } = await growth(pid, () =>
        load('blast', [13006, 'REGISTER', 32, 300, 0, headers], { USERS: `${N}`, COUNT: `${N}` }),
      );
      return { 'mem-registrations': total, 'mem-registration': each };
    }),
};

/** relay.cfg with timers so long that nothing is sent again while memory is looked at. */
const SILENT = `debug=0
log_stderror=no
children=1
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:127.0.0.1:13008
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
modparam("tm", "fr_timer", 300000)
modparam("tm", "fr_inv_timer", 300000)
modparam("tm", "max_inv_lifetime", 300000)
modparam("tm", "retr_timer1", 60000)
modparam("tm", "retr_timer2", 60000)
request_route {
	if ($rm == "OPTIONS") { sl_send_reply("200", "OK"); exit; }
	record_route();
	append_hf("X-Hop: one\\r\\n");
	$du = "sip:127.0.0.1:13009";
	if (!t_relay()) sl_reply_error();
}
`;

const SINK = `require('node:dgram').createSocket({ type: 'udp4', recvBufferSize: 8 << 20 }).bind(13009, '127.0.0.1')`;

export const transactions = {
  rows: [
    row('mem-transactions', 'memory of the server with 100 k live INVITE transactions'),
    { ...row('mem-transaction', 'the same, what one adds'), unit: 'bytes', wanted: undefined },
  ],
  async measure(side) {
    const sink = start(process.execPath, ['-e', SINK]);
    await pause(300);
    try {
      return await serve(side, script('silent.cfg', SILENT), 13008, async (pid) => {
        const { total, each } = await growth(pid, () =>
          load('blast', [13008, 'INVITE', 32, 300, 0], { COUNT: `${N}` }),
        );
        return { 'mem-transactions': total, 'mem-transaction': each };
      });
    } finally {
      await end(sink);
    }
  },
};
