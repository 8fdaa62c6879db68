import { describe, expect, it } from 'vitest';
import { analysedGrammar } from '../../src/parser/grammar-analysis.js';
import { LOOKAHEAD } from '../../src/parser/grammar-table.js';
import type { Item } from '../../src/parser/tree.js';
import { blocks, errors, outline, parse, statements } from './helpers.js';

it('the grammar has no mistake that chevrotain can find, and its table is of these rules', { timeout: 30_000 }, () => {
  expect(LOOKAHEAD, 'run scripts/gen-grammar.mjs').toEqual(analysedGrammar());
});

describe('statements', () => {
  it.each([
    ['if $var(x) == 5 xlog("a"); else exit;', '(if (== $var(x) 5) (xlog "a") else exit)'],
    ['if (1) if (0) ; else drop;', '(if 1 (if 0 ; else drop))'],
    ['if (1) { ; } else if (2) { ; } else { return; }', '(if 1 ; else (if 2 ; else return))'],
    ['while ($x < 5) { $x = $x + 1; break; }', '(while (< $x 5) (= $x (+ $x 1)) break)'],
    ['while (1) ;', '(while 1 ;)'],
    [
      'switch ($rm) { case "A": case /"^B": ; break; default: exit; }',
      '(switch $rm [case "A": ] [regex "^B": ; break] [default: exit])',
    ],
    ['switch $x { case -1: ; case 1 + 2: ; }', '(switch $x [case -1: ;] [case (+ 1 2): ;])'],
    ['return;', 'return'],
    ['return();', 'return'],
    ['return (1 + 2) * 3;', '(return (* (+ 1 2) 3))'],
    ['exit 5;', '(exit 5)'],
    ['drop();', 'drop'],
    ['if { return 1; } ;', '(if {(return 1)} ;)'],
    ['route(A);', '(route "A")'],
    ['forward(uri:host, 5060);', '(forward uri-host 5060)'],
    ['forward(my-host.example, uri:port);', ''],
    ['forward([::1], 5060);', '(forward "[::1]" 5060)'],
    ['add_rport;', '(add_rport)'],
    ['force_tcp_alias(5060);', '(force_tcp_alias 5060)'],
    ['force_send_socket(udp:127.0.0.2:5060);', '(force_send_socket "udp:127.0.0.2:5060")'],
    ['udp_mtu_try_proto(TCP);', '(udp_mtu_try_proto "TCP")'],
    ['log(1, "a");', '(log 1 "a")'],
    ['remove_branch(-1);', '(remove_branch -1)'],
    ['setflag(31);', '(setflag 31)'],
    ['$x[] = 1;', '(= $x[] 1)'],
  ])('%s', (text, tree) => {
    if (tree === '') expect(() => statements(text)).toThrow('bad forward argument');
    else expect(statements(text).map(outline)).toEqual([tree]);
  });

  it('cfg_select takes an expression', () => {
    expect(statements('cfg_select("g", $x + 1); cfg_reset("g");')[0]).toMatchObject({
      kind: 'core',
      args: [{ kind: 'string', value: 'g' }],
      expr: { kind: 'binary' },
    });
  });

  it('a chain of else if may be long', () => {
    const chain = Array.from({ length: 1000 }, (_, i) => `if ($x == ${i}) ;\nelse `).join('');
    expect(errors(parse(`request_route {\n${chain} ;\n}\n`))).toEqual([]);
  });

  it.each([
    ['parentheses', `$x = ${'('.repeat(5000)}1${')'.repeat(5000)};`],
    ['blocks', `${'if (1) {'.repeat(5000)} ; ${'}'.repeat(5000)}`],
    ['branches', `${'if (1) '.repeat(5000)};`],
    ['switches', `${'switch (1) { case 1: '.repeat(5000)}`],
  ])('%s within each other end in an error', (_, text) => {
    expect(parse(`request_route { ${text} }\n`).problems.map(({ code }) => code)).toContain('too-deep');
  });

  it('calls within each other are not reported without end', () => {
    const { problems } = parse(`request_route { ${'f('.repeat(5000)} }\n`);
    expect(problems.length).toBeLessThan(110);
    expect(problems.some(({ code }) => code === 'too-many-errors')).toBe(true);
  });

  it('many prefix operators are no depth', () => {
    expect(errors(parse(`request_route { $x = ${'!'.repeat(3000)}$y; }\n`))).toEqual([]);
  });
});

