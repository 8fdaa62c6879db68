/** The version of Kamailio whose scripts this server runs, as `$version`, core.version and the Server header show it. */
export const VERSION = '5.6.3';
