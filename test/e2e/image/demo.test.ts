/** The demo application: what a Spring application needs of /tmp after a restore. */
import test, { type ExecutionContext } from 'ava';
import { get, run, type Container } from '../support/docker.js';
import { assertRestored, restorable } from '../support/restore.js';
import { warmImage } from '../support/warm.js';

let image: string;

test.before(async () => {
  image = await warmImage({ name: 'demo', fixture: 'demo' });
});

async function upload(t: ExecutionContext, container: Container, sizeBytes: number): Promise<string> {
  const body = new FormData();
  body.append('file', new Blob([new Uint8Array(sizeBytes).fill(42)]), 'upload.bin');
  const { status, text } = await get(t, container, '/upload', { init: { method: 'POST', body } });
  t.is(status, 200, text);
  return text;
}

for (const [title, args] of [
  ['/tmp of the image', []],
  ['a tmpfs on /tmp', ['--tmpfs', '/tmp']],
  ['a read-only root file system and a tmpfs on /tmp', ['--read-only', '--tmpfs', '/tmp']],
] as const) {
  test(`an upload is written below /tmp after the restore: ${title}`, async (t) => {
    const container = await run(t, image, [...restorable, ...args]);
    t.is((await get(t, container, '/actuator/health')).status, 200);
    await assertRestored(t, container);
    t.is(await upload(t, container, 300_000), '300000');
    t.is(await upload(t, container, 200_000), '200000');
  });
}
