/** The command as Kamailio's operators and their tools use it. */
import dgram from 'node:dgram';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { freePort, kamscript, startServer } from '../support/command.js';

const dir = mkdtempSync(path.join(tmpdir(), 'command-'));
const cfg = (name: string, text: string): string => {
  const file = path.join(dir, name);
  writeFileSync(file, text);
  return file;
};
const good = cfg('good.cfg', 'loadmodule "xlog.so"\nrequest_route {\n\txlog("x\\n");\n}\n');
const bad = cfg(
  'bad.cfg',
  'loadmodule "xlog.so"\nrequest_route {\n\txlog("one\\n")\n\tnosuch("x");\n\t$var(x) = 1 + "a";\n\tstrip(;\n}\n',
);

describe('-c', () => {
  test('a good script prints what Kamailio prints and ends with 0', async () => {
    const { status, stderr } = await kamscript(['-c', '-f', good]);
    expect(stderr).toContain('config file ok, exiting...');
    expect(status).toBe(0);
  });

  test('every error of a bad one is told with its place, and the status is 255', async () => {
    const { status, stderr } = await kamscript(['-c', '-f', bad]);
    expect(status).toBe(255);
    for (const line of [4, 5, 6]) expect(stderr).toMatch(new RegExp(`line ${line}, column \\d+`));
    expect(stderr).toContain('bad config file (');
  });

  test('a file that is not there is one clear line', async () => {
    const { status, stderr } = await kamscript(['-c', '-f', '/nonexistent/k.cfg']);
    expect(status).toBe(255);
    expect(stderr.trim().split('\n')).toEqual([
      'ERROR: loading config file(/nonexistent/k.cfg): No such file or directory, check file and directory permissions',
    ]);
  });
});

describe('start', () => {
  test('a script with errors starts nothing', async () => {
    const { status } = await kamscript(['-f', bad, '-DD', '-E']);
    expect(status).toBe(255);
  });

  test('a port in use is one clear line with the way out', async () => {
    const holder = dgram.createSocket('udp4');
    const port = await new Promise<number>((resolve) =>
      holder.bind(0, '127.0.0.1', () => resolve(holder.address().port)),
    );
    const file = cfg('port.cfg', `listen=udp:127.0.0.1:${port}\nrequest_route { ; }\n`);
    const { status, stderr } = await kamscript(['-f', file, '-DD', '-E']);
    holder.close();
    expect(status).toBe(255);
    expect(stderr).toMatch(
      /cannot listen on udp:127\.0\.0\.1:\d+: the port is in use by another program; stop it or choose another port/,
    );
  });

  test('a module, a function and a parameter that are not there are refused by name', async () => {
    const file = cfg(
      'missing.cfg',
      'loadmodule "erlang.so"\nloadmodule "xlog.so"\nmodparam("xlog", "nosuch", 1)\nrequest_route { erl_rpc("x"); }\n',
    );
    const { stderr } = await kamscript(['-f', file, '-DD', '-E']);
    expect(stderr).toContain('failed to load module "erlang.so"');
    expect(stderr).toContain('parameter <nosuch> not found in module <xlog>');
    // Of a module that is not built that alone is told, not each of its functions.
    expect(stderr).toContain('erlang of Kamailio 5.6.3 is not built in kamscript');
    expect(stderr).not.toContain('erl_rpc, missing');
  });

  test('log lines have the shape of Kamailio, SIGTERM ends cleanly, the pid file goes', async () => {
    const port = await freePort();
    const file = cfg(
      'run.cfg',
      `debug=2\nlisten=udp:127.0.0.1:${port}\nloadmodule "xlog.so"\nloadmodule "sl.so"\nevent_route[core:worker-one-init] {\n\txlog("L_INFO", "up\\n");\n}\nrequest_route { sl_send_reply("200", "OK"); }\n`,
    );
    const server = await startServer(
      ['-f', file, '-DD', '-E', '-Y', dir, '-w', dir, '-P', path.join(dir, 'pid')],
      /up\n/,
    );
    expect(server.output()).toMatch(/^ \d+\(\d+\) INFO: <script>: up\n$/m);
    expect((await kamscript(['send', `sip:x@127.0.0.1:${port}`])).status).toBe(0);
    expect(await server.stop()).toBe(0);
  });
});

describe('check', () => {
  test('text shows the line, a caret and a way out', async () => {
    const { status, stdout } = await kamscript(['check', bad]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/bad\.cfg:4:\d+: error: /);
    expect(stdout).toMatch(/^ +\| [\t ]*\^+/m);
    expect(stdout).toMatch(/hint: .*;/);
  });

  test('json, github and sarif carry the same problems', async () => {
    const json = JSON.parse((await kamscript(['check', '--format', 'json', bad])).stdout) as {
      ok: boolean;
      problems: { line: number; code: string }[];
    }[];
    expect(json[0]?.ok).toBe(false);
    const count = json[0]!.problems.length;
    expect(count).toBeGreaterThanOrEqual(3);
    const github = (await kamscript(['check', '--format', 'github', bad])).stdout.trim().split('\n');
    expect(github).toHaveLength(count);
    expect(github[0]).toMatch(/^::(error|warning) file=.*bad\.cfg,line=\d+,col=\d+,/);
    const sarif = JSON.parse((await kamscript(['check', '--format', 'sarif', bad])).stdout) as {
      version: string;
      runs: { results: unknown[] }[];
    };
    expect(sarif.version).toBe('2.1.0');
    expect(sarif.runs[0]?.results).toHaveLength(count);
  });
});
