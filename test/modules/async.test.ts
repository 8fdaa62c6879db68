/** What the recorded cases of async/ do not show: rests of blocks in routes that wait, in switches, in routes that call themselves. */
import { expect, test } from 'vitest';
import { load } from '../../src/testing/index.js';

const HEAD = `loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "cfgutils.so"
loadmodule "async.so"
`;

async function logOf(routes: string): Promise<string[]> {
  const script = await load('async.cfg', { text: HEAD + routes });
  const lines = [...(await script.request({ method: 'MESSAGE' })).xlog];
  lines.push(...(await script.advance(9000)).xlog);
  await script.close();
  return lines;
}

test('the rest of a block may wait', async () => {
  const lines = await logOf(`request_route {
	xlog("one\\n");
	sleep("1");
	async_sleep("2");
	xlog("two\\n");
	sleep("1");
	async_sleep("1");
	sleep("1");
	xlog("three\\n");
	t_reply("200", "OK");
}
`);
  expect(lines).toEqual(['one', 'two', 'three']);
});

test('a label of a switch and the body of a loop have rests of their own', async () => {
  const lines = await logOf(`request_route {
	switch ($rm) {
		case "INVITE":
			xlog("never\\n");
		case "MESSAGE":
			async_sleep("1");
			xlog("in the label\\n");
			route(LOOP);
			break;
			xlog("never\\n");
	}
	xlog("never\\n");
}
route[LOOP] {
	$var(i) = 0;
	while ($var(i) < 3) {
		$var(i) = $var(i) + 1;
		async_sleep("1");
		xlog("round $var(i)\\n");
		t_reply("200", "OK");
	}
}
`);
  expect(lines).toEqual(['in the label', 'round 1']);
});

test('a route may put itself off again and again', async () => {
  const lines = await logOf(`request_route { $avp(n) = 0; route(AGAIN); }
route[AGAIN] {
	$avp(n) = $avp(n) + 1;
	xlog("$avp(n)\\n");
	if ($avp(n) < 4) { async_route("AGAIN", "1"); exit; }
	t_reply("200", "OK");
}
`);
  expect(lines).toEqual(['1', '2', '3', '4']);
});

test('a problem behind async_sleep() is told once', async () => {
  const script = 'request_route { async_sleep("1"); no_such_function(); }\n';
  const told = await logOf(script).catch((e: Error) => e.message);
  expect(`${told}`.match(/unknown command/g)).toHaveLength(1);
});

test('tasks need workers', async () => {
  await expect(logOf('request_route { async_task_route("T"); }\nroute[T] { exit; }\n')).rejects.toThrow(
    'async task framework was not initialized',
  );
});
