/** @hf_value, @hf_value2, @hf_value_exists. */

import type { Context } from '../../runtime/context.js';
import type { BindResult, SelectDefinition, Value } from '../../runtime/module.js';
import type { Get } from '../../runtime/selects/tree.js';
import { nameAddrPlace, paramsPlace, uriPlace } from '../../runtime/selects/uri.js';
import { headerMatcher, type SipMessage } from '../../sip/message.js';
import { hasValue } from './change-values.js';
import { allItems, findParam, type Item, pick, type ValuePath } from './header-values.js';

type Path = readonly (string | number)[];
type Getter = (ctx: Context) => Value;

/** `NAME[index]` at the head of a path; `_` in a name stands for `-`. */
function head(path: Path): { at: ValuePath; rest: Path } | undefined {
  const [name, next] = path;
  if (typeof name !== 'string') return undefined;
  const header = dashed(name);
  const indexed = typeof next === 'number';
  const index = indexed ? next || 1 : 1;
  const at = { name: header, named: headerMatcher(header), index, indexed, all: false, param: '' };
  return { at, rest: path.slice(indexed ? 2 : 1) };
}

const dashed = (name: string) => name[0] + name.slice(1).replaceAll('_', '-');

/** Values of all items, or of the one with the index; `of` gives what of an item is wanted. */
function values(at: ValuePath, of: (msg: SipMessage, item: Item) => string): Get {
  if (!at.indexed)
    return ({ msg }) =>
      allItems(msg, at)
        .map((i) => of(msg, i))
        .join(',');
  return ({ msg }) => {
    const item = pick(allItems(msg, at), at.index);
    return item === undefined ? '' : of(msg, item);
  };
}

const whole = (msg: SipMessage, item: Item) => msg.text.slice(item.start, item.end);

function uri(msg: SipMessage, item: Item): string {
  const text = whole(msg, item);
  return /<([^>]*)>/.exec(text)?.[1] ?? /^[^;\s]*/.exec(text)![0];
}

function displayName(msg: SipMessage, item: Item): string {
  const name = /^(?:"((?:[^"\\]|\\.)*)"|([^<;"]*?))\s*</.exec(whole(msg, item));
  return name?.[1] ?? name?.[2] ?? '';
}

function param(name: string): (msg: SipMessage, item: Item) => string {
  return (msg, item) => {
    const found = findParam(msg.text, item, name);
    return typeof found === 'number' ? '' : msg.text.slice(found.value.start, found.value.end);
  };
}

/** What stands behind `NAME[index]`. A part that Kamailio does not know is left off there, with an error in the log. */
function bindValue(path: Path): BindResult<Getter> {
  const found = head(path);
  if (found === undefined) return { error: 'a header name is wanted behind hf_value' };
  const { at, rest } = found;
  const [what, name] = rest;
  if (what === 'nameaddr') return nameAddrPlace(values(at, whole))(rest.slice(1));
  if (what === 'params') return paramsPlace(values(at, whole))(rest.slice(1));
  if (what === 'uri') return uriPlace(values(at, uri))(rest.slice(1));
  if (what === 'name') return { ok: at.indexed ? values(at, displayName) : () => '' };
  if (what !== 'param' && what !== 'p') return { ok: values(at, whole) };
  if (typeof name !== 'string') return { ok: () => '' };
  return { ok: at.indexed ? values(at, param(dashed(name))) : values(at, whole) };
}

function bindWholeValue(path: Path): BindResult<Getter> {
  const found = head(path);
  if (found === undefined) return { error: 'a header name is wanted behind hf_value2' };
  const { at, rest } = found;
  const value: Get = ({ msg }) => {
    const header = pick(msg.headers.filter(at.named), at.index);
    return header === undefined ? '' : msg.value(header);
  };
  return rest[0] === 'params' ? paramsPlace(value)(rest.slice(1)) : { ok: value };
}

function bindExists(path: Path): BindResult<Getter> {
  const [name, value] = path;
  const found = head(path.slice(0, 1));
  if (found === undefined || typeof name !== 'string' || value === undefined)
    return { error: 'write @hf_value_exists.name.value' };
  return { ok: ({ msg }) => (hasValue(msg, found.at, String(value)) ? '1' : '0') };
}

export const selects: Readonly<Record<string, SelectDefinition>> = {
  hf_value: {
    doc: 'An item of a comma list: `@hf_value.x_name[1]`, its `.uri`, `.name`, `.p.PARAM` or `.nameaddr`. Without index: all, joined by commas.',
    bind: bindValue,
  },
  hf_value2: { doc: 'The whole value of a header: `@hf_value2.authorization[1]`.', bind: bindWholeValue },
  hf_value_exists: { doc: '1 if some header of the name has the item, else 0.', bind: bindExists },
};
