import { describe, expect, it } from 'vitest';
import { errors, parse, places } from './helpers.js';

/** Kamailio's first line for each of these was recorded from 5.6.3 (`kamailio -c`); a missing text is the rule's. */
const SEEN: readonly (readonly [script: string, place: string])[] = [
  ['request_route {\n\t5 = $var(x);\n}', 'line 2, column 2:'],
  ['request_route {\n\t$var(a) = $var(b) = 1;\n}', 'line 2, column 20:'],
  ['request_route {\n\txlog("x");\n\telse xlog("y");\n}', 'line 3, column 2-5:'],
  ['request_route {\n\tif (method == "OPTIONS") { }\n}', 'line 2, column 29:'],
  ['route[A] { }', 'line 1, column 12:'],
  ['request_route {\n\tbad(;\n}', "line 2, column 6: syntax error: '('')' expected (function call)"],
  ['request_route {\n\t$var(a) == 1;\n}', 'line 2, column 10-11:'],
  ['request_route { ; }\n}', 'line 2, column 1:'],
  ['request_route {\n\tsetflag(NOT_DECLARED);\n}', 'line 2, column 22: flag not declared'],
  ['request_route {\n\tsetflag(32);\n}', 'line 2, column 12: bad flag value'],
  ['request_route {\n\tsetflag("3");\n}', 'line 2, column 13: flag not declared'],
  ['onsend_route {\n\tforward();\n}', 'line 2, column 10: command not allowed in onsend_route'],
  ['onsend_route { route(A); }', 'line 1, column 23: command not allowed in onsend_route'],
  ['request_route { if (snd_ip == 1.2.3.4) ; }', 'line 1, column 21-26: snd_ip allowed only in onsend_routes'],
  [
    'request_route {\n\txlog(is_method("INVITE"));\n}',
    'line 2, column 16: use of function execution inside params not',
  ],
  ['children=-4\n', 'line 1, column 10: syntax error: number expected'],
  ['children="four"\n', 'line 1, column 10-15: syntax error: number expected'],
  ['mlock_pages="yes"\n', 'line 1, column 13-17: syntax error: boolean value expected'],
  ['listen=my.port.example\n', 'line 1, column 11-14: syntax error: invalid host or interface name'],
  ['listen=udp:127.0.0.1:5060, udp:127.0.0.1:5070\n', 'line 1, column 26:'],
  ['listen=udp:300.1.1.1:5060\n', 'line 1, column 20: invalid ipv4 address'],
  ['listen=ws:127.0.0.1:5060\n', 'line 1, column 8-9: syntax error: ip address, interface name or hostname expected'],
  ['listen=udp:127.0.0.1 advertise udp:1.2.3.4:5060\n', 'line 1, column 32-34:'],
  ['alias=1.example.org\n', 'line 1, column 9-15: syntax error: hostname expected'],
  ['alias=1.2.3.4.5\n', 'line 1, column 14:'],
  ['request_route {\n\tif ($var(x) == 1 {\n\t\t;\n\t}\n}', 'line 2, column 19:'],
  ['request_route {\n\txlog("one")\n\txlog("two");\n}', "line 3, column 2-5: syntax error: bad command: missing ';'?"],
  ['request_route {\n\t$var(x) = 1\n}', 'line 3, column 1:'],
  ['modparam("pv", "varset" "x=i:1")\n', 'line 1, column 32: syntax error: Invalid arguments'],
  ['modparam("pv" "varset", "x=i:1")\n', 'line 1, column 32: syntax error: Invalid arguments'],
  ['request_route {\n\tcontinue;\n}', "line 2, column 10: syntax error: '('')' expected (function call)"],
  ['request_route {\n\tif ($rU !~ "^a") ;\n}', 'line 2, column 10:'],
  ['request_route {\n\t$var(x) = 12a;\n}', 'line 2, column 12-14:'],
  ['request_route {\n\t$var(x) += 1;\n}', 'line 2, column 10-11:'],
  ['reply_route[A] { ; }', 'line 1, column 12: syntax error: invalid onreply_route statement'],
  ['route[NAME] { ; }', 'line 1, column 7-10: syntax error: invalid  route  statement'],
  ['route[A-B] { ; }', 'line 1, column 8: syntax error: invalid  route  statement'],
  ['xlog("outside");\n', 'line 1, column 5:'],
  ['no_such_parameter=5\n', 'line 1, column 18: syntax error: unknown config variable'],
  ['request_route {\n\tswitch ($rU) {\n\t\tcase $var(x): ;\n\t}\n}', 'line 3, column 15: constant expected'],
  ['request_route {\n\trewriteuser($var(u));\n}', 'line 2, column 14-20: syntax error: bad argument, string expected'],
  ['request_route { route(); }', 'line 1, column 23: syntax error: bad route argument'],
  ['request_route { log(-1, "x"); }', 'line 1, column 21: syntax error: bad log argument'],
  ['request_route { route[A]; }', "line 1, column 22: syntax error: missing '(' or ')' ?"],
  ['request_route { userphone; }', "line 1, column 26: syntax error: missing '(' or ')' ?"],
  ['request_route { forward_udp(); }', 'line 1, column 29: syntax error: bad forward_udp argument'],
  ['request_route { forward("a", uri:port); }', 'line 1, column 30-37: syntax error: bad forward argument'],
  ['request_route { forward(127-a); }', 'line 1, column 28: syntax error: bad forward argument'],
  ['request_route { force_send_socket(ws:127.0.0.1:5060); }', 'line 1, column 35-36:'],
  ['request_route { if (src_ip == a.5) ; }', 'line 1, column 33: syntax error: invalid hostname'],
  ['request_route { if (src_ip == 1.2.3) ; }', 'line 1, column 36: syntax error: ip address or hostname expected'],
  ['request_route { if (src_ip == 1.2.3.4/40) ; }', 'line 1, column 39-40: invalid bit number in netmask'],
  ['request_route { if (method ieq INVITE) ; }', 'line 1, column 28-30: syntax error: invalid operator,=='],
  ['request_route { if (src_port =~ 5) ; }', 'line 1, column 30-31: syntax error: ==, !=, <,>, >= or <=  expected'],
  ['request_route { break(); }', 'line 1, column 22:'],
  ['request_route { $var(x) = 1 ? 2; }', 'line 1, column 31:'],
  ['a.b=-1\n', 'line 1, column 5: syntax error: number or string expected'],
  ['a.b=1\na.b=2\nrequest_route { ; }', 'line 3, column 1-13: variable cannot be declared'],
  ['flags a, a\nrequest_route { ; }', 'line 2, column 1-13: register flag failed'],
  ['flags a:32\n', 'line 1, column 9-10: register flag failed'],
  ['avpflags a\nrequest_route { setavpflag("x","b"); }', 'line 2, column 35: avpflag not declared'],
  ['request_route { setflag(a); }\nflags a\n', 'line 1, column 26: flag not declared'],
  ['request_route {\n\tif (1) {\n\t\t;\n\n}\n', 'from line 5, column 2 to line 6, column 0: syntax error: bad command'],
  ['request_route {\n\txlog("never closed);\n}\n', 'from line 2, column 7 to line 4, column 0: syntax error'],
  ['# nothing\n', 'from line 1'],
  ['', 'line 1'],
];

