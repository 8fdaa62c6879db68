/** pres-rules (RFC 5025, RFC 4745): who may watch, and what of a document is shown. Pure. */
import type { Verdict, Watcher } from '../presence/event.js';
import { presUri } from '../presence/state.js';
import { POLITE_BLOCK, STATUS } from '../presence/subscription.js';
import { readXml } from '../xml/read.js';
import {
  attributeOf,
  childNamed,
  childrenNamed,
  contentOf,
  findElement,
  isElement,
  type XmlElement,
} from '../xml/tree.js';
import { writeXml } from '../xml/write.js';

export interface Circumstances {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** What the presentity says of its sphere; undefined: nothing, and then rules about spheres apply. */
  readonly sphere: string | undefined;
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** The first rule that is about this watcher, now. */
function ruleFor(rules: string, who: Watcher, circumstances: Circumstances): XmlElement | undefined {
  const doc = readXml(rules);
  const set = doc && findElement(doc.nodes, 'ruleset');
  return set?.children.filter(isElement).find((rule) => {
    const conditions = childNamed(rule, 'conditions');
    return conditions !== undefined && holds(conditions, who, circumstances);
  });
}

function holds(conditions: XmlElement, who: Watcher, { now, sphere }: Circumstances): boolean {
  const validity = childNamed(conditions, 'validity');
  if (validity !== undefined && !isValid(validity, now)) return false;
  const wanted = childNamed(conditions, 'sphere');
  if (wanted !== undefined && sphere !== undefined && !same(sphereName(wanted), sphere)) return false;
  const identity = childNamed(conditions, 'identity');
  return identity !== undefined && isMeant(identity, who);
}

const sphereName = (e: XmlElement): string => attributeOf(e, 'value') ?? contentOf(e).trim();

/** Pairs of `from` and `until`. */
function isValid(validity: XmlElement, now: number): boolean {
  const times = validity.children.filter(isElement);
  return times.some((from, i) => {
    if (!same(from.name, 'from')) return false;
    const until = times.slice(i + 1).find((t) => same(t.name, 'until'));
    const [start, end] = [Date.parse(contentOf(from)), Date.parse(until === undefined ? '' : contentOf(until))];
    return start <= now && now <= end;
  });
}

function isMeant(identity: XmlElement, who: Watcher): boolean {
  const uri = presUri(who.watcherUser, who.watcherDomain);
  if (childrenNamed(identity, 'one').some((one) => attributeOf(one, 'id') === uri)) return true;
  return childrenNamed(identity, 'many').some((many) => {
    const domain = attributeOf(many, 'domain');
    if (domain !== undefined && !same(domain, who.watcherDomain)) return false;
    return !childrenNamed(many, 'except').some((e) => {
      const [id, out] = [attributeOf(e, 'id'), attributeOf(e, 'domain')];
      return id === undefined ? out !== undefined && same(out, who.watcherDomain) : id === uri;
    });
  });
}

const HANDLING: readonly (readonly [start: string, verdict: Verdict])[] = [
  ['block', { status: STATUS.TERMINATED, reason: 'rejected' }],
  ['confirm', { status: STATUS.PENDING, reason: '' }],
  [POLITE_BLOCK, { status: STATUS.ACTIVE, reason: POLITE_BLOCK }],
  ['allow', { status: STATUS.ACTIVE, reason: '' }],
];

const PENDING: Verdict = { status: STATUS.PENDING, reason: '' };

/** `before`: the status so far. `removed`: the reason for a watcher whom no rule lets any longer. */
export function verdictOf(
  rules: string | undefined,
  who: Watcher,
  before: number,
  removed: string,
  circumstances: Circumstances,
): Verdict | undefined {
  if (rules === undefined) return PENDING;
  if (readXml(rules) === undefined) return undefined;
  const rule = ruleFor(rules, who, circumstances);
  if (rule === undefined) return before === STATUS.PENDING ? PENDING : { status: STATUS.TERMINATED, reason: removed };
  const actions = childNamed(rule, 'actions');
  const handling = actions && childNamed(actions, 'sub-handling');
  if (handling === undefined) return PENDING;
  const said = contentOf(handling).trim();
  return HANDLING.find(([start]) => said.startsWith(start))?.[1];
}

// ------------------------------------------------------------ transformations

/** The document with what the rule lets this watcher see; without a rule, as it is. */
export function filteredBody(body: string, who: Watcher, rules: string, circumstances: Circumstances): string {
  const rule = ruleFor(rules, who, circumstances);
  const doc = rule === undefined ? undefined : readXml(body);
  const root = doc && findElement(doc.nodes, 'presence');
  if (rule === undefined || doc === undefined || root === undefined) return body;
  const transformations = childNamed(rule, 'transformations');
  for (const provide of transformations?.children.filter(isElement) ?? []) provideOnly(root, provide);
  return writeXml(doc);
}

const PROVIDE = 'provide-';

function provideOnly(root: XmlElement, provide: XmlElement): void {
  if (!provide.name.toLowerCase().startsWith(PROVIDE)) return;
  const what = provide.name.slice(PROVIDE.length);
  const name = elementOf(what);
  const said = contentOf(provide).trim();
  if (same(said, 'true')) return;
  if (childNamed(provide, `all-${what}`) !== undefined) return;
  const none = same(said, 'false');
  root.children = root.children.filter(
    (node) => !isElement(node) || !same(node.name, name) || (!none && isProvided(node, provide)),
  );
}

/** `provide-services` is about tuples, `provide-persons` about person elements. */
function elementOf(what: string): string {
  if (same(what, 'services')) return 'tuple';
  if (what.toLowerCase().startsWith('person')) return 'person';
  return same(what, 'devices') ? 'device' : what;
}

function isProvided(node: XmlElement, provide: XmlElement): boolean {
  const within = (name: string): string | undefined => {
    const found = findElement(node.children, name);
    return found && contentOf(found).trim();
  };
  const contact = within('contact');
  const values: Readonly<Record<string, string | undefined>> = {
    class: within('class'),
    deviceid: within('deviceID'),
    'occurrence-id': attributeOf(node, 'id'),
    // as Kamailio spells it
    'occurence-id': attributeOf(node, 'id'),
    'service-uri': contact,
    'service-uri-scheme': contact?.slice(0, Math.max(0, contact.indexOf(':'))),
  };
  return provide.children.filter(isElement).some((wanted) => {
    const name = wanted.name.toLowerCase();
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    return value !== undefined && value !== '' && same(value, contentOf(wanted).trim());
  });
}
