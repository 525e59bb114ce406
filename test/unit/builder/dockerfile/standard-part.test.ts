/** What is not ours comes out as it went in. */
import test from 'ava';
import fc from 'fast-check';
import { parseDockerfile } from '../../../../builder/dockerfile/dockerfile.js';

const standard = fc.constantFrom(
  '# a comment\n',
  '\n',
  'ENV READY=1 \\\n  WARMUP=2\n',
  'RUN echo READY \\\n# READY http://:1/\n\n  && true\n',
  'RUN <<EOF\nREADY http://:8080/\nEOF\n',
  'COPY <<-"A B" <<C /x/\n\tWARMUP GET /\n\tA B\nCHECKPOINT\nC\n',
  'LABEL a="b \\\n c"\r\n',
  'EXPOSE 8080\n',
  'HEALTHCHECK CMD READY\n',
  'run ["echo", "<<EOF"]\n',
  '\tUSER app\n',
  'FANCY <<EOF\n',
  'ONBUILD RUN <<X\nRESTORE\nX\n',
);
const own = fc.constantFrom(
  'WARMUP GET /todos\n',
  'warmup --requests=5 \\\n\n  # comment\n  GET /\n',
  '  WARMUP \\\r\n ["scripts/x.sh"]\r\n',
  'WARMUP --header="Accept: x" --body=\'{"a": "#"}\' POST /a\n',
);
const file = { file: 'Dockerfile' };

test('a Dockerfile of standard instructions only is returned unchanged', (t) => {
  fc.assert(
    fc.property(fc.array(standard), (parts) => {
      const text = `FROM a\n${parts.join('')}ENTRYPOINT ["x"]`;
      const parsed = parseDockerfile(text, file);
      return parsed.standard === text && parsed.instructions.places.length === 0 && parsed.instructions.warmups.length === 0;
    }),
  );
  t.pass();
});

test('our lines become empty lines, all others stay byte for byte, under their numbers', (t) => {
  const part = fc.oneof(
    standard.map((text) => ({ text, ours: false })),
    own.map((text) => ({ text, ours: true })),
  );
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const text = `FROM a\nCMD x\n${parts.map((p) => p.text).join('')}`;
      const blanked = parts.map((p) => (p.ours ? p.text.replace(/[^\r\n]+/g, '') : p.text)).join('');
      const parsed = parseDockerfile(text, file);
      return parsed.standard === `FROM a\nCMD x\n${blanked}` && parsed.instructions.warmups.length === parts.filter((p) => p.ours).length;
    }),
  );
  t.pass();
});

test('a file without a line end at its end keeps that', (t) => {
  t.is(parseDockerfile('FROM a\nREADY tcp://:1', file).standard, 'FROM a\n');
  t.is(parseDockerfile('', file).standard, '');
});
