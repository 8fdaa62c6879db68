/** All variables of the core and of module pv, by name; aliases are entries of their own. */
import type { PvDefinition } from '../module.js';
import { ADDRESSES } from './addresses.js';
import { AUTH } from './auth.js';
import { AVP } from './avp.js';
import { BRANCHES } from './branches.js';
import { CONSTANTS, CORE_CONSTANTS } from './constants.js';
import { COUNT } from './count.js';
import { FLAGS } from './flags.js';
import { FROM_TO } from './from-to.js';
import { HEADERS } from './headers.js';
import { IDENTITIES } from './identities.js';
import { MESSAGE } from './message.js';
import { REQUEST_URI } from './request-uri.js';
import { SENDS } from './sends.js';
import { STORAGE } from './storage.js';
import { withTextWanted } from './support.js';
import { TEXT } from './text.js';
import { TIME } from './time.js';
import { VIA } from './via.js';
import { XAVP } from './xavp.js';

/** Those that work without any module. */
export const CORE_VARIABLES: Readonly<Record<string, PvDefinition>> = CORE_CONSTANTS;

/** Storage keeps what it is given by its type alone; all other targets look at text and number of a variable's value. */
const KEEPING: ReadonlySet<string> = new Set(['var', 'vz', 'vn', 'shv', 'avp', 'xavp', 'xavi', 'xavu', 'ccp']);

function targets(all: Readonly<Record<string, PvDefinition>>): Readonly<Record<string, PvDefinition>> {
  const entries = Object.entries(all).map(([name, definition]) => {
    const looks = definition.writable && !KEEPING.has(name);
    return [name, looks ? withTextWanted(definition) : definition] as const;
  });
  return Object.fromEntries(entries);
}

/** Those that module pv brings. */
export const PV_VARIABLES: Readonly<Record<string, PvDefinition>> = targets({
  ...REQUEST_URI,
  ...ADDRESSES,
  ...SENDS,
  ...VIA,
  ...FROM_TO,
  ...MESSAGE,
  ...HEADERS,
  ...IDENTITIES,
  ...AUTH,
  ...STORAGE,
  ...AVP,
  ...XAVP,
  ...COUNT,
  ...BRANCHES,
  ...FLAGS,
  ...TIME,
  ...CONSTANTS,
  ...TEXT,
});
