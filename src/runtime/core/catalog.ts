/** Variables, transformations and selects that exist without any module. */
import type { CoreCatalog } from '../catalog.js';
import { CORE_SELECTS } from '../selects/index.js';
import { CORE_VARIABLES } from '../variables/index.js';

export const CORE_CATALOG: CoreCatalog = { pvs: CORE_VARIABLES, transformations: {}, selects: CORE_SELECTS };
