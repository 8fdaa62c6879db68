/** Variables as they are written (`$(name(key)[i]{tr})`), texts that hold them, and selects. */
export { bindSelect, selectPath } from './format/select.js';
export { type Format, bindFormat } from './format/text.js';
export { type VariablePlace, bindVariable } from './format/variable.js';
