// Work within a script: A–D of script.cfg.
import dgram from 'node:dgram';
import { pause, script, serve } from '../both.mjs';

/** One MESSAGE that makes the script do its work; resolves with the reply. */
function message(port) {
  const s = dgram.createSocket('udp4');
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error('no reply within 60 s')), 60_000);
    s.once('message', (d) => {
      clearTimeout(limit);
      s.close();
      resolve(d.toString());
    });
    s.bind(0, '127.0.0.1', () => {
      const own = s.address().port;
      s.send(
        `MESSAGE sip:bob@127.0.0.1:${port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${own};branch=z9hG4bK${own}\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.org>;tag=1\r\nTo: <sip:bob@example.org>\r\nCall-ID: ${own}\r\nCSeq: 1 MESSAGE\r\nX-Tag: abc12345\r\nUser-Agent: bench\r\nContent-Length: 0\r\n\r\n`,
        port,
        '127.0.0.1',
      );
    });
  });
}

/** Seconds of each workload, the best of three messages (the first pays for warming up on both sides). */
async function workloads(side) {
  return serve(side, script('script.cfg'), 13000, async (_pid, log) => {
    for (let i = 0; i < 3; i++) await message(13000);
    await pause(300);
    const best = {};
    for (const [, row, from, to] of log().matchAll(/<script>: ([A-D]) [^\n]*?: t\d=([\d.]+) t\d=([\d.]+)/g)) {
      best[row] = Math.min(best[row] ?? Number.POSITIVE_INFINITY, Number(to) - Number(from));
    }
    return best;
  });
}

const row = (name, title, wanted, quick) => ({ name, title, unit: 's', digits: 4, less: true, wanted, quick });

export const scripts = {
  rows: [
    // its 2 ms are too short for a ratio that another machine would have too
    row('A', 'A: integer loop, 1 M turns', 25, false),
    row('B', 'B: strings and transformations, 200 k', 4, true),
    row('C', 'C: $sht set and get, 200 k', 6, true),
    row('D', 'D: route(), regex, $hdr, 200 k', 8, true),
  ],
  measure: workloads,
};
