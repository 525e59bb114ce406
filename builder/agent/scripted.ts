/**
 * Variables that a start script gave the JVM, or took from it: "NAME=VALUE" as the script got them, "NAME" where it did not. A restore does
 * not run the script, and what it made of the same values stays, but for secrets of the build. `environ` is the JVM's /proc/PID/environ.
 */
export function scriptedVariables(
  given: Readonly<Record<string, string>>,
  secretNames: ReadonlySet<string>,
  environ: string,
): readonly string[] {
  const own = new Map(
    environ.split('\0').flatMap((entry) => {
      const equals = entry.indexOf('=', 1);
      return equals < 0 ? [] : [[entry.slice(0, equals), entry.slice(equals + 1)] as const];
    }),
  );
  const names = new Set([...own.keys(), ...Object.keys(given)]);
  return [...names]
    .filter((name) => own.get(name) !== given[name] && !secretNames.has(name))
    .map((name) => (given[name] === undefined ? name : `${name}=${given[name]}`))
    .toSorted();
}
