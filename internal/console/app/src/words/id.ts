/** How many characters of a long id are shown: as many as restic shows, and enough to tell backups apart. */
const SHOWN = 8;

/** An id of hexadecimal digits alone, as restic and kopia make them: its beginning names it as well as the whole. */
const HASH = /^[0-9a-f]{20,}$/i;

/** A whole id among words, as restic makes them. One in a path or an address is a part of that. */
const AMONG_WORDS = /(?<![\w/.-])([0-9a-f]{64})(?![\w/-])/;

/** Parts a text at the ids in it: what is between them is at even places, they are at odd ones. */
export function partsOf(text: string): string[] {
  return text.split(AMONG_WORDS);
}

/** Shortens an id that is a long hash. A name that a person or a driver chose is kept whole: its end may be what differs. */
export function shortId(id: string): string {
  return HASH.test(id) ? id.slice(0, SHOWN) : id;
}
