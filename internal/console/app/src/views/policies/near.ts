/** How many characters may differ between a name and the one that was meant. */
const MOST = 2;

/** Returns the known name that is nearest to a mistyped one; null where none is near. */
export function nearestName(typed: string, known: readonly string[]): string | null {
  const near = known
    .filter((name) => name !== typed && Math.abs(name.length - typed.length) <= MOST)
    .map((name) => ({ name, distance: distanceBetween(typed, name) }))
    .filter(({ distance, name }) => distance <= Math.min(MOST, name.length - 1))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.name ?? null;
}

/** Counts the characters that have to be put in, taken out or replaced to turn one word into another. */
function distanceBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
