import test from 'ava';
import { stripVTControlCharacters } from 'node:util';
import { renderBars, renderBench } from '../../../cli/render/bench.js';
import { renderBuildResult, renderVerifyResult } from '../../../cli/render/build-result.js';
import { renderComparison } from '../../../cli/render/compare.js';
import { renderInspect } from '../../../cli/render/inspect.js';
import { renderPages } from '../../../cli/render/pages.js';
import { plainLook } from '../../../cli/render/look.js';
import { renderPlan } from '../../../cli/render/plan.js';
import { columnsOf } from '../../../cli/render/text.js';
import { benchComparison, benchReport, buildResult, inspectReport, plan, verified, verifiedCold } from './values.js';

test('build', (t) => {
  t.is(
    renderBuildResult(buildResult, plainLook),
    `
+ app:warm  0123456789ab
  made from  app:1, 212 MiB
  added      134 MiB (runtime 21 MiB, checkpoint 113 MiB)
  restorer   criu, mode read
  verified   restored in 142 ms, ready after 187 ms
  start it   docker run --cap-add SYS_ADMIN app:warm
`,
  );
});

test('verify', (t) => {
  t.is(
    renderVerifyResult(verified, plainLook),
    `+ app:warm
  start  restored in 142 ms, ready after 187 ms
  with   --cap-add SYS_ADMIN
`,
  );
  t.is(
    renderVerifyResult({ ...verifiedCold, runArgs: [] }, plainLook),
    `! app:warm
  start  cold (NO-RIGHTS: CRIU needs SYS_ADMIN), ready after 3.21 s
  try    Give it.
  with   no more rights than a container has
`,
  );
});

test('plan', (t) => {
  t.is(
    renderPlan(plan, plainLook),
    `plan for app:warm
  engine      Docker 20.10.24, API 1.41
  made from   app:1
  command     java -jar "/a b.jar"
  user        root
  java        OpenJDK 25.0.3
  heap        512 MiB (-Xmx512m)
  ready       http://:8080/health
  warm-up     GET /todos (2000 requests)
              ["/warm.sh"]
  checkpoint  engine criu, full GC
  restore     criu, mode read, else cold
  CPUs        x86-64-v3
rights of the build container
  SYS_ADMIN  mounts /proc of the inner PID namespace
rights of a start
  none beyond those of every container
! no --memory
`,
  );
});

test('inspect', (t) => {
  t.is(
    renderInspect(inspectReport, plainLook),
    `app:warm  0123456789ab
  created     2026-01-02T03:04:05Z
  made from   app:1 fedcba987654
  restorer    criu, mode read
  checkpoint  engine criu, kernel 6.18.1
  java        OpenJDK 25.0.3
  CPUs        x86-64-v3
  clock       goes on from the checkpoint
  agent       callbacks auto, frozen: SERVER_PORT
  start it    docker run --cap-add SYS_ADMIN app:warm

layers
  base          212 MiB  111111111111
  checkpoint          ?  222222222222

record
  command    java -jar /app.jar
  directory  /
  user       0:0
  process    PID 40, 31 threads
  fallback   cold, after 10000 ms
  variables  PATH, JAVA_HOME
  ignored    none
  carried    none

memory: 112 MiB in 264 mappings
  heap     40 MiB

files: 1
  /app.jar  read  20 MiB
`,
  );
});

test('inspect: what is odd about an image', (t) => {
  const text = renderInspect({ ...inspectReport, warnings: ['it has a layer on top'] }, plainLook);
  t.regex(text, /\n {2}start it .*\n! it has a layer on top\n\nlayers\n/);
});

