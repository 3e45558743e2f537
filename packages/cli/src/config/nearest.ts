/** The candidate that is most similar to a misspelt word, if any is similar enough. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const allowed = Math.max(2, Math.floor(word.length / 3));
  const scored = candidates.map((candidate) => ({
    candidate,
    edits: editDistance(word.toLowerCase(), candidate.toLowerCase()),
  }));
  const near = scored.filter(
    ({ candidate, edits }) =>
      // At most half of the word may differ: otherwise all short words would resemble each other.
      (edits <= allowed && edits * 2 <= candidate.length) ||
      (word.length >= 4 && candidate.startsWith(word.slice(0, 4))),
  );
  // Of two with as many edits the longer one: people omit a letter more often than they add one.
  return near.sort((a, b) => a.edits - b.edits || b.candidate.length - a.candidate.length)[0]?.candidate;
}

/** Optimal string alignment distance: letters to insert, drop, replace or swap with their neighbour. */
function editDistance(from: string, to: string): number {
  const width = to.length + 1;
  const distances: number[] = [];
  const at = (row: number, column: number) => distances[row * width + column] ?? 0;
  for (let row = 0; row <= from.length; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      distances.push(
        row === 0 || column === 0
          ? row + column
          : Math.min(
              at(row - 1, column) + 1,
              at(row, column - 1) + 1,
              at(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1),
              swapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
            ),
      );
    }
  }
  return distances.at(-1) ?? 0;
}
