/** Tapes with steps of one's own, and the threads and the vDSO of the example. */
import type { Tape } from '../../../../images/tape/tape.js';
import { TapeWriter } from '../../../../images/tape/writer.js';
import { exampleTape } from './example.js';

/** @param body what is done after the beginning @param ahead what is done after `go` */
export function makeTape(body: (writer: TapeWriter) => void, ahead: (writer: TapeWriter) => void = () => undefined): Tape {
  const writer = new TapeWriter();
  const copied = writer.bytes(exampleTape.data);
  for (const call of ['vdso', 'clear', 'threads'] as const) writer.emit(call, [], { check: 'ignore' });
  body(writer);
  writer.emit('go', [], { check: 'ignore' });
  ahead(writer);
  const moved = (offset: number): number => offset + copied;
  return {
    ...exampleTape,
    ...{
      steps: writer.steps,
      descriptorLimit: writer.descriptorLimit,
      generationPage: 0n,
      dumpedMonotonicNs: 0n,
      dumpedRealtimeNs: 0n,
      data: writer.data(),
    },
    vdso: { ...exampleTape.vdso, copy: moved(exampleTape.vdso.copy) },
    threads: exampleTape.threads.map((thread) => ({
      ...thread,
      legacy: moved(thread.legacy),
      components: thread.components.map((component) => ({ ...component, offset: moved(component.offset) })),
    })),
  };
}
