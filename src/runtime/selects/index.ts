/** The selects of the core (variables.md, `$sel`): `@ruri.user`, `@via[1].host`, `@msg.header.X_One`. */
import type { SelectDefinition } from '../module.js';
import { HEADER_SELECTS } from './headers.js';
import { MESSAGE_SELECTS } from './message.js';
import { SERVER_SELECTS } from './server.js';

export const CORE_SELECTS: Readonly<Record<string, SelectDefinition>> = {
  ...MESSAGE_SELECTS,
  ...HEADER_SELECTS,
  ...SERVER_SELECTS,
};
