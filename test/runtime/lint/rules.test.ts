/** Each rule finds its case, and is silent on the case next to it. */
import { describe, expect, test } from 'vitest';
import { lint, RULES } from '../../../src/runtime/lint/index.js';
import { loadScript } from '../../../src/server/load.js';

const HEAD = ['sl', 'pv', 'xlog', 'tm', 'textops', 'maxfwd', 'htable', 'nsq']
  .map((m) => `loadmodule "${m}.so"\n`)
  .join('');
const DMQ = 'listen=udp:127.0.0.1:5060\nloadmodule "dmq.so"\nmodparam("dmq", "server_address", "sip:127.0.0.1:5060")\n';
const MAIN = 'request_route { exit; }\n';

function codes(text: string): string[] {
  const { program, problems } = loadScript('lint.cfg', { env: {}, text: HEAD + text });
  if (program === undefined) throw new Error(problems.map((p) => p.message).join('\n'));
  return lint(program).map((p) => p.code);
}

const CASES: readonly (readonly [code: string, bad: string, good: string])[] = [
  [
    'event-route-spelling',
    `${MAIN}event_route[nsq:consumer-event-A_b] { exit; }`,
    `${MAIN}event_route[nsq:consumer-event-a-b] { exit; }`,
  ],
  [
    'event-route-shadowed',
    `${MAIN}modparam("nsq", "consumer_event_key", "Kind")\nevent_route[nsq:consumer-event-kind] { exit; }\nevent_route[nsq:consumer-event] { exit; }`,
    `${MAIN}modparam("nsq", "consumer_event_key", "Kind")\nevent_route[nsq:consumer-event-call] { exit; }\nevent_route[nsq:consumer-event] { exit; }`,
  ],
  [
    'event-route-unknown',
    `${MAIN}event_route[htable:mod-int] { exit; }`,
    `${MAIN}event_route[htable:expired:x] { exit; }`,
  ],
  [
    'unreachable-statement',
    'request_route { exit; xlog("x\\n"); }',
    'request_route { if ($rm == "A") exit; xlog("x\\n"); }',
  ],
  [
    'relay-result-ignored',
    'request_route { mf_process_maxfwd_header("10"); t_relay(); }',
    'request_route { mf_process_maxfwd_header("10"); if (!t_relay()) exit; }',
  ],
  [
    'return-zero',
    'request_route { route(A); }\nroute[A] { return 0; }',
    'request_route { route(A); }\nroute[A] { return -1; }',
  ],
  [
    'variable-never-written',
    'request_route { if ($var(conut) > 1) exit; }',
    'request_route { $var(c) = 1; if ($var(c) > 1) exit; }',
  ],
  ['variable-never-read', 'request_route { $var(c) = 1; }', 'request_route { $var(c) = 1; xlog("$var(c)\\n"); }'],
  ['unused-route', `${MAIN}route[A] { exit; }`, 'request_route { route(A); }\nroute[A] { exit; }'],
  [
    'route-not-armed',
    `${MAIN}failure_route[A] { exit; }`,
    'request_route { t_on_failure("A"); }\nfailure_route[A] { exit; }',
  ],
  [
    'armed-after-relay',
    'request_route { mf_process_maxfwd_header("1"); t_relay(); t_on_failure("A"); }\nfailure_route[A] { exit; }',
    'request_route { t_on_failure("A"); }\nfailure_route[A] { exit; }',
  ],
  [
    'route-loop',
    'request_route { route(A); }\nroute[A] { route(B); }\nroute[B] { route(A); }',
    'request_route { route(A); }\nroute[A] { route(B); }\nroute[B] { exit; }',
  ],
  [
    'assignment-in-condition',
    'request_route { $var(x) = 2; if (($var(x) = 1)) exit; }',
    'request_route { $var(x) = 2; if ($var(x) == 1) exit; }',
  ],
  [
    'no-maxfwd-check',
    'request_route { if (!t_relay()) exit; }',
    'request_route { if (!mf_process_maxfwd_header("10")) exit; if (!t_relay()) exit; }',
  ],
  [
    'kdmq-without-check',
    `${DMQ}request_route { if (is_method("KDMQ")) dmq_handle_message(); }`,
    `${DMQ}request_route { if ($si == "10.0.0.1") dmq_handle_message(); }`,
  ],
  ['kdmq-not-handled', `${DMQ}${MAIN}`, `${DMQ}request_route { if ($si == "10.0.0.1") dmq_handle_message(); }`],
  [
    'case-falls-through',
    'request_route { switch ($rm) { case "A": xlog("a\\n"); case "B": exit; } }',
    'request_route { switch ($rm) { case "A": case "C": xlog("a\\n"); break; case "B": exit; } }',
  ],
  [
    'duplicate-condition',
    'request_route { if ($rm == "A") exit; else if ($rU == "b") drop; else if ($rm == "A") drop; }',
    'request_route { if (is_method("A")) exit; else if (is_method("A")) drop; }',
  ],
  ['compared-with-itself', 'request_route { if ($rU == $rU) exit; }', 'request_route { if ($rU == $fU) exit; }'],
  ['empty-branch', 'request_route { if ($rm == "A") { ; } }', 'request_route { if ($rm == "A") { exit; } }'],
  ['endless-loop', 'request_route { while (1) { xlog("x\\n"); } }', 'request_route { while (1) { break; } }'],
  [
    'parameter-set-twice',
    `modparam("tm", "fr_timer", 1)\nmodparam("tm", "fr_timer", 2)\n${MAIN}`,
    `modparam("tm", "fr_timer", 1)\n${MAIN}`,
  ],
  ['log-without-newline', 'request_route { xlog("x"); }', 'request_route { xlog("x\\n"); }'],
  [
    'rpc-open-to-all',
    `loadmodule "xhttp.so"\nloadmodule "jsonrpcs.so"\n${MAIN}event_route[xhttp:request] { jsonrpc_dispatch(); }`,
    `loadmodule "xhttp.so"\nloadmodule "jsonrpcs.so"\n${MAIN}event_route[xhttp:request] { if ($si == "127.0.0.1") jsonrpc_dispatch(); }`,
  ],
  [
    'save-without-auth',
    `loadmodule "usrloc.so"\nloadmodule "registrar.so"\nrequest_route { if (is_method("REGISTER")) save("location"); }`,
    `loadmodule "usrloc.so"\nloadmodule "registrar.so"\nrequest_route { if ($si == "10.0.0.1") save("location"); }`,
  ],
  ['deprecated-name', 'route { exit; }', MAIN],
  [
    'reply-in-request-route',
    'request_route { if ($rs == 200) exit; }',
    'request_route { exit; }\nreply_route { if ($rs == 200) exit; }',
  ],
];

