/** The selects of the core (variables.md, `$sel`): `@ruri.user`, `@via[1].host`, `@msg.header.X_One`. */
import type { SelectDefinition } from '../module.js';

export const CORE_SELECTS: Readonly<Record<string, SelectDefinition>> = {};
