/**
 * An expression that makes a backtracking engine run for years is done with soon, wherever a script or a message can bring
 * one, on a long text that nearly matches.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LEVEL } from '../../src/runtime/module.js';
import { type RunningScript, runScript } from '../support/script.js';

/** Texts of As with something else at the end; the expressions want a B. */
const LONG = `${'a'.repeat(12_000)}!`;
const BODY = `${'a'.repeat(20_000)}!\r\n`;
const PATTERNS = ['^(a+)+b', '(a|aa)+b', '(a*)*b', '^(.*)*b', '((a+)*)+b', '(a?){60}a{60}b', '^([a-z]+)*\\1b'];
/** For a time that a loaded machine takes too; what is not bounded takes longer than anybody waits. */
const LIMIT_MS = 10_000;

const folder = mkdtempSync(path.join(os.tmpdir(), 'hostile-regex-'));
const at = (name: string) => path.join(folder, name);
writeFileSync(at('groups'), `[0]\n${PATTERNS.join('\n')}\n[1]\n^(?=(a+)+$)(a|aa)+\\1$\n`);
writeFileSync(at('uri.allow'), PATTERNS.map((p) => `"${p}" : "${p}"\n`).join(''));
writeFileSync(at('uri.deny'), PATTERNS.map((p) => `"${p}" : "${p}"\n`).join(''));
afterAll(() => rmSync(folder, { recursive: true }));

/** Statements by place; PP is an expression as script text holds it, `$var(p)` the same at run time, `$var(t)` the text. */
const EACH: Readonly<Record<string, string>> = {
  '=~': '$var(r) = $var(t) =~ "PP"; $var(r) = $var(t) =~ $var(p);',
  switch: 'switch ($var(t)) { case /"PP": exit; }',
  'uri =~': '$rU = $var(t); if (uri =~ "PP") $var(r) = 1;',
  'search()': 'search("PP"); search_body("PP"); search_hf("X-T", "PP", "a");',
  'replace()': 'replace("PP", "b"); replace_all("PP", "b"); replace_hdrs("PP", "b");',
  'replace_body()': 'replace_body("PP", "b"); replace_body_all("PP", "b"); replace_body_atonce("PP", "b");',
  'search_append()': 'search_append("PP", "b"); search_append_body("PP", "b");',
  'subst()': 'subst("/PP/b/g"); subst_body("/PP/b/g"); subst_hf("X-T", "/PP/b/g", "a");',
  'subst_uri()': '$rU = $var(t); subst_user("/PP/b/g"); subst_uri("/PP/b/g");',
  '{re.subst}': '$var(r) = $(var(t){re.subst,/PP/b/g});',
  'remove_hf_re()':
    'remove_hf_re("PP"); remove_hf_exp("PP", "x"); remove_hf_re_pv("$var(p)"); is_present_hf_re("PP"); is_present_hf_re_pv("$var(p)");',
  'search_str()': 'search_str("$var(t)", "PP"); search_str("$var(t)", "$var(p)");',
  'regex_substring()': 'regex_substring("$var(t)", "PP", "0", "3", "$var(r)");',
  'keep_hf()': 'keep_hf("PP");',
  't_check_status()': 't_newtran(); t_check_status("PP");',
  'pcre_match()':
    'pcre_match("$var(t)", "PP"); pcre_match("$var(t)", "$var(p)"); pcre_match("$var(t)", "(?=PP)(a|b)*?c");',
  'pcre_match_group()': 'pcre_match_group("$var(t)"); pcre_match_group("$var(t)", "1");',
  'names and values of htable':
    '$sht(t=>$var(t)) = $var(t); $var(r) = $shtcn(t=>~~PP) + $shtcv(t=>~~PP); sht_match_name("t", "re", "PP"); sht_rm_name_re("t=>PP"); sht_rm_value_re("t=>PP");',
  'avp_check()': '$avp(x) = $var(t); avp_check("$avp(x)", "re/PP/g");',
  'avp_subst()': '$avp(x) = $var(t); avp_subst("$avp(x)", "/PP/b/g");',
  'allow_uri()': `allow_uri("${at('uri')}", "$var(t)");`,
};

const inScript = (pattern: string): string => pattern.replaceAll('\\', '\\\\');

/** A route for each place, with each pattern in turn. */
function script(): string {
  const routes = Object.entries(EACH).map(([, statements], i) => {
    const all = PATTERNS.map((p) => `$var(p) = "PP"; ${statements}`.replaceAll('PP', inScript(p))).join('\n\t');
    return `route[R${i}] {\n\t${all}\n\txlog("done\\n");\n}\n`;
  });
  return `loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "textops.so"
loadmodule "textopsx.so"
loadmodule "regex.so"
loadmodule "htable.so"
loadmodule "avpops.so"
loadmodule "permissions.so"
modparam("regex", "file", "${at('groups')}")
modparam("htable", "htable", "t=>size=4;")
${routes.join('')}request_route {
	$var(t) = $hdr(X-T);
	$avp(x) = $var(t);
	route("R" + $hdr(X-Route));
	exit;
}
`;
}

const message = (route: number) => `INVITE sip:${'a'.repeat(900)}!@h SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1
From: <sip:${'a'.repeat(900)}!@h>;tag=1
To: <sip:a@h>
Call-ID: 1
CSeq: 1 INVITE
X-Route: ${route}
X-T: ${LONG}
${'a'.repeat(3000)}: ${LONG}
Content-Type: text/plain
Content-Length: ${BODY.length}

${BODY}`;

describe('a hostile expression and a long text', () => {
  let running: RunningScript;
  beforeAll(async () => {
    running = await runScript(script());
    running.host.log.level = LEVEL.WARN;
  });
  afterAll(() => running.stop());

  test.each(Object.keys(EACH).map((place, i) => [place, i] as const))('%s', async (_place, i) => {
    const before = running.lines.length;
    const start = performance.now();
    running.receive(message(i));
    expect(running.lines.slice(before)).toEqual(['done']);
    expect(performance.now() - start).toBeLessThan(LIMIT_MS);
  });
});
