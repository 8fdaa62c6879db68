/** A module that only lends functions and variables is loaded, and the script uses none of them. */
import type { ModuleDefinition } from '../module.js';
import { defineRule, type LintScript } from './rule.js';

/** Modules that do something by themselves, or for others, need no call. */
function worksAlone(m: ModuleDefinition): boolean {
  return (
    m.start !== undefined ||
    m.ready !== undefined ||
    m.rpc !== undefined ||
    m.events !== undefined ||
    m.database !== undefined ||
    m.watch !== undefined
  );
}

function isUsed(m: ModuleDefinition, on: LintScript, called: ReadonlySet<string>, texts: string): boolean {
  if (Object.keys(m.functions ?? {}).some((name) => called.has(name))) return true;
  if (Object.keys(m.pvs ?? {}).some((name) => new RegExp(`\\$\\(?${quoted(name)}\\b`).test(texts))) return true;
  if (Object.keys(m.transformations ?? {}).some((name) => texts.includes(`{${name}`))) return true;
  if (m.selects !== undefined && texts.includes('@')) return true;
  return on.program.modules.some((other) => other.needs?.includes(m.name));
}

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

export const moduleNeverUsed = defineRule({
  code: 'module-never-used',
  severity: 'info',
  doc: 'A module that only lends functions and variables is loaded, and the script uses none of them.',
  example: 'loadmodule "ipops.so"',
  *check(on) {
    const called = new Set(on.calls.map(({ call }) => call.name));
    const texts = [...on.texts()].join('\n');
    for (const item of on.script.items) {
      if (item.kind !== 'loadmodule' || item.dynamic) continue;
      const m = on.program.modules.find((known) => known.name === item.name);
      if (m === undefined || worksAlone(m) || isUsed(m, on, called, texts)) continue;
      yield { span: item.span, message: `the script uses nothing of ${m.name}` };
    }
  },
});
