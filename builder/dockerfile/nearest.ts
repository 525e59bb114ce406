/** The nearest known word to a mistyped one: for suggestions in errors. */

/** Edits (insert, remove, replace, swap of neighbours) that turn one word into the other; case counts. */
export function editDistance(a: string, b: string): number {
  let twoBack: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, (twoBack[j - 2] ?? 0) + 1);
      current.push(best);
    }
    twoBack = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/**
 * The known word with the fewest edits from `word`, case ignored; undefined where none is near. A word is near with at most two
 * edits, and fewer than half of its letters changed, so that a short word is not "near" everything.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let found: string | undefined;
  let fewest = 3;
  for (const candidate of known) {
    // So many letters have to come or go at least; a "word" may be a whole file that is no Dockerfile.
    if (Math.abs(word.length - candidate.length) >= fewest) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < fewest && distance * 2 < Math.max(word.length, candidate.length)) {
      found = candidate;
      fewest = distance;
    }
  }
  return found;
}
