/** All transformations of the core modules, by the module that brings them. */
import type { TransformationDefinition } from '../module.js';
import { nameaddr, tobody } from './address.js';
import { line } from './line.js';
import { param } from './param.js';
import { s } from './s.js';
import { uri, urialias } from './uri.js';

export { json } from './json.js';

/** Classes of module pv. */
export const TRANSFORMATIONS_PV: Readonly<Record<string, TransformationDefinition>> = {
  s,
  uri,
  param,
  nameaddr,
  tobody,
  line,
  urialias,
};
