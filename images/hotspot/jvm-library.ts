/** HotSpot as a library of a process. */
import type { Vma } from '../criu/view-process.js';

/** The first mapping of libjvm.so; undefined where a process is no JVM. */
export const jvmLibrary = (vmas: readonly Vma[]): (Vma & { readonly path: string }) | undefined =>
  vmas.find((vma): vma is Vma & { path: string } => vma.path?.endsWith('/libjvm.so') === true);
