/** `kamscript graph`, `eval`, `fmt`: what they print and give. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { kamscript } from '../support/command.js';

function folder(files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'verbs-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(dir, name), text);
  return dir;
}

const CFG = `loadmodule "sl.so"
loadmodule "tm.so"
request_route {
	route(OUT);
	route(GONE);
}
route[OUT] {
	t_on_failure("BUSY");
	if (!t_relay()) exit;
}
failure_route[BUSY] {
	route(OUT);
}
`;

describe('kamscript graph', () => {
  test('draws calls and armed routes as Mermaid, and what is missing', async () => {
    const { status, stdout } = await kamscript(['graph', 'a.cfg'], { cwd: folder({ 'a.cfg': CFG }) });
    expect(status).toBe(0);
    expect(stdout).toBe(`flowchart TD
  n0["request_route"]
  n1["route[OUT]"]
  n2["failure_route[BUSY]"]
  n3["route[GONE]"]:::missing
  n0 --> n1
  n0 --> n3
  n1 -. t_on_failure .-> n2
  n2 --> n1
  classDef missing stroke-dasharray: 4
`);
  });

  test('draws DOT', async () => {
    const { stdout } = await kamscript(['graph', '--format', 'dot', 'a.cfg'], { cwd: folder({ 'a.cfg': CFG }) });
    expect(stdout).toContain('  "route[OUT]" -> "failure_route[BUSY]" [style=dashed, label="t_on_failure"];\n');
  });

  test('draws SVG: a box a block, a line an edge, callers above the called', async () => {
    const { stdout } = await kamscript(['graph', '--svg', 'a.cfg'], { cwd: folder({ 'a.cfg': CFG }) });
    expect(stdout.startsWith('<svg ') && stdout.endsWith('</svg>\n')).toBe(true);
    const top = (name: string) => Number(new RegExp(`y="(\\d+)" text-anchor="middle">${name}<`).exec(stdout)?.[1]);
    expect(top('request_route')).toBeLessThan(top('route\\[OUT\\]'));
    expect(top('route\\[OUT\\]')).toBeLessThan(top('failure_route\\[BUSY\\]'));
    expect(stdout.match(/marker-end/g)?.length).toBe(4);
    expect(stdout).toContain('<title>not in the script</title>');
  });
});

describe('kamscript eval', () => {
  const REQUEST =
    'INVITE sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\nFrom: <sip:anna@b>;tag=1\nTo: <sip:a@b>\nCall-ID: 1\nCSeq: 1 INVITE\n\n';

  test('prints a variable with its transformations, and a text with variables', async () => {
    const cwd = folder({ 'r.txt': REQUEST });
    expect((await kamscript(['eval', '$(ru{uri.user})', '-r', 'r.txt'], { cwd })).stdout).toBe('bob\n');
    expect((await kamscript(['eval', '$fU to $rU by $rm', '-r', 'r.txt'], { cwd })).stdout).toBe(
      'anna to bob by INVITE\n',
    );
  });

  test('says what is wrong', async () => {
    const { status, stderr } = await kamscript(['eval', '$nosuch']);
    expect(status).toBe(1);
    expect(stderr).toContain("Can't get from cache: $nosuch");
  });
});

describe('kamscript fmt', () => {
  const UGLY = 'request_route{\nexit;\n}\n';
  const FINE = 'request_route {\n\texit;\n}\n';

  test('formats in place; --check only tells', async () => {
    const cwd = folder({ 'a.cfg': UGLY });
    const told = await kamscript(['fmt', '--check', 'a.cfg'], { cwd });
    expect([told.status, told.stdout]).toEqual([1, 'a.cfg: not formatted\n']);
    expect(readFileSync(path.join(cwd, 'a.cfg'), 'utf8')).toBe(UGLY);
    expect((await kamscript(['fmt', 'a.cfg'], { cwd })).status).toBe(0);
    expect(readFileSync(path.join(cwd, 'a.cfg'), 'utf8')).toBe(FINE);
    expect((await kamscript(['fmt', '--check', 'a.cfg'], { cwd })).status).toBe(0);
  });

  test('formats standard input', async () => {
    expect((await kamscript(['fmt', '-'], { input: UGLY })).stdout).toBe(FINE);
  });
});
