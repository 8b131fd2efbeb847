/** How many characters of a long id are shown: as many as restic shows, and enough to tell backups apart. */
const SHOWN = 8;

/** An id of hexadecimal digits alone, as restic and kopia make them: its beginning names it as well as the whole. */
const HASH = /^[0-9a-f]{20,}$/i;

/** Shortens an id that is a long hash. A name that a person or a driver chose is kept whole: its end may be what differs. */
export function shortId(id: string): string {
  return HASH.test(id) ? id.slice(0, SHOWN) : id;
}
