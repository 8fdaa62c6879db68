/** The only list of modules. */
import type { ModuleDefinition } from '../runtime/module.js';

export const MODULES: readonly ModuleDefinition[] = [];