test('inspect --pages', (t) => {
  t.is(
    renderPages(inspectReport, plainLook),
    `app:warm  criu, mode read
+--------------+---------+--------+--------+-------+--------+
| memory       |  dumped | mapped | copied |  zero |   free |
+--------------+---------+--------+--------+-------+--------+
| Java heap    | 100 MiB | 60 MiB |  1 MiB | 9 MiB | 30 MiB |
| C heap (brk) |  12 MiB |      - | 12 MiB |     - |      - |
| all          | 112 MiB | 60 MiB | 13 MiB | 9 MiB | 30 MiB |
+--------------+---------+--------+--------+-------+--------+
  page store            61 MiB, 1 MiB of it zeros
  copied                13 MiB
  free: eden above top  30 MiB
  working set           20 MiB touched and 5 MiB written until the first answers; restored in 88 ms from a cold page cache
`,
  );
  t.regex(renderPages({ ...inspectReport, memory: { ...inspectReport.memory, pages: null } }, plainLook), /does not tell/);
});

test('bench', (t) => {
  t.is(
    renderBench(benchReport, plainLook),
    `app:warm  criu, mode read, 15 starts of each kind
+------------+--------+-----------------+--------+---------+---------+
| start      |  ready |        min, max |  total |     RSS | private |
+------------+--------+-----------------+--------+---------+---------+
| base, cold | 3.15 s | 2.83 s - 3.78 s | 3.50 s | 212 MiB | 189 MiB |
| cold       | 3.21 s | 2.89 s - 3.85 s | 3.60 s | 213 MiB | 190 MiB |
| restored   | 142 ms | 128 ms - 170 ms | 520 ms | 120 MiB | 118 MiB |
+------------+--------+-----------------+--------+---------+---------+

container start to first good answer, median
  base, cold  ################################################## 3.15 s
  cold        ################################################### 3.21 s
  restored    ## 142 ms, 22.2x

  restore  98 ms until the process runs again
  ratio    22.2 (the faster of the cold medians / restored)
  image    base 212 MiB + 134 MiB (runtime 21 MiB, checkpoint 113 MiB) = 346 MiB
  machine  AMD EPYC, 2 cores, 16 GiB
           Linux 6.18.1, Docker 20.10.24
`,
  );
});

test('bench without the base image, with starts that fell back, on a narrow terminal', (t) => {
  t.is(
    renderBench({ ...benchReport, coldBase: null, fellBack: 2 }, { width: 50, color: false, unicode: true }),
    `app:warm  criu, mode read, 15 starts of each kind
cold
  ready    3.21 s
  total    3.60 s
  RSS      213 MiB
  private  190 MiB
restored
  ready    142 ms
  total    520 ms
  RSS      120 MiB
  private  118 MiB

container start to first good answer, median
  cold      ███████████████████████ 3.21 s
  restored  █ 142 ms, 22.2×

  restore  98 ms until the process runs again
  ratio    22.2 (the faster of the cold medians / restored)
  image    base 212 MiB + 134 MiB (runtime 21 MiB, checkpoint 113 MiB) = 346 MiB
  machine  AMD EPYC, 2 cores, 16 GiB
           Linux 6.18.1, Docker 20.10.24
⚠ 2 of 15 starts that should have been restores were cold
`,
  );
});

test('bench of several images, with replicas', (t) => {
  t.is(
    renderComparison(benchComparison, { width: 100, color: false, unicode: false }),
    `2 images  15 starts of each kind in turn
+------------+-----------------+--------+----------+-------+--------+---------+---------+---------+
| image      |        restorer |   cold | restored | ratio |  total |     RSS |     PSS | private |
+------------+-----------------+--------+----------+-------+--------+---------+---------+---------+
| app:warm   | criu, mode read | 3.15 s |   142 ms | 22.2x | 520 ms | 120 MiB | 119 MiB | 118 MiB |
| app:mapped | criu, mode mmap | 3.15 s |    71 ms | 44.4x | 430 ms |  60 MiB |  31 MiB |  20 MiB |
+------------+-----------------+--------+----------+-------+--------+---------+---------+---------+

container start to first good answer, restored, median; multiple of the first
  app:warm    ######################################################################## 142 ms
  app:mapped  #################################### 71 ms, 0.50x

8 replicas at the same time, sum and range of one
+------------+-----------+---------+---------+---------+------------------+
| image      | all ready |     RSS |     PSS | private |       PSS of one |
+------------+-----------+---------+---------+---------+------------------+
| app:warm   |    800 ms | 960 MiB | 880 MiB | 872 MiB | 99 MiB - 132 MiB |
| app:mapped |    800 ms | 960 MiB | 160 MiB | 152 MiB |  18 MiB - 24 MiB |
+------------+-----------+---------+---------+---------+------------------+

  machine  AMD EPYC, 2 cores, 16 GiB
           Linux 6.18.1, Docker 20.10.24
`,
  );
});

