// Names of files.

/**
 * The names, each once: what came before gets a number, "a.jpg" becomes "a (2).jpg".
 * @param {string[]} names
 */
export function distinct(names) {
  const taken = new Set();
  const last = new Map(); // the number that a name was given last
  return names.map((name) => {
    const stem = stemOf(name);
    let unique = name;
    while (taken.has(unique)) {
      last.set(name, (last.get(name) ?? 1) + 1);
      unique = `${stem} (${last.get(name)})${name.slice(stem.length)}`;
    }
    taken.add(unique);
    return unique;
  });
}

/**
 * A path without its ending; dots that a name starts with are no ending's.
 * @param {string} path
 */
export function stemOf(path) {
  const dot = path.lastIndexOf(".");
  return /[^.]/.test(path.slice(path.lastIndexOf("/") + 1, Math.max(dot, 0))) ? path.slice(0, dot) : path;
}
