/** Variables, transformations and selects that exist without any module. */
import type { CoreCatalog } from '../catalog.js';

export const CORE_CATALOG: CoreCatalog = { pvs: {}, transformations: {}, selects: {} };
