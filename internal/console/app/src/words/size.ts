const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Says a number of bytes as the API's own sentences do: "4.0 KiB", "512 B". */
export function bytesInWords(bytes: number): string {
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const sign = bytes < 0 ? '−' : '';
  return `${sign}${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Says a size that may be unknown. */
export function sizeInWords(bytes: number | null | undefined): string {
  return bytes == null ? 'unknown' : bytesInWords(bytes);
}

/** Says how a size differs from an earlier one: "+1.0 KiB", "−3.0 MiB", "same"; null where either is unknown. */
export function changeInWords(bytes: number | null | undefined, before: number | null | undefined): string | null {
  if (bytes == null || before == null) return null;
  const change = bytes - before;
  if (change === 0) return 'same';
  return change > 0 ? `+${bytesInWords(change)}` : bytesInWords(change);
}

const counts = new Intl.NumberFormat('en');

/** Says a whole number with separators: "41,250". */
export function countInWords(count: number): string {
  return counts.format(count);
}

/** Says a number of things: "1 claim", "2 claims", "1,200 backups". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countInWords(count)} ${count === 1 ? one : many}`;
}

/** Says money in a currency that may be no ISO code. */
export function moneyInWords(amount: number, currency: string): string {
  try {
    return new Intl.NumberFormat('en', { style: 'currency', currency }).format(amount);
  } catch {
    return `${amount.toFixed(2)} ${currency}`.trim();
  }
}
