/** The project's file of settings, `kamscript.json`: found in the folder of a script or above it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { nearest } from '../parser/nearest.js';
import { RULES, type RuleLevel } from '../runtime/lint/index.js';

export const CONFIG_NAME = 'kamscript.json';

export interface Config {
  /** Where it was read; undefined: there is none. */
  readonly file?: string;
  readonly rules: ReadonlyMap<string, RuleLevel>;
}

/** The file says something that cannot be meant; the text names it. */
export class ConfigError extends Error {
  readonly code = 'ECONFIG';
}

const LEVELS: ReadonlySet<string> = new Set(['off', 'info', 'warning', 'error']);

/** Settings for the scripts of a folder; `file` in place of the search. */
export function configFor(folder: string, file?: string): Config {
  if (file !== undefined) return parsed(file, readFileSync(file, 'utf8'));
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const candidate = path.join(at, CONFIG_NAME);
    const text = textOf(candidate);
    if (text !== undefined) return parsed(candidate, text);
    if (path.dirname(at) === at) return { rules: new Map() };
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return undefined;
    throw e;
  }
}

function parsed(file: string, text: string): Config {
  const value = jsonOf(file, text);
  for (const key of Object.keys(value))
    if (key !== 'rules' && key !== '$schema')
      throw new ConfigError(`${file}: unknown setting "${key}"; there is "rules"`);
  const { rules = {} } = value;
  if (!isObject(rules))
    throw new ConfigError(`${file}: "rules" is an object: rule to "off", "info", "warning" or "error"`);
  return {
    file,
    rules: new Map(Object.entries(rules).map(([code, level]) => [ruleCode(file, code), levelOf(file, code, level)])),
  };
}

function jsonOf(file: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (e) {
    throw new ConfigError(`${file}: ${e instanceof Error ? e.message : 'no JSON'}`);
  }
  if (!isObject(value)) throw new ConfigError(`${file}: the file holds no JSON object`);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function ruleCode(file: string, code: string): string {
  if (code === '*' || RULES.some((r) => r.code === code)) return code;
  const near = nearest(
    code,
    RULES.map((r) => r.code),
  );
  throw new ConfigError(`${file}: no rule "${code}"${near === undefined ? '' : `; did you mean "${near}"?`}`);
}

function levelOf(file: string, code: string, level: unknown): RuleLevel {
  if (typeof level === 'string' && LEVELS.has(level)) return level as RuleLevel;
  throw new ConfigError(`${file}: rule "${code}" is "off", "info", "warning" or "error", not ${JSON.stringify(level)}`);
}
