import { setNonce } from 'get-nonce';

/** The nonce with which the server permits styles in this page. */
export const nonce = (): string => document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';

/** For the parts of the component library that write styles on their own. */
export const shareNonce = (): void => setNonce(nonce());
