// How cost grows: entries of a hash table, registrations, lines of a script.   npm run bench growth
import { spawnSync } from 'node:child_process';
import { answers, cleanUp, load, pause, SIDES, script, serve } from './both.mjs';
import { childSeconds, scriptOf, warmCheck } from './rows/files.mjs';
import { registrarScript } from './rows/loads.mjs';

const OPERATIONS = 200_000;

const tableScript = (entries) => `debug=2
log_stderror=yes
children=1
disable_tcp=yes
max_while_loops=100000000
listen=udp:127.0.0.1:13010
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "sl.so"
loadmodule "htable.so"
modparam("htable", "htable", "h=>size=16;")
request_route {
	if ($rU != "work") { sl_send_reply("200", "OK"); exit; }
	$var(i) = 0;
	while ($var(i) < ${entries}) { $sht(h=>$var(i)) = $var(i); $var(i) = $var(i) + 1; }
	$var(round) = 0;
	while ($var(round) < 3) {
		$var(t0) = $TV(Sn);
		$var(i) = 0;
		while ($var(i) < ${OPERATIONS}) {
			$var(k) = $var(i) * 7919 mod ${entries};
			$sht(h=>$var(k)) = $var(i);
			$var(x) = $sht(h=>$var(k)) + 1;
			$var(i) = $var(i) + 1;
		}
		$var(t1) = $TV(Sn);
		xlog("G t0=$var(t0) t1=$var(t1)\\n");
		$var(round) = $var(round) + 1;
	}
	sl_send_reply("200", "OK");
}
`;

/** Microseconds of a set and a get in a table of `entries`. */
function table(side, entries) {
  return serve(side, script(`table-${entries}.cfg`, tableScript(entries)), 13010, async (_pid, log) => {
    await answers(13010, 120_000, 1_000_000, 'work');
    await pause(200);
    const times = [...log().matchAll(/G t0=([\d.]+) t1=([\d.]+)/g)].map(([, from, to]) => Number(to) - Number(from));
    return ((Math.min(...times) / OPERATIONS) * 1e6).toFixed(2);
  });
}

/** REGISTERs a processor second with so many users. */
function registrations(side, users) {
  return serve(side, registrarScript(), 13006, async (pid) => {
    const headers = script('open.txt', 'X-Open: yes\r\n');
    const env = { USERS: `${users}` };
    await load('blast', [13006, 'REGISTER', 32, 300, 0, headers], { ...env, COUNT: `${Math.max(users, 30_000)}` });
    return (await load('blast', [13006, 'REGISTER', 32, 3, pid, headers], env)).per_cpu_s;
  });
}

function lines(side, count) {
  const file = script(`lines-${count}.cfg`, scriptOf(count));
  if (side === 'kamscript') return warmCheck(file, count > 5000 ? 4 : 10).toFixed(1);
  const all = [1, 2, 3].map(() => childSeconds('kamailio', ['-M', '64', '-c', '-f', file]) * 1000);
  return all.sort((a, b) => a - b)[1].toFixed(0);
}

async function series(title, measure, sizes) {
  console.log(`\n| ${title} | kamscript | Kamailio |\n|--:|--:|--:|`);
  for (const size of sizes) {
    const cells = [];
    for (const side of SIDES) cells.push(await measure(side, size));
    console.log(`| ${size.toLocaleString('en')} | ${cells.join(' | ')} |`);
  }
}

try {
  console.log(spawnSync('kamailio', ['-v'], { encoding: 'utf8' }).stdout.split('\n')[0]);
  await series('entries of a table: µs for a set and a get', table, [1, 1000, 100_000, 1_000_000]);
  await series('registrations: REGISTER a processor second', registrations, [1, 1000, 100_000]);
  await series('lines of a script: ms cpu for its check', lines, [100, 2000, 20_000]);
} finally {
  cleanUp();
}
process.exit(0);
