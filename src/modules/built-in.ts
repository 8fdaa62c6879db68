/** The modules of the project as the loader takes them. The bundle has a form of this file that makes each when it is asked for. */
import { type ModuleSet, moduleSet } from '../runtime/module-set.js';
import { MODULES } from './index.js';

export const BUILT_IN: ModuleSet = moduleSet(MODULES);
