const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function ago(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) {
    return `${seconds} s ago`;
  }
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
}

export function count(value: number): string {
  return value.toLocaleString("en");
}

/** Shortens digests to `sha256:0123456789ab…`, enough to tell them apart by eye. */
export function shortDigest(text: string): string {
  return text.replace(/([a-z0-9]+:[0-9a-f]{12})[0-9a-f]{20,}/g, "$1…");
}
