/** Settings whose effect is not there are refused at their place when the server starts, and only then (`-c` passes). */
import { expect, test } from 'vitest';
import { parseScript } from '../../../src/parser/index.js';
import { unbuiltParams } from '../../../src/runtime/core/unbuilt-params.js';

function problems(line: string): string[] {
  const script = parseScript('a.cfg', { readFile: () => `debug=2\n${line}\nrequest_route { exit; }\n` });
  return unbuiltParams(script).map((p) => `${p.span.line}:${p.span.column} ${p.phase} ${p.message}`);
}

test.each([
  ['listen=sctp:127.0.0.1:5060', 'listen=sctp:… is not built in kamscript: there is no SCTP'],
  ['enable_sctp=1', 'enable_sctp=1 is not built in kamscript: there is no SCTP'],
  ['chroot="/jail"', 'chroot=/jail is not built in kamscript: Node.js cannot change its root'],
])('%s is refused', (line, why) => {
  const found = problems(line);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(why);
  expect(found[0]).toMatch(/^2:\d+ init /);
});

test.each(['listen=udp:127.0.0.1:5060', 'enable_sctp=0', 'enable_sctp=2', 'chroot=""'])('%s is fine', (line) => {
  expect(problems(line)).toEqual([]);
});
