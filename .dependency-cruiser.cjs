/** The one direction of imports: cli -> builder -> images, templates -> images, builder -> templates. */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true }, comment: 'Move what both need into a file below both.' },
    {
      name: 'images-is-a-leaf',
      severity: 'error',
      from: { path: '^images/' },
      to: { path: '^(builder|cli|templates|test)/' },
      comment: 'images knows formats and bytes only.',
    },
    {
      name: 'images-knows-no-process',
      severity: 'error',
      from: { path: '^images/' },
      to: { path: '(^node_modules/(dockerode|execa|ora|yargs|log-update))|^(node:)?(child_process|http|https|net)$' },
      comment: 'Engines and processes belong to builder.',
    },
    {
      name: 'templates-below-builder',
      severity: 'error',
      from: { path: '^templates/' },
      to: { path: '^(builder|cli|test)/' },
      comment: 'templates finds and builds the parts that go into images.',
    },
    {
      name: 'builder-below-cli',
      severity: 'error',
      from: { path: '^builder/' },
      to: { path: '^(cli|test)/' },
      comment: 'builder returns values and emits events; cli renders them.',
    },
    {
      name: 'cli-through-builder',
      severity: 'error',
      from: { path: '^cli/' },
      to: { path: '^(images|templates|test)/' },
      comment: 'cli gets what it shows from builder.',
    },
    {
      name: 'engine-port',
      severity: 'error',
      from: { path: '^(cli|builder)/', pathNot: '^builder/engine/' },
      to: { path: '^node_modules/dockerode' },
      comment: 'Only builder/engine knows dockerode.',
    },
    { name: 'nothing-imports-test', severity: 'error', from: { pathNot: '^test/' }, to: { path: '^test/' }, comment: 'Tests are on top.' },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|test/fixtures)' },
    tsConfig: { fileName: 'tsconfig.base.json' },
  },
};