describe('the first error is where Kamailio sees it', () => {
  it.each(SEEN)('%j', (script, place) => {
    expect(errors(parse(script))[0]).toContain(`parse error in config file test.cfg, ${place}`);
  });
});

describe('hints', () => {
  const hint = (text: string) => parse(text).problems[0]?.hint;
  const inRoute = (text: string) => hint(`request_route {\n${text}\n}\n`);

  it.each([
    ['xlog("a")\nxlog("b");', 'a `;` is missing behind line 2, column 9'],
    ['$x = 5 % 3;', '`mod`'],
    ['$x += 1;', 'there is no `+=`'],
    ['$x++;', 'there is no `++`'],
    ['$x--;', 'there is no `--`'],
    ['$x == 1;', 'a comparison is not a statement'],
    ['$x = $y = 1;', 'cannot be chained'],
    ['if ($x !~ "a") ;', 'there is no `!~`'],
    ['if ($x = 1) exit; if ($y === 1) ;', 'there is no `===`'],
    ['if (method = "A") ;', '`=` assigns, `==` compares'],
    ['if ($x <> 1) ;', '`!=`'],
    ['if ($x == 1 AND $y) ;', 'write `and`'],
    ['If (1) exit;', 'did you mean `if`?'],
    ['elseif (1) { ; }', '`else if`'],
    ['foreach (1) { ; }', 'there is no `foreach`'],
    ['continue;', 'there is no `continue`'],
    ['else exit;', 'no `if` is open'],
    ['$x = "a" . "b";', '`+` joins strings'],
    ["$x = 'a' 'b';", 'only "…" strings'],
    ['$x = 08;', 'octal'],
    ['$x = 2x;', 'begins with a digit'],
    ['{ ; }', 'a block of its own'],
    ['switch (1) { case 2; }', 'a label ends with `:`'],
    ['$x = ;', 'a value is missing'],
    ['if (1) { }', 'write { ; }'],
    ['if ($x == 1 { ; }', 'the `(` of line 2, column 4 is not closed'],
    ['$x = NOT_DEFINED;', '`NOT_DEFINED` is not defined here'],
    ['$x = port;', 'reserved word'],
    ['route(log);', 'reserved word'],
    ['setuser($x);', 'literals only'],
    ['retrun;', 'did you mean `return`?'],
  ])('%s', (text, expected) => {
    expect(inRoute(text)).toContain(expected);
  });

  it.each([
    ['childern=4\n', 'did you mean `children`?'],
    ['xyzzy=4\n', 'group.name = value'],
    ['children="4"\n', 'without quotes'],
    ['log_name=abc\n', 'quoted'],
    ['route[NAME] { ; }\n', 'quote it: "NAME"'],
    ['reply_route[A] { ; }\n', 'onreply_route[NAME]'],
    ['event_route[plain] { ; }\n', 'has a colon'],
    ['listen=my.port.example\n', 'quote the whole host name'],
    ['listen=udp:1.2.3.4 , udp:1.2.3.5\n', 'separated by blanks'],
    ['listen=udp:1.2.3.4\nsite.label = "x"\n', '`;`'],
    ['xlog("a");\n', 'route blocks only'],
    ['if (1) exit;\n', 'route blocks'],
    ['}\n', 'no `{` is open'],
    ['modparam("a", "b", VALUE)\n', 'quoted'],
    ['request_route {\n\tif (1) {\n\t\t;\n}\n', 'the `{` of line 2, column 9 is not closed'],
    ['request_route {\n\txlog("a);\n\txlog("b");\n}\n', 'closing quote'],
  ])('%j', (text, expected) => {
    expect(hint(text)).toContain(expected);
  });
});