describe('items', () => {
  const items = (text: string): Item[] => {
    const script = parse(`${text}\nrequest_route { ; }\n`);
    expect(errors(script)).toEqual([]);
    return [...script.items].slice(0, -1);
  };
  const value = (text: string) => {
    const [item] = items(text);
    return item?.kind === 'param' ? [item.name, item.value.kind, item.value.value] : item;
  };

  it.each([
    ['children=4', ['children', 'number', 4]],
    ['debug=-3', ['debug', 'number', -3]],
    ['mhomed=yes', ['mhomed', 'number', 1]],
    ['log_facility=LOG_LOCAL0', ['log_facility', 'id', 'LOG_LOCAL0']],
    ['log_prefix="{$rm} "', ['log_prefix', 'string', '{$rm} ']],
    ['uid="kamailio"', ['user', 'string', 'kamailio']],
    ['gid=kamailio', ['group', 'id', 'kamailio']],
    ['mem_dbg=-1', ['memdbg', 'number', -1]],
    ['dns_udp_preference=3', ['dns_udp_pref', 'number', 3]],
    ['ser_kill_timeout=3', ['exit_timeout', 'number', 3]],
    ['advertised_address=pub.example-a.net', ['advertised_address', 'string', 'pub.example-a.net']],
    ['tcp_source_ipv4=10.0.0.1', ['tcp_source_ipv4', 'string', '10.0.0.1']],
    ['tcp_source_ipv6=[2001:db8::1]', ['tcp_source_ipv6', 'string', '[2001:db8::1]']],
    ['udp_mtu_try_proto=TCP', ['udp_mtu_try_proto', 'id', 'TCP']],
    ['tos=IPTOS_LOWDELAY', ['tos', 'id', 'IPTOS_LOWDELAY']],
    ['tos=16', ['tos', 'number', 16]],
    ['tcp_poll_method=epoll_lt', ['tcp_poll_method', 'id', 'epoll_lt']],
    ['force_rport=yes', ['force_rport', 'number', 1]],
    ['kemi.reply_route_callback="none"', ['kemi.reply_route_callback', 'string', 'none']],
  ])('%s', (text, expected) => {
    expect(value(text)).toEqual(expected);
  });

  it('listen takes a list without commas, and options', () => {
    const [item] = items(
      'listen=udp:127.0.0.1:5060 "a.example":5061 [::1]:* (127.0.0.2, eth0):5 advertise 203.0.113.7:5066 name "n" virtual',
    );
    if (item?.kind !== 'param' || item.value.kind !== 'addresses') throw new Error('no listen');
    const options = { advertise: { host: '203.0.113.7', port: 5066 }, name: 'n', virtual: true };
    expect(item.value.value).toMatchObject([
      { proto: 'udp', hosts: ['127.0.0.1'], port: 5060, ...options },
      { hosts: ['a.example'], port: 5061, ...options },
      { hosts: ['[::1]'], port: 0, ...options },
      { hosts: ['127.0.0.2', 'eth0'], port: 5, ...options },
    ]);
  });

  it('the rest', () => {
    expect(
      items(
        `mine.limit = 5 desc "a limit"; mine[2].limit = 7
         flags one, "t-wo":5
         bool three
         avpflags a, b
         loadmodule "/usr/lib/mod.so"; loadmodulex "$var(m).so"
         loadpath = "/a:/b"
         mpath "/c"
         cfgengine "native"
         modparam("a|b", 'p', -5)
         modparamx("a", "p", $var(x));;`,
      ),
    ).toMatchObject([
      { kind: 'global', group: 'mine', name: 'limit', value: 5, description: 'a limit' },
      { kind: 'global', group: 'mine', instance: 2, name: 'limit', value: 7 },
      { kind: 'flags', flags: [{ name: 'one' }, { name: 't-wo', number: 5 }] },
      { kind: 'flags', flags: [{ name: 'three' }] },
      { kind: 'avpflags', flags: [{ name: 'a' }, { name: 'b' }] },
      { kind: 'loadmodule', path: '/usr/lib/mod.so', name: 'mod', dynamic: false },
      { kind: 'loadmodule', path: '$var(m).so', dynamic: true },
      { kind: 'loadpath', value: '/a:/b' },
      { kind: 'loadpath', value: '/c' },
      { kind: 'cfgengine', value: 'native' },
      { kind: 'modparam', modules: 'a|b', param: 'p', value: -5, dynamic: false },
      { kind: 'modparam', modules: 'a', param: 'p', value: { kind: 'variable', text: '$var(x)' }, dynamic: true },
    ]);
  });

  it('every spelling of every parameter is known', async () => {
    const { CORE_PARAM_BY_NAME } = await import('../../src/parser/index.js');
    const VALUES = {
      int: '1',
      bool: 'yes',
      signed: '-1',
      string: '"x"',
      id: 'x',
      name: 'x',
      addresses: '127.0.0.1;',
      host: 'a.b',
      ipv4: '1.2.3.4',
      ipv6: '::1',
      proto: 'udp',
      'tls-method': 'TLSv1',
      'int-or-id': '5',
    };
    const text = [...CORE_PARAM_BY_NAME].map(([name, { type }]) => `${name}=${VALUES[type]}\n`).join('');
    expect(errors(parse(`${text}request_route { ; }\n`))).toEqual([]);
  });
});

