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
import { TEXT } from './text.js';
import { TIME } from './time.js';
import { VIA } from './via.js';
import { XAVP } from './xavp.js';

/** Those that work without any module. */
export const CORE_VARIABLES: Readonly<Record<string, PvDefinition>> = CORE_CONSTANTS;

/** Those that module pv brings. */
export const PV_VARIABLES: Readonly<Record<string, PvDefinition>> = {
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
};