for (const [code, bad, good] of CASES) {
  test(`${code}: finds its case, and nothing where all is well`, () => {
    expect(codes(bad)).toContain(code);
    expect(codes(good)).not.toContain(code);
  });
}

test('a route that is armed and not there is refused or found', () => {
  const { program, problems } = loadScript('lint.cfg', {
    env: {},
    text: `${HEAD}request_route { t_on_failure("NO"); }`,
  });
  const found = program === undefined ? problems : lint(program);
  expect(found.some((p) => p.code === 'armed-route-missing' || p.severity === 'error')).toBe(true);
});

test('every rule has its case', () => {
  const tried = [...CASES.map(([code]) => code), 'armed-route-missing'].sort();
  expect(RULES.map((r) => r.code).sort()).toEqual(tried);
});

describe('comments suppress', () => {
  const BAD = 'request_route { exit; xlog("x\\n"); }';

  test('on the line, on the next line, in the file', () => {
    expect(codes(`${BAD} # kamscript-disable-line unreachable-statement`)).toEqual([]);
    expect(codes(`# kamscript-disable-next-line\n${BAD}`)).toEqual([]);
    expect(codes(`${BAD}\n// kamscript-disable-file return-zero, unreachable-statement`)).toEqual([]);
  });

  test('and leave the other rules alone', () => {
    expect(codes(`${BAD} # kamscript-disable-line return-zero`)).toEqual(['unreachable-statement']);
  });
});
