/** Where the voice server is; pages may know it, but not the key. */
export const antiphonUrl = () => process.env.ANTIPHON_URL ?? 'http://127.0.0.1:8080';
