/** Names of topics and channels (nsq.md, section 8). */
const NAME = /^[.a-zA-Z0-9_-]+(?:#ephemeral)?$/;
export const MAX_NAME = 64;
export const EPHEMERAL = '#ephemeral';

/** 1 to 64 characters, the suffix `#ephemeral` among them. */
export const validName = (name: string): boolean => name.length <= MAX_NAME && NAME.test(name);
