import type { PublicationScheme } from './scheme.ts';

/** Publishes nothing: the base line that the other schemes' costs are measured against. */
export const none: PublicationScheme = { name: 'none', top: null };