describe('blocks', () => {
  it.each([
    ['route { ; }', { block: 'request_route', keyword: 'route' }],
    ['route[0] { ; }', { block: 'request_route' }],
    ['route[007] { ; }', { block: 'request_route', name: '7' }],
    ['route["a b"] { ; }', { block: 'request_route', name: 'a b' }],
    ['onreply_route[X] { ; }', { block: 'reply_route', name: 'X', keyword: 'onreply_route' }],
    ['reply_route { ; }', { block: 'reply_route' }],
    ['failure_route[1] { ; }', { block: 'failure_route', name: '1' }],
    ['branch_route[X] { ; }', { block: 'branch_route', name: 'X' }],
    ['onsend_route { ; }', { block: 'onsend_route' }],
    ['event_route[a:b:c-d] { ; }', { block: 'event_route', name: 'a:b:c-d' }],
    ['event_route\n[ "core:pre-routing" ] { ; }', { block: 'event_route', name: 'core:pre-routing' }],
  ])('%s', (text, block) => {
    const script = parse(`${text}\n`);
    expect(errors(script)).toEqual([]);
    expect(blocks(script)[0]).toMatchObject(block);
    expect(blocks(script)[0]?.name === undefined).toBe(!('name' in block));
  });

  it.each([
    ['named twice', 'route[A] { drop; }\nroute[A] { drop; }', 2],
    ['by number and text', 'route[1] { drop; }\nroute["1"] { drop; }', 2],
    ['main by number behind main', 'request_route { drop; }\nroute[0] { drop; }', 2],
    ['failure_route likewise', 'failure_route { drop; }\nfailure_route[0] { drop; }', 2],
  ])('%s: duplicate, noticed at the end', (_, text, line) => {
    const script = parse(`${text}\n`);
    expect(errors(script)).toEqual([expect.stringMatching(`line ${line}, column \\d+: duplicate route`)]);
  });

  it.each([
    ['unnamed', 'route { drop; }\nrequest_route { drop; }'],
    ['the first empty', 'route[A] { ; }\nroute[A] { ; }\nroute[A] { drop; }'],
    ['in two tables', 'route[A] { drop; }\nbranch_route[A] { drop; }'],
    ['zero first', 'route[0] { drop; }\nroute { drop; }'],
    ['onreply_route[0]', 'onreply_route { drop; }\nonreply_route[0] { drop; }'],
  ])('%s: fine', (_, text) => {
    expect(errors(parse(`${text}\n`))).toEqual([]);
  });
});
