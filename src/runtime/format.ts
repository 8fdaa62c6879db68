/** Variables as they are written (`$(name(key)[i]{tr})`), texts that hold them, and selects. */
export { bindSelect, selectPath } from './format/select.js';
export { bindFormat, type Format } from './format/text.js';
export { bindVariable, type VariablePlace } from './format/variable.js';
