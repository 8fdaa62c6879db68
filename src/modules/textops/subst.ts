export const substFunctions = {};
