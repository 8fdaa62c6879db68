// What does not carry load: check of a long script, cold start, reload.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { answers, commandOf, end, HERE, pause, script, start } from '../both.mjs';

const HEAD = `debug=0
log_stderror=no
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:13007
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
`;

/** A script of about that many lines: a request_route and routes that it calls. */
export function scriptOf(lines) {
  const each = 10;
  const n = Math.max(Math.round((lines - 30) / each), 1);
  let out = `${HEAD}request_route {\n\tif ($rm == "OPTIONS") { sl_send_reply("200", "OK"); exit; }\n\tif (!mf_process_maxfwd_header("10")) exit;\n`;
  out += '\troute(R0);\n\tif (!t_relay()) sl_reply_error();\n}\n';
  for (let i = 0; i < n; i++) {
    out += `route[R${i}] {
	# numbers of the ${i}th kind
	if ($rU =~ "^${i}[0-9]+$" && $ua != "scanner-${i}") {
		$var(prefix) = $(rU{s.substr,0,3});
		$avp(kind) = "kind-${i}";
		append_hf("X-Kind: $avp(kind)\\r\\n");
		xlog("L_DBG", "$ci goes by ${i}\\n");
		$ru = "sip:" + $rU + "@10.0.${i % 256}.1:5060";
	}${i % 50 === 49 && i + 1 < n ? `\n\troute(R${i + 1});` : ''}
}
`;
  }
  return out;
}

/** Seconds of processor of a command, by the shell's own account of it. */
export function childSeconds(command, args) {
  const quoted = [command, ...args].map((a) => `'${a}'`).join(' ');
  const { stdout } = spawnSync('bash', ['-c', `${quoted} >/dev/null 2>&1; times`], { encoding: 'utf8' });
  const [, children] = stdout.trim().split('\n');
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + Number(m) * 60 + Number(s), 0);
}

/** Milliseconds that checking `file` takes the library once it is warm, in a process of its own. */
export function warmCheck(file, times = 15) {
  const done = spawnSync(process.execPath, [path.join(HERE, 'rows', 'in-process.mjs'), 'check', file, `${times}`], {
    encoding: 'utf8',
  });
  return JSON.parse(done.stdout).ms;
}

export const check = {
  rows: [
    {
      name: 'check',
      title: 'check of a 2,000-line script: library call, warm, beside `kamailio -c`',
      unit: 'ms cpu',
      digits: 1,
      less: true,
      wanted: 1,
      quick: false,
    },
  ],
  async measure(side) {
    const file = script('long.cfg', scriptOf(2000));
    if (side === 'kamscript') return { check: warmCheck(file) };
    return { check: childSeconds('kamailio', ['-M', '64', '-c', '-f', file]) * 1000 };
  },
};

/** From the command to the first answer. */
export const cold = {
  rows: [
    {
      name: 'start',
      title: 'cold start of a 100-line script to its first answer',
      unit: 'ms',
      digits: 0,
      less: true,
      wanted: 0.5,
      quick: false,
    },
  ],
  async measure(side) {
    const file = script('short.cfg', scriptOf(100));
    const [command, args] = commandOf(side, file);
    // Node reads that file at each start, a hundred authorities of TLS that no side needs here: 50 ms of processor.
    const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
    const child = start(command, args, { env });
    try {
      const ms = await answers(13007, 20_000, 2);
      // asked to end within its start, Kamailio does not
      await pause(500);
      return { start: ms ?? Number.NaN };
    } finally {
      await end(child);
    }
  },
};

const STOCK = '/etc/kamailio/kamailio.cfg';

/** No other side: Kamailio cannot. */
export const reload = {
  rows: [
    {
      name: 'reload',
      title: 'reload of the stock kamailio.cfg, changed, in all (limit 50 ms)',
      unit: 'ms',
      digits: 1,
      less: true,
      alone: true,
    },
    { name: 'reload-pause', title: 'the pause of it (limit 2 ms)', unit: 'ms', digits: 3, less: true, alone: true },
  ],
  needs: () => (existsSync(STOCK) ? undefined : `${STOCK} is not here`),
  async measure(side) {
    if (side !== 'kamscript') return {};
    const done = spawnSync(process.execPath, [path.join(HERE, 'rows', 'in-process.mjs'), 'reload', STOCK, '12'], {
      encoding: 'utf8',
    });
    const { ms, pauseMs } = JSON.parse(done.stdout);
    return { reload: ms, 'reload-pause': pauseMs };
  },
};