describe('recovery', () => {
  it('finds each error once, and the statements between them', () => {
    const script = parse(`#!KAMAILIO
children="x"
no_such=5
modparam("a", "b")
route[A] {
	xlog("one")
	xlog("two");
	$x = ;
	if ($y === 1) { $z = 1 2; } else exit
	switch ($x) { case 1 : ; case 2; ; }
	bad(;
	while (1) { break }
	$ok = 1;
}
route[log] {
	$x = 3 % 2;
}
failure_route[F] {
	if (1) {
		exit;
}
branch_route[B] {
	drop;
}
request_route {
	setflag(NOPE);
	append("x"
	xlog("y");
}
`);
    expect(places(script).map((place) => place.replace(/ .*/, ''))).toEqual([
      '2:10-12',
      '3:8-8',
      '4:18-18',
      '7:2-5',
      '8:7-7',
      '9:11-11',
      '9:25-25',
      '10:2-7',
      '10:33-33',
      '11:6-6',
      '12:20-20',
      '15:7-9',
      '16:9-9',
      '22:1-12',
      '26:14-14',
      '28:2-5',
    ]);
    expect(script.items.filter(({ kind }) => kind === 'block')).toHaveLength(5);
  });

  it('one missing brace is one error', () => {
    const body = Array.from({ length: 20 }, (_, i) => `\tif ($x == ${i}) {\n\t\txlog("a");\n\t}\n`).join('');
    const script = parse(`route[A] {\n\tif (1) {\n${body}}\n\nroute[B] {\n${body}}\nrequest_route { route(A); }\n`);
    expect(script.problems).toHaveLength(1);
    expect(script.problems[0]?.cause?.span).toMatchObject({ line: 2, column: 9 });
  });

  it('stops after a hundred', () => {
    const script = parse(`request_route {\n${'\t$x = ;\n'.repeat(5000)}}\n`);
    expect(script.problems.length).toBeLessThan(110);
    expect(script.problems.at(-1)?.code).toBe('too-many-errors');
  });
});
