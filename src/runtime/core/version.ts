/** The version of Kamailio whose scripts this server runs, as `$version`, core.version and the Server header show it. */
export const VERSION = '5.6.3';

/** As the Server header and pings of WebSocket have it. */
export const SIGNATURE: string = `kamailio (${VERSION} (x86_64/linux))`;
