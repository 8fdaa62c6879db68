/**
 * No use of a variable, transformation or select that Kamailio takes makes a run fail, whatever the message and the values
 * are: read on hostile messages, written with hostile values, with hostile arguments.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { MODULES } from '../../src/modules/index.js';
import { LEVEL } from '../../src/runtime/module.js';
import { loadScript } from '../../src/server/load.js';
import { mutated, WHOLE_REPLY, WHOLE_REQUEST } from '../support/hostile.js';
import { type RunningScript, runScript } from '../support/script.js';

const TABLES: Readonly<Record<string, { taken?: readonly string[] }>> = JSON.parse(
  readFileSync(new URL('kamailio-tables.json', import.meta.url), 'utf8'),
);
const BY_NAME = new Map(MODULES.map((m) => [m.name, m]));

/** Not to be run: what the module lacks, or says by an error at load. */
const LEFT_OUT = /^(\$async\(x|\$\(rtp|@tls$)/;

function needsOf(name: string): string[] {
  return [...(BY_NAME.get(name)?.needs ?? []).flatMap(needsOf), name];
}

const LIST = path.join(os.tmpdir(), `every-use-${process.pid}.list`);
writeFileSync(LIST, '1 sip:127.0.0.1:5070\n');
afterAll(() => rmSync(LIST));

/** What a module wants besides. */
const SETUP: Readonly<Record<string, string>> = {
  dispatcher: `modparam("dispatcher", "list_file", "${LIST}")\n`,
  siptrace: 'modparam("siptrace", "trace_to_database", 0)\n',
  websocket: 'event_route[xhttp:request] { exit; }\n',
  xhttp: 'event_route[xhttp:request] { exit; }\n',
};

const loading = (module: string): string => {
  const modules = [...new Set(['pv', 'xlog', 'sl', 'tm', 'rr', ...(module === 'core' ? [] : needsOf(module))])];
  return modules.map((m) => `loadmodule "${m}.so"\n`).join('') + (SETUP[module] ?? '');
};

/** Those that a script may write. */
function writable(module: string, uses: readonly string[]): string[] {
  const some = uses.filter((use) => use.startsWith('$') && !use.includes('{'));
  const head = `${loading(module)}request_route {\n`;
  const { problems } = loadScript('test.cfg', {
    env: {},
    text: `${head}${some.map((u) => `${u} = 1;\n`).join('')}}\n`,
  });
  const first = head.split('\n').length;
  const refused = new Set(problems.filter((p) => p.severity === 'error').map((p) => p.span.line - first));
  return some.filter((_, i) => !refused.has(i));
}

/** Values by number: what is written, and what transformations are given, as script. */
const VALUES = [
  '"text"',
  '0',
  '$null',
  '$rb',
  '$hdr(X-A)',
  '-2147483648',
  '"sip:u@[::1]:99999;x=%"',
  '""',
  '$ru',
  '$ua',
];

function script(module: string, uses: readonly string[]): string {
  const reads = uses.map((use) => `\t$var(r) = ${use};\n`).join('');
  const writes = writable(module, uses)
    .map(
      (use) => `	${use} = $var(x);
`,
    )
    .join('');
  const cases = VALUES.map((v, i) => `\tif ($var(i) == ${i}) { $var(x) = ${v}; $var(y) = ${v}; }\n`).join('');
  const all = `route[ALL] {\n${cases}${reads}${writes}${reads}}\n`;
  const parts = 'route(ALL); $var(i) = $var(i) + 1; if ($var(i) == 10) $var(i) = 0;';
  const reply = 'reply_route { route(ALL); $var(i) = $var(i) + 1; if ($var(i) == 10) $var(i) = 0; }\n';
  return `${loading(module)}${all}request_route { ${parts} exit; }\n${reply}`;
}

/** Lines that tell of a run that ended by an exception. */
const failures = (running: RunningScript): string[] =>
  running.others.filter((line) => /the run of .* failed/.test(line));

/** They want a server of their own to start. */
const WITH_SERVERS: ReadonlySet<string> = new Set(['nsq', 'ndb_redis']);

const JUDGED = Object.entries(TABLES).filter(([name, { taken = [] }]) => !WITH_SERVERS.has(name) && taken.length > 0);

describe.each(JUDGED)('%s', (name, { taken = [] }) => {
  test('every use is read and written on hostile messages', async () => {
    const running = await runScript(
      script(
        name,
        taken.filter((use) => !LEFT_OUT.test(use)),
      ),
    );
    running.host.log.level = LEVEL.WARN;
    try {
      fc.assert(
        fc.property(mutated(WHOLE_REQUEST, WHOLE_REPLY), (text) => {
          running.receiveExactly(text);
          expect(failures(running)).toEqual([]);
        }),
        { numRuns: 40 },
      );
    } finally {
      await running.stop();
    }
  });
});