test('bench of several images: lists where the table does not fit, and what fell back', (t) => {
  const [first, second] = benchComparison.images;
  if (first === undefined || second === undefined) return t.fail();
  const images = [
    { ...first, image: 'registry.example/team/app:warm', fellBack: 1 },
    { ...second, pageCache: 'cold' as const },
  ];
  const lines = renderComparison({ ...benchComparison, images }, { width: 80, color: true, unicode: true }).split('\n');
  t.true(lines.every((line) => columnsOf(stripVTControlCharacters(line)) <= 80 || /[│─⚠]/.test(line)));
  const text = stripVTControlCharacters(lines.join('\n'));
  t.regex(text, /registry\.example\/team\/app:warm\n {2}restorer {2}criu, mode read\n {2}cold {6}3\.15 s\n/);
  t.regex(text, /1 of 135 starts that should have been restores were cold: registry\.example/);
});

test('bench of one image with replicas and a cold page cache', (t) => {
  const [, report] = benchComparison.images;
  if (report === undefined) return t.fail();
  const text = renderBench({ ...report, pageCache: 'cold' }, plainLook);
  t.regex(text, /^app:mapped {2}criu, mode mmap, 15 starts of each kind, cold page cache\n/);
  t.regex(text, /8 replicas at the same time[^]*\| sum \| +800 ms \| 960 MiB \| 160 MiB \| 152 MiB \| 18 MiB - 24 MiB \|/);
});

test('bars', (t) => {
  t.is(
    renderBars(benchReport, { width: 60, color: false, unicode: true }),
    `  base, cold  ██████████████████████████████▍ 3.15 s
  cold        ███████████████████████████████ 3.21 s
  restored    █▍ 142 ms, 22.2×`,
  );
});

for (const width of [20, 40, 60, 77, 78, 80, 120]) {
  test(`the picture of a measurement fits ${width} columns`, (t) => {
    for (const unicode of [true, false]) {
      const lines = stripVTControlCharacters(renderBars(benchReport, { width, color: true, unicode })).split('\n');
      t.is(lines.length, 3);
      if (width >= 40) for (const line of lines) t.true(columnsOf(line) < width, line);
    }
  });
}

test('inspect: a taped image has no mode, and needs no more than its name', (t) => {
  const text = renderInspect({ ...inspectReport, restorer: 'tape', mode: null, runCommand: 'docker run app:warm' }, plainLook);
  t.regex(text, /\n {2}restorer {4}tape\n/);
  t.regex(text, /\n {2}start it {4}docker run app:warm\n\nlayers\n/);
});

test('inspect: what a tape could not express, the first ten', (t) => {
  const refusals = Array.from({ length: 12 }, (_, i) => ({ object: `descriptor ${i} (/dev/x)`, reason: 'a device' }));
  const text = renderInspect({ ...inspectReport, refusals }, plainLook);
  t.regex(text, /\nwhat a tape cannot express of it\n {2}descriptor 0 \(\/dev\/x\): a device\n/);
  t.regex(text, /\n {2}descriptor 9 .*\n {2}and 2 more \(--json has them\)\n\nlayers\n/);
});
