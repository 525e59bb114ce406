import test from 'ava';
import fc from 'fast-check';
import { formatAddress, parseAddress } from '../../../../builder/engine/address.js';
import { containerRequest } from '../../../../builder/engine/container-spec.js';
import { compareVersions } from '../../../../builder/engine/docker-abilities.js';
import { readGoFileMode } from '../../../../builder/engine/go-file-mode.js';
import { canonicalReference, dockerHub, registryOf, splitReference } from '../../../../builder/engine/reference.js';
import { sshArguments } from '../../../../builder/engine/ssh-agent.js';

const address = test.macro({
  title: (_, text: string) => `address ${text}`,
  exec(t, text: string, want: unknown) {
    t.deepEqual(parseAddress(text, undefined), want);
  },
});

test(address, 'unix:///a/b.sock', { kind: 'socket', path: '/a/b.sock' });
test(address, 'npipe:////./pipe/docker_engine', { kind: 'socket', path: '//./pipe/docker_engine' });
test(address, 'tcp://h', { kind: 'tcp', host: 'h', port: 2375 });
test(address, 'tcp://[::1]:7', { kind: 'tcp', host: '::1', port: 7 });
test(address, '10.0.0.1:80', { kind: 'tcp', host: '10.0.0.1', port: 80 });
test(address, 'http://h:80', { kind: 'tcp', host: 'h', port: 80 });
test(address, 'https://h', { kind: 'tcp', host: 'h', port: 443, tls: { verify: true } });
test(address, 'ssh://me@h:22/run/d.sock', { kind: 'ssh', target: 'me@h', port: 22, socket: '/run/d.sock' });
test(address, 'ssh://-oProxyCommand=x', 'this is no host');
test(address, 'tcp://h:1/path', 'a path behind the port is not supported');
test(address, 'fd://', 'fd:// is not supported');
test(address, 'tcp://a b', 'this is no address; expected unix:///PATH, tcp://HOST:PORT or ssh://HOST');

test('TLS takes its own port', (t) => {
  t.deepEqual(parseAddress('tcp://h', { verify: false }), { kind: 'tcp', host: 'h', port: 2376, tls: { verify: false } });
});

test('addresses are written as they are read', (t) => {
  for (const text of ['unix:///a', 'npipe:////./pipe/x', 'tcp://h:1', 'tcp://[::1]:2', 'ssh://me@h:22/s', 'ssh://h']) {
    const read = parseAddress(text, undefined);
    t.is(typeof read === 'string' ? read : formatAddress(read), text);
  }
});

test('ssh gets no option from an address', (t) => {
  const words = sshArguments({ target: 'me@h', port: 5, socket: '/s' });
  t.deepEqual(words.slice(3), ['-p', '5', '--', 'me@h', 'docker', '--host', 'unix:///s', 'system', 'dial-stdio']);
});

test('references', (t) => {
  t.deepEqual(splitReference('a'), { repository: 'a', tag: undefined, digest: undefined });
  t.deepEqual(splitReference('h:5/a/b:t@sha256:0'), { repository: 'h:5/a/b', tag: 't', digest: 'sha256:0' });
  t.deepEqual(splitReference('h:5/a'), { repository: 'h:5/a', tag: undefined, digest: undefined });
  t.is(registryOf('a/b:1'), dockerHub);
  t.is(registryOf('docker.io/a'), dockerHub);
  t.is(registryOf('localhost/a'), 'localhost');
  t.is(registryOf('h.x:5/a/b@sha256:0'), 'h.x:5');
  t.is(canonicalReference('a:1'), 'docker.io/library/a:1');
  t.is(canonicalReference('a/b:1'), 'docker.io/a/b:1');
  t.is(canonicalReference('localhost/b:1'), 'localhost/b:1');
});

test('versions', (t) => {
  t.true(compareVersions('1.9', '1.41') < 0);
  t.is(compareVersions('1.41', '1.41'), 0);
  t.true(compareVersions('1.44', '') > 0);
  t.true(compareVersions('2', '1.99.9') > 0);
});

test('Go’s file modes', (t) => {
  t.deepEqual(readGoFileMode(0o644), { kind: 'file', mode: 0o644 });
  t.deepEqual(readGoFileMode(2147484141), { kind: 'directory', mode: 0o755 });
  t.deepEqual(readGoFileMode(134218239), { kind: 'symlink', mode: 0o777 });
  t.deepEqual(readGoFileMode(2 ** 23 + 0o755), { kind: 'file', mode: 0o4755 });
  t.deepEqual(readGoFileMode(2 ** 31 + 2 ** 20 + 0o777), { kind: 'directory', mode: 0o1777 });
  t.deepEqual(readGoFileMode(2 ** 26 + 2 ** 21 + 0o666), { kind: 'other', mode: 0o666 });
  fc.assert(fc.property(fc.nat(2 ** 31 - 1), (mode) => readGoFileMode(mode).mode <= 0o7777));
});

test('a container spec: what is left out is not sent', (t) => {
  t.deepEqual(containerRequest({ image: 'a' }), { Image: 'a', AttachStdout: true, AttachStderr: true, HostConfig: {} });
});

test('a container spec: everything', (t) => {
  const request = containerRequest({
    image: 'a',
    name: 'in the query',
    entrypoint: [],
    command: ['c'],
    env: ['A=b'],
    user: '1:2',
    openStdin: true,
    capAdd: ['SYS_ADMIN'],
    securityOpt: ['seccomp=unconfined'],
    cgroupns: 'private',
    memoryBytes: 5,
    nanoCpus: 6,
    publish: { '80/tcp': 0 },
    exposedPorts: ['81/tcp'],
    logDriver: 'none',
    maskedPaths: [],
    ulimits: [{ name: 'nofile', soft: 1, hard: 2 }],
    mounts: [
      { type: 'volume', source: 'v', target: '/v', readOnly: true, copy: false, labels: { l: '1' } },
      { type: 'bind', source: '/h', target: '/b', readOnly: false },
      { type: 'tmpfs', target: '/t', readOnly: false, sizeBytes: 7 },
    ],
  });
  t.deepEqual(request, {
    Image: 'a',
    Entrypoint: [],
    Cmd: ['c'],
    Env: ['A=b'],
    User: '1:2',
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    ExposedPorts: { '80/tcp': {}, '81/tcp': {} },
    HostConfig: {
      CapAdd: ['SYS_ADMIN'],
      SecurityOpt: ['seccomp=unconfined'],
      CgroupnsMode: 'private',
      MaskedPaths: [],
      Memory: 5,
      MemorySwap: 5,
      NanoCpus: 6,
      Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }],
      LogConfig: { Type: 'none', Config: {} },
      PortBindings: { '80/tcp': [{ HostPort: '0' }] },
      Mounts: [
        { Type: 'volume', Source: 'v', Target: '/v', ReadOnly: true, VolumeOptions: { NoCopy: true, Labels: { l: '1' } } },
        { Type: 'bind', Source: '/h', Target: '/b', ReadOnly: false },
        { Type: 'tmpfs', Target: '/t', ReadOnly: false, TmpfsOptions: { SizeBytes: 7 } },
      ],
    },
  });
});
