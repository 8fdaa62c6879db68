/** Each rule finds its case, and is silent on the case next to it. */
import { describe, expect, test } from 'vitest';
import { lint, RULES } from '../../../src/runtime/lint/index.js';
import { loadScript } from '../../../src/server/load.js';

const HEAD = ['sl', 'pv', 'xlog', 'tm', 'textops', 'maxfwd', 'htable', 'nsq']
  .map((m) => `loadmodule "${m}.so"\n`)
  .join('');
const DMQ = 'listen=udp:127.0.0.1:5060\nloadmodule "dmq.so"\nmodparam("dmq", "server_address", "sip:127.0.0.1:5060")\n';
const MAIN = 'request_route { exit; }\n';

function codes(text: string, head = HEAD): string[] {
  const { program, problems } = loadScript('lint.cfg', { env: {}, text: head + text });
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
  ['constant-condition', 'request_route { if (0) exit; }', 'request_route { $var(x) = 0; if ($var(x) == 0) exit; }'],
  [
    'control-socket-open',
    `loadmodule "ctl.so"\nmodparam("ctl", "binrpc", "tcp:0.0.0.0:2049")\n${MAIN}`,
    `loadmodule "ctl.so"\nmodparam("ctl", "binrpc", "tcp:127.0.0.1:2049")\n${MAIN}`,
  ],
  [
    'default-password',
    `loadmodule "db_mysql.so"\nloadmodule "auth.so"\nloadmodule "auth_db.so"\nmodparam("auth_db", "db_url", "mysql://kamailio:kamailiorw@localhost/kamailio")\n${MAIN}`,
    `loadmodule "db_mysql.so"\nloadmodule "auth.so"\nloadmodule "auth_db.so"\nmodparam("auth_db", "db_url", "mysql://kamailio:fiMx81ba@localhost/kamailio")\n${MAIN}`,
  ],
  [
    'dot-in-address-pattern',
    'request_route { if ($si =~ "^10.1.2.3$") exit; }',
    'request_route { if ($si =~ "^10\\.1\\.2\\.3$") exit; }',
  ],
  ['empty-route', `${MAIN}branch_route[A] { ; }`, `${MAIN}branch_route[A] { exit; }`],
  [
    'exec-unescaped',
    'loadmodule "exec.so"\nrequest_route { exec_cmd("echo $fU"); }',
    'loadmodule "exec.so"\nrequest_route { exec_cmd("echo $(fU{s.encode.hexa}) $si"); }',
  ],
  [
    'failure-without-cancel-check',
    `${MAIN}failure_route[A] { $du = "sip:10.0.0.1"; t_relay(); }`,
    `${MAIN}failure_route[A] { if (t_is_canceled()) exit; $du = "sip:10.0.0.1"; t_relay(); }`,
  ],
  [
    'flag-never-set',
    'request_route { if (isflagset(7)) exit; }',
    'request_route { setflag(7); if (isflagset(7)) exit; }',
  ],
  ['flag-never-tested', 'request_route { setflag(7); }', 'request_route { setflag(7); if (isflagset(7)) exit; }'],
  [
    'header-without-line-end',
    'request_route { append_hf("X-A: b"); }',
    'request_route { append_hf("X-A: b\\r\\n"); append_hf("$var(x)"); }',
  ],
  ['method-unknown', 'request_route { if ($rm == "invite") exit; }', 'request_route { if ($rm == "INVITE") exit; }'],
  [
    'method-unknown',
    'request_route { if (method == "INVIT") exit; }',
    'request_route { if (method == "INVITE") exit; }',
  ],
  [
    'nsq-without-fallback',
    `${MAIN}event_route[nsq:consumer-event-presence] { exit; }`,
    `${MAIN}event_route[nsq:consumer-event-presence] { exit; }\nevent_route[nsq:consumer-event] { exit; }`,
  ],
  [
    'old-tls-method',
    `loadmodule "tls.so"\nmodparam("tls", "tls_method", "TLSv1")\n${MAIN}`,
    `loadmodule "tls.so"\nmodparam("tls", "tls_method", "TLSv1.2+")\n${MAIN}`,
  ],
  [
    'read-before-write',
    'request_route { route(A); $var(x) = 1; }\nroute[A] { if ($var(x) > 3) exit; }',
    'request_route { $var(x) = 1; route(A); }\nroute[A] { if ($var(x) > 3) exit; }',
  ],
  [
    'read-before-write',
    'request_route { if ($var(x) > 3) exit; $var(x) = 1; }',
    'request_route { if ($var(n) > 3) exit; $var(n) = $var(n) + 1; }',
  ],
  [
    'record-route-unused',
    'loadmodule "rr.so"\nrequest_route { record_route(); }',
    'loadmodule "rr.so"\nrequest_route { if (loose_route()) exit; record_route(); }',
  ],
  [
    'relay-after-reply',
    'request_route { sl_send_reply("403", "No"); t_relay(); }',
    'request_route { if ($si == "10.0.0.1") { sl_send_reply("403", "No"); exit; } t_relay(); }',
  ],
  [
    'relays-for-all',
    'request_route { if (!t_relay()) sl_reply_error(); }',
    'request_route { if (uri != myself) exit; if (!t_relay()) sl_reply_error(); }',
  ],
  [
    'sql-unescaped',
    `loadmodule "sqlops.so"\nmodparam("sqlops", "sqlcon", "db=>text:///tmp")\nrequest_route { sql_query("db", "select * from a where b='$fU'", "r"); }`,
    `loadmodule "sqlops.so"\nmodparam("sqlops", "sqlcon", "db=>text:///tmp")\nrequest_route { sql_query("db", "select * from a where b='$(fU{s.escape.common})' and c='$si'", "r"); }`,
  ],
  [
    'stateless-reply-in-transaction',
    'request_route { t_newtran(); sl_send_reply("200", "OK"); }',
    'request_route { t_newtran(); t_reply("200", "OK"); }',
  ],
  [
    'status-never-matches',
    `${MAIN}failure_route[A] { if (t_check_status("4xx")) exit; }`,
    `${MAIN}failure_route[A] { if (t_check_status("4[0-9][0-9]")) exit; if (t_check_status("486|408")) exit; }`,
  ],
  [
    'status-out-of-range',
    'request_route { sl_send_reply("999", "No"); }',
    'request_route { sl_send_reply("404", "No"); sl_send_reply("$var(c)", "No"); }',
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

test('module-never-used: a module that lends, and nothing of it is used', () => {
  expect(codes(`loadmodule "sdpops.so"\n${MAIN}`, '')).toEqual(['module-never-used']);
  expect(codes('loadmodule "sdpops.so"\nrequest_route { if (sdp_with_codecs_by_id("8")) exit; }', '')).toEqual([]);
});

test('every rule has its case', () => {
  const tried = [...new Set(CASES.map(([code]) => code)), 'armed-route-missing', 'module-never-used'].sort();
  expect(RULES.map((r) => r.code).sort()).toEqual(tried);
});

describe('comments suppress', () => {
  const HEAD_USED = 'loadmodule "xlog.so"\n';
  const BAD = 'request_route { exit; xlog("x\\n"); }';

  test('on the line, on the next line, in the file', () => {
    expect(codes(`${BAD} # kamscript-disable-line unreachable-statement`, HEAD_USED)).toEqual([]);
    expect(codes(`# kamscript-disable-next-line\n${BAD}`, HEAD_USED)).toEqual([]);
    expect(codes(`${BAD}\n// kamscript-disable-file return-zero, unreachable-statement`, HEAD_USED)).toEqual([]);
  });

  test('and leave the other rules alone', () => {
    expect(codes(`${BAD} # kamscript-disable-line return-zero`, HEAD_USED)).toEqual(['unreachable-statement']);
  });
});
